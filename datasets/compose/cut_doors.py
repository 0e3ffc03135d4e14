"""Doors cut by the frame: a window of a real photo whose edge runs through a door, as in close pictures of what hangs beside it."""

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.compose.composed import Composed, Expectation, manifest_of, rule_scene
from firewarden.datasets.compose.ground import Box, Ground, Picture, as_box
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.labels import LabelRows

_LEFT_OVER = (0.15, 0.75)  # share of the door's width that stays in the picture
_BESIDE = (0.8, 3.0)  # wall kept beside the door, in widths of what stays of it
_LEAST_SIDE_PX = 160
_CLEAR_SHARE = 0.25  # a box of which less stays goes to ignore
UNJUDGED = (  # hazards that nobody looked for in a door photo
    "blocked_exit",
    "corridor_clutter",
    "missing_extinguisher",
    "indoor_ebike",
    "extinguisher_obstructed",
)


def make_cut_doors(sources: Sources, rng: np.random.Generator, index: int) -> list[Composed]:
    """One window of a door photo; nothing where the draw leaves too small a window."""
    records = sources.records_with("door")
    if not records:
        return []
    ground = sources.pick(records, rng)
    doors = ground.boxes("door")
    window = draw_window(as_box(doors[int(rng.integers(len(doors)))]), ground.hw, rng)
    if window is None:
        return []
    picture, labels, ignore = crop(ground, window)
    stem = f"compose_cutdoor_{index:05d}"
    expect = Expectation(stem, "cut", rule_scene(ground), optional_hazards=UNJUDGED)
    return [Composed(stem, picture, labels, ignore, expect, manifest_of(ground, sources.split))]


def draw_window(door: Box, hw: tuple[int, int], rng: np.random.Generator) -> tuple[int, int, int, int] | None:
    """A window x0, y0, x1, y1 in pixels, of which the left or right edge cuts the door."""
    h, w = hw
    width, left_edge = door[2] - door[0], bool(rng.random() < 0.5)
    stays = float(rng.uniform(*_LEFT_OVER)) * width
    beside = float(rng.uniform(*_BESIDE)) * max(stays, 0.1 * w)
    x0, x1 = (door[2] - stays, door[2] + beside) if left_edge else (door[0] - beside, door[0] + stays)
    y0, y1 = float(rng.uniform(0, 0.3)) * h, h - float(rng.uniform(0, 0.3)) * h
    window = round(max(x0, 0)), round(y0), round(min(x1, w)), round(y1)
    small = min(window[2] - window[0], window[3] - window[1]) < min(_LEAST_SIDE_PX, h // 2, w // 2)
    return None if small else window


def crop(ground: Ground, window: tuple[int, int, int, int]) -> tuple[Picture, LabelRows, LabelRows]:
    """The window's picture, its label rows clipped to it, and its regions to ignore."""
    x0, y0, x1, y1 = window
    rows, share = clip_rows(ground.labels, ground.hw, window)
    unsure, unsure_share = clip_rows(ground.ignore, ground.hw, window)
    clear, hidden = share >= _CLEAR_SHARE, (share > 0) & (share < _CLEAR_SHARE)
    kept = unsure_share > 0
    ignore = LabelRows(
        np.concatenate([unsure.class_id[kept], rows.class_id[hidden]]),
        np.concatenate([unsure.cxcywh[kept], rows.cxcywh[hidden]]),
    )
    picture = np.ascontiguousarray(ground.photo[y0:y1, x0:x1])
    return picture, LabelRows(rows.class_id[clear], rows.cxcywh[clear]), ignore


def clip_rows(
    rows: LabelRows, hw: tuple[int, int], window: tuple[int, int, int, int]
) -> tuple[LabelRows, NDArray[np.float64]]:
    """Rows in the window's own frame, clipped, and the share (n,) of each box's area that lies in the window."""
    x0, y0, x1, y1 = window
    boxes = rows.xyxy(hw).astype(np.float64)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1).clip(1e-9)
    inside = boxes.copy()
    inside[:, 0::2] = inside[:, 0::2].clip(x0, x1)
    inside[:, 1::2] = inside[:, 1::2].clip(y0, y1)
    size = inside[:, 2:] - inside[:, :2]
    centre = (inside[:, 2:] + inside[:, :2]) / 2 - (x0, y0)
    cxcywh = np.concatenate([centre, size], axis=1) / np.array([x1 - x0, y1 - y0] * 2)
    return LabelRows(rows.class_id, cxcywh.astype(np.float32)), size.prod(axis=1) / area
