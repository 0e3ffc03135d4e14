"""All figures of photos of one origin: classes, hazards, look-alikes, scenes, counterfactual pairs, cables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firewarden.detections import Detections
from firewarden.geometry import iou_batch
from firewarden.models.manifest import ModelManifest
from firewarden.training.box_sizes import BoxSize, box_sizes
from firewarden.training.cable_scores import CableScore, score_with_places
from firewarden.training.evaluated_data import ListedPhoto
from firewarden.training.expectations import HARD_NEGATIVES
from firewarden.training.hazard_scores import (
    HazardScore,
    PhotoHazards,
    hazard_couples,
    score_couples,
    score_hazards,
)
from firewarden.training.metrics import (
    ClassMetrics,
    DetectionMetrics,
    GroundTruth,
    PhotoMatch,
    measure,
)
from firewarden.training.scene_scores import OUTDOOR_SCENES, SceneScore, score_scenes
from firewarden.training.shares import NOTHING, Places, Share

BICYCLE, EBIKE, POWER_CABLE = "bicycle", "ebike", "power_cable"
LOOKED_FOR = sorted({hazard for hazards in HARD_NEGATIVES.values() for hazard in hazards})  # always reported
_SAME_OBJECT_IOU = 0.5
_RULE_SCENES = ("indoor", "outdoor_open")  # what the rules can guess without a scene output


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredPhoto:
    """One photo with all that was seen in it. `detections` are those that are measured, by falling confidence, row by row
    those of `match`; `probabilities` are the scene output's; `hazards` and `said_scene` are None where no rules were asked."""

    listed: ListedPhoto
    image_hw: tuple[int, int]
    truth: GroundTruth
    detections: Detections
    match: PhotoMatch
    probabilities: Mapping[str, float]
    hazards: PhotoHazards | None
    said_scene: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of photos of one origin. `scene` is None where the place was told or no rules were asked; `clean_photos_open`
    counts photos left out of `clean_photos` since only hazards that nobody judged there were found; `ebikes_indoors` is the
    class of e-bikes over the photos told to be taken indoors, None where no e-bike is labelled in them."""

    origin: str
    images: int
    metrics: DetectionMetrics
    per_hazard: Mapping[str, HazardScore]
    clean_photos: Share
    clean_photos_open: int
    bicycles_called_ebike: Share
    ebikes_indoors: ClassMetrics | None
    box_sizes: Mapping[str, BoxSize]
    pairs: Share
    scene: SceneScore | None
    cables: CableScore | None

    def to_json(self) -> dict[str, Any]:
        return {
            "origin": self.origin,
            "images": self.images,
            "map50": self.metrics.map50,
            "map50_95": self.metrics.map50_95,
            "ci_map50": self.metrics.ci_map50,
            "ci_map50_95": self.metrics.ci_map50_95,
            "per_class": {name: _class_to_json(row) for name, row in self.metrics.per_class.items()},
            "per_hazard": {name: score.to_json() for name, score in self.per_hazard.items()},
            "clean_photos": {
                **self.clean_photos.to_json("no_hazard"),
                "left_open": self.clean_photos_open,
            },
            "bicycles_called_ebike": self.bicycles_called_ebike.to_json("called_ebike"),
            "ebikes_indoors": _class_to_json(self.ebikes_indoors)
            if self.ebikes_indoors is not None
            else None,
            "box_sizes": {name: size.to_json() for name, size in self.box_sizes.items()},
            "pairs": self.pairs.to_json("right"),
            "scene": self.scene.to_json() if self.scene is not None else None,
            "cables": self.cables.to_json() if self.cables is not None else None,
        }


def _class_to_json(row: ClassMetrics) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__ if name != "curve"}


def figures_of(
    photos: Sequence[MeasuredPhoto], manifest: ModelManifest, origin: str, *, draws: int = 1000, seed: int = 0
) -> Figures:
    """The figures of photos, all of one origin; zero photos are a value."""
    names = [photo.listed.place for photo in photos]
    places = Places.of(names, draws=draws, seed=seed)
    judged = [photo.hazards for photo in photos if photo.hazards is not None]
    all_judged = bool(photos) and len(judged) == len(photos)
    points = {name: manifest.operating_point(name) for name in manifest.class_names}
    clean, clean_open = score_clean_photos(judged, places) if all_judged else (NOTHING, 0)
    return Figures(
        origin=origin,
        images=len(photos),
        metrics=measure(
            [p.match for p in photos], names, manifest.class_names, points, draws=draws, seed=seed
        ),
        per_hazard=score_hazards(judged, names, draws=draws, seed=seed, also=LOOKED_FOR)
        if all_judged
        else {},
        clean_photos=clean,
        clean_photos_open=clean_open,
        bicycles_called_ebike=score_bicycles(photos, manifest, places),
        ebikes_indoors=score_ebikes_indoors(photos, manifest, draws=draws, seed=seed),
        box_sizes=box_sizes(((p.detections, p.truth) for p in photos), manifest.class_names),
        pairs=score_couples(judged, hazard_couples(judged), places) if all_judged else NOTHING,
        scene=_score_scenes(photos, manifest, places),
        cables=_score_cables(photos, manifest, places),
    )


def score_clean_photos(photos: Sequence[PhotoHazards], places: Places) -> tuple[Share, int]:
    """Photos that show no hazard and got none. A photo where only hazards were found that nobody judged there tells
    nothing: such photos are left out, and counted in the second value."""
    empty = [p.expected is not None and not p.expected.ambiguous and not p.expected.hazards for p in photos]
    false = [any(p.judged(hazard) for hazard in p.found) for p in photos]
    unsure = [bool(p.found) and not wrong for p, wrong in zip(photos, false, strict=True)]
    told = np.array(empty, np.bool_) & ~np.array(unsure, np.bool_)
    clear = np.array([not p.found for p in photos], np.bool_) & told
    return places.share(clear, told), int(np.array(empty, np.bool_).sum() - told.sum())


def score_bicycles(photos: Sequence[MeasuredPhoto], manifest: ModelManifest, places: Places) -> Share:
    """Labelled pedal bicycles that an e-bike detection covers (IoU 0.5) at its operating point."""
    if not {BICYCLE, EBIKE} <= set(manifest.class_names):
        return NOTHING
    bicycle, ebike = (manifest.class_names.index(name) for name in (BICYCLE, EBIKE))
    point = manifest.operating_point(EBIKE)
    called = [_called(photo, bicycle, ebike, point) for photo in photos]
    return places.share([mask.sum() for mask in called], [len(mask) for mask in called])


def score_ebikes_indoors(
    photos: Sequence[MeasuredPhoto], manifest: ModelManifest, *, draws: int = 1000, seed: int = 0
) -> ClassMetrics | None:
    """The class of e-bikes over photos of lifts, corridors, stairwells and rooms, where an e-bike is a hazard: rows of
    vehicles in streets, which are most of the labelled ones, say little of these."""
    inside = [p for p in photos if p.listed.scene is not None and p.listed.scene not in OUTDOOR_SCENES]
    if EBIKE not in manifest.class_names:
        return None
    points = {name: manifest.operating_point(name) for name in manifest.class_names}
    places = [photo.listed.place for photo in inside]
    matches = [photo.match for photo in inside]
    row = measure(matches, places, manifest.class_names, points, draws=draws, seed=seed).per_class[EBIKE]
    return row if row.n else None


def _called(photo: MeasuredPhoto, bicycle: int, ebike: int, point: float) -> NDArray[np.bool_]:
    """For each labelled bicycle (n,): is it covered by an e-bike?"""
    truth, seen = photo.truth, photo.detections
    claims = seen.xyxy[(seen.class_id == ebike) & (seen.confidence >= np.float32(point))]
    boxes = truth.xyxy[truth.class_id == bicycle]
    if not len(claims):
        return np.zeros(len(boxes), np.bool_)
    return np.asarray(iou_batch(boxes, claims).max(axis=1) >= _SAME_OBJECT_IOU)


def _score_cables(
    photos: Sequence[MeasuredPhoto], manifest: ModelManifest, places: Places
) -> CableScore | None:
    """Cords against polylines, where the folder has them for every photo."""
    true = [photo.listed.cables for photo in photos]
    known = [cables for cables in true if cables is not None]
    if not known or len(known) < len(true) or POWER_CABLE not in manifest.class_names:
        return None
    class_id, point = manifest.class_names.index(POWER_CABLE), manifest.operating_point(POWER_CABLE)
    seen = [
        p.detections.xyxy[
            (p.detections.class_id == class_id) & (p.detections.confidence >= np.float32(point))
        ]
        for p in photos
    ]
    return score_with_places(known, seen, [p.image_hw for p in photos], places)


def _score_scenes(
    photos: Sequence[MeasuredPhoto], manifest: ModelManifest, places: Places
) -> SceneScore | None:
    said = [photo.said_scene for photo in photos]
    if not any(said):
        return None
    expected = [photo.listed.scene for photo in photos]
    return score_scenes(expected, said, {*manifest.scene_names, *_RULE_SCENES}, places)
