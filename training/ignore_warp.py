"""Ignore rows in the trainer's warps: they stay while any of them is in view.

The warp of ultralytics drops a box when less than a tenth of it is left. What is left of an ignored thing, or of a photo of
which a class was not checked, would then count as background.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ultralytics.data.augment import RandomPerspective
from ultralytics.data.dataset import YOLODataset

from firewarden.training.scenes import SCENES


class IgnoreKeepingWarp(RandomPerspective):
    """The trainer's warp for coded labels: ids from `class_count` up to twice that are ignore rows."""

    class_count: int

    def apply_instances(self, labels: dict[str, Any], params: dict[str, Any] | None = None) -> dict[str, Any]:
        ids = np.asarray(labels["cls"]).reshape(-1)
        self._unsure = (ids >= self.class_count) & (ids < 2 * self.class_count)
        warped: dict[str, Any] = super().apply_instances(labels, params)
        return warped

    def box_candidates(  # the parent's is static: it is not told what the boxes are of
        self, box1: NDArray[np.float32], box2: NDArray[np.float32], **limits: Any
    ) -> NDArray[np.bool_]:
        """Which boxes (n,) stay, of those before (4, n) and after it (4, n), the latter cut at the frame."""
        usual = RandomPerspective.box_candidates(box1, box2, **limits)
        in_view = (box2[2] > box2[0]) & (box2[3] > box2[1])
        return np.asarray(usual | (self._unsure & in_view), np.bool_)


class CodedDataset(YOLODataset):
    """The trainer's dataset of coded labels. Transforms are built anew when mosaics end: those keep ignore rows, too."""

    def build_transforms(self, hyp: Any = None) -> Any:
        return keep_ignored(super().build_transforms(hyp), (len(self.data["names"]) - len(SCENES)) // 2)


def keep_ignored(transforms: Any, class_count: int) -> Any:
    """`transforms`, each warp in it made one that keeps ignore rows, in place."""
    for warp in _warps(transforms):
        warp.__class__, warp.class_count = IgnoreKeepingWarp, class_count
    return transforms


def _warps(transform: Any) -> Iterator[Any]:
    """Those in lists of transforms, and among what is done to pictures before they are mixed."""
    if isinstance(transform, RandomPerspective):
        yield transform
    before = getattr(transform, "pre_transform", None)
    for part in (*getattr(transform, "transforms", ()), *([before] if before is not None else ())):
        yield from _warps(part)
