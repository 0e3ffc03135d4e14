"""Training on from a shipped model: what `--weights` may name, the checkpoint it becomes, and what is known of its training."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firewarden.errors import DatasetError
from firewarden.models.manifest import MANIFEST_FILE, MODEL_FILE, TRAINING_FILE, ModelManifest, load_manifest
from firewarden.models.registry import list_models
from firewarden.training.even_steps import evenly

_PHOTOS = 64  # that set the normalisation: more change its third digit


def shipped_model(weights: Path) -> ModelManifest | None:
    """The verified manifest of a model id, a model folder or the model.onnx in one; None for a checkpoint.

    Raises DatasetError where nothing of that name is there.
    """
    if weights.name == MODEL_FILE and weights.with_name(MANIFEST_FILE).is_file():
        return load_manifest(weights.parent)
    if (weights / MANIFEST_FILE).is_file():
        return load_manifest(weights)
    if weights.is_file():
        return None
    shipped = {manifest.id: manifest for manifest in list_models()}
    if str(weights) in shipped:
        return shipped[str(weights)]
    raise DatasetError(
        f"{weights} is missing, expected a checkpoint (.pt), a model folder, or the id of a shipped model: "
        f"{', '.join(shipped) or 'none'}."
    )


def restored_checkpoint(manifest: ModelManifest, photos: Sequence[Path], run: Path) -> Path:
    """Write the network of `manifest` as a checkpoint into a run folder, its normalisation set by some of `photos`."""
    from firewarden.training.restore import restore

    return restore(manifest, evenly(sorted(photos), _PHOTOS), run / f"{manifest.id}.pt")


def shipped_origin(manifest: ModelManifest) -> dict[str, Any]:
    """What the record of a run says of a start from a shipped model: its id and sha256, and the record of its training
    where the folder has one."""
    origin = {
        "weights": manifest.id,
        "weights_sha256": manifest.sha256,
        "restored": {"model": manifest.id, "sha256": manifest.sha256},
    }
    path = manifest.folder / TRAINING_FILE
    if not path.is_file():
        return origin
    parent = json.loads(path.read_text(encoding="utf-8"))
    return {**origin, "weights": parent["weights"], "parent": parent}
