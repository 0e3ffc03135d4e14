"""Whether a person could see what was drawn: sizes at 640 px, and contrast after the camera step's strongest blur."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.cables import POWER, Cable
from firewarden.datasets.compose.cord_drawing import Picture
from firewarden.datasets.compose.cord_shape import arc_length, resample
from firewarden.datasets.compose.ground import Box

_LONG_SIDE = 640  # larger pictures are measured as if brought down to it; smaller ones as they are
_CORD_PX, _STRIP_PX, _STRIP_THIN_PX = 40.0, 24.0, 8.0  # visible length; long and short side of a strip's box
_CORD_CONTRAST, _STRIP_CONTRAST = 30.0, 18.0  # mean grey levels from what was there before
_LOCK_PX = 20.0  # long side of a lock's box
_LOCK_LEVELS = 20  # grey levels by which a part of the box has to differ
_LOCK_SHARE = 0.2  # that part: most of the box is empty
_BLUR = 1.0  # sigma of the strongest blur of the camera step
Change = NDArray[np.uint8]  # (h, w) grey levels


def change_seen(before: Picture, after: Picture) -> Change:
    """How far each pixel's grey value changed by drawing, once both pictures are as soft as the camera step can make them."""
    first, second = (
        cv2.GaussianBlur(cv2.cvtColor(p, cv2.COLOR_BGR2GRAY), (3, 3), _BLUR) for p in (before, after)
    )
    return np.asarray(cv2.absdiff(first, second), np.uint8)


def shows_cord(change: Change, cables: Sequence[Cable]) -> bool:
    """Whether one power cord is long enough and stands out along its run; a pixel beside its line counts for it."""
    near = np.asarray(cv2.dilate(change, np.ones((3, 3), np.uint8)), np.uint8)
    return any(_is_clear(near, cable) for cable in cables if cable.kind == POWER)


def _is_clear(near: Change, cable: Cable) -> bool:
    h, w = near.shape
    points = cable.points.astype(np.float64) * (w, h)
    if float(arc_length(points)[-1]) * _scale((h, w)) < _CORD_PX:
        return False
    cells = resample(points, step=2).astype(int).clip(0, (w - 1, h - 1))
    return float(near[cells[:, 1], cells[:, 0]].mean()) >= _CORD_CONTRAST


def shows_strip(change: Change, strips: Sequence[Box]) -> bool:
    """Whether one strip is large enough and stands out."""
    return any(_is_clear_strip(change, strip) for strip in strips)


def _is_clear_strip(change: Change, strip: Box) -> bool:
    h, w = change.shape
    x0, y0, x1, y1 = strip
    spot = change[max(round(y0), 0) : round(y1), max(round(x0), 0) : round(x1)]
    thin, long = sorted((_scale((h, w)) * (x1 - x0), _scale((h, w)) * (y1 - y0)))
    large = long >= _STRIP_PX and thin >= _STRIP_THIN_PX
    return large and spot.size > 0 and float(spot.mean()) >= _STRIP_CONTRAST


def shows_lock(change: Change, lock: Box) -> bool:
    """Whether a lock is large enough, and enough of its box stands out: black on a black door it is there and not seen."""
    x0, y0, x1, y1 = lock
    spot = change[max(round(y0), 0) : round(y1), max(round(x0), 0) : round(x1)]
    large = _scale(change.shape[:2]) * max(x1 - x0, y1 - y0) >= _LOCK_PX
    return large and spot.size > 0 and float((spot >= _LOCK_LEVELS).mean()) >= _LOCK_SHARE


def _scale(hw: tuple[int, int]) -> float:
    return min(1.0, _LONG_SIDE / max(hw))
