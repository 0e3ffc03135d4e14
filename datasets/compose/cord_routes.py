"""How charging cords run to a vehicle: down from above, from a window, a strip, under a door, over the ground."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.compose.cord_shape import Point, Points, catenary, smooth_path, wavered
from firewarden.datasets.compose.ground import Box
from firewarden.datasets.compose.parked import Parked

_GROUND_CLEARANCE_M = 0.06


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """A cord's run, from source to sink, not yet cut to the picture. `lying`: most of it rests on the ground."""

    points: Points
    source: str
    sink: str
    lying: bool = False


def socket_of(vehicle: Parked, rng: np.random.Generator) -> Point:
    """A point on the vehicle where a cord may end: battery, seat or floorboard."""
    x0, y0, _, _ = vehicle.box
    w, h = vehicle.wh
    for _ in range(12):
        x, y = x0 + w * rng.uniform(0.28, 0.72), y0 + h * rng.uniform(0.36, 0.74)
        if vehicle.mask is None or vehicle.mask[_cell(vehicle.mask, x, y)]:
            return float(x), float(y)
    return x0 + 0.5 * w, y0 + 0.5 * h


def hanging(
    start: Point, end: Point, floor_y: float, rng: np.random.Generator, *, source: str, px_per_m: float
) -> Route:
    """A free cord; where it would sag into the ground it comes down, lies and rises again."""
    slack = float(np.exp(rng.uniform(np.log(0.004), np.log(0.35))))
    points = catenary(start, end, slack=slack)
    if points[:, 1].max() <= floor_y - _GROUND_CLEARANCE_M * px_per_m:
        return Route(wavered(points, rng, amplitude=0.012 * px_per_m), source, "vehicle")
    return grounded(start, end, floor_y, rng, source=source, px_per_m=px_per_m)


def grounded(
    start: Point, end: Point, floor_y: float, rng: np.random.Generator, *, source: str, px_per_m: float
) -> Route:
    """Down to the ground, over it in loose bends, up to the vehicle."""
    x0, (x1, y1) = start[0], end
    side = np.sign(x1 - x0) or 1.0
    depth = 0.12 * px_per_m
    land = (x0 + side * 0.08 * abs(x1 - x0), floor_y + rng.uniform(-1.0, 0.6) * depth)
    rise = (x1 - side * rng.uniform(0.02, 0.2) * px_per_m, floor_y + rng.uniform(-0.4, 0.8) * depth)
    count = int(rng.integers(1, 4))
    bends = [
        (land[0] + t * (rise[0] - land[0]), floor_y + rng.uniform(-1.2, 1.6) * depth)
        for t in np.linspace(0, 1, count + 2)[1:-1]
    ]
    knee = (x1 - side * 0.02 * px_per_m, (rise[1] + 2 * y1) / 3)
    stations = np.array([start, land, *bends, rise, knee, end], np.float64)
    points = wavered(smooth_path(stations), rng, amplitude=0.02 * px_per_m)
    return Route(points, source, "vehicle", lying=True)


def from_above(vehicle: Parked, end: Point, rng: np.random.Generator, *, image_w: int) -> Route:
    """Down from beyond the upper edge of the picture."""
    w, _ = vehicle.wh
    x = float(np.clip(end[0] + rng.normal(0, 0.9) * w, -0.05 * image_w, 1.05 * image_w))
    start = (x, -0.05 * vehicle.px_per_m - 4)
    return hanging(start, end, vehicle.box[3], rng, source="above", px_per_m=vehicle.px_per_m)


def from_side(vehicle: Parked, end: Point, rng: np.random.Generator, *, image_w: int) -> Route:
    """In from the left or right edge, in the air or over the ground."""
    _, y0, _, y1 = vehicle.box
    nearer_left = end[0] < image_w / 2
    left = nearer_left if rng.random() < 0.7 else not nearer_left
    x = -6.0 if left else image_w + 6.0
    if rng.random() < 0.55:
        start = (x, y1 + rng.uniform(-0.2, 0.1) * (y1 - y0))
        return grounded(start, end, y1, rng, source="none", px_per_m=vehicle.px_per_m)
    start = (x, y0 + rng.uniform(-0.6, 0.5) * (y1 - y0))
    return hanging(start, end, y1, rng, source="none", px_per_m=vehicle.px_per_m)


def from_door(vehicle: Parked, end: Point, door: Box, rng: np.random.Generator) -> Route:
    """Out of the gap under or beside a door leaf and over the floor."""
    x0, _, x1, y1 = door
    side = x1 if abs(end[0] - x1) < abs(end[0] - x0) else x0
    x = float(np.clip(side + rng.uniform(-0.3, 0.05) * (x1 - x0) * np.sign(side - (x0 + x1) / 2), x0, x1))
    start = (x, y1 - 0.01 * vehicle.px_per_m)
    floor_y = max(vehicle.box[3], y1) if rng.random() < 0.5 else vehicle.box[3]
    return grounded(start, end, floor_y, rng, source="door", px_per_m=vehicle.px_per_m)


def plumb(top: Point, bottom: Point, rng: np.random.Generator, *, px_per_m: float) -> Points:
    """A nearly straight lead a strip hangs on."""
    return wavered(catenary(top, bottom, slack=0.002), rng, amplitude=0.008 * px_per_m)


def _cell(mask: NDArray[np.uint8], x: float, y: float) -> tuple[int, int]:
    h, w = mask.shape
    return int(np.clip(y, 0, h - 1)), int(np.clip(x, 0, w - 1))
