"""Static int8 quantisation for ONNX Runtime: QuantizeLinear / DequantizeLinear pairs round what its int8 kernels compute."""

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.calibrate import TensorsData, save_tensors_data

from firewarden.training.quantise_onnx_percentile import quantise_onnx_percentile
from firewarden.training.quantise_photos import QuantisePhotos
from firewarden.training.quantise_scope import float_patterns, head_prefix, with_node_names
from firewarden.training.quantise_silu import silu_inputs, with_fused_silu

MAX_PHOTOS = 100  # more made no difference
OUTLIERS = 1e-4  # share of each photo's activations left out at either end of a range
SILU_FLOOR = -8.0  # x * sigmoid(x) is within 0.003 of zero below: steps spent there would be lost
_METHOD = CalibrationMethod.MinMax  # says that a range is two numbers
Array = NDArray[np.float32]
Range = tuple[np.float32, np.float32]


def quantise_onnx(
    model_path: Path,
    target: Path,
    photos: QuantisePhotos,
    *,
    float_stages: int = 3,
    reduce_range: bool = False,
) -> tuple[str, int]:
    """Write an int8 model; returns the method in words and how many photos it used.

    Weights: signed, a scale for each channel; activations: unsigned, the pair with the fastest kernels. The first
    `float_stages` stages of the network stay in floating point. `reduce_range` gives weights 7 bits, for processors
    without VNNI instructions, where sums of 8-bit products saturate.
    """
    model = onnx.load(str(model_path))
    patterns = [re.compile(p) for p in float_patterns(model, stages=float_stages)]  # unnamed nodes tell, too
    model = with_fused_silu(with_node_names(model))
    used = photos.at_most(MAX_PHOTOS)
    with tempfile.TemporaryDirectory() as folder:
        named, ranges = Path(folder) / "named.onnx", Path(folder) / "ranges.json"
        onnx.save(model, str(named))
        _write_ranges(model, named, ranges, used)
        quantize_static(
            str(named),
            str(target),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=reduce_range,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[n.name for n in model.graph.node if any(p.match(n.name) for p in patterns)],
            calibrate_method=_METHOD,
            calibration_cache_path=ranges,
        )
    words = (
        "ONNX Runtime static QDQ, U8S8, weights by channel, mean quantiles of activations, SiLU and the first "
        f"{float_stages} stage(s) in fp32"
    )
    return words + (", 7-bit weights" if reduce_range else ""), len(used)


ONNX_RECIPES = (quantise_onnx, quantise_onnx_percentile)


def _write_ranges(model: Any, named: Path, target: Path, photos: QuantisePhotos) -> None:
    """Write the range of every tensor that may be quantised, as `quantize_static` reads it."""
    ranges = _tensor_ranges(_with_all_tensors(named), photos)
    for name in silu_inputs(model):
        low, high = ranges[name]
        ranges[name] = (np.maximum(low, np.float32(SILU_FLOOR)), high)
    save_tensors_data(TensorsData(_METHOD, dict(ranges)), target)


def _with_all_tensors(named: Path) -> Any:
    """The model with every tensor that it computes as an output; ONNX Runtime finds out their types."""
    model = onnx.load(str(named))
    given = {output.name for output in model.graph.output}
    computed = (name for node in model.graph.node for name in node.output)
    model.graph.output.extend(
        onnx.ValueInfoProto(name=name) for name in computed if name and name not in given
    )
    return model


def _tensor_ranges(model: Any, photos: Iterable[Array]) -> dict[str, Range]:
    """By tensor, the means over photos of the quantiles OUTLIERS and 1 - OUTLIERS. In the head, the smallest and largest
    values of all: its rarest values are what it has found."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    picture = session.get_inputs()[0].name
    names = [output.name for output in session.get_outputs() if output.type == "tensor(float)"]
    rows = []
    for batch in photos:
        tensors = (batch, *session.run(names, {picture: batch}))
        rows.append([(*_quantiles(tensor), tensor.min(), tensor.max()) for tensor in tensors])
    table, head = np.array(rows, np.float64), head_prefix(model)  # (photos, tensors, 4)
    return {
        name: _head_range(column) if head and name.startswith(head) else _usual_range(column)
        for name, column in zip((picture, *names), table.swapaxes(0, 1), strict=True)
    }


def _usual_range(column: NDArray[np.float64]) -> Range:
    return np.float32(column[:, 0].mean()), np.float32(column[:, 1].mean())


def _head_range(column: NDArray[np.float64]) -> Range:
    return np.float32(column[:, 2].min()), np.float32(column[:, 3].max())


def _quantiles(tensor: Array) -> tuple[np.float32, np.float32]:
    """The values that all but OUTLIERS of the elements lie above, and below."""
    flat = tensor.ravel()
    cut = int(OUTLIERS * len(flat))
    ordered = np.partition(flat, (cut, len(flat) - 1 - cut))
    return ordered[cut], ordered[len(flat) - 1 - cut]
