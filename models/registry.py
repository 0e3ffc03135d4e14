"""The shipped models: one folder each under the models root."""

from pathlib import Path

from firewarden.errors import ModelMismatch
from firewarden.models.manifest import MANIFEST_FILE, ModelManifest, is_model_id, load_manifest

DEFAULT_MODEL_ID = "firewarden-n"


def models_root() -> Path:
    """The packaged models folder."""
    return Path(__file__).resolve().parent


def list_models(root: Path | None = None) -> tuple[ModelManifest, ...]:
    """Verified manifests of all model folders under `root`, by id; a damaged folder is a ModelMismatch."""
    manifests = tuple(load_manifest(folder) for folder in _model_folders(root))
    for manifest in manifests:
        if manifest.id != manifest.folder.name:
            raise ModelMismatch(
                f"{manifest.folder / MANIFEST_FILE}: id is {manifest.id!r}, expected the folder's name "
                f"{manifest.folder.name!r}. Rename the folder, or promote the model again."
            )
    return manifests


def model_folder(model_id: str, root: Path | None = None) -> Path:
    """Folder of a model id; raises ModelMismatch naming the known ids."""
    folders = _model_folders(root)
    for folder in folders:
        if is_model_id(model_id) and folder.name == model_id:
            return folder
    known = ", ".join(folder.name for folder in folders) or "none"
    raise ModelMismatch(
        f"got model id {model_id!r}, expected one of: {known} (in {root or models_root()}). Promote a model under "
        "this id, or name another one."
    )


def find_manifest(model: str | Path | None = None) -> ModelManifest:
    """The verified manifest of a model id or folder; None: of the shipped model."""
    return load_manifest(model if isinstance(model, Path) else model_folder(model or DEFAULT_MODEL_ID))


def _model_folders(root: Path | None) -> list[Path]:
    folders = (path.parent for path in (root or models_root()).glob(f"*/{MANIFEST_FILE}"))
    return sorted(folder for folder in folders if not folder.name.startswith("."))  # a dot: being promoted
