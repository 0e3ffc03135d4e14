"""Photo quality: can this picture show anything at all? Measured before the network, so a retake can be asked for."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from firewarden.inference.image import Image

_MEASURED_LONG_SIDE = 640  # sharpness depends on scale, so every picture is judged at the same one


@dataclass(frozen=True, slots=True)
class QualityThresholds:
    """Policy numbers from the rule file. Grey values run from 0 to 255, shares from 0 to 1."""

    min_sharpness: float
    min_brightness: float
    max_brightness: float
    dark_level: int  # grey values below this count as dark
    max_dark_share: float
    min_contrast: float
    min_short_side_px: int


@dataclass(frozen=True, slots=True)
class Quality:
    """Measures of one picture, reduced to a long side of 640 px (never enlarged) and turned grey.

    `sharpness` is the variance of the Laplacian, `brightness` the mean and `contrast` the standard deviation of the
    grey values, `dark_share` the share of dark pixels; `short_side_px` is that of the original. `problems` holds, in
    this order, those that apply of: too_small, dark, overexposed, flat, blurred.
    """

    sharpness: float
    brightness: float
    dark_share: float
    contrast: float
    short_side_px: int
    problems: tuple[str, ...]


def assess_quality(image: Image, thresholds: QualityThresholds) -> Quality:
    """Measure one picture and name what makes it unfit. No problem is not a promise that it shows the right thing."""
    picture = _reduced_grey(image.pixels)
    brightness, contrast, dark_share = _grey_levels(picture, thresholds.dark_level)
    sharpness = float(_laplacian(np.asarray(picture, np.uint8)).var())
    short_side_px = min(image.original_hw)
    problems = {
        "too_small": short_side_px < thresholds.min_short_side_px,
        "dark": brightness < thresholds.min_brightness or dark_share > thresholds.max_dark_share,
        "overexposed": brightness > thresholds.max_brightness,
        "flat": contrast < thresholds.min_contrast,
        "blurred": sharpness < thresholds.min_sharpness,
    }
    found = tuple(name for name, holds in problems.items() if holds)
    return Quality(sharpness, brightness, dark_share, contrast, short_side_px, found)


def _reduced_grey(pixels: NDArray[np.uint8]) -> PillowImage.Image:
    """Luma by ITU-R BT.601 of a BGR picture, at a long side of at most 640 px."""
    h, w = pixels.shape[:2]
    scale = _MEASURED_LONG_SIDE / max(h, w)
    # grey before it shrinks: one channel to resize instead of three, and no copy that swaps BGR to RGB
    grey = PillowImage.frombuffer("RGB", (w, h), np.ascontiguousarray(pixels), "raw", "BGR", 0, 1).convert(
        "L"
    )
    if scale < 1:
        wh = max(1, round(w * scale)), max(1, round(h * scale))
        grey = grey.resize(wh, PillowImage.Resampling.BOX)
    return grey


def _grey_levels(grey: PillowImage.Image, dark_level: int) -> tuple[float, float, float]:
    """Mean, standard deviation, and share below `dark_level`: from 256 counts instead of all pixels, three times over."""
    share = np.array(grey.histogram(), np.float64) / (grey.width * grey.height)
    levels = np.arange(256)
    mean = float(share @ levels)
    variance = float(share @ np.square(levels - mean))
    return mean, math.sqrt(variance), float(share[: max(0, dark_level)].sum())


def _laplacian(grey: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Four-neighbour Laplacian of the inner pixels."""
    g = grey.astype(np.int16)
    return np.asarray(g[:-2, 1:-1] + g[2:, 1:-1] + g[1:-1, :-2] + g[1:-1, 2:] - 4 * g[1:-1, 1:-1], np.int16)
