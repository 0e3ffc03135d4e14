"""The ranges of activations that a quantised network's 8 bits are spread over."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationMethod
from onnxruntime.quantization.calibrate import TensorsData, save_tensors_data

from firewarden.training.onnx_tensors import session_telling
from firewarden.training.quantise_scope import head_prefix
from firewarden.training.quantise_silu import silu_inputs

METHOD = CalibrationMethod.MinMax  # says that a range is two numbers
OUTLIERS = 1e-4  # share of each photo's activations left out at either end of a range
SILU_FLOOR = -8.0  # x * sigmoid(x) is within 0.003 of zero below: steps spent there would be lost
_PHOTOS_CUT = 0.05  # share of photos whose ends of a range are left out
_MOVING = frozenset({"Concat", "MaxPool", "Reshape", "Resize", "Slice", "Split", "Transpose"})
Array = NDArray[np.float32]
Range = tuple[np.float32, np.float32]


def write_ranges(model: Any, target: Path, photos: Iterable[Array]) -> None:
    """Write the range of every tensor that may be quantised, as `quantize_static` reads it."""
    ranges = _tensor_ranges(model, photos)
    for name in silu_inputs(model):
        low, high = ranges[name]
        ranges[name] = (np.maximum(low, np.float32(SILU_FLOOR)), high)
    for names in moved_together(model, ranges):
        lows, highs = zip(*(ranges[name] for name in names), strict=True)
        ranges |= dict.fromkeys(names, (np.min(lows), np.max(highs)))
    save_tensors_data(TensorsData(METHOD, dict(ranges)), target)


def moved_together(model: Any, known: Collection[str]) -> list[list[str]]:
    """Groups of activations, of those `known`, that hold the same numbers in other places: split, joined, pooled, enlarged.

    With one range for all of a group nothing is rounded or cut off twice. The head is left alone: boxes and scores
    share a tensor there.
    """
    head = head_prefix(model)
    group_of: dict[str, list[str]] = {}
    for node in model.graph.node:
        if node.op_type not in _MOVING or (head and node.name.startswith(head)):
            continue
        read = node.input if node.op_type == "Concat" else node.input[:1]
        groups = [group_of.get(name, [name]) for name in (*read, *node.output) if name in known]
        merged = list(dict.fromkeys(name for group in groups for name in group))
        group_of |= dict.fromkeys(merged, merged)
    return list({id(group): group for group in group_of.values()}.values())


def _tensor_ranges(model: Any, photos: Iterable[Array]) -> dict[str, Range]:
    """By tensor, what the quantiles OUTLIERS and 1 - OUTLIERS of nearly all photos lie within."""
    session = session_telling(model, (name for node in model.graph.node for name in node.output if name))
    picture = session.get_inputs()[0].name
    names = [output.name for output in session.get_outputs() if output.type == "tensor(float)"]
    rows = [
        [_quantiles(tensor) for tensor in (photo, *session.run(names, {picture: photo}))] for photo in photos
    ]
    lows, highs = np.array(rows, np.float64).transpose(2, 1, 0)  # each (tensors, photos)
    low = np.quantile(lows, _PHOTOS_CUT, axis=1).astype(np.float32)
    high = np.quantile(highs, 1 - _PHOTOS_CUT, axis=1).astype(np.float32)
    return dict(zip((picture, *names), zip(low, high, strict=True), strict=True))


def _quantiles(tensor: Array) -> tuple[np.float32, np.float32]:
    """The values that all but OUTLIERS of the elements lie above, and below."""
    flat = tensor.ravel()
    cut = int(OUTLIERS * len(flat))
    ordered = np.partition(flat, (cut, len(flat) - 1 - cut))
    return ordered[cut], ordered[len(flat) - 1 - cut]
