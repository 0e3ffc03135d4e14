"""`firewarden evaluate`: a model, and the rules on top of it, measured on a folder of labelled photos. No torch."""

import hashlib
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypedDict, Unpack

import numpy as np

from firewarden.detections import Detections
from firewarden.errors import InvalidImage
from firewarden.findings import InspectionContext
from firewarden.inference.detector import Detector, Sight
from firewarden.inference.image import Image, decode_image
from firewarden.inspection import InspectionResult
from firewarden.models.manifest import ModelManifest
from firewarden.training.evaluated_data import (
    ListedPhoto,
    class_map,
    fingerprint,
    ground_truth,
    list_photos,
    read_truth,
)
from firewarden.training.expectations import ORIGINS, REAL
from firewarden.training.figures import Figures, MeasuredPhoto, figures_of
from firewarden.training.hazard_scores import HazardScore, photo_hazards
from firewarden.training.metrics import DetectionMetrics, GroundTruth, match_photo
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
    `unreadable` photos are left out of all figures. `by_origin` has the figures of real, composed and rendered photos,
    never mixed; those of the first are given at the top."""

    model_id: str
    model_sha256: str
    data: str
    data_sha256: str
    split: str | None
    excluded_shared_places: int
    unreadable: tuple[str, ...]
    expected_scene_used: bool
    by_origin: Mapping[str, Figures]
    machine: str
    versions: Mapping[str, str]
    command: str

    @property
    def figures(self) -> Figures:
        """Those of the real photos where there are any."""
        return next(iter(self.by_origin.values()))

    @property
    def images(self) -> int:
        return self.figures.images

    @property
    def metrics(self) -> DetectionMetrics:
        return self.figures.metrics

    @property
    def per_hazard(self) -> Mapping[str, HazardScore]:
        return self.figures.per_hazard

    def to_json(self) -> dict[str, Any]:
        """The wire form; keys are only ever added."""
        conditions = {name: getattr(self, name) for name in self.__slots__ if name != "by_origin"}
        several = {name: figures.to_json() for name, figures in self.by_origin.items()}
        return {
            **conditions,
            "unreadable": list(self.unreadable),
            "versions": dict(self.versions),
            **self.figures.to_json(),
            **({"by_origin": several} if len(several) > 1 else {}),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A report and the photos behind it."""

    report: EvaluationReport
    photos: tuple[MeasuredPhoto, ...]


class OnePassDetector:
    """A detector that keeps what it saw in the last photo, so that measuring and inspecting it share one pass."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._last: tuple[Image, Sight] | None = None

    @property
    def manifest(self) -> ModelManifest:
        return self._detector.manifest

    def see(self, image: Image) -> Sight:
        if self._last is None or self._last[0] is not image:
            self._last = (image, self._detector.see(image))
        return self._last[1]


class EvaluateOptions(TypedDict, total=False):
    """Keyword options of `evaluate_photos`."""

    expect: Path | None
    use_expected_scene: bool
    draws: int
    seed: int
    command: str
    on_photo: Callable[[int, int], None] | None
    decode: Callable[[bytes], Image] | None


def evaluate(
    detector: Detector,
    inspector: PhotoInspector | None,
    folder: Path,
    split: str | None = None,
    keep_shared_places: bool = False,
    **options: Unpack[EvaluateOptions],
) -> EvaluationReport:
    """The report of `evaluate_photos`, which see for the options."""
    return evaluate_photos(detector, inspector, folder, split, keep_shared_places, **options).report


def evaluate_photos(
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
    decode: Callable[[bytes], Image] | None = None,
) -> Evaluation:
    """Measure on `folder` (images/, labels/, ignore/; optional classes.txt, manifest.csv, expect.json, cables/).

    `split` needs manifest.csv; photos of places that other splits show too are then left out unless kept. `expect`
    names another file than `folder/expect.json`. With `use_expected_scene` the inspector is told the expected scene.
    `on_photo(done, total)` is called after each photo. `decode` is how photos are decoded when served (default: just
    above the network's input size).
    """
    manifest = detector.manifest
    decode = decode or partial(decode_image, min_long_side=manifest.input_size)
    listed, excluded = list_photos(folder, split, keep_shared_places=keep_shared_places, expect=expect)
    to_model, digest = class_map(folder, manifest.class_names), hashlib.sha256()
    photos, unreadable = [], []
    for done, photo in enumerate(listed, 1):
        truth_rows = read_truth(folder, photo.path.stem, to_model)
        digest.update(fingerprint(photo.path, truth_rows))
        try:
            image = decode(photo.path.read_bytes())
        except InvalidImage:
            unreadable.append(photo.path.name)
        else:
            truth = ground_truth(truth_rows, image.original_hw)
            photos.append(_measure_photo(photo, image, truth, detector, inspector, tell=use_expected_scene))
        if on_photo is not None:
            on_photo(done, len(listed))
    report = EvaluationReport(
        model_id=manifest.id,
        model_sha256=manifest.sha256,
        data=folder.resolve().name,
        data_sha256=digest.hexdigest(),
        split=split,
        excluded_shared_places=excluded,
        unreadable=tuple(unreadable),
        expected_scene_used=use_expected_scene,
        by_origin=figures_by_origin(photos, manifest, draws=draws, seed=seed),
        machine=machine_name(),
        versions=serving_versions(),
        command=command,
    )
    return Evaluation(report, tuple(photos))


def figures_by_origin(
    photos: Sequence[MeasuredPhoto], manifest: ModelManifest, *, draws: int = 1000, seed: int = 0
) -> dict[str, Figures]:
    """Figures of each origin that occurs, real ones first; of no photo, called real, when there are none."""
    there = [origin for origin in ORIGINS if any(p.listed.origin == origin for p in photos)] or [REAL]
    return {
        origin: figures_of(
            [p for p in photos if p.listed.origin == origin], manifest, origin, draws=draws, seed=seed
        )
        for origin in there
    }


def _measure_photo(
    listed: ListedPhoto,
    image: Image,
    truth: GroundTruth,
    detector: Detector,
    inspector: PhotoInspector | None,
    *,
    tell: bool,
) -> MeasuredPhoto:
    sight = detector.see(image)
    detections = _top_detections(sight.detections)
    told = listed.expected.scene if listed.expected is not None and tell else None
    result = inspector.inspect_image(image, InspectionContext(scene=told)) if inspector is not None else None
    return MeasuredPhoto(
        listed=listed,
        image_hw=image.original_hw,
        truth=truth,
        detections=detections,
        match=match_photo(detections, truth),
        probabilities=sight.scene,
        hazards=photo_hazards(result, listed.expected) if result is not None else None,
        said_scene=result.scene.name if result is not None and not tell else None,
    )


def _top_detections(detections: Detections) -> Detections:
    """The detections that are measured: from confidence 0.001, at most 300, falling confidence."""
    detections = detections[detections.confidence >= CONFIDENCE_FLOOR]
    return detections[np.argsort(-detections.confidence, kind="stable")[:MAX_DETECTIONS]]


def machine_name() -> str:
    """Processor and core count, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def serving_versions() -> dict[str, str]:
    """Installed versions of the packages that decide what a served model answers."""
    return installed_versions(_PACKAGES)
