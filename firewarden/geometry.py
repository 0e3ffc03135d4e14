"""Boxes and polygons in image pixels. y grows downwards; boxes are continuous xyxy, so width is x_max - x_min."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
Polygon = NDArray[np.float32]  # (k, 2) convex, x and y


def box_area(boxes: Boxes) -> NDArray[np.float32]:
    """Areas (n,) of boxes (n, 4)."""
    sides = (boxes[:, 2:] - boxes[:, :2]).clip(0)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def intersection_batch(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Pairwise intersection areas (n, m)."""
    width, height = (
        np.minimum(a[:, None, axis + 2], b[None, :, axis + 2])
        - np.maximum(a[:, None, axis], b[None, :, axis])
        for axis in (0, 1)
    )
    return np.asarray(width.clip(0) * height.clip(0), np.float32)


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


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A grid of points over a convex polygon: `x (columns,)`, `y (rows,)`, and which points lie `inside (rows, columns)`."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    inside: NDArray[np.bool_]

    def cover(self, boxes: Boxes) -> tuple[float, NDArray[np.bool_]]:
        """Share of the points inside that the union of `boxes` covers, 0 where there are none; and which boxes (n,) cover one."""
        n_inside = int(np.count_nonzero(self.inside))
        if not n_inside or not len(boxes):
            return 0.0, np.zeros(len(boxes), np.bool_)
        covered = self._covered(boxes) & self.inside
        share = int(np.count_nonzero(covered.any(axis=0))) / n_inside
        return share, np.asarray(covered.any(axis=(1, 2)), np.bool_)

    def _covered(self, boxes: Boxes) -> NDArray[np.bool_]:
        """Points that each box covers (n, rows, columns)."""
        low_x, low_y, high_x, high_y = boxes.T[..., None]  # (n, 1) each
        in_x = (self.x >= low_x) & (self.x <= high_x)
        in_y = (self.y >= low_y) & (self.y <= high_y)
        return np.asarray(in_y[:, :, None] & in_x[:, None, :])


def sample_polygon(polygon: Polygon, *, samples: int = 48) -> Samples:
    """A grid of `samples` x `samples` points; none lies inside a polygon without area."""
    x, y = _sample_lines(polygon, samples)
    if polygon_area(polygon) <= 0:
        return Samples(x, y, np.zeros((samples, samples), np.bool_))
    return Samples(x, y, _grid_inside(polygon, x, y))


def covered_share(polygon: Polygon, boxes: Boxes, *, samples: int = 48) -> float:
    """Share of a convex polygon's area that the union of `boxes` covers, sampled on a `samples` x `samples` grid."""
    return sample_polygon(polygon, samples=samples).cover(boxes)[0] if len(boxes) else 0.0


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
