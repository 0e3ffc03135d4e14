"""Private windows painted out: done on arrival, before motion, inference, storage or anything else."""

from dataclasses import replace

from firewarden.cctv.camera import Corners
from firewarden.cctv.frame import Frame, Pixels
from firewarden.cctv.polygons import fill_polygons

MASK_GREY = 114  # the grey the network's letterbox pads with: it reads as nothing


def paint_out(pixels: Pixels, polygons: tuple[Corners, ...]) -> Pixels:
    """A copy of `pixels` (h, w, 3) with every pixel that a polygon touches set to one grey. The original is untouched."""
    painted = pixels.copy()
    if polygons:
        painted[fill_polygons(polygons, (pixels.shape[0], pixels.shape[1]))] = MASK_GREY
    return painted


def mask_frame(frame: Frame, polygons: tuple[Corners, ...]) -> Frame:
    """The frame without its private windows; the same frame where there are none."""
    return replace(frame, pixels=paint_out(frame.pixels, polygons)) if polygons else frame
