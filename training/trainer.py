"""The ultralytics trainer with six changes: ignore regions, scenes, COCO class rows kept, bf16 with losses in float32, all
cores used, checkpoints written whole."""

import os
from copy import copy
from pathlib import Path
from typing import Any

import torch
from ultralytics.models.yolo.detect import DetectionTrainer, DetectionValidator
from ultralytics.utils.metrics import box_iou
from ultralytics.utils.torch_utils import strip_optimizer

from firewarden.training.ignore_loss import IgnoreAwareModel
from firewarden.training.ignore_warp import CodedDataset, keep_ignored
from firewarden.training.scenes import SCENES
from firewarden.training.starting_model import build_model

_INSIDE_SHARE = 0.5  # a detection counts neither way when this share of it lies in an ignore box of its class
_HIT_IOU = 0.5  # and it does not hit a labelled object: a hit takes precedence, as in `metrics.py`


class IgnoreAwareValidator(DetectionValidator):
    """Validation on coded labels: ignore rows are no targets, and detections inside them that hit no target are dropped."""

    def _prepare_batch(self, si: int, batch: dict[str, Any]) -> dict[str, Any]:
        prepared: dict[str, Any] = super()._prepare_batch(si, batch)
        real = prepared["cls"] < self.nc
        unsure = ~real & (prepared["cls"] < 2 * self.nc)
        self._ignore = (prepared["cls"][unsure] - self.nc, prepared["bboxes"][unsure])
        self._targets = (prepared["cls"][real], prepared["bboxes"][real])
        return {**prepared, "cls": self._targets[0], "bboxes": self._targets[1]}

    def _prepare_pred(self, pred: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        pred = super()._prepare_pred(pred)
        ignored_class, boxes = self._ignore
        if not len(boxes) or not len(pred["cls"]):
            return pred
        mine = pred["bboxes"]
        top_left = torch.maximum(mine[:, None, :2], boxes[None, :, :2])
        inside = (torch.minimum(mine[:, None, 2:], boxes[None, :, 2:]) - top_left).clamp(min=0).prod(dim=2)
        share = inside / (mine[:, 2:] - mine[:, :2]).prod(dim=1).clamp(min=1e-6)[:, None]
        excused = ((share > _INSIDE_SHARE) & (pred["cls"][:, None] == ignored_class[None])).any(dim=1)
        keep = ~excused | self._hits(mine, pred["cls"])
        return {name: rows[keep] for name, rows in pred.items()}

    def _hits(self, xyxy: torch.Tensor, class_id: torch.Tensor) -> torch.Tensor:
        target_class, boxes = self._targets
        near = box_iou(xyxy, boxes) >= _HIT_IOU  # (detections, targets)
        return (near & (class_id[:, None] == target_class[None])).any(dim=1)


class EvidenceTrainer(DetectionTrainer):
    """Trains the evidence classes. `data["names"]` holds coded names: classes, their ignore names, scenes."""

    last: Path
    best: Path

    def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> IgnoreAwareModel:
        model = build_model(cfg, weights, self._classes(), channels=self.data["channels"], verbose=verbose)
        model.bf16_training = _has_fast_bf16(self.device)
        return model

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:
        dataset = super().build_dataset(img_path, mode, batch)
        dataset.__class__ = CodedDataset
        keep_ignored(dataset.transforms, len(self._classes()))
        return dataset

    def set_model_attributes(self) -> None:
        classes = self._classes()
        self.model.nc, self.model.names, self.model.args = len(classes), dict(enumerate(classes)), self.args

    def get_validator(self) -> IgnoreAwareValidator:
        return IgnoreAwareValidator(
            self.test_loader, save_dir=self.save_dir, args=copy(self.args), _callbacks=self.callbacks
        )

    def save_model(self) -> bool:
        """Write each checkpoint whole or not at all: a run may be killed at any moment."""
        last, best = self.last, self.best
        drafts = {_draft_of(path): path for path in (best, last)}
        for draft in drafts:
            draft.unlink(missing_ok=True)
        self.last, self.best = _draft_of(last), _draft_of(best)
        try:
            saved = bool(super().save_model())
        finally:
            self.last, self.best = last, best
        for draft, path in drafts.items():
            if draft.exists():
                draft.replace(path)
        return saved

    def final_eval(self) -> None:
        """Only strip the optimizer: `firewarden evaluate` measures, through the decoder that serves."""
        for path in (self.last, self.best):
            if path.exists() and strip_optimizer(path, str(_draft_of(path))):
                _draft_of(path).replace(path)

    def _classes(self) -> list[str]:
        names = list(self.data["names"].values())
        return names[: (len(names) - len(SCENES)) // 2]


def _draft_of(checkpoint: Path) -> Path:
    return checkpoint.with_name(f"{checkpoint.name}.part")


def use_all_cores(trainer: Any) -> None:
    """Callback: the trainer sets cores - 1 threads on CPUs; use all, and lay tensors out for the CPU kernels."""
    if trainer.device.type == "cpu":
        torch.set_num_threads(os.cpu_count() or 1)
        trainer.model.to(memory_format=torch.channels_last)


def _has_fast_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    flags = (
        torch.cpu._is_avx512_bf16_supported() if hasattr(torch.cpu, "_is_avx512_bf16_supported") else False
    )
    amx = torch.cpu._is_amx_tile_supported() if hasattr(torch.cpu, "_is_amx_tile_supported") else False
    return bool(flags or amx)
