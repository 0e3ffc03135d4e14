"""Class scores of a quantised network put back where they were on average.

Rounding lowers what the network has seen rarely more than the rest, and a threshold of 0.03 feels a tenth of a logit. Where
the fp32 network sees something, the mean gap of each class goes into the biases of the head's last convolutions, which stay in
floating point.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from onnx import numpy_helper

from firewarden.training.onnx_tensors import put, session_telling
from firewarden.training.quantise_scope import class_convolutions

_SEEN = -3.9  # logit of 0.02: below every operating point
_LARGEST = 1.0  # logits: a gap beyond that is a detection lost or moved, no drift
_FEW = 5  # places: of a class seen at so many, half of the gap is believed
Array = NDArray[np.float32]


def centre_class_scores(exact: onnx.ModelProto, quantised: onnx.ModelProto, photos: Iterable[Array]) -> Array:
    """Shift the class biases of `quantised`, in place; returns the shift of each class in logits, (classes,).

    `photos` are (1, 3, h, w) float32. A network without the known head is left as it is: an empty shift.
    """
    layers = class_convolutions(exact)
    if not layers:
        return np.zeros(0, np.float32)
    outputs = [node.output[0] for node in layers]
    before, after = (session_telling(model, outputs) for model in (exact, quantised))
    picture = exact.graph.input[0].name
    gaps: Any = 0.0
    places: Any = 0
    for photo in photos:
        pairs = zip(before.run(outputs, {picture: photo}), after.run(outputs, {picture: photo}), strict=True)
        for right, got in pairs:
            gap, count = _gaps(right[0], got[0])
            gaps, places = gaps + gap, places + count
    shift = np.asarray(gaps / (places + _FEW), np.float32)
    _add(quantised, {node.input[2] for node in layers}, shift)
    return shift


def _gaps(right: Array, got: Array) -> tuple[Array, NDArray[np.int64]]:
    """By class, the summed gaps at the places of its highest scores in `right` (c, h, w), and how many there are. A place is
    three cells wide: the surest cell may be its neighbour after rounding."""
    best, other = _highest_around(right), _highest_around(got)
    peaks = (right > _SEEN) & (right >= best)
    gap = np.where(peaks, np.clip(best - other, -_LARGEST, _LARGEST), 0)
    return gap.sum(axis=(1, 2)), peaks.sum(axis=(1, 2))


def _highest_around(scores: Array) -> Array:
    padded = np.pad(scores, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    highest: Array = sliding_window_view(padded, (3, 3), axis=(1, 2)).max(axis=(3, 4))
    return highest


def _add(model: onnx.ModelProto, biases: set[str], shift: Array) -> None:
    for tensor in model.graph.initializer:
        if tensor.name in biases:
            put(tensor, numpy_helper.to_array(tensor) + shift)
