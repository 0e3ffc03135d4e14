"""Rectangles on the floor: overlap, distance and coverage, in metres, seen from above."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Footprint:
    """A rectangle with centre (x, y), `width` along its own x and `length` along its own y, turned by `turn` rad."""

    x: float
    y: float
    width: float
    length: float
    turn: float = 0.0

    def corners(self) -> NDArray[np.float64]:
        """(4, 2) corners, counter-clockwise."""
        half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (self.width / 2, self.length / 2)
        c, s = math.cos(self.turn), math.sin(self.turn)
        return np.asarray(half @ np.array([[c, s], [-s, c]]) + (self.x, self.y))

    def grown(self, margin: float) -> "Footprint":
        """The rectangle with `margin` metres more on each side."""
        return Footprint(self.x, self.y, self.width + 2 * margin, self.length + 2 * margin, self.turn)


def overlap(a: Footprint, b: Footprint) -> bool:
    """Whether two rectangles share an area (separating axes); touching edges do not."""
    for turn in (a.turn, b.turn):
        axes = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        first, second = a.corners() @ axes.T, b.corners() @ axes.T
        if np.any(first.max(axis=0) <= second.min(axis=0) + 1e-9) or np.any(
            second.max(axis=0) <= first.min(axis=0) + 1e-9
        ):
            return False
    return True


def inside(points: NDArray[np.float64], area: Footprint) -> NDArray[np.bool_]:
    """Which of (n, 2) points lie in `area`, edges included."""
    c, s = math.cos(area.turn), math.sin(area.turn)
    local = (points - (area.x, area.y)) @ np.array([[c, -s], [s, c]])
    return np.asarray(np.all(np.abs(local) <= np.array([area.width / 2, area.length / 2]) + 1e-9, axis=1))


def coverage(zone: Footprint, obstacles: list[Footprint], step: float = 0.02) -> float:
    """Share of `zone` that obstacles stand on, counted on a grid of `step` metres."""
    return float(_covered(zone, obstacles, step).mean())


def free_width(zone: Footprint, obstacles: list[Footprint], step: float = 0.02) -> float:
    """Widest gap in metres across `zone` (along its own x) that stays free over its whole length (its own y)."""
    free = np.all(~_covered(zone, obstacles, step), axis=0).tolist()
    best = run = 0
    for cell in free:
        run = run + 1 if cell else 0
        best = max(best, run)
    return float(best * zone.width / len(free))


def _covered(zone: Footprint, obstacles: list[Footprint], step: float) -> NDArray[np.bool_]:
    """Grid over the zone, (rows along its y, columns along its x): cells whose middle an obstacle stands on."""
    columns, rows = max(1, round(zone.width / step)), max(1, round(zone.length / step))
    u = (np.arange(columns) + 0.5) / columns - 0.5
    v = (np.arange(rows) + 0.5) / rows - 0.5
    grid = np.stack(np.meshgrid(u * zone.width, v * zone.length), axis=-1).reshape(-1, 2)
    c, s = math.cos(zone.turn), math.sin(zone.turn)
    points = grid @ np.array([[c, s], [-s, c]]) + (zone.x, zone.y)
    covered = np.zeros(len(points), np.bool_)
    for obstacle in obstacles:
        covered |= inside(points, obstacle)
    return covered.reshape(rows, columns)
