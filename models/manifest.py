"""model.toml: what a model folder claims about its ONNX file, checked when it is read and when it is written."""

import hashlib
import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firewarden.errors import ModelMismatch

LAYOUTS = ("end2end",)
LICENCE = "AGPL-3.0-or-later"
MODEL_FILE = "model.onnx"
MANIFEST_FILE = "model.toml"
_TYPES: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "sha256": str,
    "class_names": list,
    "scene_names": list,
    "input_size": int,
    "stride": int,
    "layout": str,
    "default_operating_point": (int, float),
    "licence": str,
    "dataset_sha256": str,
    "git_sha": str,
    "created": str,
    "operating_points": dict,
    "metrics": dict,
}
_OPTIONAL = frozenset({"scene_names"})  # a network without a scene output has none
_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """One model folder. `class_names` in output order; `input_size` is the longest side of the letterboxed input in px;
    layout "end2end" is output (b, k, 6) rows x0, y0, x1, y1, confidence, class_id in input pixels;
    `scene_names` are those of the scene output, in order (none: no such output);
    `operating_points` are confidence thresholds by class name; `created` is an ISO 8601 UTC time."""

    id: str
    folder: Path
    sha256: str
    class_names: tuple[str, ...]
    input_size: int
    stride: int
    layout: str
    operating_points: Mapping[str, float]
    default_operating_point: float
    licence: str
    dataset_sha256: str
    git_sha: str
    metrics: Mapping[str, float]
    created: str = ""
    scene_names: tuple[str, ...] = ()

    @property
    def model_path(self) -> Path:
        return self.folder / MODEL_FILE

    def operating_point(self, class_name: str) -> float:
        """Confidence threshold of a class; the default one where none was chosen."""
        return self.operating_points.get(class_name, self.default_operating_point)


def load_manifest(folder: Path) -> ModelManifest:
    """Read and check `folder/model.toml` and the sha256 of `folder/model.onnx`; raises ModelMismatch."""
    table = _read_table(folder / MANIFEST_FILE)
    _check_keys(table, folder / MANIFEST_FILE)
    manifest = ModelManifest(
        **{
            **table,
            "folder": folder,
            "class_names": tuple(table["class_names"]),
            "scene_names": tuple(table.get("scene_names", ())),
            "default_operating_point": float(table["default_operating_point"]),
            "operating_points": _numbers(table["operating_points"], "operating_points", folder),
            "metrics": _numbers(table["metrics"], "metrics", folder),
        }
    )
    _check_values(manifest)
    _check_file(manifest)
    return manifest


def write_manifest(manifest: ModelManifest) -> Path:
    """Write `folder/model.toml` beside the model it describes; returns its path. Raises ModelMismatch where reading
    it back would."""
    _check_values(manifest)
    _check_file(manifest)
    path = manifest.folder / MANIFEST_FILE
    path.write_text(_manifest_to_toml(manifest), encoding="utf-8")
    return path


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_model_id(text: str) -> bool:
    """Whether `text` can name a model: lower-case letters, digits, `.`, `_`, `-`; never a path."""
    return _ID.fullmatch(text) is not None


def _read_table(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelMismatch(
            f"{path} is missing, expected a model folder with {MODEL_FILE} and {MANIFEST_FILE}. Export one."
        )
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelMismatch(f"{path} is no TOML: {error}. Export the model again.") from error


def _check_keys(table: Mapping[str, Any], path: Path) -> None:
    unknown, missing = sorted(table.keys() - _TYPES.keys()), sorted(_TYPES.keys() - table.keys() - _OPTIONAL)
    if unknown or missing:
        raise ModelMismatch(
            f"{path}: unknown keys {unknown}, missing keys {missing}; expected exactly {sorted(_TYPES)}. "
            "Export the model again with this version."
        )
    for key, kind in ((key, kind) for key, kind in _TYPES.items() if key in table):
        if not isinstance(table[key], kind) or isinstance(table[key], bool):
            raise ModelMismatch(
                f"{path}: {key} is {table[key]!r}, expected {kind}. Fix the line or export again."
            )


def _numbers(table: Mapping[str, Any], section: str, folder: Path) -> dict[str, float]:
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ModelMismatch(f"{folder / MANIFEST_FILE}: {section}.{key} is {value!r}, expected a number.")
    return {key: float(value) for key, value in table.items()}


def _check_values(manifest: ModelManifest) -> None:
    names = manifest.class_names
    thresholds = [*manifest.operating_points.values(), manifest.default_operating_point]
    strangers = sorted(manifest.operating_points.keys() - set(names))
    checks = (
        (is_model_id(manifest.id), f"id is {manifest.id!r}, expected letters a-z, digits, '.', '_', '-'"),
        (
            bool(names) and len(set(names)) == len(names) and all(isinstance(n, str) and n for n in names),
            f"class_names are {names}, expected at least one, all different",
        ),
        (manifest.layout in LAYOUTS, f"layout is {manifest.layout!r}, expected one of {LAYOUTS}"),
        (
            manifest.stride > 0 and manifest.input_size > 0 and manifest.input_size % manifest.stride == 0,
            f"input_size is {manifest.input_size}, expected a positive multiple of stride {manifest.stride}",
        ),
        (not strangers, f"operating_points name {strangers}, expected names among {names}"),
        (
            all(0 <= t <= 1 for t in thresholds),
            f"operating points are {thresholds}, expected values in [0, 1]",
        ),
        (
            all(map(math.isfinite, manifest.metrics.values())),
            f"metrics are {manifest.metrics}, expected finite numbers",
        ),
        (manifest.licence == LICENCE, f"licence is {manifest.licence!r}, expected {LICENCE!r}"),
    )
    for holds, message in checks:
        if not holds:
            raise ModelMismatch(
                f"{manifest.folder / MANIFEST_FILE}: {message}. Fix the line or export again."
            )


def _check_file(manifest: ModelManifest) -> None:
    path = manifest.model_path
    if not path.is_file():
        raise ModelMismatch(
            f"{path} is missing, expected the ONNX file that {MANIFEST_FILE} describes. Export again."
        )
    got = file_sha256(path)
    if got != manifest.sha256:
        raise ModelMismatch(
            f"{path} has sha256 {got}, expected {manifest.sha256} ({MANIFEST_FILE}). The file was changed or cut off: "
            "restore it, or export the model again."
        )


def _manifest_to_toml(manifest: ModelManifest) -> str:
    sections = ("operating_points", "metrics")
    lines = [f"{key} = {_toml_value(getattr(manifest, key))}" for key in _TYPES if key not in sections]
    for section in sections:
        rows = getattr(manifest, section)
        lines += ["", f"[{section}]", *(f"{json.dumps(key)} = {_toml_value(rows[key])}" for key in rows)]
    return "\n".join(lines) + "\n"


def _toml_value(value: Any) -> str:
    """A string, number or list of strings; JSON strings and numbers are TOML too."""
    if isinstance(value, tuple):
        return "[\n" + "".join(f"  {_toml_value(item)},\n" for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
