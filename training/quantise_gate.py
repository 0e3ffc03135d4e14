"""Whether an int8 file is accepted: what it loses on the val photos against fp32, and how far its confidences lie from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firewarden.detections import Detections
from firewarden.geometry import iou_batch

MAX_DROP_POINTS = 1.0  # of mAP50-95, and of any hazard's recall
_COMPARED_FROM = 0.02  # confidence; below every operating point
_SAME_PLACE = 0.5  # IoU


@dataclass(frozen=True, slots=True)
class Figures:
    """Accuracy on the val photos: mAP50-95, recall by hazard that some photo is known to show, and how many show it."""

    map50_95: float
    recall: Mapping[str, float]
    pictures: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"map50_95": self.map50_95, "recall": dict(self.recall), "pictures": dict(self.pictures)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Points lost against fp32; negative where int8 is better. `worst_hazard` lost most recall ("" if none is known)."""

    map_drop: float
    recall_drop: float
    worst_hazard: str

    @property
    def accepted(self) -> bool:
        return self.map_drop <= MAX_DROP_POINTS and self.recall_drop <= MAX_DROP_POINTS

    @property
    def loss(self) -> float:
        """What decides: the larger of the two."""
        return max(self.map_drop, self.recall_drop)

    def describe(self) -> str:
        hazard = (
            f"recall of {self.worst_hazard} falls by {self.recall_drop:.2f}"
            if self.worst_hazard
            else "no hazard known"
        )
        return f"mAP50-95 falls by {self.map_drop:.2f} points, {hazard} (each at most {MAX_DROP_POINTS:g})"


def judge(reference: Figures, got: Figures) -> Verdict:
    """How much accuracy int8 costs."""
    drops = {name: 100 * (value - got.recall.get(name, 0.0)) for name, value in reference.recall.items()}
    worst = max(drops, key=lambda name: drops[name], default="")
    return Verdict(100 * (reference.map50_95 - got.map50_95), drops.get(worst, 0.0), worst)


def confidence_distance(reference: Sequence[Detections], got: Sequence[Detections]) -> float:
    """Root mean square difference in confidence, photo by photo in the same order; 0 where nothing was seen.

    Every detection of either side with a confidence of at least 0.02 that is the surest of its class at its place is
    compared with the surest of the other side there (IoU >= 0.5), or with 0. Many detections move this figure, where a
    hazard's recall hangs on a handful of photos.
    """
    gaps = [
        gap
        for ours, theirs in zip(reference, got, strict=True)
        for gap in (*_gaps(ours, theirs), *_gaps(theirs, ours))
    ]
    return float(np.sqrt(np.mean(np.square(gaps)))) if gaps else 0.0


def _gaps(ours: Detections, theirs: Detections) -> NDArray[np.float32]:
    """For each of our surest detections, its confidence less theirs at that place."""
    best, other = _surest_there(ours, ours), _surest_there(ours, theirs)
    compared = (ours.confidence >= _COMPARED_FROM) & (ours.confidence >= best)
    return (ours.confidence - other)[compared]


def _surest_there(places: Detections, among: Detections) -> NDArray[np.float32]:
    """(n,) for n places: the highest confidence `among` those of the same class and place; 0 where there is none."""
    there = iou_batch(places.xyxy, among.xyxy) >= _SAME_PLACE
    there &= places.class_id[:, None] == among.class_id[None]
    sure = np.where(there, among.confidence[None], np.float32(0))
    return np.asarray(sure.max(axis=1, initial=0.0), np.float32)
