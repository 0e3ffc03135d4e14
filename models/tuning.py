"""What was chosen on validation photos for a model: false-alarm budgets by hazard, calibration curves by class."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from firewarden.errors import ModelMismatch

CalibrationCurve = float | tuple[tuple[float, float], ...]
"""How a class's confidence becomes a probability: a temperature on its logit, or knots (confidence, probability) that
rise in both and are joined by straight lines."""


POOLED = "pooled"  # the origin in manifests that did not keep origins apart
_REAL = "real"


@dataclass(frozen=True, slots=True)
class Reached:
    """What thresholds do on photos of one origin: recall on the `n` that show the hazard, false alarms a photo on the `clear`
    ones, of which made pictures of one place together count once: `clear_places` is their number counted so. None where
    there is no such photo, or where an older manifest does not say. `data` names the folders."""

    data: str
    false_alarms_a_photo: float | None
    recall: float | None
    n: int
    clear: int
    clear_places: int | None = None


@dataclass(frozen=True, slots=True)
class HazardBudget:
    """How the thresholds behind one hazard were chosen: false alarms allowed a photo without it, and what is reached, by
    origin (real, composed, rendered)."""

    false_alarms_a_photo: float
    by_origin: Mapping[str, Reached]

    def held_to(self, origin: str) -> bool | None:
        """Whether the budget was held to this origin by itself: to those with places enough for one alarm to be within it.
        None where the manifest does not tell."""
        places = self.clear_places(origin)
        if places is not None:
            return allows_an_alarm(places, self.false_alarms_a_photo)
        return None if allows_an_alarm(self.by_origin[origin].clear, self.false_alarms_a_photo) else False

    def clear_places(self, origin: str) -> int | None:
        """Those of an origin; older manifests tell them of real photos alone, each of which counts by itself."""
        part = self.by_origin[origin]
        return part.clear if part.clear_places is None and origin == _REAL else part.clear_places


def allows_an_alarm(clear: float, false_alarms_a_photo: float) -> bool:
    """Whether one alarm on so many photos, or places, keeps within a budget."""
    return clear * false_alarms_a_photo >= 1


def read_budgets(table: Mapping[str, Any], path: Path) -> dict[str, HazardBudget]:
    """Budgets by hazard from a section of the file at `path`; raises ModelMismatch."""
    budgets = {hazard: _budget(row) for hazard, row in table.items()}
    for hazard, budget in budgets.items():
        if budget is None:
            raise ModelMismatch(
                f"{path}: hazard_budgets.{hazard} is {table[hazard]!r}, expected false_alarms_a_photo and by_origin with "
                f"{[column.name for column in fields(Reached)]}. Export the model again."
            )
    return {hazard: budget for hazard, budget in budgets.items() if budget is not None}


def _budget(row: Any) -> HazardBudget | None:
    """One row, None where it is none. Rows that do not keep origins apart become those of the origin `POOLED`."""
    if not isinstance(row, dict):
        return None
    if "by_origin" not in row:
        flat = {**row, "false_alarms_a_photo": row.get("reached")}
        flat.pop("reached", None)
        row = {"false_alarms_a_photo": row.get("false_alarms_a_photo"), "by_origin": {POOLED: flat}}
    allowed, by_origin = row.get("false_alarms_a_photo"), row["by_origin"]
    if len(row) != 2 or not _is_number(allowed) or not isinstance(by_origin, dict) or not by_origin:
        return None
    reached = {origin: _reached(part) for origin, part in by_origin.items()}
    known = {origin: part for origin, part in reached.items() if part is not None}
    return HazardBudget(float(allowed), known) if len(known) == len(reached) else None


def _reached(row: Any) -> Reached | None:
    names = [column.name for column in fields(Reached)]
    if not isinstance(row, dict) or not {"data", "n", "clear"} <= row.keys() <= set(names):
        return None
    alarms, recall = row.get("false_alarms_a_photo"), row.get("recall")
    places = row.get("clear_places")
    whole = all(type(row[name]) is int for name in ("n", "clear")) and (places is None or type(places) is int)
    rates = all(rate is None or _is_number(rate) for rate in (alarms, recall))
    if not isinstance(row["data"], str) or not whole or not rates:
        return None
    return Reached(row["data"], alarms, recall, row["n"], row["clear"], places)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_curves(table: Mapping[str, Any], path: Path) -> dict[str, CalibrationCurve]:
    """Curves by class from the section of the manifest at `path`; raises ModelMismatch."""
    return {name: _curve(value, f"{path}: calibration.{name}") for name, value in table.items()}


def _curve(value: Any, where: str) -> CalibrationCurve:
    """A positive temperature, or at least two knots in [0, 1] that rise in confidence and never fall in probability."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    if isinstance(value, list) and len(value) >= 2 and all(_is_knot(knot) for knot in value):
        knots = tuple((float(x), float(y)) for x, y in value)
        if all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(knots)):
            return knots
    raise ModelMismatch(
        f"{where} is {value!r}, expected a temperature above 0, or rising knots [[confidence, probability], ...]. "
        "Export the model again."
    )


def _is_knot(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v <= 1 for v in value)
    )
