"""What the rules will make of a composition, worked out from its boxes: the zones and bounds of the rule file, for labels.

The bounds are those of the shipped rule file; a test keeps the two equal. Boxes are xyxy pixels, y downwards.
"""

import numpy as np
from numpy.typing import NDArray

from firewarden.geometry import Polygon, clip_polygon, covered_share, polygon_area

Boxes = NDArray[np.float32]
ZONE_DEPTH_H, ZONE_FAR_WIDTH_W = 0.60, 1.20
LOWER_PART, LOWER_PART_W, COVER_GTE, OVERLAP_GTE = 0.3333, 0.40, 0.20, 0.25
BASE_BELOW_H, BASE_ABOVE_H = 0.60, 0.15
SIGN_DX_W, SIGN_BELOW_H, BRACKET_DX_W, BRACKET_BELOW_H = 2.0, 6.0, 1.5, 1.5
OCCLUDERS = ("person", "bicycle", "ebike", "vehicle", "door", "carton", "furniture", "clutter")
POINT_IN_FRAME, POINT_OCCLUDED = 0.98, 0.30
DOOR_SIGN_ABOVE_H, DOOR_SIGN_BELOW_H, DOOR_SIGN_DX_W = 1.0, 0.35, 0.75


def egress_zone(door: Boxes) -> Polygon:
    """The floor before a door (4,): a trapezoid from its foot, not clipped to the picture."""
    width, height, middle = door[2] - door[0], door[3] - door[1], (door[0] + door[2]) / 2
    far, end = width * ZONE_FAR_WIDTH_W / 2, door[3] + ZONE_DEPTH_H * height
    return np.array(
        [[door[0], door[3]], [door[2], door[3]], [middle + far, end], [middle - far, end]], np.float32
    )


def share_in_frame(polygon: Polygon, image_hw: tuple[int, int]) -> float:
    """Share of a convex polygon's area inside the picture."""
    frame = np.array([0, 0, image_hw[1], image_hw[0]], np.float32)
    return polygon_area(clip_polygon(polygon, frame)) / max(polygon_area(polygon), 1e-9)


def obstruction(door: Boxes, obstacles: Boxes) -> tuple[float, float]:
    """How obstacles (n, 4) stand before a door (4,): share of its floor zone under their lower parts, and share of its lower
    half that they cover. Those whose base is too far off count for neither."""
    below = (obstacles[:, 3] - door[3]) / (door[3] - door[1])
    near = obstacles[(below <= BASE_BELOW_H) & (below >= -BASE_ABOVE_H)]
    lower = near.copy()
    width, height = near[:, 2] - near[:, 0], near[:, 3] - near[:, 1]
    lower[:, 1] = near[:, 3] - np.maximum(LOWER_PART * height, np.minimum(height, LOWER_PART_W * width))
    middle = (door[1] + door[3]) / 2
    half = corners(np.array([door[0], middle, door[2], door[3]], np.float32))
    return covered_share(egress_zone(door), lower), covered_share(half, near)


def is_obstructed(cover: float, overlap: float) -> bool:
    """Whether the rules call a door with these shares obstructed."""
    return cover >= COVER_GTE or overlap >= OVERLAP_GTE


def is_signed(door: Boxes, signs: Boxes, doors: Boxes) -> bool:
    """Whether one of the exit signs (n, 4) speaks for the door (4,): it can mark it, and none of `doors` (m, 4) lies nearer."""
    marked = [
        _marks(door, sign) and not any(_is_nearer(other, door, sign) for other in doors) for sign in signs
    ]
    return any(marked)


def _is_nearer(other: Boxes, door: Boxes, sign: Boxes) -> bool:
    return _marks(other, sign) and _aside(other, sign) < _aside(door, sign) - 0.5


def _marks(door: Boxes, sign: Boxes) -> bool:
    width, height = door[2] - door[0], door[3] - door[1]
    near = door[1] - sign[3] <= DOOR_SIGN_ABOVE_H * height and sign[1] - door[1] <= DOOR_SIGN_BELOW_H * height
    return bool(near and _aside(door, sign) < DOOR_SIGN_DX_W * width)


def _aside(door: Boxes, sign: Boxes) -> float:
    return abs(float(sign[0] + sign[2]) - float(door[0] + door[2])) / 2


def point_is_seen(cue: Boxes, occluders: Boxes, image_hw: tuple[int, int], *, bracket: bool = False) -> bool:
    """Whether the place below an extinguisher sign or bracket (4,) lies in the picture and is not hidden."""
    dx_w, below_h = (BRACKET_DX_W, BRACKET_BELOW_H) if bracket else (SIGN_DX_W, SIGN_BELOW_H)
    zone = corners(search_zone(cue, dx_w=dx_w, below_h=below_h))
    seen = share_in_frame(zone, image_hw) >= POINT_IN_FRAME
    return seen and covered_share(zone, occluders) < POINT_OCCLUDED


def search_zone(cue: Boxes, *, dx_w: float, below_h: float) -> Boxes:
    """Where an extinguisher must show for a cue (4,): `dx_w` widths to each side, `below_h` heights below its foot."""
    width, height, middle = cue[2] - cue[0], cue[3] - cue[1], (cue[0] + cue[2]) / 2
    return np.array(
        [middle - dx_w * width, cue[1], middle + dx_w * width, cue[3] + below_h * height], np.float32
    )


def corners(box: Boxes) -> Polygon:
    """A box (4,) as a polygon (4, 2)."""
    return np.array([[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]], np.float32)
