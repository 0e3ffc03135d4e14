"""What a hazard's reports become when the thresholds of its deciding classes move together: the rules asked again for every
confidence at which something changes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firewarden.findings import InspectionContext, Outcome
from firewarden.inference.grading import assess
from firewarden.inference.hazards import find_hazards
from firewarden.inference.rules import Rules
from firewarden.inference.scene import settle_scene
from firewarden.inference.view import View
from firewarden.models.manifest import ModelManifest
from firewarden.training.expectations import REAL
from firewarden.training.figures import MeasuredPhoto

DECIDING: Mapping[str, tuple[str, ...]] = {  # hazard -> classes without which it is not reported
    "indoor_ebike": ("ebike",),
    "missing_extinguisher": ("extinguisher_sign", "extinguisher_bracket"),
    "blocked_exit": ("door",),
    "flying_charging_cable": ("power_cable", "power_strip"),
}
ALSO: Mapping[
    str, tuple[tuple[str, ...], ...]
] = {  # further classes a hazard can rest on, moved after the deciding ones
    "blocked_exit": (("chain_lock",), ("exit_sign",), ("carton",)),
}
LOWEST = 0.03  # no threshold is tried below it


@dataclass(frozen=True, slots=True, eq=False)
class PhotoSteps:
    """One judged photo. `confidence (m,)` of deciding rows, rising; `found (m + 1,)`: is the hazard reported when just the
    k lowest of them are dropped?"""

    confidence: NDArray[np.float64]
    found: NDArray[np.bool_]
    shown: bool
    origin: str = REAL
    place: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """`found (photos, t)` at rising `thresholds (t,)`; `shown (photos,)` says which photos show the hazard. `weight (photos,)`
    is what a photo counts among false alarms: 1, but the made pictures of one place together count once."""

    thresholds: NDArray[np.float64]
    found: NDArray[np.bool_]
    shown: NDArray[np.bool_]
    origins: tuple[str, ...]
    weight: NDArray[np.float64]

    @property
    def recall(self) -> NDArray[np.float64]:
        """(t,), NaN when no photo shows the hazard."""
        return _means(self.found[self.shown])

    @property
    def precision(self) -> NDArray[np.float64]:
        """(t,), NaN where nothing is reported."""
        hits, reports = self.found[self.shown].sum(axis=0), self.found.sum(axis=0)
        return np.asarray(np.divide(hits, reports, out=np.full(len(hits), np.nan), where=reports > 0))

    @property
    def clear_places(self) -> int:
        """Photos without the hazard, the made pictures of one place counted once."""
        return round(float(self.weight[~self.shown].sum()))

    @property
    def false_alarms(self) -> NDArray[np.float64]:
        """False alarms a photo without the hazard (t,), NaN without such a photo."""
        clear = self.weight[~self.shown]
        if not clear.sum():
            return np.full(self.found.shape[1], np.nan)
        return np.asarray(clear @ self.found[~self.shown] / clear.sum(), np.float64)

    def of_origin(self, origin: str) -> "Sweep":
        """The rows of one origin."""
        rows = np.array([o == origin for o in self.origins], np.bool_)
        kept = tuple(o for o in self.origins if o == origin)
        return Sweep(self.thresholds, self.found[rows], self.shown[rows], kept, self.weight[rows])


def sweep_hazard(
    hazard: str,
    photos: Sequence[MeasuredPhoto],
    manifest: ModelManifest,
    rules: Rules,
    classes: Sequence[str] | None = None,
) -> Sweep:
    """The hazard at every threshold of `classes` (its deciding ones) that changes something, the other classes at the
    manifest's operating points.

    Photos that do not judge the hazard are left out. Nobody names the place.
    """
    moved = tuple(classes or DECIDING[hazard])
    judged = [p for p in photos if p.listed.expected is not None and p.listed.expected.judges(hazard)]
    return gather_steps([steps_of(hazard, photo, manifest, rules, moved) for photo in judged])


def gather_steps(steps: Sequence[PhotoSteps]) -> Sweep:
    """Photos side by side, over the lowest threshold and just above each confidence of any of them."""
    seen = np.concatenate([s.confidence for s in steps] or [np.empty(0)])
    above = np.maximum(np.ceil(seen * 1e4 + 1) / 1e4, LOWEST)
    thresholds = np.unique(np.append(above, LOWEST))
    rows = [s.found[np.searchsorted(s.confidence, thresholds, side="left")] for s in steps]
    return Sweep(
        thresholds,
        np.array(rows, np.bool_).reshape(len(steps), len(thresholds)),
        np.array([s.shown for s in steps], np.bool_),
        tuple(s.origin for s in steps),
        _weights(steps),
    )


def _weights(steps: Sequence[PhotoSteps]) -> NDArray[np.float64]:
    """1 for a real photo; made pictures of one place share 1, those with and those without the hazard apart: one stubborn
    photo that was edited twenty times is one false alarm."""
    keys = [
        (s.origin, s.place, s.shown) if s.origin != REAL and s.place else number
        for number, s in enumerate(steps)
    ]
    sizes = Counter(keys)
    return np.array([1 / sizes[key] for key in keys], np.float64)


def steps_of(
    hazard: str, photo: MeasuredPhoto, manifest: ModelManifest, rules: Rules, classes: tuple[str, ...]
) -> PhotoSteps:
    """Ask the rules once for each number of rows of the moved classes dropped."""
    deciding = [manifest.class_names.index(name) for name in classes]
    rows = photo.detections.confidence[photo.detections.rows_of(deciding)]
    levels = np.unique(rows[rows >= LOWEST].astype(np.float64))
    thresholds = [LOWEST, *(np.nextafter(np.float32(level), np.float32(2)) for level in levels)]
    found = [_reports(hazard, dict.fromkeys(classes, float(t)), photo, manifest, rules) for t in thresholds]
    expected = photo.listed.expected
    shown = expected is not None and hazard in expected.hazards
    return PhotoSteps(levels, np.array(found, np.bool_), shown, photo.listed.origin, photo.listed.place)


def _reports(
    hazard: str, moved: Mapping[str, float], photo: MeasuredPhoto, manifest: ModelManifest, rules: Rules
) -> bool:
    points = {**manifest.operating_points, **moved}
    view = View(
        photo.detections, manifest.class_names, points, manifest.default_operating_point, photo.image_hw
    )
    context = InspectionContext()
    scene = settle_scene(context, view, photo.probabilities, rules)
    findings = (f for f in find_hazards(view, scene, rules, context) if f.hazard == hazard)
    return any(assess(f, scene, rules, context).outcome is Outcome.HAZARD for f in findings)


def _means(found: NDArray[np.bool_]) -> NDArray[np.float64]:
    return found.mean(axis=0) if len(found) else np.full(found.shape[1], np.nan)
