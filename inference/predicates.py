"""Geometric tests of the relation rules. Pure; boxes xyxy in image pixels, y downwards; every bound is an argument.

Ratios are proxies seen in one picture, never widths in metres.
"""

import numpy as np
from numpy.typing import NDArray

from firewarden.geometry import Boxes, Polygon, clip_polygon, covered_share, inside_share_batch, polygon_area

BoxRow = NDArray[np.float32]  # (4,)


def signs_door(
    door: BoxRow, sign: BoxRow, *, above_lte_h: float, below_top_lte_h: float, dx_lt_w: float
) -> bool:
    """Whether a sign marks this door: lower edge at most `above_lte_h` door heights above its top, upper edge at most
    `below_top_lte_h` below it, and centres less than `dx_lt_w` door widths apart."""
    width, height = door[2] - door[0], door[3] - door[1]
    dx = abs((sign[0] + sign[2]) / 2 - (door[0] + door[2]) / 2)
    near = door[1] - sign[3] <= above_lte_h * height and sign[1] - door[1] <= below_top_lte_h * height
    return bool(near and dx < dx_lt_w * width)


def egress_zone(door: BoxRow, *, depth_h: float, far_width_w: float) -> Polygon:
    """Trapezoid on the floor from the door's foot outward: `depth_h` door heights deep, `far_width_w` door widths wide at
    its far end. Not clipped to the picture."""
    width, height = door[2] - door[0], door[3] - door[1]
    centre, far = (door[0] + door[2]) / 2, width * far_width_w / 2
    foot, end = door[3], door[3] + depth_h * height
    return np.array([[door[0], foot], [door[2], foot], [centre + far, end], [centre - far, end]], np.float32)


def foot_zone(sign: BoxRow, *, below_gte_h: float, below_lte_h: float, dx_lte_h: float) -> BoxRow:
    """Box (4,) on the floor where the door must stand that a sign hangs above: so many sign heights below its lower edge,
    and as far to either side of its centre. Not clipped."""
    height, centre = sign[3] - sign[1], (sign[0] + sign[2]) / 2
    dx = dx_lte_h * height
    top, foot = sign[3] + below_gte_h * height, sign[3] + below_lte_h * height
    return np.array([centre - dx, top, centre + dx, foot], np.float32)


def stands_on(zone: BoxRow, boxes: Boxes, *, cover_gte: float) -> NDArray[np.bool_]:
    """Which objects (n, 4) stand in a zone: base between its upper and lower edge, and this share of its width covered."""
    shared = np.minimum(boxes[:, 2], zone[2]) - np.maximum(boxes[:, 0], zone[0])
    based = (boxes[:, 3] >= zone[1]) & (boxes[:, 3] <= zone[3])
    return np.asarray(based & (shared >= cover_gte * (zone[2] - zone[0])))


def share_in_frame(polygon: Polygon, image_hw: tuple[int, int]) -> float:
    """Share of a convex polygon's area inside the picture."""
    area = polygon_area(polygon)
    if area <= 0:
        return 0.0
    h, w = image_hw
    return polygon_area(clip_polygon(polygon, np.array([0, 0, w, h], np.float32))) / area


def lower_parts(boxes: Boxes, *, share: float, share_w: float) -> Boxes:
    """The part of each box that can stand on the floor: from its base up to `share` of its height, or up to `share_w` of its
    width where that is more, and never more than all of it: what lies flat shows its whole area."""
    parts = boxes.copy()
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    parts[:, 1] = boxes[:, 3] - np.maximum(share * height, np.minimum(height, share_w * width))
    return parts


def stands_at_door(
    door: BoxRow, boxes: Boxes, *, base_below_lte_h: float, base_above_lte_h: float
) -> NDArray[np.bool_]:
    """Which objects stand near the door's foot: base at most so far below (nearer the camera) or above it.

    An object whose base lies farther below only hides the door from this viewpoint.
    """
    height = door[3] - door[1]
    below = boxes[:, 3] - door[3]
    return np.asarray((below <= base_below_lte_h * height) & (below >= -base_above_lte_h * height))


def zone_cover(zone: Polygon, boxes: Boxes, *, lower_part: float, lower_part_w: float) -> float:
    """Share of a zone covered by the lower parts of the objects together."""
    return covered_share(zone, lower_parts(boxes, share=lower_part, share_w=lower_part_w))


def lower_half(door: BoxRow) -> Polygon:
    """The door's lower half."""
    middle = (door[1] + door[3]) / 2
    return np.array(
        [[door[0], middle], [door[2], middle], [door[2], door[3]], [door[0], door[3]]], np.float32
    )


def centre_inside(boxes: Boxes, outer: BoxRow) -> NDArray[np.bool_]:
    """Which boxes (n, 4) have their centre in `outer`."""
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    return np.asarray((x >= outer[0]) & (x <= outer[2]) & (y >= outer[1]) & (y <= outer[3]))


