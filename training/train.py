"""`firewarden train`: one run folder with prepared data, checkpoints, curves and run.json. Thin over ultralytics."""

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firewarden.datasets.compose import compose_photos
from firewarden.datasets.labels import list_images
from firewarden.datasets.licences import LicenceChoice
from firewarden.errors import DatasetError
from firewarden.training.finish import finish, write_record
from firewarden.training.photo_rows import RowReader
from firewarden.training.recipe import Recipe, read_recipe
from firewarden.training.run_folder import make_run_folder, read_record
from firewarden.training.run_pictures import metrics_of, read_curves
from firewarden.training.seen import with_fraction
from firewarden.training.shipped_start import restored_checkpoint, shipped_model, shipped_origin
from firewarden.training.training_set import (
    ExtraFolder,
    TrainingSet,
    build_training_set,
    check_photos,
    settle_here,
)
from firewarden.training.versions import installed_versions

_PACKAGES = ("firewarden", "torch", "torchvision", "ultralytics-opencv-headless", "albumentations", "numpy")


def train(
    config_path: Path,
    *,
    data: Path,
    weights: Path,
    runs: Path,
    overrides: dict[str, Any],
    extra: Sequence[ExtraFolder] = (),
    teacher: Path | None = None,
    choice: LicenceChoice | None = None,
    command: str = "",
) -> Path:
    """Start a new run; returns its folder. `overrides` replace keys of the config's `trainer` section, `extra` folders
    join those of the config, `teacher` takes the place of its own, `choice` of licences holds for all photos.
    `weights` is a checkpoint, or a shipped model (id or folder), which is trained on. `command` is kept in the record."""
    if not config_path.is_file():
        raise DatasetError(f"{config_path} is missing, expected a training configuration (YAML). Name one.")
    shipped = shipped_model(weights)
    recipe = read_recipe(config_path, data)
    arguments = {**recipe.trainer, **overrides, "seed": recipe.seed}
    _check_arguments(arguments, config_path)
    _check_folders([*(folder.path for folder in (*recipe.extra, *extra)), data])
    _check_device(str(arguments.get("device", "cpu")))
    check_photos(data, [*recipe.extra, *extra], choice)
    RowReader((), recipe.cable_labels, teacher or recipe.teacher)  # refuses what it could not read later
    if recipe.widen and shipped is None:
        _check_can_widen(weights)
    run = make_run_folder(runs, f"{recipe.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    prepared = _prepare(recipe, data, run, extra, teacher, choice)
    origin = _origin(weights) if shipped is None else shipped_origin(shipped)
    record = {
        **_start_record(recipe, prepared, arguments, origin, teacher or recipe.teacher),
        "licences": _licences_record(choice),
        "command": command,
    }
    write_record(run, record)
    if shipped is not None:
        weights = restored_checkpoint(shipped, list_images(run / "data" / "train"), run)
    if recipe.widen:
        weights = _widened(weights, run)
    trainer = _build_trainer(
        {"device": "cpu", "amp": False, **arguments, "model": str(weights), "data": str(prepared.yaml_path),
         "project": str(run.resolve()), "name": "train", "exist_ok": True}
    )  # fmt: skip
    return _run(trainer, run, record)


def resume(run: Path, *, device: str | None = None) -> Path:
    """Go on with a run that was killed, from its last checkpoint; on another `device` than before where one is named.

    A run that was copied or moved goes on in the folder that is named: the paths in its checkpoint are those of its start.
    """
    record, last = read_record(run), run / "train" / "weights" / "last.pt"
    if not last.exists():
        raise DatasetError(
            f"{last} is missing: the run was stopped before its first epoch ended. Start it anew."
        )
    if "finished_at" in record:
        raise DatasetError(
            f"{run} finished at {record['finished_at']}, expected a stopped run. Start a new run to train for longer."
        )
    _check_unfinished(last, run)
    prepared = settle_here(run / "data")
    arguments = {
        "model": str(last), "resume": str(last), "data": str(prepared), "save_dir": str((run / "train").resolve())
    }  # fmt: skip
    resumed = {"resumed_at": datetime.now(UTC).isoformat()}
    if device is not None:
        _check_device(device)
        arguments["device"] = resumed["resumed_device"] = device
    return _run(_build_trainer(arguments), run, {**record, **resumed})


def _check_unfinished(last: Path, run: Path) -> None:
    """Before the trainer looks at it: the checkpoint is whole, and has epochs before it and its optimizer with it."""
    from firewarden.training.checkpoint import read_checkpoint

    checkpoint = read_checkpoint(last)
    done, wanted = checkpoint.get("epoch", -1) + 1, checkpoint.get("train_args", {}).get("epochs", 0)
    if not 0 < done < wanted:
        raise DatasetError(
            f"{last} is of a training that was ended, expected one that was stopped between its epochs. Measure it with "
            f"`firewarden train {run} --finish`."
        )


def _check_folders(folders: Sequence[Path]) -> None:
    """Before anything is composed: every data folder is there."""
    missing = [str(folder) for folder in folders if not (folder / "images").is_dir()]
    if missing:
        raise DatasetError(
            f"got no images/ in {missing}, expected data folders. Make them, or leave them out."
        )


def _check_arguments(arguments: Mapping[str, Any], config_path: Path) -> None:
    """Before anything is composed: how long and how large, which the record must say, and nothing that the trainer lacks."""
    for name in ("epochs", "imgsz"):
        value = arguments.get(name)
        if type(value) is not int or value < 1:
            raise DatasetError(
                f"{config_path}: got {name} {value!r} under trainer, expected a whole number of 1 or more. Write it there, or "
                f"give --{name}."
            )
    from ultralytics.cfg import get_cfg

    try:
        get_cfg(overrides=dict(arguments))
    except (SyntaxError, TypeError, ValueError) as error:
        raise DatasetError(
            f"{config_path}: the trainer refuses its settings: {' '.join(str(error).split())}"
        ) from error


def _check_device(device: str) -> None:
    """Before anything is composed: the device is `cpu` or the number of one GPU that is there."""
    import torch

    count = torch.cuda.device_count()
    if device != "cpu" and not (device.isdigit() and int(device) < count):
        raise DatasetError(
            f"got device {device!r}, but torch sees {count} GPUs; expected cpu or the number of one, from 0. "
            "Train with `--device cpu`, or install torch for your GPU."
        )


def _prepare(
    recipe: Recipe,
    data: Path,
    run: Path,
    extra: Sequence[ExtraFolder],
    teacher: Path | None,
    choice: LicenceChoice | None,
) -> TrainingSet:
    """Compose what the recipe asks for and build the folder to train from."""
    folders = [*recipe.extra, *extra]
    if recipe.compose is not None:
        composed = run / "composed"
        compose_photos(data, data.parent / "cutouts", composed, recipe.compose, choice=choice)
        folders.insert(0, ExtraFolder(composed, recipe.compose_share))
    return build_training_set(
        data,
        folders,
        run / "data",
        recipe.repeat,
        seed=recipe.seed,
        listed=recipe.listed,
        balance=recipe.balance,
        cable_labels=recipe.cable_labels,
        teacher=teacher or recipe.teacher,
        val_extra=recipe.val_extra,
        choice=choice,
    )


def _check_can_widen(weights: Path) -> None:
    """Before anything is composed."""
    from firewarden.training.widen import check_scale

    check_scale(weights)


def _widened(weights: Path, run: Path) -> Path:
    from firewarden.training.widen import widen_checkpoint

    return widen_checkpoint(weights, run / f"{weights.stem}-wide.pt")


def _build_trainer(overrides: dict[str, Any]) -> Any:
    from firewarden.training.augment import degradations
    from firewarden.training.trainer import EvidenceTrainer, use_all_cores

    if "resume" not in overrides:
        overrides = {**overrides, "augmentations": degradations()}
    trainer = EvidenceTrainer(overrides=overrides)
    trainer.add_callback("on_train_start", use_all_cores)
    return trainer


def _run(trainer: Any, run: Path, record: dict[str, Any]) -> Path:
    """Train to the end; run.json is kept up to the last epoch that has a checkpoint."""

    def now(trainer: Any) -> dict[str, Any]:
        return {**record, "epochs_done": trainer.epoch + 1, "metrics": metrics_of(trainer.metrics or {})}

    trainer.add_callback("on_model_save", lambda trainer: write_record(run, now(trainer)))
    trainer.train()
    write_record(run, {**now(trainer), "finished_at": datetime.now(UTC).isoformat()})
    finish(run)
    return run


def _start_record(
    recipe: Recipe,
    prepared: TrainingSet,
    arguments: dict[str, Any],
    origin: dict[str, Any],
    teacher: Path | None,
) -> dict[str, Any]:
    real, *extra = prepared.parts
    seen = with_fraction(prepared.seen, recipe.name, arguments.get("fraction"), prepared.train_count)
    return {
        "name": recipe.name,
        "started_at": datetime.now(UTC).isoformat(),
        "git_sha": git_sha(),
        "dataset_sha256": prepared.sha256,
        "train_photos": prepared.train_count,
        "val_photos": prepared.val_count,
        "real": real.to_json(),
        "extra": [part.to_json() for part in extra],
        "teacher": _teacher_record(teacher),
        "seen": seen.to_json(),
        "classes": list(prepared.classes),
        **origin,
        "config": dict(recipe.raw),
        "arguments": arguments,
        "versions": package_versions(),
        "machine": _machine(str(arguments.get("device", "cpu"))),
    }


def _licences_record(choice: LicenceChoice | None) -> dict[str, Any] | None:
    """Which licences the photos were chosen by; None where all were taken."""
    return None if choice is None else {"chosen": list(choice.licences), "clear_only": choice.clear_only}


def _teacher_record(teacher: Path | None) -> dict[str, Any] | None:
    """What completed the labels, and how sure it had to be."""
    path = teacher / "record.json" if teacher else None
    if path is None or not path.exists():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: record[name]
        for name in ("weights", "weights_sha256", "input_size", "agreed", "floor", "counts")
    }


def _origin(weights: Path) -> dict[str, Any]:
    """What a run starts from. For the checkpoint of another run: that run's record too, and the weights it began with.

    Epochs are counted in the parent's own curves; a mean has none and keeps what its record says."""
    origin = {"weights": weights.name, "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest()}
    above = list(weights.resolve().parents)
    record = above[min(2, len(above) - 1)] / "run.json"  # run/train/weights/best.pt
    if not record.exists():
        return origin
    parent = json.loads(record.read_text(encoding="utf-8"))
    curves = record.with_name("train") / "results.csv"
    if curves.is_file():
        parent = {**parent, "epochs_done": len(read_curves(curves).get("epoch", ()))}
    return {**origin, "weights": parent["weights"], "parent": parent}


def _machine(device: str) -> str:
    """The processor, or the GPU that a run names."""
    import torch

    if device != "cpu":
        return str(torch.cuda.get_device_name(int(device)))
    return platform.processor() or platform.machine()


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
