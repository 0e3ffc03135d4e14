"""The network a run starts from: COCO weights with their class rows carried over, or a checkpoint of another run or
of a shipped model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firewarden.training.head_init import copy_class_rows
from firewarden.training.ignore_loss import IgnoreAwareModel


def build_model(
    cfg: Any, weights: Any, classes: Sequence[str], *, channels: int = 3, verbose: bool = False
) -> IgnoreAwareModel:
    """A network of `classes` with all of `weights` that fits; rows of other class lists are carried over by kinship."""
    model = IgnoreAwareModel(cfg, nc=len(classes), ch=channels, verbose=verbose)
    if weights is not None:
        model.load(weights)
        if list(weights.names.values()) != list(classes):
            copy_class_rows(weights, model, classes)
    model.names = dict(enumerate(classes))
    return model


def load_starting_model(path: Path, classes: Sequence[str]) -> IgnoreAwareModel:
    """The network as it stands before the first step of training from the COCO weights at `path`."""
    from ultralytics.nn.tasks import load_checkpoint

    weights, _ = load_checkpoint(str(path))
    return build_model(weights.yaml, weights, classes)
