"""Carrying what a network knows into another class list: class rows of the head are copied, not thrown away."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

COCO_SOURCES: Mapping[str, tuple[str, ...]] = {
    "person": ("person",),
    "bicycle": ("bicycle",),
    "ebike": ("motorcycle",),
    "vehicle": ("car", "bus", "truck"),
    "door": ("refrigerator",),  # the nearest upright panel with a handle
    "exit_sign": ("stop sign",),
    "extinguisher": ("fire hydrant", "bottle"),
    "extinguisher_sign": ("stop sign",),
    "carton": ("suitcase", "book"),
    "furniture": ("chair", "couch", "bed", "dining table"),
    "clutter": ("backpack", "handbag", "suitcase"),
}


def class_branches(model: Any) -> list[Any]:
    """The classification branches: one per level, of both heads where there are two."""
    head = model.model[-1]
    branches = [head.cv3] + ([head.one2one_cv3] if getattr(head, "one2one_cv3", None) is not None else [])
    return [level for branch in branches for level in branch]


def class_layers(model: Any) -> list[Any]:
    """The last convolution of every classification branch."""
    return [level[-1] for level in class_branches(model)]


def copy_class_rows(source: Any, target: Any, classes: Sequence[str]) -> dict[str, list[str]]:
    """Set each class row of `target` to the row of the same name in `source`, or to the mean of its COCO kin's rows there.

    Classes that have neither keep their fresh weights and get the most cautious bias. Returns class -> rows used.
    """
    row_of = {name: index for index, name in source.names.items()}
    used = {
        name: [name] if name in row_of else [kin for kin in COCO_SOURCES.get(name, ()) if kin in row_of]
        for name in classes
    }
    with torch.no_grad():
        for old, new in zip(class_layers(source), class_layers(target), strict=True):
            if old.weight.shape[1] != new.weight.shape[1]:
                raise ValueError(
                    f"head width {new.weight.shape[1]} differs from the source's {old.weight.shape[1]}"
                )
            for class_id, name in enumerate(classes):
                rows = [row_of[kin] for kin in used[name]]
                if rows:
                    new.weight[class_id] = old.weight[rows].mean(dim=0)
                    new.bias[class_id] = old.bias[rows].mean()
                else:
                    new.bias[class_id] = old.bias.min()
    return used
