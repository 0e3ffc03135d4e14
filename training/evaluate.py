"""`firewarden evaluate`: a model, and the rules on top of it, measured on a folder of labelled photos. No torch."""

import csv
import hashlib
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.labels import LabelRows, list_images, read_classes, read_labels
from firewarden.datasets.manifest import read_manifest, split_records
from firewarden.detections import Detections
from firewarden.errors import DatasetError, InvalidImage
from firewarden.findings import InspectionContext, InspectionResult
from firewarden.inference.detector import Detector
from firewarden.inference.image import Image, decode_image
from firewarden.training.hazard_scores import (
    Expectation,
    HazardScore,
    PhotoHazards,
    photo_hazards,
    read_expectations,
    score_hazards,
)
from firewarden.training.metrics import (
    ClassMetrics,
    DetectionMetrics,
    GroundTruth,
    PhotoMatch,
    match_photo,
    measure,
)
from firewarden.training.versions import installed_versions

CONFIDENCE_FLOOR = 0.001  # low enough for the whole PR curve
MAX_DETECTIONS = 300
_PACKAGES = ("firewarden", "numpy", "onnxruntime", "opencv-python-headless", "simplejpeg")


class PhotoInspector(Protocol):
    """The part of the inspector that is measured."""

    def inspect_image(self, image: Image, context: InspectionContext) -> InspectionResult: ...


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """Figures with their conditions. `data` is the folder's name and `data_sha256` covers photos and labels;
    `unreadable` photos are left out of all figures."""

    model_id: str
    model_sha256: str
    data: str
    data_sha256: str
    split: str | None
    images: int
    excluded_shared_places: int
    unreadable: tuple[str, ...]
    expected_scene_used: bool
    metrics: DetectionMetrics
    per_hazard: Mapping[str, HazardScore]
    machine: str
    versions: Mapping[str, str]
    command: str

    def to_json(self) -> dict[str, Any]:
        """The wire form; keys are only ever added."""
        conditions = {n: getattr(self, n) for n in self.__slots__ if n not in ("metrics", "per_hazard")}
        return {
            **conditions,
            "unreadable": list(self.unreadable),
            "versions": dict(self.versions),
            "map50": self.metrics.map50,
            "map50_95": self.metrics.map50_95,
            "ci_map50": self.metrics.ci_map50,
            "ci_map50_95": self.metrics.ci_map50_95,
            "per_class": {name: _class_to_json(row) for name, row in self.metrics.per_class.items()},
            "per_hazard": {name: score.to_json() for name, score in self.per_hazard.items()},
        }


def _class_to_json(row: ClassMetrics) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__ if name != "curve"}


@dataclass(frozen=True, slots=True)
class _Photo:
    path: Path
    place: str


@dataclass(slots=True)
class _Tally:
    """What has been gathered so far, photo by photo."""

    matches: list[PhotoMatch]
    hazards: list[PhotoHazards]
    places: list[str]
    unreadable: list[str]


def evaluate(
    detector: Detector,
    inspector: PhotoInspector | None,
    folder: Path,
    split: str | None = None,
    keep_shared_places: bool = False,
    *,
    expect: Path | None = None,
    use_expected_scene: bool = False,
    draws: int = 1000,
    seed: int = 0,
    command: str = "",
    on_photo: Callable[[int, int], None] | None = None,
) -> EvaluationReport:
    """Measure on `folder` (images/, labels/, ignore/; optional classes.txt, manifest.csv, expect.json).

    `split` needs manifest.csv; photos of places that other splits show too are then left out unless kept. `expect`
    names another file than `folder/expect.json`. With `use_expected_scene` the inspector is told the expected scene.
    `on_photo(done, total)` is called after each photo.
    """
    manifest = detector.manifest
    photos, excluded = _select_photos(folder, split, keep_shared_places=keep_shared_places)
    expectations = _expectations(folder, expect)
    to_model = _class_map(folder, manifest.class_names)
    tally, digest = _Tally([], [], [], []), hashlib.sha256()
    for done, photo in enumerate(photos, 1):
        truth_rows = _read_truth(folder, photo.path.stem, to_model)
        digest.update(_fingerprint(photo.path, truth_rows))
        expected = expectations.get(photo.path.stem)
        context = InspectionContext(scene=expected.scene if expected and use_expected_scene else None)
        _add_photo(tally, photo, truth_rows, detector, inspector, expected, context)
        if on_photo is not None:
            on_photo(done, len(photos))
    points = {name: manifest.operating_point(name) for name in manifest.class_names}
    return EvaluationReport(
        model_id=manifest.id,
        model_sha256=manifest.sha256,
        data=folder.resolve().name,
        data_sha256=digest.hexdigest(),
        split=split,
        images=len(tally.matches),
        excluded_shared_places=excluded,
        unreadable=tuple(tally.unreadable),
        expected_scene_used=use_expected_scene,
        metrics=measure(tally.matches, tally.places, manifest.class_names, points, draws=draws, seed=seed),
        per_hazard=score_hazards(tally.hazards, tally.places, draws=draws, seed=seed) if inspector else {},
        machine=machine_name(),
        versions=serving_versions(),
        command=command,
    )


