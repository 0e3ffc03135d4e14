"""EXIF orientation: the stored picture, the upright one, and boxes carried from the first to the second."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from firewarden.errors import DatasetError

_TAG = 0x0112
_DAMAGED_EXIF = (SyntaxError, ValueError, OSError, TypeError, struct.error)
_TURNED = (5, 6, 7, 8)  # sides are exchanged


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """Size of the pixels as stored, and the EXIF orientation 1-8 that makes them upright."""

    stored_hw: tuple[int, int]
    orientation: int

    @property
    def upright_hw(self) -> tuple[int, int]:
        h, w = self.stored_hw
        return (w, h) if self.orientation in _TURNED else (h, w)


def read_header(path: Path) -> PictureHeader:
    """Size and orientation of a picture file, without decoding it."""
    try:
        with Image.open(path) as picture:
            return PictureHeader((picture.height, picture.width), orientation_of(picture))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DatasetError(f"{path}: not a readable picture ({error}). Replace or remove it.") from error


def orientation_of(picture: Image.Image) -> int:
    """EXIF orientation of an opened picture; 1 where there is none or it is damaged."""
    try:
        value = picture.getexif().get(_TAG, 1)
    except _DAMAGED_EXIF:  # it must not cost the photo
        return 1
    return int(value) if value in range(1, 9) else 1


def to_upright(xyxy: NDArray[np.float64], orientation: int) -> NDArray[np.float64]:
    """Boxes (n, 4) in shares of the stored picture to shares of the upright one."""
    x, y = xyxy[:, 0::2], xyxy[:, 1::2]
    if orientation in _TURNED:
        x, y = y, x
    if orientation in (2, 3, 6, 7):
        x = 1 - x
    if orientation in (3, 4, 7, 8):
        y = 1 - y
    return np.stack([x.min(1), y.min(1), x.max(1), y.max(1)], axis=1)
