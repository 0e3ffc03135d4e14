"""What can be wrong with the boxes of one photo."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.labels import LabelRows
from firewarden.datasets.problems import Box, Problem
from firewarden.geometry import iou_batch

_OUTSIDE = 0.002  # of the side: labels are rounded to six decimals, pictures to whole pixels
_LONG_SIDE_PX, _MIN_SHORT_SIDE_PX = 960, 12
_SAME_BOX_IOU = 0.95


def find_label_problems(
    file: str, rows: LabelRows, ignored: LabelRows, hw: tuple[int, int], classes: tuple[str, ...]
) -> list[Problem]:
    """Problems of labels and ignore regions; `hw` is the upright size, (0, 0) where it is not known."""
    problems = _broken(file, rows, classes, "label") + _broken(file, ignored, classes, "ignore region")
    sound = LabelRows(rows.class_id[_is_sound(rows)], rows.cxcywh[_is_sound(rows)])
    for index in np.flatnonzero(short_sides_px(sound, hw) < _MIN_SHORT_SIDE_PX) if min(hw) else ():
        side = float(short_sides_px(sound, hw)[index])
        detail = f"{name_of(sound.class_id[index], classes)}: short side {side:.1f} px"
        problems.append(Problem("tiny_box", (file,), detail, box_of(sound, int(index)), -side))
    overlap = iou_batch(sound.xyxy((1, 1)), sound.xyxy((1, 1)))
    same = (overlap >= _SAME_BOX_IOU) & (sound.class_id[:, None] == sound.class_id[None])
    for i, j in np.argwhere(np.triu(same, k=1)):
        detail = f"{name_of(sound.class_id[i], classes)}: IoU {overlap[i, j]:.2f}"
        problems.append(Problem("duplicate_box", (file,), detail, box_of(sound, int(j))))
    return problems


def _broken(file: str, rows: LabelRows, classes: tuple[str, ...], what: str) -> list[Problem]:
    problems = []
    sound, corners = _is_sound(rows), rows.xyxy((1, 1))
    for index, class_id in enumerate(rows.class_id):
        name = name_of(class_id, classes)
        if not 0 <= class_id < len(classes):
            detail = f"{what}: class {class_id}, expected 0 to {len(classes) - 1}"
            problems.append(Problem("unknown_class", (file,), detail))
        if not sound[index]:
            detail = f"{what} {name}: cx cy w h = {' '.join(f'{v:g}' for v in rows.cxcywh[index])}"
            problems.append(Problem("empty_box", (file,), detail))
            continue
        outside = float(max(-corners[index].min(), corners[index].max() - 1))
        if outside > _OUTSIDE:
            detail = f"{what} {name}: {100 * outside:.1f} % of the side beyond the frame"
            problems.append(Problem("box_out_of_frame", (file,), detail, box_of(rows, index), outside))
    return problems


def _is_sound(rows: LabelRows) -> NDArray[np.bool_]:
    """Rows of finite numbers with an area."""
    return np.asarray(np.isfinite(rows.cxcywh).all(axis=1) & (rows.cxcywh[:, 2:] > 0).all(axis=1), np.bool_)


def name_of(class_id: int | np.int64, classes: Sequence[str]) -> str:
    """Name of a class, `class 99` for an id that has none."""
    return classes[int(class_id)] if 0 <= class_id < len(classes) else f"class {class_id}"


def box_of(rows: LabelRows, index: int) -> Box:
    """One row as shares x0, y0, x1, y1."""
    x0, y0, x1, y1 = (float(v) for v in rows.xyxy((1, 1))[index])
    return x0, y0, x1, y1


def short_sides_px(rows: LabelRows, hw: tuple[int, int]) -> NDArray[np.float64]:
    """Short side of each box (n,) in pixels of the photo scaled to a long side of 960 px."""
    h, w = hw
    scale = _LONG_SIDE_PX / max(h, w, 1)
    sides: NDArray[np.float64] = rows.cxcywh[:, 2:].astype(np.float64) * (w * scale, h * scale)
    return np.asarray(sides.min(axis=1), np.float64)
