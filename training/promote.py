"""`firewarden promote`: an exported folder becomes a shipped model, once its parity is proven."""

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from firewarden.errors import ModelMismatch
from firewarden.models.manifest import (
    INT8_RECORD_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    SCENE_FILE,
    TRAINING_FILE,
    ModelManifest,
    is_model_id,
    load_manifest,
    write_manifest,
)

PARITY_FILE = "parity.json"
CARD_FILE = "CARD.md"
EVALUATION_FILE = "evaluation.json"
logger = logging.getLogger(__name__)


def promote(exported: Path, models_root: Path, model_id: str) -> Path:
    """Copy an exported folder to `models_root/model_id`, replacing what is there; returns the new folder.

    Refuses (ModelMismatch) without a passed parity.json and the figures of this very model.onnx, and without a card and the
    record of the training behind it. A class whose recall falls against the replaced model is logged as a warning.
    """
    if not is_model_id(model_id):
        raise ModelMismatch(
            f"got model id {model_id!r}, expected letters a-z, digits, '.', '_', '-'. Rename it."
        )
    manifest = load_manifest(exported)
    check_parity(exported, manifest)
    for name in (CARD_FILE, EVALUATION_FILE, TRAINING_FILE):
        if not (exported / name).is_file():
            raise ModelMismatch(
                f"{exported / name} is missing: no model ships without its card, its figures and the record of its "
                "training. Export again."
            )
    read_about(exported / EVALUATION_FILE, manifest)
    target = models_root / model_id
    for drop in recall_drops(load_manifest(target), manifest) if (target / MANIFEST_FILE).exists() else ():
        logger.warning("%s: %s", model_id, drop)
    _replace_folder(exported, target, manifest, model_id)
    return target


def check_parity(exported: Path, manifest: ModelManifest) -> None:
    """Raise ModelMismatch unless `exported/parity.json` passed for the manifest's model.onnx."""
    path = exported / PARITY_FILE
    if not path.is_file():
        raise ModelMismatch(f"{path} is missing, expected the proof that export writes. Export again.")
    parity = read_about(path, manifest)
    if parity.get("passed") is not True:
        raise ModelMismatch(
            f"{path} says passed = {parity.get('passed')}, expected true: the ONNX file does not answer like its "
            "checkpoint. Look at the differences listed there; do not ship it."
        )


def read_about(path: Path, manifest: ModelManifest) -> dict[str, Any]:
    """What a JSON file says of the manifest's model.onnx; raises ModelMismatch where it is about another one."""
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelMismatch(f"{path} is no JSON: {error}. Export again.") from error
    got = told.get("model_sha256") if isinstance(told, dict) else None
    if got != manifest.sha256:
        raise ModelMismatch(
            f"{path} is about a model with sha256 {got}, expected {manifest.sha256}. Export again."
        )
    return dict(told)


def recall_drops(old: ModelManifest, new: ModelManifest) -> tuple[str, ...]:
    """One sentence for each class whose validation recall is lower in `new`, or is not measured any more."""
    drops = []
    for key, before in sorted(old.metrics.items()):
        if not key.startswith("recall_"):
            continue
        name, after = key.removeprefix("recall_"), new.metrics.get(key)
        if after is None:
            drops.append(f"recall of {name} was {before:.3f} and is not measured now")
        elif after < before:
            drops.append(f"recall of {name} falls from {before:.3f} to {after:.3f}")
    return tuple(drops)


def _replace_folder(exported: Path, target: Path, manifest: ModelManifest, model_id: str) -> None:
    """Build the new folder beside the old one, then swap: a copy cut short leaves the shipped model alone."""
    staging, retired = (target.with_name(f".{model_id}.{word}") for word in ("new", "old"))
    for leftover in (staging, retired):
        shutil.rmtree(leftover, ignore_errors=True)
    staging.mkdir(parents=True)
    for name in (MODEL_FILE, PARITY_FILE, CARD_FILE, EVALUATION_FILE, TRAINING_FILE):
        shutil.copyfile(exported / name, staging / name)
    if (exported / SCENE_FILE).is_file():
        shutil.copyfile(exported / SCENE_FILE, staging / SCENE_FILE)
    for key, artefact in manifest.artefacts.items():
        manifest.artefact_path(key)  # its sha256 holds
        for name in (*artefact.files, INT8_RECORD_FILE):
            shutil.copyfile(exported / name, staging / name)
    write_manifest(replace(manifest, id=model_id, folder=staging))
    if target.exists():
        target.rename(retired)
    staging.rename(target)
    shutil.rmtree(retired, ignore_errors=True)
