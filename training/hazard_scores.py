"""Hazards against expectations, photo by photo: one photo either shows a hazard or does not."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firewarden.errors import DatasetError
from firewarden.findings import InspectionResult, Outcome
from firewarden.training.bootstrap import Interval, draw_weights, group_ids, interval


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a person expects of one photo. `optional` hazards count neither way; an `ambiguous` photo is not judged."""

    hazards: frozenset[str]
    optional: frozenset[str]
    ambiguous: bool
    scene: str | None


@dataclass(frozen=True, slots=True)
class PhotoHazards:
    """Hazards the system reports on one photo, by graded outcome; `expected` is None where nobody said."""

    found: frozenset[str]
    needs_second_frame: frozenset[str]
    needs_site_check: frozenset[str]
    expected: Expectation | None


@dataclass(frozen=True, slots=True)
class HazardScore:
    """One hazard over all photos. `n` photos show it, `found` photos were reported with it; precision, recall and
    false alarms per photo are over judged photos only and None where undefined."""

    n: int
    found: int
    judged_photos: int
    precision: float | None
    recall: float | None
    fp_per_image: float | None
    needs_second_frame: int
    needs_site_check: int
    ci_precision: Interval | None
    ci_recall: Interval | None

    def to_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in self.__slots__ if not name.startswith("ci_")}
        return {**plain, "ci": {"precision": self.ci_precision, "recall": self.ci_recall}}


def read_expectations(path: Path) -> dict[str, Expectation]:
    """Expectations by photo stem from expect.json; raises DatasetError naming the photo that cannot be read."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{path}: {error}. Expected JSON: photo stem -> {{hazards, scene, ...}}."
        ) from error
    if not isinstance(table, dict):
        raise DatasetError(
            f"{path} holds a {type(table).__name__}, expected photo stem -> {{hazards, scene, ...}}."
        )
    return {stem: _expectation(row, f"{path}: {stem}") for stem, row in table.items()}


def _expectation(row: Any, where: str) -> Expectation:
    lists = [row.get(key, []) for key in ("hazards", "optional_hazards")] if isinstance(row, dict) else []
    if not lists or not all(
        isinstance(names, list) and all(isinstance(n, str) for n in names) for names in lists
    ):
        raise DatasetError(
            f"{where} is {row!r}, expected {{hazards: [...], optional_hazards: [...]}}. Fix the row."
        )
    return Expectation(frozenset(lists[0]), frozenset(lists[1]), bool(row.get("ambiguous")), row.get("scene"))


def photo_hazards(result: InspectionResult, expected: Expectation | None) -> PhotoHazards:
    """Hazards of one inspection by graded outcome. A hazard that is reported needs no second look."""
    by_outcome = {
        outcome: frozenset(
            f.hazard for f, a in zip(result.findings, result.assessments, strict=True) if a.outcome is outcome
        )
        for outcome in (Outcome.HAZARD, Outcome.NEEDS_SECOND_FRAME, Outcome.NEEDS_SITE_CHECK)
    }
    found = by_outcome[Outcome.HAZARD]
    return PhotoHazards(
        found,
        by_outcome[Outcome.NEEDS_SECOND_FRAME] - found,
        by_outcome[Outcome.NEEDS_SITE_CHECK] - found,
        expected,
    )


def score_hazards(
    photos: Sequence[PhotoHazards], groups: Sequence[str], *, draws: int = 1000, seed: int = 0
) -> dict[str, HazardScore]:
    """Scores of every hazard that is expected or reported anywhere. `groups` names the place of each photo."""
    kept = [i for i, photo in enumerate(photos) if photo.expected is None or not photo.expected.ambiguous]
    photos, groups = [photos[i] for i in kept], [groups[i] for i in kept]
    names: set[str] = set()
    for photo in photos:
        names |= photo.found | photo.needs_second_frame | photo.needs_site_check
        names |= photo.expected.hazards if photo.expected else frozenset()
    group_of, group_count = group_ids(groups)
    weights = draw_weights(group_count, draws=draws, seed=seed)
    return {name: _score(name, photos, group_of, weights) for name in sorted(names)}


def _score(
    name: str, photos: Sequence[PhotoHazards], group_of: NDArray[np.int64], weights: NDArray[np.float64]
) -> HazardScore:
    judged = np.array([p.expected is not None and name not in p.expected.optional for p in photos], np.bool_)
    shown = (
        np.array([p.expected is not None and name in p.expected.hazards for p in photos], np.bool_) & judged
    )
    found = np.array([name in p.found for p in photos], np.bool_)
    count = {"tp": shown & found, "fp": judged & found & ~shown, "shown": shown, "judged": judged}
    by_group = {k: np.bincount(group_of, rows, minlength=weights.shape[1]) for k, rows in count.items()}
    total = {key: float(rows.sum()) for key, rows in count.items()}
    drawn = {key: weights @ rows for key, rows in by_group.items()}
    several = weights.shape[1] > 1
    return HazardScore(
        n=int(total["shown"]),
        found=int(found.sum()),
        judged_photos=int(total["judged"]),
        precision=_ratio(total["tp"], total["tp"] + total["fp"]),
        recall=_ratio(total["tp"], total["shown"]),
        fp_per_image=_ratio(total["fp"], total["judged"]),
        needs_second_frame=sum(name in p.needs_second_frame for p in photos),
        needs_site_check=sum(name in p.needs_site_check for p in photos),
        ci_precision=interval(_ratios(drawn["tp"], drawn["tp"] + drawn["fp"])) if several else None,
        ci_recall=interval(_ratios(drawn["tp"], drawn["shown"])) if several else None,
    )


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _ratios(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
