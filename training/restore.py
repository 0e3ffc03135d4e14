"""A shipped ONNX file as a network that can be trained on. Export folds every batch normalisation into its convolution and
leaves the one-to-many head out; both are put back.

A convolution's folded weights stay what they compute. Its normalisation is set from what real photos make of it (mean and
variance of each channel over their pixels), so that the network answers as before and a training step, which normalises by
the batch instead, sees nearly the same. The one-to-many head begins as a copy of the one-to-one head.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from firewarden.errors import ModelMismatch
from firewarden.inference.detector import to_batch
from firewarden.inference.image import decode_image
from firewarden.inference.letterbox import Letterbox
from firewarden.models.manifest import ModelManifest
from firewarden.training.head_init import class_branches
from firewarden.training.ignore_loss import IgnoreAwareModel

_SCALES = "nslmx"
_LEAST_SPREAD = (
    1e-2  # standard deviation that a channel is scaled by at least: a dead one must not be blown up
)
_CLASS_LAYER = "one2one_cv3.0.2.weight"
_HEADS = (("one2one_cv2", "cv2"), ("one2one_cv3", "cv3"))  # trained head -> the one that export leaves out


def restore(manifest: ModelManifest, photos: Sequence[Path], out: Path) -> Path:
    """Write the network of `manifest` to the checkpoint `out`; returns it.

    `photos` set the normalisation; a few dozen of the training's own are enough. Raises ModelMismatch where the file is no
    end-to-end YOLO26 detector, and without photos.
    """
    if not photos:
        raise ModelMismatch("got no photos to set the normalisation by, expected some of the train split.")
    model = network_of(onnx.load(str(manifest.model_path)), manifest.class_names)
    set_normalisation(model, _batches(photos, manifest.input_size, manifest.stride))
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": model, "train_args": {}}, out)
    return out


def network_of(graph: onnx.ModelProto, class_names: Sequence[str]) -> IgnoreAwareModel:
    """The network whose convolutions are those of `graph`, normalisations passing through what they get."""
    weights = _weights(graph)
    for scale in _SCALES if weights else ():
        model = _empty_network(scale, _class_width(weights), len(class_names))
        if _fits(model, weights):
            _fill(model, weights)
            model.names = dict(enumerate(class_names))
            model.eval()
            return model
    raise ModelMismatch(
        f"got a graph of {len(weights)} weights that is no YOLO26 detector of {len(class_names)} classes with an "
        "end-to-end head. Name a model that `firewarden export` wrote, or start from a checkpoint."
    )


def set_normalisation(model: IgnoreAwareModel, batches: Iterable[torch.Tensor]) -> None:
    """Give every convolution outputs of unit variance and its normalisation the mean and variance of `batches`
    ((b, 3, h, w) in [0, 1]), in place; what the network answers stays the same."""
    layers = [layer for layer in model.modules() if _is_normalised(layer)]
    seen = [_Spread() for _ in layers]
    hooks = [layer.conv.register_forward_hook(spread.add) for layer, spread in zip(layers, seen, strict=True)]
    with torch.inference_mode():
        for batch in batches:
            model(batch)
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        for layer, spread in zip(layers, seen, strict=True):
            if spread.count:
                _normalise(layer, *spread.mean_and_variance())
        _copy_heads(model)


class _Spread:
    """Sum and sum of squares of each channel of a convolution's outputs, over pictures and pixels."""

    def __init__(self) -> None:
        self.count = 0
        self._sum: Any = 0.0
        self._squares: Any = 0.0

    def add(self, _layer: Any, _inputs: Any, output: torch.Tensor) -> None:
        values = output.double()
        self.count += values.numel() // values.shape[1]
        self._sum = self._sum + values.sum(dim=(0, 2, 3))
        self._squares = self._squares + values.square().sum(dim=(0, 2, 3))

    def mean_and_variance(self) -> tuple[torch.Tensor, torch.Tensor]:
        mean = self._sum / self.count
        variance = (self._squares / self.count - mean.square()).clamp(min=0)
        return mean.float(), variance.float()


