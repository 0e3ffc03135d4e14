"""model.toml: what a model folder claims about its ONNX file, checked when it is read and when it is written."""

import hashlib
import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from firewarden.errors import ModelMismatch
from firewarden.models.tuning import CalibrationCurve, HazardBudget, read_budgets, read_curves

LAYOUTS = ("end2end",)
LICENCE = "AGPL-3.0-or-later"
MODEL_FILE = "model.onnx"
MANIFEST_FILE = "model.toml"
INT8_RECORD_FILE = "parity_int8.json"
SCENE_FILE = "scene.json"  # how the scene output was fitted
TRAINING_FILE = "training.json"  # the record of the run behind the model, those before it included
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
    "hazard_budgets": dict,
    "calibration": dict,
    "metrics": dict,
    "artefacts": dict,
}
_SECTIONS = ("operating_points", "hazard_budgets", "calibration", "metrics", "artefacts")
_OPTIONAL = frozenset(
    {"scene_names", "hazard_budgets", "calibration", "artefacts"}
)  # a network without a scene output has none; older manifests have no budgets and no calibration
_ARTEFACT_NUMBERS = ("map50_95", "map_drop_points", "recall_drop_points")
_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Artefact:
    """The same network for one runtime in a lower precision, accepted by its accuracy. `weights_sha256` is that of the
    `.bin` beside an `.xml`, "" for one file. Drops are points against fp32 on val, of mAP50-95 and of the hazard that
    lost most recall; both may be negative."""

    file: str
    sha256: str
    weights_sha256: str
    method: str
    calibration_photos: int
    dataset_sha256: str
    map50_95: float
    map_drop_points: float
    recall_drop_points: float

    @property
    def files(self) -> tuple[str, ...]:
        """Names of its files in the model folder."""
        return (self.file, str(Path(self.file).with_suffix(".bin"))) if self.weights_sha256 else (self.file,)


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """One model folder. `class_names` in output order; `input_size` is the longest side of the letterboxed input in px;
    layout "end2end" is output (b, k, 6) rows x0, y0, x1, y1, confidence, class_id in input pixels;
    `scene_names` are those of the scene output, in order (none: no such output);
    `operating_points` are confidence thresholds by class name, `hazard_budgets` say what some of them were chosen for;
    `calibration` by class name turns confidence into the probability that routes (none: as it is); `artefacts` are the
    files for runtimes in lower precision, by runtime and precision; `created` is an ISO 8601 UTC time."""

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
    hazard_budgets: Mapping[str, HazardBudget] = field(default_factory=dict)
    calibration: Mapping[str, CalibrationCurve] = field(default_factory=dict)
    artefacts: Mapping[str, Artefact] = field(default_factory=dict)

    @property
    def model_path(self) -> Path:
        return self.folder / MODEL_FILE

    def operating_point(self, class_name: str) -> float:
        """Confidence threshold of a class; the default one where none was chosen."""
        return self.operating_points.get(class_name, self.default_operating_point)

    def artefact_path(self, key: str) -> Path:
        """The file of an artefact, e.g. `openvino-int8`, its sha256 verified; raises ModelMismatch."""
        if key not in self.artefacts:
            raise ModelMismatch(
                f"{self.folder} has no artefact {key!r}, expected one of {sorted(self.artefacts)}. Make it with "
                "`firewarden quantise`, or choose another runtime."
            )
        return verified_artefact(self.folder, key, self.artefacts[key])


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
            "hazard_budgets": read_budgets(table.get("hazard_budgets", {}), folder / MANIFEST_FILE),
            "calibration": read_curves(table.get("calibration", {}), folder / MANIFEST_FILE),
            "artefacts": _artefacts(table.get("artefacts", {}), folder),
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


def _artefacts(table: Mapping[str, Any], folder: Path) -> dict[str, Artefact]:
    kinds = {"calibration_photos": (int,)} | dict.fromkeys(_ARTEFACT_NUMBERS, (int, float))
    wanted = {column.name for column in fields(Artefact)}
    for key, row in table.items():
        if (
            not isinstance(row, dict)
            or row.keys() != wanted
            or not all(isinstance(row[name], kinds.get(name, (str,))) for name in wanted)
            or Path(row["file"]).name != row["file"]
        ):
            raise ModelMismatch(
                f"{folder / MANIFEST_FILE}: artefacts.{key} is {row!r}, expected the keys {sorted(wanted)} and a plain "
                "file name. Quantise the model again."
            )
    return {key: Artefact(**row) for key, row in table.items()}


def verified_artefact(folder: Path, key: str, artefact: Artefact) -> Path:
    """The artefact's file after checking the sha256 of it and of its weights; raises ModelMismatch."""
    for name, wanted in zip(artefact.files, (artefact.sha256, artefact.weights_sha256), strict=False):
        part = folder / name
        got = file_sha256(part) if part.is_file() else "no file"
        if got != wanted:
            raise ModelMismatch(
                f"{part}: sha256 is {got}, expected {wanted} (artefacts.{key} in {MANIFEST_FILE}). Restore the file, or "
                "quantise the model again."
            )
    return folder / artefact.file


def _check_values(manifest: ModelManifest) -> None:
    names = manifest.class_names
    thresholds = [*manifest.operating_points.values(), manifest.default_operating_point]
    strangers = sorted(manifest.operating_points.keys() - set(names))
    uncalled = sorted(manifest.calibration.keys() - set(names))
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
        (not uncalled, f"calibration names {uncalled}, expected names among {names}"),
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
    lines = [f"{key} = {_toml_value(getattr(manifest, key))}" for key in _TYPES if key not in _SECTIONS]
    for section in _SECTIONS:
        rows = getattr(manifest, section)
        if not rows and section in _OPTIONAL:
            continue
        lines += ["", f"[{section}]", *(f"{json.dumps(key)} = {_toml_value(rows[key])}" for key in rows)]
    return "\n".join(lines) + "\n"


def _toml_value(value: Any) -> str:
    """A string, number, list, curve, budget or artefact; JSON strings, numbers and lists are TOML too, None is left out."""
    if isinstance(value, HazardBudget | Artefact):
        value = asdict(value)
    if isinstance(value, dict):
        told = (f"{key} = {_toml_value(v)}" for key, v in value.items() if v is not None)  # all bare keys
        return "{ " + ", ".join(told) + " }"
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return json.dumps([list(knot) for knot in value])
    if isinstance(value, tuple):
        return "[\n" + "".join(f"  {_toml_value(item)},\n" for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
