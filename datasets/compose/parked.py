"""Parked two-wheelers of a ground: where they stand, how large a metre is there, which pixels they cover."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.compose.ground import Box, Ground, as_box
from firewarden.datasets.paste import cut_out_by_colour

VEHICLE_HEIGHT_M = 1.05
_VEHICLE_LENGTH_M = 1.85
_MIN_HEIGHT_PX = 60
_MIN_HEIGHT_SHARE = 0.11  # of the long side: below it a cord is thinner than a pixel
_RIDDEN = 0.25
Mask = NDArray[np.uint8]  # (h, w), 255 where covered


@dataclass(frozen=True, slots=True, eq=False)
class Parked:
    """One vehicle: box xyxy, pixels of a metre at its place, and the pixels it covers (None: could not be parted)."""

    box: Box
    px_per_m: float
    mask: Mask | None = None

    @property
    def wh(self) -> tuple[float, float]:
        """Width and height of the box."""
        return self.box[2] - self.box[0], self.box[3] - self.box[1]


def parked_vehicles(ground: Ground) -> list[Parked]:
    """E-bikes of a ground that nobody rides, large enough to draw a cord to, nearest first."""
    h, w = ground.hw
    people = ground.boxes("person")
    least = max(_MIN_HEIGHT_PX, _MIN_HEIGHT_SHARE * max(h, w))
    boxes = [
        as_box(box)
        for box in ground.boxes("ebike")
        if box[3] - box[1] >= least and not _is_ridden(box, people)
    ]
    boxes.sort(key=lambda box: box[1] - box[3])
    return [Parked(box, metre_of(box, (h, w)), vehicle_mask(ground, box)) for box in boxes[:4]]


def metre_of(box: Box, image_hw: tuple[int, int]) -> float:
    """Pixels of a metre beside a vehicle; one cut by the frame is measured by what is longer of it."""
    x0, y0, x1, y1 = box
    h, w = image_hw
    upright = (y1 - y0) / VEHICLE_HEIGHT_M
    cut = x0 < 2 or y0 < 2 or x1 > w - 2 or y1 > h - 2
    return max(upright, (x1 - x0) / _VEHICLE_LENGTH_M) if cut else upright


def vehicle_mask(ground: Ground, box: Box) -> Mask | None:
    """Pixels of the vehicle, parted from its surroundings by colour; None where the parting looks wrong."""
    x0, y0, x1, y1 = box
    cv2.setRNGSeed(0)  # GrabCut's clustering draws from OpenCV's own stream
    cutout = cut_out_by_colour(ground.photo, box, side_px=160)
    if cutout is None:
        return None
    mask = np.zeros(ground.hw, np.uint8)
    left, top, right, bottom = (round(v) for v in (x0, y0, x1, y1))
    left, top = max(left, 0), max(top, 0)
    part = mask[top:bottom, left:right]
    if not part.size:
        return None
    alpha = cv2.resize(cutout[..., 3], (part.shape[1], part.shape[0]), interpolation=cv2.INTER_LINEAR)
    part[:] = np.where(alpha > 127, 255, 0)
    return mask


def covers(vehicles: list[Parked], image_hw: tuple[int, int]) -> Mask:
    """Pixels of all vehicles that could be parted."""
    mask = np.zeros(image_hw, np.uint8)
    for vehicle in vehicles:
        if vehicle.mask is not None:
            mask = np.maximum(mask, vehicle.mask)
    return mask


def _is_ridden(box: NDArray[np.float32], people: NDArray[np.float32]) -> bool:
    if not len(people):
        return False
    low, high = np.maximum(people[:, :2], box[:2]), np.minimum(people[:, 2:], box[2:])
    shared = (high - low).clip(0).prod(axis=1)
    return bool((shared / float(np.prod(box[2:] - box[:2])) > _RIDDEN).any())