def search_zone(cue: BoxRow, *, dx_w: float, below_h: float) -> BoxRow:
    """Box (4,) where an extinguisher marked by this cue must show: `dx_w` cue widths to either side of its centre, from the
    cue's top down to `below_h` cue heights below its foot. Not clipped."""
    width, height = cue[2] - cue[0], cue[3] - cue[1]
    centre = (cue[0] + cue[2]) / 2
    return np.array(
        [centre - dx_w * width, cue[1], centre + dx_w * width, cue[3] + below_h * height], np.float32
    )


def near_zone(sign: BoxRow, *, dx_w: float, below_h: float, side_gte: float) -> BoxRow:
    """Box (4,) in which an extinguisher belongs to this sign: as `search_zone`, with the sign's shorter side taken as at least
    `side_gte` of the longer one, since a sign seen from the side is narrower than its place. Not clipped."""
    width, height = sign[2] - sign[0], sign[3] - sign[1]
    dx = dx_w * max(width, side_gte * height)
    centre, foot = (sign[0] + sign[2]) / 2, sign[3] + below_h * max(height, side_gte * width)
    return np.array([centre - dx, sign[1], centre + dx, foot], np.float32)


def corners(box: BoxRow) -> Polygon:
    """A box as a polygon (4, 2)."""
    return np.array([[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]], np.float32)


def gap_batch(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Pairwise distance (n, m) between box edges in pixels; 0 where they touch or overlap."""
    dx = np.maximum(0, np.maximum(b[None, :, 0] - a[:, None, 2], a[:, None, 0] - b[None, :, 2]))
    dy = np.maximum(0, np.maximum(b[None, :, 1] - a[:, None, 3], a[:, None, 1] - b[None, :, 3]))
    return np.asarray(np.hypot(dx, dy), np.float32)


def near_vehicle(things: Boxes, vehicles: Boxes, *, within_w: float) -> NDArray[np.bool_]:
    """Pairwise (n, m): thing i lies within `within_w` widths of vehicle j, edge to edge."""
    widths = vehicles[:, 2] - vehicles[:, 0]
    return np.asarray(gap_batch(things, vehicles) <= within_w * widths[None, :])


def leads_away(
    cable: BoxRow, vehicle: BoxRow, image_hw: tuple[int, int], *, rises_above_h: float, edge_share: float
) -> bool:
    """The cord goes on beyond the vehicle: it rises above it, or leaves the picture at the top or a side."""
    h, w = image_hw
    rises = vehicle[1] - cable[1] >= rises_above_h * (vehicle[3] - vehicle[1])
    leaves = cable[1] <= edge_share * h or cable[0] <= edge_share * w or cable[2] >= (1 - edge_share) * w
    return bool(rises or leaves)


def touches_any(box: BoxRow, others: Boxes) -> bool:
    """Whether a box overlaps or touches any of the others."""
    return bool(len(others)) and bool((gap_batch(box[None], others) <= 0).any())


def hidden_in_front(targets: Boxes, obstacles: Boxes) -> NDArray[np.float32]:
    """Pairwise share (n, m) of target i covered by obstacle j, 0 where the obstacle's base is not the nearer (lower) one."""
    nearer = obstacles[None, :, 3] > targets[:, None, 3]
    return np.asarray(inside_share_batch(targets, obstacles) * nearer, np.float32)


def occupied_width(boxes: Boxes, image_hw: tuple[int, int]) -> float:
    """Share of the picture's width that the union of the boxes' x-extents takes."""
    if not len(boxes):
        return 0.0
    spans = boxes[np.argsort(boxes[:, 0]), :][:, [0, 2]]
    total, end = 0.0, -np.inf
    for low, high in spans:
        total += max(0.0, float(high) - max(float(low), end))
        end = max(end, float(high))
    return float(min(1.0, total / image_hw[1]))


def area_share(boxes: Boxes, image_hw: tuple[int, int]) -> NDArray[np.float32]:
    """Each box's share (n,) of the picture's area."""
    return np.asarray(
        (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(axis=1) / (image_hw[0] * image_hw[1]), np.float32
    )


def mostly_out_of_view(
    boxes: Boxes, image_hw: tuple[int, int], *, edge_share: float, area_share_lt: float
) -> NDArray[np.bool_]:
    """Each box (n,): the frame's edge, or a band of `edge_share` along it, cuts it, and what is left in view is small."""
    (h, w), (x1, y1, x2, y2) = image_hw, boxes.T
    dx, dy = edge_share * w, edge_share * h
    cut = (x1 <= dx) | (y1 <= dy) | (x2 >= w - dx) | (y2 >= h - dy)
    return np.asarray(cut & (area_share(boxes, image_hw) < area_share_lt))
