"""A detector of twice the width that answers as the narrow one does, so that a larger model starts from what a small one knows.

Chen et al. 2016, "Net2Net: accelerating learning via knowledge transfer", section 3.1 (Net2Wider): each channel gets a copy, and
what reads it shares its weight between the two. The shares are drawn at random, so that copies come apart in training. Both
copies lie side by side, which joining and halving feature maps leaves as it is; in attention whole heads are copied.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from firewarden.errors import ModelMismatch
from firewarden.training.ignore_loss import IgnoreAwareModel

_WIDER = {"n": "s"}  # scales of YOLO26 of equal depth, one twice as wide as the other
_HEADS_OUT, _HEADS_IN = (
    ("qkv", "pe"),
    ("proj",),
)  # layers of attention that write and read channels head by head
_LEAST_SHARE = 0.3  # of a pair's weight that either copy is read with


def widen_checkpoint(checkpoint: Path, out: Path, *, seed: int = 0) -> Path:
    """Write the twice as wide network of `checkpoint` to `out`; returns it. Raises ModelMismatch for other networks than
    YOLO26 of scale n."""
    from ultralytics.nn.tasks import load_checkpoint

    narrow, _ = load_checkpoint(str(checkpoint))
    torch.save({"model": widen(narrow, seed=seed), "train_args": {}}, out)
    return out


def check_scale(checkpoint: Path) -> None:
    """Raise ModelMismatch where `checkpoint` is of a scale that `widen` does not take."""
    from ultralytics.nn.tasks import load_checkpoint

    _scale_of(load_checkpoint(str(checkpoint))[0])


def widen(narrow: Any, *, seed: int = 0) -> IgnoreAwareModel:
    """The wide network in evaluation mode; its answers are those of `narrow` up to rounding."""
    scale = _scale_of(narrow)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # the scene layer of training begins afresh
        wide = IgnoreAwareModel(f"yolo26{_WIDER[scale]}.yaml", nc=len(narrow.names), verbose=False)
    wide.float()
    layers, wide_layers = _layers(narrow.float()), _layers(wide)
    if layers.keys() != wide_layers.keys():
        raise ModelMismatch(
            f"got a network that is no YOLO26 of scale {scale!r}, expected its layers to be widened."
        )
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, old in layers.items():
            if isinstance(old, nn.Conv2d):
                _widen_convolution(name, narrow, old, wide_layers[name], generator)
            else:
                copied = _copied(name, narrow, old.num_features, wide_layers[name].num_features, _HEADS_OUT)
                _widen_normalisation(old, wide_layers[name], copied)
    wide.names = narrow.names
    wide.eval()
    return wide


def _layers(network: Any) -> dict[str, Any]:
    """The convolutions and normalisations of a network by name; COCO weights have no scene layer beside them."""
    return {
        name: layer
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d | nn.BatchNorm2d)
    }


def _widen_convolution(
    name: str, narrow: Any, old: nn.Conv2d, new: nn.Conv2d, generator: torch.Generator
) -> None:
    outputs = _copied(name, narrow, old.out_channels, new.out_channels, _HEADS_OUT)
    weight = old.weight[outputs]
    if old.groups == 1:
        inputs = _copied(name, narrow, old.in_channels, new.in_channels, _HEADS_IN)
        weight = weight[:, inputs] * _shares(inputs, len(outputs), generator)[:, :, None, None]
    new.weight.copy_(weight)
    if old.bias is not None and new.bias is not None:
        new.bias.copy_(old.bias[outputs])


def _widen_normalisation(old: nn.BatchNorm2d, new: nn.BatchNorm2d, outputs: torch.Tensor) -> None:
    for part in ("weight", "bias", "running_mean", "running_var"):
        getattr(new, part).copy_(getattr(old, part)[outputs])


def _copied(name: str, narrow: Any, old: int, new: int, by_head: tuple[str, ...]) -> torch.Tensor:
    """Which narrow channel each wide channel of a layer copies; in layers of `by_head` whole heads are copied."""
    if name.split(".")[-2] in by_head and ".attn." in name:
        return _copied_heads(narrow, name, old)
    return _spread(old, new)


def _spread(old: int, new: int) -> torch.Tensor:
    """Copies side by side where the wide layer has twice the channels; else in turn, as many as there is room for."""
    if new == 2 * old:
        return torch.arange(new) // 2
    return torch.arange(new) % old


def _copied_heads(narrow: Any, name: str, channels: int) -> torch.Tensor:
    """Whole attention heads twice: channels lie head by head, in `qkv` and in what the heads put out."""
    heads = int(narrow.get_submodule(name.split(".attn.")[0] + ".attn").num_heads)
    return torch.arange(channels).reshape(heads, -1).repeat_interleave(2, dim=0).flatten()


def _shares(inputs: torch.Tensor, outputs: int, generator: torch.Generator) -> torch.Tensor:
    """(outputs, inputs) shares that sum to one over the copies of each narrow channel."""
    drawn = _LEAST_SHARE + (1 - 2 * _LEAST_SHARE) * torch.rand((outputs, len(inputs)), generator=generator)
    sums = torch.zeros((outputs, int(inputs.max()) + 1)).index_add_(1, inputs, drawn)
    return drawn / sums[:, inputs]


def _scale_of(network: Any) -> str:
    scale = str(network.yaml.get("scale", ""))
    if scale not in _WIDER:
        raise ModelMismatch(
            f"got a network of scale {scale!r}, expected one of {sorted(_WIDER)} to be widened."
        )
    return scale
