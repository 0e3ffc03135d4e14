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


@dataclass(frozen=True, slots=True)
class HazardBudget:
    """How the thresholds behind one hazard were chosen: false alarms a photo without it, allowed and reached (the worst
    origin's), and the recall reached on `n` photos that show it; `clear` photos do not. `data` names the folders."""

    false_alarms_a_photo: float
    reached: float
    recall: float
    n: int
    clear: int
    data: str


def read_budgets(table: Mapping[str, Any], path: Path) -> dict[str, HazardBudget]:
    """Budgets by hazard from the section of the manifest at `path`; raises ModelMismatch."""
    wanted = {column.name: column.type for column in fields(HazardBudget)}
    for hazard, row in table.items():
        kinds = {"data": str, "n": int, "clear": int}
        if (
            not isinstance(row, dict)
            or row.keys() != wanted.keys()
            or not all(isinstance(row[name], kinds.get(name, (int, float))) for name in wanted)
        ):
            raise ModelMismatch(
                f"{path}: hazard_budgets.{hazard} is {row!r}, expected the keys {sorted(wanted)}. "
                "Export the model again."
            )
    return {hazard: HazardBudget(**row) for hazard, row in table.items()}


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
