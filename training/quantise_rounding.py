"""Rounding of a quantised network's weights so that each convolution's outputs, not each weight, stay as they were.

Weights are rounded one after another and those still to come make up for the error, as far as the inputs that they are
multiplied by go together (GPTQ: Frantar et al. 2022, arXiv:2210.17323; each output channel as one row). Neighbouring pixels of
an activation nearly always do. What is left on average goes into the bias.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from firewarden.training.onnx_tensors import put, session_telling

Array = NDArray[np.float64]
_PLACES = 1200  # of each photo that a convolution is looked at
_SEVEN_BITS, _EIGHT_BITS = 64, 127  # largest weights in steps, see `_largest`
_DAMPING = 0.01  # of the mean variance of the inputs: keeps rare ones from being overrated


@dataclass(frozen=True, slots=True)
class _Convolution:
    """A convolution of the exact network: what it reads, its weight's and bias's names, and how it slides."""

    source: str
    weight: str
    bias: str
    kernel: tuple[int, int]
    strides: tuple[int, int]
    pads: tuple[int, int]
    groups: int


class _Moments:
    """Sums of what a convolution multiplies its weights by, group by group, and of their products."""

    def __init__(self) -> None:
        self.count = 0
        self._sum: Any = 0.0
        self._products: Any = 0.0

    def add(self, inputs: Array) -> None:
        """`inputs` (groups, n, d): n places."""
        self.count += inputs.shape[1]
        self._sum = self._sum + inputs.sum(axis=1)
        self._products = self._products + inputs.swapaxes(1, 2) @ inputs

    def mean_and_covariance(self) -> tuple[Array, Array]:
        """(groups, d) and (groups, d, d)."""
        mean = self._sum / self.count
        return mean, self._products / self.count - mean[:, :, None] * mean[:, None, :]


def round_weights(exact: onnx.ModelProto, quantised: onnx.ModelProto, photos: Iterable[Any]) -> int:
    """Round the int8 convolution weights of `quantised` anew, in place; returns how many tensors.

    `exact` is the fp32 network it was made of, `photos` ((1, 3, h, w) float32) show what its convolutions get.
    """
    stored = {tensor.name: tensor for tensor in quantised.graph.initializer}
    layers = [each for each in _convolutions(exact) if f"{each.weight}_quantized" in stored]
    seen = _seen_inputs(exact, layers, photos)
    for layer in layers:
        _round_layer(layer, stored, _values(exact, layer.weight), *seen[layer.weight].mean_and_covariance())
    return len(layers)


def rounded_rows(weights: Array, scale: Array, covariance: Array, top: int) -> Array:
    """(rows, d) whole numbers within +-`top` whose products with inputs of `covariance` (d, d) stay near those of `weights`
    over `scale` (rows,)."""
    damped = covariance + (_DAMPING * covariance.diagonal().mean() + 1e-12) * np.eye(len(covariance))
    order = np.argsort(-damped.diagonal(), kind="stable")  # the strongest inputs first
    left = weights[:, order] / scale[:, None]
    pull = np.linalg.cholesky(np.linalg.inv(damped[np.ix_(order, order)])).T
    found = np.empty_like(left)
    for place, row in enumerate(pull):
        found[:, place] = np.clip(np.rint(left[:, place]), -top, top)
        error = (left[:, place] - found[:, place]) / row[place]
        left[:, place:] -= error[:, None] * row[None, place:]
    back = np.empty_like(found)
    back[:, order] = found
    return back


def _round_layer(
    layer: _Convolution, stored: dict[str, onnx.TensorProto], weight: Array, mean: Array, covariance: Array
) -> None:
    whole = stored[f"{layer.weight}_quantized"]
    before = numpy_helper.to_array(whole)
    top = _largest(before)
    scale = np.broadcast_to(
        numpy_helper.to_array(stored[f"{layer.weight}_scale"]).astype(np.float64).reshape(-1), len(weight)
    )
    rows = weight.reshape(layer.groups, len(weight) // layer.groups, -1)
    scales = scale.reshape(layer.groups, -1)
    found = np.stack([rounded_rows(*each, top) for each in zip(rows, scales, covariance, strict=True)])
    shift = np.einsum("grd,gd->gr", rows - found * scales[:, :, None], mean).reshape(-1)
    put(whole, found.reshape(weight.shape).astype(before.dtype))
    bias = stored[f"{layer.bias}_quantized"]
    unit = numpy_helper.to_array(stored[f"{layer.bias}_quantized_scale"]).astype(np.float64)
    put(bias, (numpy_helper.to_array(bias) + np.rint(shift / unit)).astype(np.int32))


def _largest(before: NDArray[np.int8]) -> int:
    """The largest weight in steps that the quantiser of `before` left room for.

    With seven bits a step is 1/64 of a channel's largest weight, so that this one is -64 or 64: a bound of 63 would cut off
    the largest weight of every channel. It is safe on processors without VNNI as well, which add two products of a weight and
    an activation (0 to 255) in 16 bits: 2 * 64 * 255 = 32,640 is no more than 32,767.
    """
    return _SEVEN_BITS if np.abs(before.astype(np.int64)).max() <= _SEVEN_BITS else _EIGHT_BITS


def _convolutions(model: onnx.ModelProto) -> Iterator[_Convolution]:
    """Those with a bias, no dilation and the same padding on opposite sides, as YOLO networks have them."""
    for node in model.graph.node:
        given = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        pads = tuple(given.get("pads", (0, 0, 0, 0)))
        if node.op_type != "Conv" or len(node.input) < 3 or pads[:2] != pads[2:]:
            continue
        if set(given.get("dilations", (1, 1))) == {1}:
            yield _Convolution(
                source=node.input[0],
                weight=node.input[1],
                bias=node.input[2],
                kernel=tuple(given["kernel_shape"]),
                strides=tuple(given.get("strides", (1, 1))),
                pads=(pads[0], pads[1]),
                groups=given.get("group", 1),
            )


def _seen_inputs(
    model: onnx.ModelProto, layers: list[_Convolution], photos: Iterable[Any]
) -> dict[str, _Moments]:
    """By weight, what its convolution multiplies it by."""
    picture = model.graph.input[0].name
    computed = list(dict.fromkeys(layer.source for layer in layers if layer.source != picture))
    session = session_telling(model, computed)
    seen, draw = {layer.weight: _Moments() for layer in layers}, np.random.default_rng(0)
    for photo in photos:
        found = session.run(computed, {picture: photo}) if computed else []  # no names would mean all outputs
        tensors = {picture: photo, **dict(zip(computed, found, strict=True))}
        for layer in layers:
            seen[layer.weight].add(_patches(tensors[layer.source][0], layer, draw))
    return seen


def _patches(tensor: NDArray[np.float32], layer: _Convolution, draw: np.random.Generator) -> Array:
    """(groups, n, d): the windows of `tensor` (c, h, w) at n drawn places of the output."""
    (rows, columns), (down, right) = layer.pads, layer.strides
    padded = np.pad(tensor, ((0, 0), (rows, rows), (columns, columns)))
    windows = sliding_window_view(padded, layer.kernel, axis=(1, 2))[:, ::down, ::right]
    _, high, wide = windows.shape[:3]
    places = draw.permutation(high * wide)[:_PLACES]
    picked = windows[:, places // wide, places % wide]  # (c, n, kh, kw)
    grouped = picked.reshape(layer.groups, -1, *picked.shape[1:]).swapaxes(1, 2)
    found: Array = grouped.reshape(layer.groups, len(places), -1).astype(np.float64)
    return found


def _values(model: onnx.ModelProto, name: str) -> Array:
    tensor = next(each for each in model.graph.initializer if each.name == name)
    values: Array = numpy_helper.to_array(tensor).astype(np.float64)
    return values
