"""Class thresholds chosen by what they do to the hazard they decide: the most hazards found within a stated budget of false
alarms.

A hazard that is missed costs more than a second look, so the class's own best F1 is the wrong measure: street crowds decide
the one of e-bikes, and a sign of an empty place is one sign among hundreds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from firewarden.inference.rules import Rules
from firewarden.models.manifest import ModelManifest
from firewarden.models.tuning import HazardBudget, Reached, allows_an_alarm
from firewarden.training.expectations import ORIGINS
from firewarden.training.figures import MeasuredPhoto
from firewarden.training.hazard_sweep import ALSO, DECIDING, Sweep, sweep_hazard

ALSO_LOWEST: Mapping[str, float] = {  # of classes a hazard can rest on as well
    "chain_lock": 0.03,  # small, and counts only on a door
    "exit_sign": 0.10,  # and cartons: lower, photos without any hazard begin to draw questions about goods in corridors
    "carton": 0.20,
}
MIN_SHOWN, MIN_CLEAR = 5, 10  # photos; with fewer a threshold would describe single photos


@dataclass(frozen=True, slots=True)
class Budget:
    """False alarms allowed a photo without the hazard, and the lowest threshold worth trying for its classes."""

    false_alarms_a_photo: float
    lowest: float = 0.05


BUDGETS: Mapping[str, Budget] = {
    # half-hidden e-bikes in lifts are seen at 0.05, less in int8; outdoors the scene keeps alarms away. Most photos show no
    # e-bike: with one in thirty that does, three alarms in a hundred would be half of all reports
    "indoor_ebike": Budget(0.01, lowest=0.03),
    "missing_extinguisher": Budget(0.01, lowest=0.05),
    "blocked_exit": Budget(
        0.05, lowest=0.03
    ),  # half of a door, cut by the frame, under a sure sign is seen at 0.03
    "flying_charging_cable": Budget(0.05),  # 0.1 would be allowed; photos without any hazard shall stay clean
}


@dataclass(frozen=True, slots=True)
class HazardPoints:
    """Thresholds by class that hazards decide, and what each was chosen for, by hazard."""

    points: Mapping[str, float]
    budgets: Mapping[str, HazardBudget]


def choose_hazard_points(
    photos: Sequence[MeasuredPhoto], manifest: ModelManifest, rules: Rules, data: Mapping[str, str]
) -> HazardPoints:
    """Thresholds of the deciding classes of every hazard that enough photos show and enough do not, one hazard after the
    other, and then those of the other classes it can rest on. The manifest's operating points stand for all other classes.
    `data` names the folders of each origin, for the record."""
    points: dict[str, float] = {}
    budgets: dict[str, HazardBudget] = {}
    for hazard, budget in BUDGETS.items():
        if hazard not in rules.hazards or not set(DECIDING[hazard]) <= set(manifest.class_names):
            continue
        for classes in (DECIDING[hazard], *ALSO.get(hazard, ())):
            current = replace(manifest, operating_points={**manifest.operating_points, **points})
            sweep = sweep_hazard(hazard, photos, current, rules, classes)
            shown = int(sweep.shown.sum())
            if shown < MIN_SHOWN or len(sweep.shown) - shown < MIN_CLEAR:
                break
            lowest = budget.lowest if classes == DECIDING[hazard] else ALSO_LOWEST[classes[0]]
            threshold, column = choose_threshold(sweep, replace(budget, lowest=lowest))
            points |= dict.fromkeys(classes, threshold)
            budgets[hazard] = _reached(sweep, column, budget, data)
    return HazardPoints(points, budgets)


def choose_threshold(sweep: Sweep, budget: Budget) -> tuple[float, int]:
    """The threshold within the budget that finds most hazards, the lowest among equals, and its column in the sweep.

    The budget holds for each origin by itself that has photos enough for one alarm to be within it; recall is the mean over
    origins that show the hazard often enough. Where nothing keeps within the budget, the threshold with the fewest alarms.
    """
    first = max(int(np.searchsorted(sweep.thresholds, budget.lowest, side="right")) - 1, 0)
    over = np.max([_over_budget(p, budget.false_alarms_a_photo) for p in _accountable(sweep, budget)], axis=0)
    merit = np.where(over > 0, -over, _recall(sweep))[first:]
    column = first + int(np.argmax(merit))  # thresholds rise: the first is the lowest
    return max(budget.lowest, float(sweep.thresholds[column])), column


def _accountable(sweep: Sweep, budget: Budget) -> list[Sweep]:
    """The origins that the budget is held to, each by itself; all photos together where none has enough."""
    parts = [sweep.of_origin(origin) for origin in sorted(set(sweep.origins))]
    return [p for p in parts if allows_an_alarm(p.clear_places, budget.false_alarms_a_photo)] or [sweep]


def _over_budget(sweep: Sweep, allowed_a_photo: float) -> NDArray[np.float64]:
    """Alarms (t,) beyond what the budget allows on photos without the hazard; none where there is no such photo."""
    clear = sweep.weight[~sweep.shown]
    allowed = allowed_a_photo * clear.sum()
    return np.asarray((clear @ sweep.found[~sweep.shown] - allowed - 1e-9).clip(0), np.float64)


def _recall(sweep: Sweep) -> NDArray[np.float64]:
    """Mean (t,) over the origins that show the hazard often enough, else over all photos; zeros when none shows it."""
    parts = [sweep.of_origin(origin) for origin in sorted(set(sweep.origins))]
    known = [part.recall for part in parts if part.shown.sum() >= MIN_SHOWN] or [sweep.recall]
    return np.asarray(np.nan_to_num(np.mean(known, axis=0)), np.float64)


def _reached(sweep: Sweep, column: int, budget: Budget, data: Mapping[str, str]) -> HazardBudget:
    there = sorted(set(sweep.origins), key=ORIGINS.index)
    reached = {o: _reached_on(sweep.of_origin(o), column, data.get(o, "")) for o in there}
    return HazardBudget(budget.false_alarms_a_photo, reached)


def _reached_on(part: Sweep, column: int, data: str) -> Reached:
    shown = int(part.shown.sum())
    alarms, recall = float(part.false_alarms[column]), float(part.recall[column])
    return Reached(
        data, _rounded(alarms), _rounded(recall), shown, len(part.shown) - shown, part.clear_places
    )


def _rounded(rate: float) -> float | None:
    """Four decimals; None for NaN, the rate of no photo."""
    return None if math.isnan(rate) else round(rate, 4)
