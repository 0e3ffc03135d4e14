"""How much of a zone at a door's foot its goods cover: the samples of `sample_polygon`, with rows of points as bits of whole
numbers. Two zones of a few boxes are most of what the rules compute, and arrays of a handful of rows cost more than they hold.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from firewarden.geometry import Boxes, Polygon, sample_polygon
from firewarden.inference import predicates as p

_SIDE = 48  # samples along each axis
_ALL = (1 << _SIDE * _SIDE) - 1
_FIRST_COLUMN = _ALL // ((1 << _SIDE) - 1)
_STEPS = (np.arange(_SIDE, dtype=np.float32) + 0.5) / _SIDE


@dataclass(frozen=True, slots=True)
class FloorCover:
    """Samples over a zone: `x` of the columns, `y` of the rows, rising, and which points lie `inside`: bit 48 row + column."""

    x: Sequence[float]
    y: Sequence[float]
    inside: int

    def cover(self, boxes: Boxes) -> tuple[float, list[bool]]:
        """Share of the points inside that the union of `boxes` (n, 4) covers, 0 where there are none; and which boxes cover one."""
        if not self.inside:
            return 0.0, [False] * len(boxes)
        covered = [self._points(*box) & self.inside for box in boxes.tolist()]
        union = 0
        for points in covered:
            union |= points
        return union.bit_count() / self.inside.bit_count(), [points > 0 for points in covered]

    def _points(self, x0: float, y0: float, x1: float, y1: float) -> int:
        """Points that a box covers, its edges included."""
        columns = _span(bisect_left(self.x, x0), bisect_right(self.x, x1))
        rows = _span(_SIDE * bisect_left(self.y, y0), _SIDE * bisect_right(self.y, y1))
        return columns * _FIRST_COLUMN & rows


def cover_egress_zone(zone: Polygon, *, far_width_w: float) -> FloorCover:
    """Samples over a zone of `egress_zone`; none is inside one without area."""
    return _samples(zone, _inside_egress_zone(far_width_w))


def cover_lower_half(half: Polygon) -> FloorCover:
    """Samples over a rectangle of `lower_half`; none is inside one without area."""
    return _samples(half, _ALL)


def _samples(zone: Polygon, inside: int) -> FloorCover:
    low, high = zone.min(axis=0), zone.max(axis=0)
    x, y = (low[axis] + _STEPS * (high[axis] - low[axis]) for axis in (0, 1))
    has_area = bool((high > low).all())
    return FloorCover(x.tolist(), y.tolist(), inside if has_area else 0)


@lru_cache(maxsize=16)
def _inside_egress_zone(far_width_w: float) -> int:
    """Which points lie in the trapezoid: the same whatever the size and place of the door."""
    door = np.array([0, 0, 960, 960], np.float32)
    inside = sample_polygon(p.egress_zone(door, depth_h=1.0, far_width_w=far_width_w), samples=_SIDE).inside
    return sum(1 << int(point) for point in np.flatnonzero(inside))


def _span(begin: int, end: int) -> int:
    """Bits from `begin` up to before `end`; none where they are the other way round."""
    return (1 << end) - (1 << begin) if begin < end else 0
