"""Cords that a source drew as lines: polylines of a label tool as cables of this project."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.cables import MIN_SIDE_SHARE, POWER, Cable, thick_box
from firewarden.datasets.orientation import to_upright
from firewarden.errors import DatasetError

CABLE_CLASS = "power_cable"


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A polyline as the source has it: points (x, y) in shares of the source's width and height in the order drawn, and
    what its attributes say; of these `kind`, `source` and `sink` count."""

    points: tuple[tuple[float, float], ...]
    said: Mapping[str, str] = field(default_factory=dict)


def read_cable(line: SourceLine, orientation: int, where: Path) -> Cable | None:
    """The line as a cable of the upright picture, cut at the frame; `orientation` 1 where its points speak of that
    picture already. A power cord of unknown ends where attributes do not say. None where nothing of it is inside."""
    points = np.array(line.points, np.float64)
    if not np.isfinite(points).all():
        raise DatasetError(f"{where}: a line has a point that is no number. Fix the label.")
    upright = to_upright(np.hstack([points, points]), orientation)[:, :2].clip(0.0, 1.0)
    moved = np.append(True, (np.diff(upright, axis=0) != 0).any(axis=1))
    if int(moved.sum()) < 2:
        return None
    said = {name.strip().casefold(): value.strip() for name, value in line.said.items()}
    kind, source, sink = (
        said.get(name) or usual for name, usual in (("kind", POWER), ("source", "none"), ("sink", "none"))
    )
    try:
        return Cable(upright[moved].astype(np.float32), kind, source, sink)
    except DatasetError as error:
        raise DatasetError(f"{where}: {error}. Correct the attribute of the line.") from error


def cable_box(cable: Cable, hw: tuple[int, int]) -> NDArray[np.float64]:
    """The label box of a cable, x0 y0 x1 y1 in shares: as thick as the thinnest object that is labelled."""
    cx, cy, w, h = thick_box(cable.points, hw, MIN_SIDE_SHARE * max(hw))
    return np.array([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
