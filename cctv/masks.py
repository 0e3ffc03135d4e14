"""Private windows painted out: done on arrival, before motion, inference, storage or anything else."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from firewarden.cctv.camera import Corners
from firewarden.cctv.frame import Frame, Pixels
from firewarden.cctv.motion import Blocks, to_blocks
from firewarden.cctv.polygons import fill_polygons
from firewarden.inference.image import Image
from firewarden.inference.quality import Quality, QualityThresholds, assess_quality

MASK_GREY = 114  # the grey the network's letterbox pads with: it reads as nothing
_KEPT = 4096  # cameras of one process whose masks are remembered, some 20 KB each at 1080p


def paint_out(pixels: Pixels, polygons: tuple[Corners, ...], grey: int = MASK_GREY) -> Pixels:
    """A copy of `pixels` (h, w, 3) with every pixel that a polygon touches set to one grey. The original is untouched."""
    painted = pixels.copy()
    flat = painted.reshape(-1, 3)
    for start, end in _runs(polygons, (pixels.shape[0], pixels.shape[1])).tolist():
        flat[start:end] = grey
    return painted


def mask_frame(frame: Frame, polygons: tuple[Corners, ...]) -> Frame:
    """The frame without its private windows; the same frame where there are none."""
    return replace(frame, pixels=paint_out(frame.pixels, polygons)) if polygons else frame


def clear_grey(blocks: Blocks, polygons: tuple[Corners, ...], hw: tuple[int, int]) -> float | None:
    """Mean grey of the blocks of a picture (h, w) that no polygon touches; None where there is none."""
    clear = blocks[_clear_blocks(polygons, hw, (blocks.shape[0], blocks.shape[1]))]
    return float(clear.mean()) if clear.size else None


def assess_clear(
    image: Image, polygons: tuple[Corners, ...], grey: float | None, thresholds: QualityThresholds
) -> Quality:
    """The quality of a masked picture by the rest of it alone, whose mean is `grey`: the windows are filled with that, and
    bounds are lowered by what they dilute. With nothing left the picture is flat."""
    if not polygons or grey is None:
        return assess_quality(image, thresholds)
    hw = image.original_hw
    kept = 1 - float(np.diff(_runs(polygons, hw)).sum()) / (hw[0] * hw[1])
    lowered = replace(
        thresholds,
        min_sharpness=kept * thresholds.min_sharpness,
        min_contrast=kept**0.5 * thresholds.min_contrast,
        max_dark_share=kept * thresholds.max_dark_share,
    )
    return assess_quality(replace(image, pixels=paint_out(image.pixels, polygons, round(grey))), lowered)


@lru_cache(maxsize=_KEPT)
def _runs(polygons: tuple[Corners, ...], hw: tuple[int, int]) -> NDArray[np.int64]:
    """Runs of masked pixels of the flattened picture: (n, 2), the first pixel and the one behind the last."""
    mask = fill_polygons(polygons, hw).ravel()
    return np.flatnonzero(np.diff(mask, prepend=False, append=False)).reshape(-1, 2)


@lru_cache(maxsize=_KEPT)
def _clear_blocks(
    polygons: tuple[Corners, ...], hw: tuple[int, int], grid_hw: tuple[int, int]
) -> NDArray[np.bool_]:
    """Blocks of the grid none of whose points is masked."""
    mask = np.broadcast_to(fill_polygons(polygons, hw)[:, :, None], (*hw, 3)).view(np.uint8)
    return np.equal(to_blocks(mask, grid_w=grid_hw[1], grid_h=grid_hw[0]), 0)
