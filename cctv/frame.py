"""One picture of one camera at one moment."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """`pixels (h, w, 3) uint8` BGR; `at` is when it was taken, with its offset from UTC."""

    camera_id: str
    pixels: Pixels
    at: datetime

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise ValueError(
                f"Frame.pixels is {self.pixels.dtype} {self.pixels.shape}, expected uint8 (h, w, 3)"
            )
        if self.at.utcoffset() is None:
            raise ValueError(f"Frame.at is {self.at} without an offset from UTC; give it one")

    @property
    def hw(self) -> tuple[int, int]:
        return self.pixels.shape[0], self.pixels.shape[1]
