"""The kind of place as a second thing to learn while detecting, so that the shared features keep telling it.

A photo's scene travels through the augmentations as one box round the whole photo with label `2 * class_count + scene`
(see `training_set.py`): in a mosaic every part keeps its own scene, and is judged by the features under it.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from firewarden.training.scenes import SCENES

WEIGHT = 0.5  # of the scene term beside box, class and distribution terms
_LEVELS = 2  # the coarsest maps are enough to tell a place
_LEAST_CELLS = 4  # on the coarsest map: a sliver of a photo tells nothing


class SceneAux(nn.Module):
    """A linear scene classifier over feature maps pooled inside boxes. Only training uses it."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        width = sum(channels[-_LEVELS:])
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, len(SCENES))

    def forward(self, maps: Sequence[torch.Tensor], rows: dict[str, torch.Tensor]) -> torch.Tensor:
        """Cross entropy, a mean over the scene boxes that cover enough cells. `maps` (b, c, h, w), fine to coarse."""
        inside = [_cells_inside(rows["bboxes"], level.shape[2], level.shape[3]) for level in maps[-_LEVELS:]]
        big = inside[-1].sum(dim=1) >= _LEAST_CELLS
        if not big.any():
            return maps[-1].sum() * 0
        image = rows["batch_idx"][big]
        pooled = [pool(level, image, mask[big]) for level, mask in zip(maps[-_LEVELS:], inside, strict=True)]
        logits = self.linear(self.norm(torch.cat(pooled, dim=1).float()))
        return functional.cross_entropy(logits, rows["cls"][big])


def scene_rows(batch: dict[str, Any], class_count: int) -> dict[str, torch.Tensor]:
    """The scene boxes of a batch: `batch_idx (n,)`, `cls (n,)` index into SCENES, `bboxes (n, 4)` cxcywh in [0, 1]."""
    label = batch["cls"].view(-1)
    mine = label >= 2 * class_count
    return {
        "batch_idx": batch["batch_idx"][mine].long(),
        "cls": label[mine].long() - 2 * class_count,
        "bboxes": batch["bboxes"][mine],
    }


def pool(level: torch.Tensor, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean (n, c) of a map (b, c, h, w) over the cells of each mask (n, h * w) in the picture it belongs to (n,)."""
    weights = mask.to(level.dtype) / mask.sum(dim=1, keepdim=True).clamp(min=1).to(level.dtype)
    return torch.einsum("nck,nk->nc", level.flatten(2)[image], weights)


def _cells_inside(boxes: torch.Tensor, h: int, w: int) -> torch.Tensor:
    """Boolean (n, h * w): which cell centres lie inside each cxcywh box."""
    y = (torch.arange(h, device=boxes.device) + 0.5) / h
    x = (torch.arange(w, device=boxes.device) + 0.5) / w
    low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    in_x = (x >= low[:, :1]) & (x <= high[:, :1])
    in_y = (y >= low[:, 1:]) & (y <= high[:, 1:])
    return (in_y[:, :, None] & in_x[:, None, :]).flatten(1)
