"""Calibration of the confidence that routes, fitted on validation matches: a detection is right when it matched a label.

Classes of one group share a curve. A temperature or an isotonic curve is kept only where it predicts places it was not
fitted on better than the confidence itself does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from firewarden.inference.calibration import calibrate
from firewarden.models.tuning import CalibrationCurve
from firewarden.training.bootstrap import Interval, interval
from firewarden.training.metrics import PhotoMatch
from firewarden.training.shares import Places

CLASS_GROUPS: Mapping[str, tuple[str, ...]] = {
    "two_wheelers": ("bicycle", "ebike"),
    "people_and_vehicles": ("person", "vehicle"),
    "exits": ("door", "exit_sign", "chain_lock"),
    "extinguishers": ("extinguisher", "extinguisher_sign", "extinguisher_bracket", "fire_cabinet"),
    "goods": ("carton", "furniture", "clutter"),
    "electrics": ("power_cable", "power_strip"),
}
FLOOR = 0.05  # nothing below it is routed
MIN_ROWS, MIN_PLACES = 50, 10  # with less a curve would describe a few photos
BINS = 10
_FOLDS = 10
_TEMPERATURES = np.exp(np.linspace(np.log(0.2), np.log(5.0), 161))
_MAX_KNOTS = 20
Kind = Literal["none", "temperature", "isotonic"]
Values = NDArray[np.float64]
_Fit = Callable[[Values, Values], CalibrationCurve | None]


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """Detections from `FLOOR` up: `confidence (n,)`, `right (n,)` 0 or 1, `photo (n,)` row of the photo, `class_id (n,)`."""

    confidence: Values
    right: Values
    photo: NDArray[np.int64]
    class_id: NDArray[np.int64]

    def of_classes(self, class_ids: Sequence[int]) -> "Verdicts":
        rows = np.isin(self.class_id, np.asarray(class_ids, np.int64))
        return Verdicts(self.confidence[rows], self.right[rows], self.photo[rows], self.class_id[rows])


@dataclass(frozen=True, slots=True)
class GroupCalibration:
    """One group: the kept curve (None: confidence as it is), and log-loss and expected calibration error of the
    confidence and of the curve, the latter on places it was not fitted on."""

    classes: tuple[str, ...]
    n: int
    kind: Kind
    curve: CalibrationCurve | None
    log_loss_before: float | None = None
    log_loss_after: float | None = None
    ece_before: float | None = None
    ece_after: float | None = None
    ci_ece_before: Interval | None = None
    ci_ece_after: Interval | None = None

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def collect_verdicts(matches: Sequence[PhotoMatch]) -> Verdicts:
    """Verdicts at IoU 0.5; detections that an ignore region excuses are left out."""
    rows = [np.flatnonzero((m.confidence >= FLOOR) & ~m.ignored[0]) for m in matches]
    pairs = list(zip(matches, rows, strict=True))
    return Verdicts(
        np.concatenate([m.confidence[r].astype(np.float64) for m, r in pairs] or [np.empty(0)]),
        np.concatenate([m.hit[0, r].astype(np.float64) for m, r in pairs] or [np.empty(0)]),
        np.repeat(np.arange(len(matches)), [len(r) for r in rows]),
        np.concatenate([m.class_id[r] for m, r in pairs] or [np.empty(0, np.int64)]),
    )


def fit_calibration(
    matches: Sequence[PhotoMatch], groups: Sequence[str], class_names: Sequence[str], *, draws: int = 1000
) -> dict[str, GroupCalibration]:
    """A calibration for every class group that the model has; `groups` names the place of each photo."""
    verdicts, places = collect_verdicts(matches), Places.of(groups, draws=draws)
    fitted = {}
    for name, members in CLASS_GROUPS.items():
        classes = tuple(c for c in members if c in class_names)
        if classes:
            own = verdicts.of_classes([class_names.index(c) for c in classes])
            fitted[name] = _fit_group(own, places, classes)
    return fitted


def curves_by_class(fitted: Mapping[str, GroupCalibration]) -> dict[str, CalibrationCurve]:
    """The kept curves, as a manifest lists them."""
    return {name: g.curve for g in fitted.values() if g.curve is not None for name in g.classes}


def _fit_group(verdicts: Verdicts, places: Places, classes: tuple[str, ...]) -> GroupCalibration:
    place = places.group_of[verdicts.photo]
    n = len(place)
    if n < MIN_ROWS or len(np.unique(place)) < MIN_PLACES:
        return GroupCalibration(classes, n, "none", None)
    fits: dict[Kind, _Fit] = {
        "none": lambda _c, _r: None,
        "temperature": fit_temperature,
        "isotonic": fit_isotonic,
    }
    unseen = {kind: _unseen(verdicts, place, fit) for kind, fit in fits.items()}
    losses = {kind: log_loss(p, verdicts.right) for kind, p in unseen.items()}
    best = min(losses, key=lambda kind: losses[kind])  # the first among equals: the simplest
    before, after = (calibration_error(p, verdicts, places) for p in (verdicts.confidence, unseen[best]))
    curve = fits[best](verdicts.confidence, verdicts.right)
    return GroupCalibration(
        classes, n, best, curve, losses["none"], losses[best], before[0], after[0], before[1], after[1]
    )


def _unseen(verdicts: Verdicts, place: NDArray[np.int64], fit: _Fit) -> Values:
    """Probabilities of each row from a curve fitted without its place (places dealt into folds by number)."""
    probability = np.empty(len(place))
    for fold in range(_FOLDS):
        held = place % _FOLDS == fold
        curve = fit(verdicts.confidence[~held], verdicts.right[~held])
        probability[held] = calibrate(verdicts.confidence[held], curve)
    return probability


def fit_temperature(confidence: Values, right: Values) -> float:
    """The temperature of the lowest log-loss, from 0.2 to 5 in steps of 2 %."""
    losses = [log_loss(calibrate(confidence, float(t)), right) for t in _TEMPERATURES]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 4)


def fit_isotonic(confidence: Values, right: Values) -> CalibrationCurve | None:
    """Pool adjacent violators over at most 20 bins of equally many rows; each bin is drawn one row towards 0.5 by the rule
    of succession. None where only one level is left."""
    order = np.argsort(confidence, kind="stable")
    bins = [b for b in np.array_split(order, min(_MAX_KNOTS, max(1, len(order) // 10))) if len(b)]
    blocks: list[tuple[float, float, float]] = []  # rows, sum of confidence, sum of right
    for rows in bins:
        blocks.append((float(len(rows)), float(confidence[rows].sum()), float(right[rows].sum())))
        while len(blocks) > 1 and _level(blocks[-2]) >= _level(blocks[-1]):
            last, previous = blocks.pop(), blocks.pop()
            blocks.append((last[0] + previous[0], last[1] + previous[1], last[2] + previous[2]))
    knots = {round(total / n, 4): round(_level((n, total, hits)), 4) for n, total, hits in blocks}
    return tuple(sorted(knots.items())) if len(knots) > 1 else None


def _level(block: tuple[float, float, float]) -> float:
    return (block[2] + 1) / (block[0] + 2)


def log_loss(probability: Values, right: Values) -> float:
    """Mean negative log-likelihood; probabilities are kept 1e-6 from 0 and 1."""
    p = probability.clip(1e-6, 1 - 1e-6)
    return float(-np.mean(right * np.log(p) + (1 - right) * np.log(1 - p)))


def calibration_error(
    probability: Values, verdicts: Verdicts, places: Places
) -> tuple[float | None, Interval | None]:
    """Expected calibration error over ten equal bins, weighted by rows, and its interval over places."""
    rows, claimed, right = bin_sums(probability, verdicts, places)
    if not rows.sum():
        return None, None
    drawn = _weighted_gap(places.weights @ rows, places.weights @ claimed, places.weights @ right)
    whole = _weighted_gap(rows.sum(axis=0)[None], claimed.sum(axis=0)[None], right.sum(axis=0)[None])
    return float(whole[0]), interval(drawn) if int((rows.sum(axis=1) > 0).sum()) > 1 else None


def bin_sums(probability: Values, verdicts: Verdicts, places: Places) -> tuple[Values, Values, Values]:
    """Rows, claimed probability and right ones as sums (places, bins)."""
    count = places.weights.shape[1]
    bins = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    cell = places.group_of[verdicts.photo] * BINS + bins
    sums = [
        np.asarray(np.bincount(cell, weights, count * BINS), np.float64).reshape(count, BINS)
        for weights in (np.ones(len(cell)), probability, verdicts.right)
    ]
    return sums[0], sums[1], sums[2]


def _weighted_gap(rows: Values, claimed: Values, right: Values) -> Values:
    """(draws,) from sums (draws, bins)."""
    total = rows.sum(axis=1)
    gap = np.abs(claimed - right).sum(axis=1)
    return np.asarray(np.divide(gap, total, out=np.full(len(total), np.nan), where=total > 0))
