"""Letterbox: the only place where pixels or boxes are scaled or shifted."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firewarden.geometry import Boxes, clip_boxes
from firewarden.inference.resize import resize

_GREY = 114  # the padding value the networks were trained with


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Aspect-preserving resize of `pixels_hw` to `content_hw`, centred in `input_hw`; boxes go back to `original_hw`.

    `pixels_hw` is the decoded size, `original_hw` the size of the file (larger after a scaled decode).
    """

    pixels_hw: tuple[int, int]
    original_hw: tuple[int, int]
    content_hw: tuple[int, int]
    input_hw: tuple[int, int]

    @staticmethod
    def fit(
        pixels_hw: tuple[int, int], input_size: int, stride: int, original_hw: tuple[int, int] | None = None
    ) -> "Letterbox":
        """Long side becomes `input_size`; each side is padded up to a multiple of `stride`.

        The aspect ratio is taken from the original size, which a scaled decode rounds.
        """
        original_hw = original_hw or pixels_hw
        h, w = original_hw
        scale = input_size / max(h, w)
        content_hw = max(1, round(h * scale)), max(1, round(w * scale))
        input_hw = tuple(math.ceil(side / stride) * stride for side in content_hw)
        return Letterbox(pixels_hw, original_hw, content_hw, (input_hw[0], input_hw[1]))

    @property
    def top_left(self) -> tuple[int, int]:
        """Rows above and columns left of the content."""
        return (self.input_hw[0] - self.content_hw[0]) // 2, (self.input_hw[1] - self.content_hw[1]) // 2

    def apply_image(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Pixels (h, w, 3) of `pixels_hw` to (input_h, input_w, 3)."""
        if pixels.shape[:2] != self.pixels_hw:
            raise ValueError(f"picture is {pixels.shape[:2]}, this letterbox was fitted to {self.pixels_hw}")
        top, left = self.top_left
        h, w = self.content_hw
        canvas = np.full((*self.input_hw, 3), _GREY, np.uint8)
        content = canvas[top : top + h, left : left + w]
        content[:] = resize(pixels, (w, h))
        return canvas

    def undo_boxes(self, boxes: Boxes) -> Boxes:
        """Boxes (n, 4) in input pixels to original pixels, clipped to the picture."""
        scale, shift = self._affine()
        return clip_boxes(np.asarray((boxes - shift) / scale, np.float32), self.original_hw)

    def _affine(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        top, left = self.top_left
        scale_y, scale_x = self.content_hw[0] / self.original_hw[0], self.content_hw[1] / self.original_hw[1]
        return (
            np.array([scale_x, scale_y, scale_x, scale_y], np.float32),
            np.array([left, top, left, top], np.float32),
        )
