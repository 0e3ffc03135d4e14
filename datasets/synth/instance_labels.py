"""Labels out of the instance pass: visible boxes, visibility, cables as seen, and what the picture should raise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Mask = NDArray[np.int32]
Box = tuple[float, float, float, float]  # x_min, y_min, x_max, y_max in pixels

MIN_VISIBLE = 0.25  # less of an object seen than this goes to ignore
MIN_SIDE_AT_960 = 12.0  # a shorter side in pixels, at a long side of 960, goes to ignore
CABLE_WIDTH_AT_960 = 12.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One instance in the picture: its visible box and how much of it is seen (0 to 1); `ignored` if too little."""

    number: int
    class_name: str
    name: str
    box: Box
    pixels: int
    visible: float
    ignored: bool


def visible_box(mask: Mask, number: int) -> tuple[Box, int] | None:
    """Tight box round the pixels of `number` (right and lower edges exclusive) and their count; None if unseen."""
    rows, columns = np.nonzero(mask == number)
    if not len(rows):
        return None
    box = (float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1))
    return box, len(rows)


def amodal_pixels(polygons: Sequence[NDArray[np.float64]], wh: tuple[int, int]) -> int:
    """Pixels that projected faces would cover if nothing stood before them, one picture more on each side included."""
    w, h = wh
    canvas = Image.new("1", (3 * w, 3 * h))
    draw = ImageDraw.Draw(canvas)
    for polygon in polygons:
        draw.polygon([(x + w, y + h) for x, y in np.clip(polygon, (-w, -h), (2 * w, 2 * h))], fill=1)
    return int(np.asarray(canvas).sum())


def too_small(box: Box, wh: tuple[int, int]) -> bool:
    """Whether the short side of `box` stays under 12 px at a long side of 960."""
    side = min(box[2] - box[0], box[3] - box[1])
    return side * 960 / max(wh) < MIN_SIDE_AT_960


def visible_runs(
    path: NDArray[np.float64], depth: NDArray[np.float64], mask: Mask, number: int, *, gap: int = 6
) -> list[NDArray[np.float64]]:
    """Stretches of a projected cable (n, 2) that the mask shows; holes of up to `gap` points are closed.

    A point counts where the instance lies within two pixels: a thin cord falls between pixel centres."""
    h, w = mask.shape
    seen = np.zeros(len(path), np.bool_)
    for k, ((x, y), d) in enumerate(zip(path, depth, strict=True)):
        if d > 0 and 0 <= x < w and 0 <= y < h:
            row, column = int(y), int(x)
            near = mask[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
            seen[k] = bool((near == number).any())
    hits = np.nonzero(seen)[0]
    if not len(hits):
        return []
    breaks = np.nonzero(np.diff(hits) > gap + 1)[0]
    starts, ends = np.r_[hits[0], hits[breaks + 1]], np.r_[hits[breaks], hits[-1]]
    return [path[a : b + 1] for a, b in zip(starts, ends, strict=True) if b > a]


def cable_box(runs: Sequence[NDArray[np.float64]], wh: tuple[int, int]) -> Box:
    """Tight box round visible stretches, at least 12 px wide and high at a long side of 960, inside the picture."""
    points = np.concatenate(list(runs))
    low, high = points.min(axis=0), points.max(axis=0)
    least = CABLE_WIDTH_AT_960 * max(wh) / 960
    grow = np.maximum(0, least - (high - low)) / 2
    low, high = np.clip(low - grow, 0, wh), np.clip(high + grow, 0, wh)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def simplified(path: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """Fewer points of a polyline (n, 2), none farther than `tolerance` pixels from the new line."""
    if len(path) < 3:
        return path
    start, end = path[0], path[-1]
    along = end - start
    length = float(np.hypot(*along))
    offset = path - start
    away = (
        np.abs(along[0] * offset[:, 1] - along[1] * offset[:, 0]) / length
        if length > 1e-9
        else np.hypot(offset[:, 0], offset[:, 1])
    )
    k = int(away.argmax())
    if away[k] <= tolerance:
        return np.stack([start, end])
    return np.concatenate([simplified(path[: k + 1], tolerance)[:-1], simplified(path[k:], tolerance)])


def normalised_row(box: Box, wh: tuple[int, int]) -> tuple[float, float, float, float]:
    """cx, cy, w, h in [0, 1] of a pixel box."""
    w, h = wh
    x0, y0, x1, y1 = box
    return (x0 + x1) / 2 / w, (y0 + y1) / 2 / h, (x1 - x0) / w, (y1 - y0) / h
