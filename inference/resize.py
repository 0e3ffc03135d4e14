"""Resizing pictures with Pillow: the serving half does without OpenCV, whose wheel alone is 150 MB."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

Filter = Literal["area", "linear", "cubic", "nearest"]
_FILTERS = {
    "area": PillowImage.Resampling.BOX,
    "linear": PillowImage.Resampling.BILINEAR,  # widens its support when shrinking: no pixel is skipped
    "cubic": PillowImage.Resampling.BICUBIC,
    "nearest": PillowImage.Resampling.NEAREST,
}


def resize(
    pixels: NDArray[np.uint8],
    wh: tuple[int, int],
    *,
    filter: Filter = "linear",
) -> NDArray[np.uint8]:
    """A copy of `pixels` (h, w, 3) uint8, any channel order, scaled to width and height `wh`."""
    if (pixels.shape[1], pixels.shape[0]) == wh:
        return pixels.copy()
    picture = PillowImage.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(picture.resize(wh, _FILTERS[filter]), np.uint8)