def _add_photo(
    tally: _Tally,
    photo: _Photo,
    truth_rows: tuple[LabelRows, LabelRows],
    detector: Detector,
    inspector: PhotoInspector | None,
    expected: Expectation | None,
    context: InspectionContext,
) -> None:
    try:
        image = decode_image(photo.path.read_bytes(), min_long_side=detector.manifest.input_size)  # as served
    except InvalidImage:
        tally.unreadable.append(photo.path.name)
        return
    detections = top_detections(detector, image)
    tally.matches.append(match_photo(detections, _ground_truth(truth_rows, image.original_hw)))
    tally.places.append(photo.place)
    if inspector is not None:
        tally.hazards.append(photo_hazards(inspector.inspect_image(image, context), expected))


def top_detections(detector: Detector, image: Image) -> Detections:
    """The detections that are measured: from confidence 0.001, at most 300, falling confidence."""
    detections = detector.see(image).detections
    detections = detections[detections.confidence >= CONFIDENCE_FLOOR]
    return detections[np.argsort(-detections.confidence, kind="stable")[:MAX_DETECTIONS]]


def _select_photos(folder: Path, split: str | None, *, keep_shared_places: bool) -> tuple[list[_Photo], int]:
    """The photos to measure, and how many of the split were left out for their place."""
    if split is None:
        places = _read_places(folder / "manifest.csv")
        return [_Photo(path, places.get(path.stem) or path.stem) for path in list_images(folder)], 0
    records = read_manifest(folder)
    chosen = split_records(records, split, keep_shared_places=keep_shared_places)
    missing = [r.file for r in chosen if not (folder / r.file).is_file()]
    if missing:
        raise DatasetError(f"{folder}: manifest.csv names {missing[:3]}, which are not there. Restore them.")
    excluded = sum(r.split == split for r in records) - len(chosen)
    return [_Photo(folder / r.file, r.place_group or r.stem) for r in chosen], excluded


def _read_places(path: Path) -> dict[str, str]:
    """Place groups by photo stem; other columns of the manifest are not needed here and may be absent."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as stream:
        return {
            Path(row.get("file") or "").stem: row.get("place_group") or "" for row in csv.DictReader(stream)
        }


def _expectations(folder: Path, expect: Path | None) -> dict[str, Expectation]:
    if expect is not None:
        return read_expectations(expect)
    path = folder / "expect.json"
    return read_expectations(path) if path.exists() else {}


def _class_map(folder: Path, class_names: Sequence[str]) -> NDArray[np.int64]:
    """Label id to model class id. Without classes.txt labels are taken to be in the model's order."""
    names = read_classes(folder) if (folder / "classes.txt").exists() else tuple(class_names)
    strangers = [name for name in names if name not in class_names]
    if strangers:
        raise DatasetError(
            f"{folder / 'classes.txt'} names {strangers}, expected classes of the model: {list(class_names)}. "
            "Use a model that was trained on these classes."
        )
    return np.array([class_names.index(name) for name in names], np.int64)


def _read_truth(folder: Path, stem: str, to_model: NDArray[np.int64]) -> tuple[LabelRows, LabelRows]:
    """Label rows and ignore rows of one photo, in the model's class ids."""
    tables = []
    for part in ("labels", "ignore"):
        path = folder / part / f"{stem}.txt"
        rows = read_labels(path)
        if len(rows) and not 0 <= rows.class_id.min() <= rows.class_id.max() < len(to_model):
            raise DatasetError(
                f"{path}: class ids {rows.class_id}, expected 0 to {len(to_model) - 1}. Fix the file."
            )
        tables.append(LabelRows(to_model[rows.class_id], rows.cxcywh))
    return tables[0], tables[1]


def _ground_truth(rows: tuple[LabelRows, LabelRows], image_hw: tuple[int, int]) -> GroundTruth:
    labels, ignore = rows
    return GroundTruth(labels.class_id, labels.xyxy(image_hw), ignore.class_id, ignore.xyxy(image_hw))


def _fingerprint(path: Path, rows: tuple[LabelRows, LabelRows]) -> bytes:
    tables = b"".join(part.class_id.tobytes() + part.cxcywh.tobytes() + b"|" for part in rows)
    return path.name.encode() + hashlib.sha256(path.read_bytes()).digest() + tables


def machine_name() -> str:
    """Processor and core count, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def serving_versions() -> dict[str, str]:
    """Installed versions of the packages that decide what a served model answers."""
    return installed_versions(_PACKAGES)
