"""Where text plates go: near their box, inside the picture, never on another plate. Pure geometry in canvas pixels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firewarden.findings import Box
from firewarden.geometry import Boxes, box_area, intersection_batch

_GRID = 24  # steps of the search over the whole picture when no place beside the box is free
_DISTANCE_WEIGHT = 3.0  # one picture diagonal away costs as much as covering three boxes fully


def place_plate(
    anchor: Box,
    plate_wh: tuple[float, float],
    picture_wh: tuple[float, float],
    *,
    taken: Sequence[Box],
    avoid: Sequence[Box],
    near_only: bool = False,
) -> Box | None:
    """The cheapest free place for a plate belonging to `anchor`, or None when there is none.

    A place is free when it lies inside the picture and touches no box of `taken`. Among free places the cost is how
    much of the boxes of `avoid` it hides, plus the distance from the anchor. With `near_only` the plate
    must touch its anchor.
    """
    places = _beside(anchor, plate_wh)
    if not near_only:
        places = np.concatenate([places, _everywhere(plate_wh, picture_wh)])
    places = _slid_inside(places, picture_wh)
    free = _inside(places, picture_wh) & ~_touches_any(places, taken)
    if near_only:
        free &= _gap_to(places, anchor) < 2
    if not free.any():
        return None
    places = places[free]
    cost = _covered(places, avoid) + _DISTANCE_WEIGHT * _gap_to(places, anchor) / float(np.hypot(*picture_wh))
    best = places[int(np.argmin(cost))]
    return float(best[0]), float(best[1]), float(best[2]), float(best[3])


def _beside(anchor: Box, plate_wh: tuple[float, float]) -> Boxes:
    """Above, below, right, left of the box, then inside its corners; the order breaks ties."""
    x0, y0, x1, y1 = anchor
    w, h = plate_wh
    corners = [
        (x0, y0 - h), (x1 - w, y0 - h), (x0, y1), (x1 - w, y1), (x1, y0), (x0 - w, y0), (x1, y1 - h), (x0 - w, y1 - h),
        (x0, y0), (x1 - w, y0), (x0, y1 - h), (x1 - w, y1 - h),
    ]  # fmt: skip
    return _plates_at(np.array(corners, np.float32), plate_wh)


def _everywhere(plate_wh: tuple[float, float], picture_wh: tuple[float, float]) -> Boxes:
    room = np.maximum(0, np.subtract(picture_wh, plate_wh))
    x, y = np.meshgrid(*(np.linspace(0, side, _GRID) for side in room))
    return _plates_at(np.stack([x.ravel(), y.ravel()], axis=1), plate_wh)


def _plates_at(top_left: Boxes, plate_wh: tuple[float, float]) -> Boxes:
    return np.concatenate([top_left, top_left + np.array(plate_wh)], axis=1).astype(np.float32)


def _slid_inside(places: Boxes, picture_wh: tuple[float, float]) -> Boxes:
    w, h = picture_wh
    shift_x = np.maximum(0, -places[:, 0]) - np.maximum(0, places[:, 2] - w)
    shift_y = np.maximum(0, -places[:, 1]) - np.maximum(0, places[:, 3] - h)
    return np.asarray(places + np.stack([shift_x, shift_y, shift_x, shift_y], axis=1), np.float32)


def _inside(places: Boxes, picture_wh: tuple[float, float]) -> NDArray[np.bool_]:
    w, h = picture_wh
    slack = 0.01  # float32 rounding of the shift
    return np.asarray(
        (places[:, :2] >= -slack).all(axis=1) & (places[:, 2] <= w + slack) & (places[:, 3] <= h + slack)
    )


def _touches_any(places: Boxes, taken: Sequence[Box]) -> NDArray[np.bool_]:
    others = np.array(taken, np.float32).reshape(-1, 4)
    return np.asarray((intersection_batch(places, others) > 0.5).any(axis=1))


def _covered(places: Boxes, avoid: Sequence[Box]) -> NDArray[np.float32]:
    """Sum over `avoid` of the shared area, as a share of the smaller of the two: hiding a small sign counts fully."""
    others = np.array(avoid, np.float32).reshape(-1, 4)
    smaller = np.minimum(box_area(places)[:, None], box_area(others)[None, :])
    return np.asarray((intersection_batch(places, others) / np.maximum(1, smaller)).sum(axis=1), np.float32)


def _gap_to(places: Boxes, anchor: Box) -> NDArray[np.float32]:
    """Distance between each place and the anchor box, 0 where they touch."""
    x0, y0, x1, y1 = anchor
    dx = np.maximum(0, np.maximum(x0 - places[:, 2], places[:, 0] - x1))
    dy = np.maximum(0, np.maximum(y0 - places[:, 3], places[:, 1] - y1))
    return np.asarray(np.hypot(dx, dy), np.float32)
