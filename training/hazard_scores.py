"""Hazards against expectations, photo by photo: one photo either shows a hazard or does not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firewarden.findings import Outcome
from firewarden.inspection import InspectionResult
from firewarden.training.bootstrap import Interval
from firewarden.training.expectations import HARD_NEGATIVES, Expectation
from firewarden.training.shares import NOTHING, Places, Share


@dataclass(frozen=True, slots=True)
class PhotoHazards:
    """Hazards the system reports on one photo, by graded outcome; `expected` is None where nobody said."""

    found: frozenset[str]
    needs_second_frame: frozenset[str]
    needs_site_check: frozenset[str]
    expected: Expectation | None

    def judged(self, hazard: str) -> bool:
        return self.expected is not None and self.expected.judges(hazard)

    def shows(self, hazard: str) -> bool:
        return self.expected is not None and self.judged(hazard) and hazard in self.expected.hazards


@dataclass(frozen=True, slots=True)
class HazardScore:
    """One hazard over all photos. `n` photos show it, `found` photos were reported with it; precision, recall and
    false alarms per photo are over judged photos only and None where undefined.

    `hard_negatives`: false alarms among photos of each look-alike. `pairs`: couples of pictures that differ in one thing,
    one with and one without the hazard, and how many were both told right.
    """

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
    ci_fp_per_image: Interval | None = None
    hard_negatives: Mapping[str, Share] = field(default_factory=dict)
    pairs: Share = NOTHING

    def to_json(self) -> dict[str, Any]:
        apart = ("hard_negatives", "pairs")
        plain = {n: getattr(self, n) for n in self.__slots__ if not n.startswith("ci_") and n not in apart}
        return {
            **plain,
            "ci": {
                "precision": self.ci_precision,
                "recall": self.ci_recall,
                "fp_per_image": self.ci_fp_per_image,
            },
            "hard_negatives": {
                name: share.to_json("false_alarms", "photos") for name, share in self.hard_negatives.items()
            },
            "pairs": self.pairs.to_json("right"),
        }


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
    photos: Sequence[PhotoHazards],
    groups: Sequence[str],
    *,
    draws: int = 1000,
    seed: int = 0,
    also: Iterable[str] = (),
) -> dict[str, HazardScore]:
    """Scores of every hazard that is expected or reported anywhere, and of those of `also` that any photo judges: never
    reported is a figure too. `groups` names the place of each photo."""
    kept = [i for i, photo in enumerate(photos) if photo.expected is None or not photo.expected.ambiguous]
    photos, groups = [photos[i] for i in kept], [groups[i] for i in kept]
    names = {hazard for hazard in also if any(photo.judged(hazard) for photo in photos)}
    for photo in photos:
        names |= photo.found | photo.needs_second_frame | photo.needs_site_check
        names |= photo.expected.hazards if photo.expected else frozenset()
    places = Places.of(groups, draws=draws, seed=seed)
    couples = hazard_couples(photos)
    return {name: _score(name, photos, places, couples) for name in sorted(names)}


def _score(
    name: str, photos: Sequence[PhotoHazards], places: Places, couples: Sequence["Couple"]
) -> HazardScore:
    judged = _mask(photo.judged(name) for photo in photos)
    shown = _mask(photo.shows(name) for photo in photos)
    found = _mask(name in photo.found for photo in photos)
    alarms = judged & found & ~shown
    precision = places.share(shown & found, judged & found)
    recall = places.share(shown & found, shown)
    false_alarms = places.share(alarms, judged)
    return HazardScore(
        n=int(shown.sum()),
        found=int(found.sum()),
        judged_photos=int(judged.sum()),
        precision=precision.rate,
        recall=recall.rate,
        fp_per_image=false_alarms.rate,
        needs_second_frame=sum(name in p.needs_second_frame for p in photos),
        needs_site_check=sum(name in p.needs_site_check for p in photos),
        ci_precision=precision.ci,
        ci_recall=recall.ci,
        ci_fp_per_image=false_alarms.ci,
        hard_negatives=_hard_negatives(name, photos, places, alarms, judged & ~shown),
        pairs=score_couples(photos, [c for c in couples if c.hazard == name], places),
    )


def _hard_negatives(
    hazard: str,
    photos: Sequence[PhotoHazards],
    places: Places,
    alarms: NDArray[np.bool_],
    clear: NDArray[np.bool_],
) -> dict[str, Share]:
    """False alarms of a hazard among photos of each look-alike that is there."""
    shares = {}
    for name, mistaken_for in HARD_NEGATIVES.items():
        shows = _mask(p.expected is not None and name in p.expected.hard_negatives for p in photos) & clear
        if hazard in mistaken_for and shows.any():
            shares[name] = places.share(alarms & shows, shows)
    return shares


@dataclass(frozen=True, slots=True)
class Couple:
    """Two pictures of one pair by row number: `present` shows the hazard, `absent` does not."""

    hazard: str
    present: int
    absent: int


def hazard_couples(photos: Sequence[PhotoHazards]) -> list[Couple]:
    """Every couple of pictures with one pair id of which one shows a hazard and the other is judged not to."""
    rows: dict[str, list[int]] = {}
    for row, photo in enumerate(photos):
        if photo.expected is not None and photo.expected.pair is not None and not photo.expected.ambiguous:
            rows.setdefault(photo.expected.pair, []).append(row)
    return [
        Couple(hazard, present, absent)
        for members in rows.values()
        for present, absent in product(members, members)
        for hazard in sorted(_shown(photos[present]))
        if photos[absent].judged(hazard) and not photos[absent].shows(hazard)
    ]


def _shown(photo: PhotoHazards) -> frozenset[str]:
    return frozenset(h for h in photo.expected.hazards if photo.judged(h)) if photo.expected else frozenset()


def score_couples(photos: Sequence[PhotoHazards], couples: Sequence[Couple], places: Places) -> Share:
    """Couples told right: the hazard found in one picture and not in the other. A couple lies where its first one lies."""
    n, right = np.zeros(len(photos)), np.zeros(len(photos))
    for couple in couples:
        n[couple.present] += 1
        hit = couple.hazard in photos[couple.present].found
        right[couple.present] += hit and couple.hazard not in photos[couple.absent].found
    return places.share(right, n)


def _mask(values: Any) -> NDArray[np.bool_]:
    return np.fromiter(values, np.bool_)
