"""Boxes and polygons in image pixels. y grows downwards; boxes are continuous xyxy, so width is x_max - x_min."""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
Polygon = NDArray[np.float32]  # (k, 2) convex, x and y


def box_area(boxes: Boxes) -> NDArray[np.float32]:
    """Areas (n,) of boxes (n, 4)."""
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).clip(0).prod(axis=1), np.float32)


def intersection_batch(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Pairwise intersection areas (n, m)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.asarray((high - low).clip(0).prod(axis=2), np.float32)


def iou_batch(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Pairwise IoU (n, m) in [0, 1]; two empty boxes have IoU 0."""
    shared = intersection_batch(a, b)
    union = box_area(a)[:, None] + box_area(b)[None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0), np.float32)


def inside_share_batch(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Pairwise share (n, m) of each `a` that lies inside each `b`."""
    area = box_area(a)[:, None]
    shared = intersection_batch(a, b)
    return np.asarray(np.divide(shared, area, out=np.zeros_like(shared), where=area > 0), np.float32)


def clip_boxes(boxes: Boxes, image_hw: tuple[int, int]) -> Boxes:
    """Boxes cut to the image."""
    h, w = image_hw
    return np.asarray(np.clip(boxes, 0, np.array([w, h, w, h], np.float32)), np.float32)


def polygon_area(polygon: Polygon) -> float:
    """Area of a simple polygon (shoelace formula); fewer than three corners have none."""
    if len(polygon) < 3:
        return 0.0
    corners: list[list[float]] = polygon.tolist()
    following = corners[1:] + corners[:1]
    return abs(sum(x0 * y1 - y0 * x1 for (x0, y0), (x1, y1) in zip(corners, following, strict=True))) / 2


def clip_polygon(polygon: Polygon, box: NDArray[np.float32]) -> Polygon:
    """Part of a convex polygon inside one xyxy box (Sutherland-Hodgman); may have zero corners."""
    x0, y0, x1, y1 = (float(v) for v in box)
    corners = [(float(x), float(y)) for x, y in polygon]
    for axis, bound, sign in ((0, x0, 1.0), (0, x1, -1.0), (1, y0, 1.0), (1, y1, -1.0)):
        corners = _clip_half_plane(corners, axis, bound, sign)
    return np.array(corners, np.float32).reshape(-1, 2)


def _clip_half_plane(
    corners: list[tuple[float, float]], axis: int, bound: float, sign: float
) -> list[tuple[float, float]]:
    kept: list[tuple[float, float]] = []
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        depth_start, depth_end = sign * (start[axis] - bound), sign * (end[axis] - bound)
        if depth_start >= 0:
            kept.append(start)
        if (depth_start >= 0) != (depth_end >= 0):
            t = depth_start / (depth_start - depth_end)
            kept.append((start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1])))
    return kept


def covered_share(polygon: Polygon, boxes: Boxes, *, samples: int = 48) -> float:
    """Share of a convex polygon's area that the union of `boxes` covers, sampled on a `samples` x `samples` grid."""
    if polygon_area(polygon) <= 0 or not len(boxes):
        return 0.0
    x, y = _sample_lines(polygon, samples)
    inside = _grid_inside(polygon, x, y)
    n_inside = int(np.count_nonzero(inside))
    if not n_inside:
        return 0.0
    low_x, low_y, high_x, high_y = boxes.T[..., None]  # (m, 1) each, against (samples,)
    in_x, in_y = (x >= low_x) & (x <= high_x), (y >= low_y) & (y <= high_y)
    covered = (in_y[:, :, None] & in_x[:, None, :]).any(axis=0)  # (rows, columns)
    return int(np.count_nonzero(covered & inside)) / n_inside


def _sample_lines(polygon: Polygon, samples: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """x of the columns and y of the rows of a grid over the polygon."""
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    steps = (np.arange(samples, dtype=np.float32) + 0.5) / samples
    return low[0] + steps * (high[0] - low[0]), low[1] + steps * (high[1] - low[1])


def _grid_inside(polygon: Polygon, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which points (rows, columns) of the grid lie in a convex polygon."""
    edges = np.concatenate((polygon[1:], polygon[:1])) - polygon
    along_y = edges[:, :1] * (y - polygon[:, 1:])  # (k, rows)
    along_x = edges[:, 1:] * (x - polygon[:, :1])  # (k, columns)
    side = along_y[:, :, None] - along_x[:, None, :]
    return np.asarray((side >= 0).all(axis=0) | (side <= 0).all(axis=0))
