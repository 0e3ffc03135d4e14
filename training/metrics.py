"""Detection metrics by the COCO definitions, with ignore regions and intervals over places. numpy only.

AP is the 101-point interpolated one; mAP50-95 averages it over IoU 0.50:0.05:0.95. Detections match ground truth of
their class greedily by falling confidence. A detection without a match counts neither way when at least half of its own
area lies in one ignore box of its class; a full-image ignore box therefore means "this class was not checked here".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firewarden.detections import Detections
from firewarden.geometry import Boxes, inside_share_batch, iou_batch
from firewarden.training.bootstrap import Interval, Weights, draw_weights, group_ids, interval

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_POINTS = np.linspace(0.0, 1.0, 101)
_IGNORED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """Labels of one photo in original pixels: objects `class_id (n,)`, `xyxy (n, 4)`; ignore boxes likewise."""

    class_id: NDArray[np.int64]
    xyxy: Boxes
    ignore_class_id: NDArray[np.int64]
    ignore_xyxy: Boxes


@dataclass(frozen=True, slots=True)
class PhotoMatch:
    """Verdicts on the detections of one photo, by IoU threshold: `hit` and `ignored` are (10, n)."""

    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]
    hit: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    truth_class_id: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PrCurve:
    """One class at IoU 0.5: what is found at each distinct confidence, falling. `n` is the number of objects."""

    confidence: NDArray[np.float32]
    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]
    n: int

    @property
    def precision(self) -> NDArray[np.float64]:
        return np.asarray(self.true_positives / (self.true_positives + self.false_positives), np.float64)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Zeros when there is nothing to find."""
        return np.asarray(self.true_positives / max(self.n, 1), np.float64)

    def at(self, threshold: float) -> tuple[float | None, float | None]:
        """Precision and recall of the rows at or above a threshold; None where undefined."""
        rows = int((self.confidence >= np.float32(threshold)).sum())
        precision = float(self.precision[rows - 1]) if rows else None
        if not self.n:
            return precision, None
        return precision, float(self.recall[rows - 1]) if rows else 0.0


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """One class. AP and recall are None when no object of it was labelled: unknown, not zero."""

    n: int
    map50: float | None
    map50_95: float | None
    ci_map50: Interval | None
    ci_map50_95: Interval | None
    operating_point: float
    precision: float | None
    recall: float | None
    curve: PrCurve


@dataclass(frozen=True, slots=True)
class DetectionMetrics:
    """Means over the classes that have objects, and each class by name."""

    map50: float | None
    map50_95: float | None
    ci_map50: Interval | None
    ci_map50_95: Interval | None
    per_class: Mapping[str, ClassMetrics]


def match_photo(detections: Detections, truth: GroundTruth) -> PhotoMatch:
    """Match one photo's detections with its labels; a match takes precedence over an ignore region."""
    order = np.argsort(-detections.confidence, kind="stable")
    detections = detections[order]
    hit = np.zeros((len(IOU_THRESHOLDS), len(detections)), np.bool_)
    for class_id in np.intersect1d(detections.class_id, truth.class_id):
        rows = detections.rows_of([int(class_id)])
        iou = iou_batch(detections.xyxy[rows], truth.xyxy[truth.class_id == class_id])
        for level, threshold in enumerate(IOU_THRESHOLDS):
            hit[level, rows] = _greedy_hits(iou, float(threshold))
    inside = inside_share_batch(detections.xyxy, truth.ignore_xyxy) >= _IGNORED_SHARE
    excused = (inside & (detections.class_id[:, None] == truth.ignore_class_id[None])).any(axis=1)
    return PhotoMatch(detections.confidence, detections.class_id, hit, excused[None] & ~hit, truth.class_id)


