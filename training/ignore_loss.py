"""Detection loss that honours ignore regions: inside one, its class is neither rewarded nor punished.

Ignore boxes travel through the augmentations as extra classes: class `c` ignored is label `c + class_count`
(see `training_set.py`), so mosaic, flips and warps move them like any box.
"""

from typing import Any

import torch
from torch.nn import functional
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.loss import E2ELoss, v8DetectionLoss
from ultralytics.utils.tal import make_anchors

from firewarden.training.pillow import restore_pillow_open
from firewarden.training.scene_loss import WEIGHT, SceneAux, scene_rows

restore_pillow_open()


def split_ignore(batch: dict[str, Any], class_count: int) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The batch's real rows alone, and its ignore rows as `batch_idx (n,)`, `cls (n,)`, `bboxes (n, 4)` cxcywh."""
    label = batch["cls"].view(-1)
    real, unsure = label < class_count, (label >= class_count) & (label < 2 * class_count)
    kept = {
        **batch,
        "batch_idx": batch["batch_idx"][real],
        "cls": batch["cls"][real],
        "bboxes": batch["bboxes"][real],
    }
    ignored = {
        "batch_idx": batch["batch_idx"][unsure].long(),
        "cls": label[unsure].long() - class_count,
        "bboxes": batch["bboxes"][unsure],
    }
    return kept, ignored


def ignore_mask(
    ignored: dict[str, torch.Tensor], anchors: torch.Tensor, shape: tuple[int, int, int]
) -> torch.Tensor:
    """Boolean (batch, anchors, classes): True where an anchor centre lies inside an ignore box of that class.

    `anchors (n, 2)` are centres as x, y in [0, 1] of the input.
    """
    images, points, classes = shape
    half = ignored["bboxes"][:, 2:] / 2
    low, high = ignored["bboxes"][:, :2] - half, ignored["bboxes"][:, :2] + half
    inside = ((anchors[None] >= low[:, None]) & (anchors[None] <= high[:, None])).all(
        dim=2
    )  # (rows, anchors)
    hits = torch.zeros((images * classes, points), dtype=torch.int32, device=anchors.device)
    hits.index_add_(
        0, ignored["batch_idx"] * classes + ignored["cls"], inside.int()
    )  # no loop: each step waits on GPUs
    return (hits > 0).view(images, classes, points).transpose(1, 2)


class IgnoreAwareLoss(v8DetectionLoss):
    """The stock loss with the class term switched off where the answer is unknown."""

    def __init__(self, model: Any, tal_topk: int = 10, tal_topk2: int | None = None) -> None:
        super().__init__(model, tal_topk, tal_topk2)
        self.bce = self._masked_bce
        self._mask: torch.Tensor | None = None

    def _masked_bce(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss = functional.binary_cross_entropy_with_logits(scores, targets, reduction="none")
        if self._mask is None:
            return loss
        return loss.masked_fill(self._mask & (targets == 0), 0.0)

    def get_assigned_targets_and_loss(self, preds: Any, batch: dict[str, Any], **kwargs: Any) -> Any:
        kept, ignored = split_ignore(batch, self.nc)
        self._mask = None
        if len(ignored["cls"]):
            features = preds["feats"]
            points, strides = make_anchors(features, self.stride, 0.5)
            h, w = (side * float(self.stride[0]) for side in features[0].shape[2:])
            centres = points * strides / torch.tensor([w, h], dtype=points.dtype, device=points.device)
            self._mask = ignore_mask(ignored, centres, (features[0].shape[0], len(centres), self.nc))
        return super().get_assigned_targets_and_loss(preds, kept, **kwargs)


class IgnoreAwareModel(DetectionModel):
    """A detection model trained with `IgnoreAwareLoss`; forward passes run in bfloat16 when `bf16_training` is set."""

    bf16_training = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scene_aux = SceneAux([branch[0].conv.in_channels for branch in self.model[-1].cv2])

    def init_criterion(self) -> Any:
        if getattr(self.model[-1], "one2one_cv2", None) is not None:
            return E2ELoss(self, IgnoreAwareLoss)
        return IgnoreAwareLoss(self)

    def loss(self, batch: dict[str, Any], preds: Any = None) -> Any:
        if preds is None:
            preds = self._forward_in_bf16(batch["img"]) if self.bf16_training else self.forward(batch["img"])
        total, parts = super().loss(batch, preds)
        scenes = scene_rows(batch, self.model[-1].nc)
        if self.training and len(scenes["cls"]):
            total = total + self._scene_term(preds, scenes) / len(total)  # the trainer sums the terms
        return total, parts

    def _forward_in_bf16(self, image: torch.Tensor) -> Any:
        with torch.autocast(image.device.type, dtype=torch.bfloat16):
            preds = self.forward(image.contiguous(memory_format=torch.channels_last))
        return _to_float(preds)

    def _scene_term(self, preds: Any, scenes: dict[str, torch.Tensor]) -> torch.Tensor:
        features = preds.get("one2many", preds)["feats"]
        return WEIGHT * len(features[0]) * self.scene_aux(features, scenes)


def _to_float(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _to_float(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_to_float(item) for item in value]
    return value.float() if torch.is_tensor(value) else value
