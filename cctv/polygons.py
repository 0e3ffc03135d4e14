"""Polygons of the register: corners as shares of the picture, simple, possibly concave. Pure."""

import math
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from firewarden.cctv.camera import Corners
from firewarden.findings import Box
from firewarden.geometry import polygon_area

_MIN_AREA = 1e-5  # of the picture: below it the corners lie on a line
_GRID = 128
_CORNERS = np.array(
    list(product((-1e-6, 1e-6), repeat=2))
)  # px: a side on the line between two pixels touches both


def check_polygon(value: object) -> Corners:
    """Corners from nested lists; raises ValueError for fewer than three, outside the picture, crossing or flat."""
    if not isinstance(value, list | tuple) or len(value) < 3:
        raise ValueError(f"got {value!r}, expected at least three corners [x, y]")
    corners = tuple(_corner(point) for point in value)
    if _crosses_itself(corners):
        raise ValueError("its sides cross or a corner stands twice, expected corners in order round the zone")
    if polygon_area(np.array(corners, np.float32)) < _MIN_AREA:
        raise ValueError("its corners lie on a line, expected a zone with an area")
    return corners


def _corner(point: object) -> tuple[float, float]:
    if not isinstance(point, list | tuple) or len(point) != 2:
        raise ValueError(f"corner {point!r}, expected [x, y]")
    for value in point:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ValueError(
                f"corner {list(point)}, expected shares of width and height in [0, 1], no pixels"
            )
    return float(point[0]), float(point[1])


def _crosses_itself(corners: Corners) -> bool:
    n = len(corners)
    if len(set(corners)) < n:
        return True
    sides = [(corners[i], corners[(i + 1) % n]) for i in range(n)]
    return any(_cross(sides[i], sides[j]) for i in range(n) for j in range(i + 2, n) if (j + 1) % n != i)


def _cross(a: tuple[tuple[float, float], ...], b: tuple[tuple[float, float], ...]) -> bool:
    """Whether two sides share a point (touching counts)."""
    turns = [
        _turn(a[0], a[1], b[0]),
        _turn(a[0], a[1], b[1]),
        _turn(b[0], b[1], a[0]),
        _turn(b[0], b[1], a[1]),
    ]
    apart = turns[0] * turns[1] > 0 or turns[2] * turns[3] > 0
    if apart or any(turns):
        return not apart
    return all(  # on one line: they meet when their extents do
        max(min(p[k] for p in a), min(p[k] for p in b)) <= min(max(p[k] for p in a), max(p[k] for p in b))
        for k in (0, 1)
    )


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def fill_polygons(polygons: tuple[Corners, ...], hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels (h, w) that the polygons touch, however little of them."""
    h, w = hw
    mask = np.zeros(hw, np.bool_)
    for polygon in polygons:
        corners = np.array(polygon, np.float64) * (w, h)
        turns = np.zeros((h, w + 1), np.bool_)  # where a row, from left to right, goes in or out
        for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            turns[_turns(start, end, hw)] ^= True
            mask[_crossed(start, end, hw)] = True
        mask |= np.logical_xor.accumulate(turns, axis=1)[:, :w]
    return mask


def _turns(
    start: NDArray[np.float64], end: NDArray[np.float64], hw: tuple[int, int]
) -> tuple[NDArray[np.int64], ...]:
    """Rows whose middle a side (x, y in pixels) crosses, and the first column whose middle lies right of it."""
    top, bottom = sorted((start[1], end[1]))
    rows = np.arange(max(0, math.ceil(top - 0.5)), min(hw[0], math.ceil(bottom - 0.5)))
    x = start[0] + (rows + 0.5 - start[1]) * (end[0] - start[0]) / ((end[1] - start[1]) or 1)
    return rows, np.clip(np.ceil(x - 0.5).astype(int), 0, hw[1])


def _crossed(
    start: NDArray[np.float64], end: NDArray[np.float64], hw: tuple[int, int]
) -> tuple[NDArray[np.int64], ...]:
    """Rows and columns of the pixels that a side touches: of its points on the lines of the grid, and of one between each
    two of them."""
    shares = [np.array([0.0, 1.0])]
    for axis in (0, 1):
        lines = np.arange(math.ceil(min(start[axis], end[axis])), max(start[axis], end[axis]))
        shares.append((lines - start[axis]) / ((end[axis] - start[axis]) or 1))
    at = np.sort(np.clip(np.concatenate(shares), 0, 1))
    at = np.concatenate([at, (at[1:] + at[:-1]) / 2])[:, None]
    points = (start + at * (end - start))[:, None] + _CORNERS  # (points, 4, 2)
    x, y = np.floor(points).astype(int).reshape(-1, 2).T
    return np.clip(y, 0, hw[0] - 1), np.clip(x, 0, hw[1] - 1)


def share_inside(box: Box, polygons: tuple[Corners, ...]) -> float:
    """Share of a box (shares of the picture) that the polygons cover together."""
    cells = _box_cells(box)
    inside = np.zeros_like(cells)
    for polygon in polygons:
        inside |= _cells_inside(polygon)
    return float((inside & cells).sum() / cells.sum())


def covered_by(boxes: list[Box], polygon: Corners) -> float:
    """Share of a polygon that the boxes cover together."""
    zone = _cells_inside(polygon)
    covered = np.zeros_like(zone)
    for box in boxes:
        covered |= _box_cells(box)
    return float((zone & covered).sum() / max(1, zone.sum()))


@lru_cache(maxsize=256)
def _cells_inside(polygon: Corners) -> NDArray[np.bool_]:
    """Cells of a fine grid whose centre lies in the polygon (even-odd rule)."""
    x, y = np.meshgrid(*(((np.arange(_GRID) + 0.5) / _GRID,) * 2))
    inside = np.zeros((_GRID, _GRID), np.bool_)
    for (x0, y0), (x1, y1) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        if y0 != y1:
            inside ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    inside.flags.writeable = False
    return inside


def _box_cells(box: Box) -> NDArray[np.bool_]:
    """Cells of the grid whose centre lies in the box; at least one."""
    cells = np.zeros((_GRID, _GRID), np.bool_)
    x0, y0, x1, y1 = (min(max(value, 0.0), 1.0) * _GRID for value in box)
    left, top = min(round(x0), _GRID - 1), min(round(y0), _GRID - 1)
    cells[top : max(round(y1), top + 1), left : max(round(x1), left + 1)] = True
    return cells
