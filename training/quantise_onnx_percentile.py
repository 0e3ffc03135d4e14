"""The other recipe for ONNX Runtime: SiLU and the first stages in 8 bits too, ranges by its own percentile calibrator. Slower,
but it errs elsewhere, so it may be accepted where the first one is not."""

import re
import tempfile
from pathlib import Path
from typing import Any

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from firewarden.training.quantise_photos import QuantisePhotos
from firewarden.training.quantise_scope import float_patterns, with_node_names

PERCENTILE = 99.99  # of activations; a scale that holds the rarest outlier is too coarse for the rest
MAX_PHOTOS = 100  # more made no difference, and each takes a second


def quantise_onnx_percentile(model_path: Path, target: Path, photos: QuantisePhotos) -> tuple[str, int]:
    """Write an int8 model; returns the method in words and how many photos it used."""
    model = onnx.load(str(model_path))
    patterns = [
        re.compile(pattern) for pattern in float_patterns(model, stages=0)
    ]  # told by which nodes have no name
    model = with_node_names(model)
    kept = [node.name for node in model.graph.node if any(p.match(node.name) for p in patterns)]
    reader = _Reader(model.graph.input[0].name, photos)
    with tempfile.TemporaryDirectory() as folder:
        named = Path(folder) / "named.onnx"
        onnx.save(model, str(named))
        quantize_static(
            str(named),
            str(target),
            reader,
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=kept,
            calibrate_method=CalibrationMethod.Percentile,
            extra_options={
                "CalibPercentile": PERCENTILE,
                # One photo at a time into the histograms: together their activations fill 15 GB, and may not differ in shape.
                "CalibStridedMinMax": 1,
            },
        )
    return f"ONNX Runtime static QDQ, U8S8, weights by channel, percentile {PERCENTILE}", len(reader)


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Photos for the calibrator, which asks for them range by range, in order; at most `MAX_PHOTOS`, at even steps."""

    def __init__(self, name: str, photos: QuantisePhotos) -> None:
        self._name = name
        self._photos = photos.at_most(MAX_PHOTOS)
        self._batches = iter(self._photos)
        self._left = len(self._photos)

    def __len__(self) -> int:
        return len(self._photos)

    def set_range(self, start_index: int, end_index: int) -> None:
        """How many photos to give before saying that there are no more; each range begins where the last one ended."""
        self._left = end_index - start_index

    def get_next(self) -> dict[str, Any] | None:
        if not self._left:
            return None
        self._left -= 1
        return {self._name: next(self._batches)}
