"""Proof that an exported ONNX file answers like the checkpoint it came from. numpy, onnx and ONNX Runtime; no torch.

Two levels: the tensor before top-k (which hides differences by reordering), read out of the exported graph itself, and
mAP50-95 through the decoder that serves.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from firewarden.datasets.manifest import read_manifest, split_records
from firewarden.errors import ModelMismatch
from firewarden.inference.detector import to_batch
from firewarden.inference.image import Image
from firewarden.inference.letterbox import Letterbox
from firewarden.training.even_steps import evenly

RTOL = 1e-3
ATOL = 1e-3
MAX_MAP_DROP_POINTS = 0.5
Array = NDArray[np.float32]


class RawModel(Protocol):
    """A network seen before and after top-k: `raw (anchors, 4 + classes)` and `rows (k, 6)` for a batch of one."""

    def raw_and_rows(self, batch: Array) -> tuple[Array, Array]: ...


class OnnxRawModel:
    """The exported file with its tensor before top-k as a second output."""

    def __init__(self, path: Path) -> None:
        graph = onnx.load(str(path))
        self._outputs = [graph.graph.output[0].name, pre_top_k_name(graph)]
        raw = onnx.helper.make_tensor_value_info(self._outputs[1], onnx.TensorProto.FLOAT, None)
        graph.graph.output.append(raw)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def raw_and_rows(self, batch: Array) -> tuple[Array, Array]:
        rows, raw = self._session.run(self._outputs, {self._input: batch})
        return raw[0], rows[0]


def pre_top_k_name(model: Any) -> str:
    """Name of the (b, anchors, 4 + classes) tensor: what is split into boxes and scores before the first TopK."""
    producer = {output: node for node in model.graph.node for output in node.output}
    tensor = next((node.input[0] for node in model.graph.node if node.op_type == "TopK"), "")
    for op_type in ("ReduceMax", "Split"):
        node = producer.get(tensor)
        if node is None or node.op_type != op_type:
            raise ModelMismatch(
                f"the graph has no {op_type} where one was expected before TopK, so this is not the NMS-free "
                "end-to-end head. Export the one-to-one head (nms=False)."
            )
        tensor = node.input[0]
    return str(tensor)


@dataclass(frozen=True, slots=True)
class Difference:
    """Largest differences of `got` from `reference`; relative ones against max(|reference|, ATOL)."""

    max_abs: float
    max_rel: float
    within: bool

    def to_json(self) -> dict[str, Any]:
        """Differences that are not finite become null, which JSON can say."""
        figures = {"max_abs": self.max_abs, "max_rel": self.max_rel}
        return {**{n: v if math.isfinite(v) else None for n, v in figures.items()}, "within": self.within}


def difference(reference: Array, got: Array) -> Difference:
    """Compare two tensors; a shape that differs or a value that is not finite is never within tolerance."""
    if reference.shape != got.shape:
        return Difference(float("inf"), float("inf"), False)
    apart = np.abs(reference.astype(np.float64) - got)
    if not apart.size:
        return Difference(0.0, 0.0, True)
    relative = apart / np.maximum(np.abs(reference), ATOL)
    return Difference(
        float(apart.max()), float(relative.max()), bool(np.allclose(got, reference, RTOL, ATOL))
    )


def unmatched_rows(reference: Array, got: Array) -> tuple[int, int]:
    """Rows (k, 6) of `reference` without an equal row in `got`, in any order, and how many were compared.

    Rows as weak as the weakest ones are left out: which of them make the top k is rounding.
    """
    if not len(reference) or not len(got):
        return len(reference), len(reference)
    cut = max(float(reference[:, 4].min()), float(got[:, 4].min())) + 2 * ATOL
    strong = reference[reference[:, 4] > cut]
    near = np.abs(strong[:, None] - got[None]) <= ATOL + RTOL * np.abs(strong[:, None])
    return int((~near.all(axis=2).any(axis=1)).sum()), len(strong)


def compare_tensors(
    reference: RawModel, exported: RawModel, images: Mapping[str, Image], *, input_size: int, stride: int
) -> list[dict[str, Any]]:
    """One row for each image and each of two input sizes: differences before top-k and rows that differ after it.

    The second size is the larger one: a smaller input may have fewer anchors than the graph's fixed top-k.
    """
    return [
        {"image": name, **_compare(reference, exported, image, size, stride)}
        for size in (input_size, input_size + 2 * stride)
        for name, image in images.items()
    ]


def _compare(reference: RawModel, exported: RawModel, image: Image, size: int, stride: int) -> dict[str, Any]:
    letterbox = Letterbox.fit(image.pixels_hw, size, stride, image.original_hw)
    batch = to_batch(letterbox.apply_image(image.pixels))
    (raw, rows), (raw_got, rows_got) = reference.raw_and_rows(batch), exported.raw_and_rows(batch)
    before = difference(raw, raw_got)
    confidence = difference(-np.sort(-rows[:, 4]), -np.sort(-rows_got[:, 4]))
    unmatched, compared = unmatched_rows(rows, rows_got)
    return {
        "input_hw": list(letterbox.input_hw),
        "before_top_k": before.to_json(),
        "confidence": confidence.to_json(),
        "rows_compared": compared,
        "rows_unmatched": unmatched,
        "within": before.within and confidence.within and not unmatched,
    }


def compare_map(reference: float | None, got: float | None) -> dict[str, Any]:
    """mAP50-95 of checkpoint and export on the same photos; passes when they are at most 0.5 points apart."""
    apart = None if reference is None or got is None else 100 * abs(got - reference)
    return {
        "checkpoint_map50_95": reference,
        "onnx_map50_95": got,
        "apart_points": apart,
        "allowed_points": MAX_MAP_DROP_POINTS,
        "within": apart is not None and apart <= MAX_MAP_DROP_POINTS,
    }


def parity_report(
    tensors: Sequence[Mapping[str, Any]], map_row: Mapping[str, Any], conditions: Mapping[str, Any]
) -> dict[str, Any]:
    """parity.json: passes only when tensors were compared in two input shapes and everything is within tolerance."""
    shapes = {tuple(row["input_hw"]) for row in tensors}
    passed = len(shapes) > 1 and all(row["within"] for row in tensors) and bool(map_row["within"])
    tolerance = {"rtol": RTOL, "atol": ATOL}
    return {
        "passed": passed,
        **conditions,
        "tolerance": tolerance,
        "tensors": list(tensors),
        "map": dict(map_row),
    }


def parity_photos(data: Path, count: int = 12) -> list[Path]:
    """Fixed photos to compare tensors on: `count` val photos at even steps through the manifest."""
    return evenly([data / record.file for record in split_records(read_manifest(data), "val")], count)
