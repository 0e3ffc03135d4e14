"""The ranges of activations that a quantised network's 8 bits are spread over."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationMethod
from onnxruntime.quantization.calibrate import TensorsData, save_tensors_data

from firewarden.training.quantise_scope import head_prefix
from firewarden.training.quantise_silu import silu_inputs

METHOD = CalibrationMethod.MinMax  # says that a range is two numbers
OUTLIERS = 1e-4  # share of each photo's activations left out at either end of a range
SILU_FLOOR = -8.0  # x * sigmoid(x) is within 0.003 of zero below: steps spent there would be lost
_PHOTOS_CUT = 0.05  # share of photos whose ends of a range are left out
_MOVING = frozenset({"Concat", "MaxPool", "Reshape", "Resize", "Slice", "Split", "Transpose"})
Array = NDArray[np.float32]
Range = tuple[np.float32, np.float32]


def write_ranges(model: Any, named: Path, target: Path, photos: Iterable[Array]) -> None:
    """Write the range of every tensor that may be quantised, as `quantize_static` reads it. `named` is the file of `model`."""
    ranges = _tensor_ranges(_with_all_tensors(named), photos)
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
    """By tensor, what the quantiles OUTLIERS and 1 - OUTLIERS of nearly all photos lie within. In the head, the smallest and
    largest values of all: its rarest values are what it has found."""
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
    low, high = np.quantile(column[:, 0], _PHOTOS_CUT), np.quantile(column[:, 1], 1 - _PHOTOS_CUT)
    return np.float32(low), np.float32(high)


def _head_range(column: NDArray[np.float64]) -> Range:
    return np.float32(column[:, 2].min()), np.float32(column[:, 3].max())


def _quantiles(tensor: Array) -> tuple[np.float32, np.float32]:
    """The values that all but OUTLIERS of the elements lie above, and below."""
    flat = tensor.ravel()
    cut = int(OUTLIERS * len(flat))
    ordered = np.partition(flat, (cut, len(flat) - 1 - cut))
    return ordered[cut], ordered[len(flat) - 1 - cut]
