"""Decoded pictures: when they are shown, and their pixels, upright."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

import numpy as np

from firewarden.cctv.frame import Pixels

MAX_PIXELS = 3840 * 2160  # larger pictures are scaled down to it


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture: `pixels (h, w, 3) uint8` BGR, when it was taken, and when it was received (monotonic s)."""

    pixels: Pixels
    at: datetime
    received_s: float


def shown_at(frame: Any, time_base: Fraction | None) -> float | None:
    """Seconds by the clock of the stream, whose `time_base` counts for pictures without one of their own: those that the
    decoder gives when it is to hold nothing back. None for a picture without a time."""
    unit = frame.time_base or time_base
    return None if frame.pts is None or not unit else float(frame.pts * unit)


def to_bgr(frame: Any) -> Pixels:
    """The pixels of a decoded picture, turned as the recording asks for, scaled down where it has more than MAX_PIXELS."""
    quarters = round(frame.rotation / 90)
    scale = (MAX_PIXELS / (frame.width * frame.height)) ** 0.5
    if scale < 1:
        width, height = int(frame.width * scale), int(frame.height * scale)
        frame = frame.reformat(width=width, height=height, format="bgr24")
    pixels: Pixels = frame.to_ndarray(format="bgr24")
    return np.ascontiguousarray(np.rot90(pixels, quarters))
