"""Which sighting is which thing: optimal assignment of boxes to boxes by overlap, else by nearness of centres. Pure.

An own solver: the serving half has no SciPy, the tracking libraries bring OpenCV or more, and there are a handful of
boxes a frame.
"""

import math
from collections.abc import Sequence

from firewarden.findings import Box
from firewarden.inference.cctv_rules import Nearness

_APART = 1e6  # cost of a pair that cannot be one thing


def match_boxes(
    known: Sequence[Box], seen: Sequence[Box], near: Nearness, strayed: Sequence[Box | None] = ()
) -> list[tuple[int, int]]:
    """Pairs (row of `known`, row of `seen`) that show one thing, each row at most once: as many pairs as can be, with the
    least cost in all. `strayed`, a row for each of `known`, is where else it may be: it speaks after what overlaps its
    place. Boxes share one frame of reference."""
    if not known or not seen:
        return []
    elsewhere = strayed or [None] * len(known)
    cost = [[_least_cost(a, c, b, near) for b in seen] for a, c in zip(known, elsewhere, strict=True)]
    pairs = assign(cost) if len(known) <= len(seen) else [(i, j) for j, i in assign(_turned(cost))]
    return sorted((i, j) for i, j in pairs if cost[i][j] < _APART)


def pair_cost(a: Box, b: Box, near: Nearness) -> float:
    """0 for the same box, below 1 where they overlap enough, 1 to 2 where only their centres are near, else a million."""
    shared = iou(a, b)
    if shared >= near.iou_gte:
        return 1 - shared
    moved = shift(a, b)
    return 1 + moved / max(near.shift_lte, 1e-9) if moved <= near.shift_lte else _APART


def _least_cost(place: Box, strayed: Box | None, seen: Box, near: Nearness) -> float:
    here = pair_cost(place, seen, near)
    return here if strayed is None else min(here, 1 + pair_cost(strayed, seen, near))


def iou(a: Box, b: Box) -> float:
    """Overlap of two boxes in [0, 1]."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, w) * max(0.0, h)
    union = _area(a) + _area(b) - shared
    return shared / union if union > 0 else 0.0


def shift(a: Box, b: Box) -> float:
    """Distance of the centres, in diagonals of the larger box."""
    dx, dy = (a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2
    diagonal = max(math.hypot(x1 - x0, y1 - y0) for x0, y0, x1, y1 in (a, b))
    return math.hypot(dx, dy) / diagonal if diagonal > 0 else 0.0


def assign(cost: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """The cheapest assignment of every row to its own column (n <= m): shortest augmenting paths with potentials."""
    n, m = len(cost), len(cost[0])
    of_row, of_column = [0.0] * (n + 1), [0.0] * (m + 1)  # potentials; index 0 is a dummy
    owner = [0] * (m + 1)  # row (from 1) that holds a column, 0: free
    for row in range(1, n + 1):
        came_from, column = _shortest_path(cost, row, owner, of_row, of_column)
        while column:  # hand columns on along the path
            owner[column], column = owner[came_from[column]], came_from[column]
    return [(owner[column] - 1, column - 1) for column in range(1, m + 1) if owner[column]]


def _shortest_path(
    cost: Sequence[Sequence[float]], row: int, owner: list[int], of_row: list[float], of_column: list[float]
) -> tuple[list[int], int]:
    """Dijkstra from `row` to a free column; updates the potentials. Returns where each column was reached from, and
    the free column."""
    m = len(of_column) - 1
    distance, came_from, done = [math.inf] * (m + 1), [0] * (m + 1), [False] * (m + 1)
    owner[0], column = row, 0
    while owner[column]:
        done[column], here = True, owner[column]
        for j in range(1, m + 1):
            reduced = cost[here - 1][j - 1] - of_row[here] - of_column[j]
            if not done[j] and reduced < distance[j]:
                distance[j], came_from[j] = reduced, column
        following = min((j for j in range(1, m + 1) if not done[j]), key=distance.__getitem__)
        step = distance[following]
        for j in range(m + 1):
            if done[j]:
                of_row[owner[j]] += step
                of_column[j] -= step
            else:
                distance[j] -= step
        column = following
    return came_from, column


def _turned(cost: Sequence[Sequence[float]]) -> list[list[float]]:
    return [list(row) for row in zip(*cost, strict=True)]


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
