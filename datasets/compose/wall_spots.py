"""Where a wall is for sure: beside a door seen from the front, between its floor and its lintel, in a level photo taken indoors."""

import cv2
import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.compose.ground import DOOR_HEIGHT_M, Box, Ground, Picture, as_box
from firewarden.datasets.labels import LabelRows
from firewarden.datasets.manifest import PhotoRecord

_INDOOR_SCENES = frozenset({"corridor", "lobby", "stairwell", "private_room", "indoor"})
_DOOR_ASPECT = (1.3, 3.4)  # height to width of one leaf or two, seen from the front
_DOOR_SHARE = 0.3  # least height, of the picture's
_DOOR_ROWS = (0.01, 0.96)  # of the picture's height: nearer to an edge a door may be cut, or shows no floor
_REACH_W = 1.2  # how far to the side the door's wall is trusted, in widths of the door
_RIM_W = 0.06  # the frame and its shadow, in widths of the door
_CLEAR = 0.01  # of the long side: what is labelled stays that far away
_MAX_STEP = 22.0  # grey levels between the spot and the wall right beside the door
_MAX_STD, _MAX_DETAIL = 16.0, 9.0  # of a plain wall's grey values
_BRIGHT = (50.0, 235.0)  # darker nothing is seen, brighter it may be the sky or a window
_TRIES = 40
Pixels = tuple[int, int, int, int]  # x0, y0, x1, y1, the last column and row excluded


def is_indoor(record: PhotoRecord | None) -> bool:
    """Whether the photo's tag says that it was taken indoors; without a tag nobody knows."""
    return record is not None and record.scene in _INDOOR_SCENES


def front_doors(ground: Ground) -> list[Box]:
    """Doors whose upper and lower edges are in the picture, large and seen from the front: each stands in a wall."""
    return [as_box(box) for box in ground.boxes("door") if _is_front(as_box(box), ground.hw[0])]


def has_front_door(rows: LabelRows, door: int, hw: tuple[int, int]) -> bool:
    """Whether label rows hold one of `front_doors`; `door` is the number of the class."""
    return any(_is_front(as_box(box), hw[0]) for box in rows.xyxy(hw)[rows.class_id == door])


def _is_front(door: Box, picture_h: int) -> bool:
    width, height = door[2] - door[0], door[3] - door[1]
    whole = door[1] > _DOOR_ROWS[0] * picture_h and door[3] < _DOOR_ROWS[1] * picture_h
    seen = _DOOR_ASPECT[0] <= height / max(width, 1e-6) <= _DOOR_ASPECT[1]
    return whole and seen and height >= _DOOR_SHARE * picture_h


def pixels_per_metre(door: Box) -> float:
    """Pixels of an upright metre in the door's wall."""
    return (door[3] - door[1]) / DOOR_HEIGHT_M


def wall_spot(
    ground: Ground, door: Box, size_hw: tuple[int, int], above_floor_m: tuple[float, float], rng: np.random.Generator
) -> tuple[int, int] | None:  # fmt: skip
    """Top left (x, y) of a plain piece of the door's wall of this size in pixels, its lower edge within these metres above the
    door's foot. None where none was found: touching nothing labelled or to be ignored, inside the picture, below the lintel,
    and of the wall's own tone all the way to the door."""
    (h, w), (bh, bw) = ground.hw, size_hw
    taken, metre = taken_mask(ground), pixels_per_metre(door)
    for _ in range(_TRIES):
        x = _beside(door, bw, rng)
        y = round(door[3] - float(rng.uniform(*above_floor_m)) * metre) - bh
        inside = x >= 0 and x + bw <= w and y >= max(door[1], 0) and y + bh <= h
        if (
            inside
            and not taken[y : y + bh, x : x + bw].any()
            and is_wall(ground.photo, door, (x, y, x + bw, y + bh))
        ):
            return x, y
    return None  # fmt: skip


def _beside(door: Box, width: int, rng: np.random.Generator) -> int:
    """Left column of something beside the door, right or left of it."""
    rim, reach = (share * (door[2] - door[0]) for share in (_RIM_W, _REACH_W))
    away = rim + float(rng.uniform(0, max(reach - rim - width, 1)))
    return round(door[2] + away) if rng.random() < 0.5 else round(door[0] - away) - width


def is_wall(photo: Picture, door: Box, spot: Pixels) -> bool:
    """Whether the spot is plain and as bright as every part of the way from the door's frame to it."""
    x0, y0, x1, y1 = spot
    rim = _RIM_W * (door[2] - door[0])
    left, right = (round(door[2] + rim), x1) if x0 >= door[2] else (x0, round(door[0] - rim))
    grey = cv2.cvtColor(np.ascontiguousarray(photo[y0:y1, max(left, 0) : right]), cv2.COLOR_BGR2GRAY)
    if not grey.size or not is_plain(photo[y0:y1, x0:x1]):
        return False
    columns = np.median(grey, axis=0)
    return bool(np.ptp(columns) <= _MAX_STEP)


def is_plain(spot: Picture) -> bool:
    """Whether a piece of a photo (h, w, 3) has one tone, little detail, and is neither black nor burnt out."""
    grey = cv2.cvtColor(np.ascontiguousarray(spot), cv2.COLOR_BGR2GRAY)
    detail = float(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean())
    return (
        float(grey.std()) <= _MAX_STD
        and detail <= _MAX_DETAIL
        and _BRIGHT[0] <= float(grey.mean()) <= _BRIGHT[1]
    )


def taken_mask(ground: Ground) -> NDArray[np.bool_]:
    """Pixels (h, w) of everything labelled and of regions to ignore, with a rim. Regions of the whole picture, which only say
    that a class was not looked for, are left out."""
    h, w = ground.hw
    mask, rim = np.zeros((h, w), bool), round(_CLEAR * max(h, w))
    for box in ground.labels.xyxy((h, w)):
        _take(mask, as_box(box), rim)
    for box in ground.ignore.xyxy((h, w)):
        if (box[2] - box[0]) * (box[3] - box[1]) < 0.9 * h * w:
            _take(mask, as_box(box), rim)
    return mask


def _take(mask: NDArray[np.bool_], box: Box, rim: int) -> None:
    x0, y0, x1, y1 = (int(v) for v in box)
    mask[max(y0 - rim, 0) : y1 + rim + 1, max(x0 - rim, 0) : x1 + rim + 1] = True