def _greedy_hits(iou: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Rows of `iou (detections, objects)` in falling confidence: each takes its best free object at the threshold."""
    hits = np.zeros(len(iou), np.bool_)
    free = np.ones(iou.shape[1], np.bool_)
    for row in np.flatnonzero(iou.max(axis=1) >= threshold):
        candidates = np.where(free, iou[row], -1.0)
        best = int(candidates.argmax())
        if candidates[best] >= threshold:
            hits[row], free[best] = True, False
    return hits


def measure(
    matches: Sequence[PhotoMatch],
    groups: Sequence[str],
    class_names: Sequence[str],
    operating_points: Mapping[str, float],
    *,
    draws: int = 1000,
    seed: int = 0,
) -> DetectionMetrics:
    """Metrics of matched photos. `groups` names the place of each photo: intervals resample places.

    `operating_points` gives every class its confidence threshold.
    """
    group_of, group_count = group_ids(groups)
    pool = _Pool.of(matches, group_of, group_count)
    drawn = draw_weights(group_count, draws=draws, seed=seed)
    weights = np.concatenate([np.ones((1, group_count)), drawn])  # row 0 is the set as it is
    ap = np.stack(
        [pool.average_precisions(c, weights) for c in range(len(class_names))]
    )  # (classes, 10, 1 + draws)
    per_class = {
        name: _class_metrics(ap[c], pool, c, operating_points[name]) for c, name in enumerate(class_names)
    }
    known = ap[[m.n > 0 for m in per_class.values()]]
    ap50, ap50_95 = _mean_of_known(known[:, 0]), _mean_of_known(known.mean(axis=1))
    several = group_count > 1
    return DetectionMetrics(
        _finite(ap50[0]),
        _finite(ap50_95[0]),
        interval(ap50[1:]) if several else None,
        interval(ap50_95[1:]) if several else None,
        per_class,
    )


@dataclass(frozen=True, slots=True)
class _Pool:
    """Detections of all photos in falling confidence, and the objects by class, each with its place group."""

    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]
    hit: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    group: NDArray[np.int64]
    truth_class_id: NDArray[np.int64]
    truth_group: NDArray[np.int64]
    group_count: int

    @staticmethod
    def of(matches: Sequence[PhotoMatch], group_of: NDArray[np.int64], group_count: int) -> "_Pool":
        levels = len(IOU_THRESHOLDS)
        confidence = np.concatenate([m.confidence for m in matches] or [np.empty(0, np.float32)])
        order = np.argsort(-confidence, kind="stable")
        return _Pool(
            confidence[order],
            np.concatenate([m.class_id for m in matches] or [np.empty(0, np.int64)])[order],
            np.concatenate([m.hit for m in matches] or [np.empty((levels, 0), np.bool_)], axis=1)[:, order],
            np.concatenate([m.ignored for m in matches] or [np.empty((levels, 0), np.bool_)], axis=1)[
                :, order
            ],
            np.repeat(group_of, [len(m.confidence) for m in matches])[order],
            np.concatenate([m.truth_class_id for m in matches] or [np.empty(0, np.int64)]),
            np.repeat(group_of, [len(m.truth_class_id) for m in matches]),
            group_count,
        )

    def objects_by_group(self, class_id: int) -> NDArray[np.int64]:
        """Objects of a class in each group (groups,)."""
        return np.bincount(self.truth_group[self.truth_class_id == class_id], minlength=self.group_count)

    def average_precisions(self, class_id: int, weights: Weights) -> NDArray[np.float64]:
        """AP (10, draws) of a class when each group counts `weights (draws, groups)` times; NaN without objects."""
        rows = np.flatnonzero(self.class_id == class_id)
        objects = self.objects_by_group(class_id)
        levels = []
        for hit, ignored in zip(self.hit[:, rows], self.ignored[:, rows], strict=True):
            counted = ~ignored
            levels.append(average_precision(hit[counted], self.group[rows][counted], objects, weights))
        return np.stack(levels)

    def curve(self, class_id: int) -> PrCurve:
        """The PR curve of a class at IoU 0.5; rows of equal confidence stand or fall together."""
        rows = np.flatnonzero((self.class_id == class_id) & ~self.ignored[0])
        confidence, hit = self.confidence[rows], self.hit[0, rows]
        last = np.flatnonzero(np.diff(confidence, append=np.float32(-1.0)) != 0)
        n = int((self.truth_class_id == class_id).sum())
        return PrCurve(confidence[last], np.cumsum(hit)[last], np.cumsum(~hit)[last], n)


def average_precision(
    hit: NDArray[np.bool_], group: NDArray[np.int64], objects: NDArray[np.int64], weights: Weights
) -> NDArray[np.float64]:
    """101-point AP (draws,) of rows in falling confidence; NaN for draws without objects.

    `hit (n,)`, `group (n,)`; `objects (groups,)`; each group counts `weights (draws, groups)` times. Interpolated
    precision can only peak at a hit, so only hits are sampled and misses enter as counts before each of them.
    """
    total = weights @ objects  # (draws,)
    rows = np.flatnonzero(hit)
    missed = np.flatnonzero(~hit)
    cell = np.searchsorted(rows, missed) * len(objects) + group[missed]
    missed_between = np.bincount(cell, minlength=(len(rows) + 1) * len(objects)).reshape(len(rows) + 1, -1)
    missed_before = missed_between.cumsum(axis=0)[: len(rows)]  # (hits, groups)
    true_positives = weights[:, group[rows]].cumsum(axis=1)  # (draws, hits)
    false_positives = weights @ missed_before.T
    precision = _share(true_positives, true_positives + false_positives)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    reached = np.searchsorted(RECALL_POINTS, _share(true_positives, total[:, None]), side="right")
    area = (envelope * np.diff(reached, axis=1, prepend=0)).sum(axis=1) / len(RECALL_POINTS)
    return np.where(total > 0, area, np.nan)


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _class_metrics(
    ap: NDArray[np.float64], pool: _Pool, class_id: int, operating_point: float
) -> ClassMetrics:
    curve = pool.curve(class_id)
    precision, recall = curve.at(operating_point)
    mean = ap.mean(axis=0)
    several = int((pool.objects_by_group(class_id) > 0).sum()) > 1
    return ClassMetrics(
        n=curve.n,
        map50=_finite(ap[0, 0]),
        map50_95=_finite(mean[0]),
        ci_map50=interval(ap[0, 1:]) if several else None,
        ci_map50_95=interval(mean[1:]) if several else None,
        operating_point=operating_point,
        precision=precision,
        recall=recall,
        curve=curve,
    )


def _mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over classes (classes, draws) -> (draws,), leaving out NaN; NaN where no class is known."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=0)
    mean = np.full(values.shape[1], np.nan)
    return np.asarray(np.divide(total, known.sum(axis=0), out=mean, where=known.any(axis=0)), np.float64)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
