"""`firewarden train`: one run folder with prepared data, checkpoints, curves and run.json. Thin over ultralytics."""

import hashlib
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from firewarden.datasets.compose import ComposePlan, compose_photos
from firewarden.errors import DatasetError
from firewarden.training.training_set import TrainingSet, build_training_set
from firewarden.training.versions import installed_versions

_PACKAGES = ("firewarden", "torch", "torchvision", "ultralytics-opencv-headless", "albumentations", "numpy")


def train(config_path: Path, *, data: Path, weights: Path, runs: Path, overrides: dict[str, Any]) -> Path:
    """Start a new run; returns its folder. `overrides` replace keys of the config's `trainer` section."""
    for path in (config_path, weights):
        if not path.is_file():
            raise DatasetError(
                f"{path} is missing, expected a training configuration and COCO weights. Name both files."
            )
    config = yaml.safe_load(config_path.read_text(encoding="utf-8"))
    run = runs / f"{config['name']}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    run.mkdir(parents=True)
    composed = _compose(config, data, run)
    prepared = build_training_set(data, composed, run / "data", config.get("repeat") or {})
    arguments = {**config["trainer"], **overrides, "seed": config["seed"]}
    record = _start_record(config, prepared, arguments, weights)
    _write_record(run, record)
    trainer = _build_trainer(
        {**arguments, "model": str(weights), "data": str(prepared.yaml_path), "project": str(run.resolve()),
         "name": "train", "exist_ok": True, "device": "cpu"}
    )  # fmt: skip
    return _run(trainer, run, record)


def resume(run: Path) -> Path:
    """Go on with a run that was killed, from its last checkpoint."""
    last = run / "train" / "weights" / "last.pt"
    if not last.exists():
        raise DatasetError(
            f"{last} is missing: the run was stopped before its first epoch ended. Start it anew."
        )
    record = json.loads((run / "run.json").read_text())
    if "finished_at" in record:
        raise DatasetError(
            f"{run} finished at {record['finished_at']}, expected a stopped run. Start a new run to train for longer."
        )
    trainer = _build_trainer({"model": str(last), "resume": str(last)})
    return _run(trainer, run, {**record, "resumed_at": datetime.now(UTC).isoformat()})


def _compose(config: dict[str, Any], data: Path, run: Path) -> Path | None:
    wanted = config.get("compose") or {}
    if not any(wanted.values()):
        return None
    composed = run / "composed"
    compose_photos(data, data.parent / "cutouts", composed, ComposePlan(**wanted, seed=config["seed"]))
    return composed


def _build_trainer(overrides: dict[str, Any]) -> Any:
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    from firewarden.training.augment import degradations
    from firewarden.training.trainer import EvidenceTrainer, use_all_cores

    if "resume" not in overrides:
        overrides = {**overrides, "augmentations": degradations()}
    trainer = EvidenceTrainer(overrides=overrides)
    trainer.add_callback("on_train_start", use_all_cores)
    return trainer


def _run(trainer: Any, run: Path, record: dict[str, Any]) -> Path:
    trainer.train()
    metrics = {name: float(value) for name, value in (trainer.metrics or {}).items()}
    _write_record(run, {**record, "finished_at": datetime.now(UTC).isoformat(), "metrics": metrics})
    return run


def _start_record(
    config: dict[str, Any], prepared: TrainingSet, arguments: dict[str, Any], weights: Path
) -> dict[str, Any]:
    return {
        "name": config["name"],
        "started_at": datetime.now(UTC).isoformat(),
        "git_sha": git_sha(),
        "dataset_sha256": prepared.sha256,
        "train_photos": prepared.train_count,
        "val_photos": prepared.val_count,
        "classes": list(prepared.classes),
        **_origin(weights),
        "config": config,
        "arguments": arguments,
        "versions": package_versions(),
        "machine": platform.processor() or platform.machine(),
    }


def _origin(weights: Path) -> dict[str, Any]:
    """What a run starts from. For the checkpoint of another run: that run's record too, and the weights it began with."""
    origin = {"weights": weights.name, "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest()}
    above = list(weights.resolve().parents)
    record = above[min(2, len(above) - 1)] / "run.json"  # run/train/weights/best.pt
    if not record.exists():
        return origin
    parent = json.loads(record.read_text(encoding="utf-8"))
    curves = record.with_name("train") / "results.csv"
    epochs_done = len(curves.read_text(encoding="utf-8").splitlines()) - 1 if curves.exists() else 0
    return {**origin, "weights": parent["weights"], "parent": {**parent, "epochs_done": epochs_done}}


def package_versions() -> dict[str, str]:
    """Installed versions of the packages that decide a run's outcome."""
    return installed_versions(_PACKAGES)


def git_sha() -> str:
    """Commit of the working tree, with '-dirty' when it has changes; 'unknown' outside a checkout."""
    root = Path(__file__).resolve().parent
    described = subprocess.run(
        ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return described.stdout.strip() or "unknown"


def _write_record(run: Path, record: dict[str, Any]) -> None:
    (run / "run.json").write_text(json.dumps(record, indent=2, ensure_ascii=False, sort_keys=True) + "\n")