def _normalise(layer: Any, mean: torch.Tensor, variance: torch.Tensor) -> None:
    """`bn(conv(x))` of `layer` stays what it is; `mean`, `variance` (c,) are those of `conv(x)` now."""
    norm, scale = layer.bn, variance.sqrt().clamp(min=_LEAST_SPREAD)
    gain = norm.weight / (norm.running_var + norm.eps).sqrt()
    shift = norm.bias - gain * norm.running_mean
    layer.conv.weight.div_(scale.reshape(-1, 1, 1, 1))
    norm.running_mean.copy_(mean / scale)
    norm.running_var.copy_(variance / scale.square())
    norm.weight.copy_(gain * scale * (norm.running_var + norm.eps).sqrt())
    norm.bias.copy_(shift + gain * mean)


def _weights(graph: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
    """The graph's convolution weights and biases by name; all else it holds are constants of the exporter."""
    return {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in graph.graph.initializer
        if tensor.name.startswith("model.")
    }


def _class_width(weights: Mapping[str, NDArray[np.float32]]) -> int:
    """Channels before the last convolution of the class branch. They stay those of the first checkpoint of a lineage,
    whatever its classes."""
    return next((w.shape[1] for name, w in weights.items() if name.endswith(_CLASS_LAYER)), 1)


def _empty_network(scale: str, class_width: int, classes: int) -> IgnoreAwareModel:
    """A YOLO26 of the given scale whose class branch is `class_width` channels wide."""
    model = IgnoreAwareModel(f"yolo26{scale}.yaml", nc=class_width, verbose=False)
    model.float()
    for layer in class_branches(model):
        layer[-1] = torch.nn.Conv2d(layer[-1].in_channels, classes, 1)
    head = model.model[-1]
    head.nc, head.no, model.yaml["nc"] = classes, classes + 4 * head.reg_max, classes
    return model


def _targets(model: IgnoreAwareModel) -> Iterator[tuple[str, Any, Any]]:
    """Name in the graph, convolution and normalisation (None where it has a bias of its own) of all that is exported."""
    left_out = tuple(f"model.{len(model.model) - 1}.{copied}." for _, copied in _HEADS)
    normalised = {id(layer.conv): layer for layer in model.modules() if _is_normalised(layer)}
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Conv2d) and not name.startswith(left_out):
            layer = normalised.get(id(module))
            yield name, module, None if layer is None else layer.bn


def _is_normalised(layer: Any) -> bool:
    return isinstance(getattr(layer, "conv", None), torch.nn.Conv2d) and isinstance(
        getattr(layer, "bn", None), torch.nn.BatchNorm2d
    )


def _fits(model: IgnoreAwareModel, weights: Mapping[str, NDArray[np.float32]]) -> bool:
    """Whether the graph has exactly the convolutions of `model`, of the same shapes."""
    expected = {f"{name}.weight": tuple(conv.weight.shape) for name, conv, _ in _targets(model)}
    got = {name: array.shape for name, array in weights.items() if name.endswith(".weight")}
    return expected == got


def _fill(model: IgnoreAwareModel, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Put the graph's weights in; a normalisation only adds the folded bias."""
    with torch.no_grad():
        for name, conv, norm in _targets(model):
            conv.weight.copy_(torch.from_numpy(weights[f"{name}.weight"].copy()))
            bias = torch.from_numpy(weights[f"{name}.bias"].copy())
            if norm is None:
                conv.bias.copy_(bias)
                continue
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)
            norm.weight.fill_(1)
            norm.bias.copy_(bias)


def _copy_heads(model: IgnoreAwareModel) -> None:
    head = model.model[-1]
    for trained, copied in _HEADS:
        getattr(head, copied).load_state_dict(getattr(head, trained).state_dict())


def _batches(photos: Sequence[Path], input_size: int, stride: int) -> Iterator[torch.Tensor]:
    """Photos one by one as the network sees them when it serves."""
    for path in photos:
        picture = decode_image(path.read_bytes(), min_long_side=input_size).pixels
        box = Letterbox.fit((picture.shape[0], picture.shape[1]), input_size, stride)
        yield torch.from_numpy(to_batch(box.apply_image(picture)))
