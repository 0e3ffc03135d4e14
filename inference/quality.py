"""Photo quality: can this picture show anything at all? Measured before the network, so a retake can be asked for."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from firewarden.inference.image import Image

_MEASURED_LONG_SIDE = 640  # sharpness depends on scale, so every picture is judged at the same one
_BAND_PX = 8  # rows of a band of the reduced picture
_GLANCE = 4  # of so many bands one is looked at first


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
    max_aspect: float  # longer side in shorter sides


@dataclass(frozen=True, slots=True)
class Quality:
    """Measures of one picture, reduced to a long side of 640 px (never enlarged) and turned grey: of a
    quarter of it, in bands from top to foot, or of all of it where the quarter has problems.

    `sharpness` is the variance of the Laplacian, `brightness` the mean and `contrast` the standard deviation of the
    grey values, `dark_share` the share of dark pixels; `short_side_px` is that of the original. `problems` holds, in
    this order, those that apply of: too_small, narrow, dark, overexposed, flat, blurred.
    """

    sharpness: float
    brightness: float
    dark_share: float
    contrast: float
    short_side_px: int
    problems: tuple[str, ...]


def assess_quality(image: Image, thresholds: QualityThresholds) -> Quality:
    """Measure one picture and name what makes it unfit. No problem is not a promise that it shows the right thing."""
    glance = _measure(image, thresholds, every=_GLANCE)
    return _measure(image, thresholds, every=1) if glance.problems else glance


def _measure(image: Image, thresholds: QualityThresholds, *, every: int) -> Quality:
    """The measures of one band in `every`."""
    grey = _grey_bands(image.pixels, every)
    brightness, contrast, dark_share = _grey_levels(grey, thresholds.dark_level)
    bands = np.asarray(grey, np.uint8).reshape(-1, _BAND_PX, grey.width)
    sharpness = float(_laplacian(bands).var())
    short_side_px = min(image.original_hw)
    problems = {
        "too_small": short_side_px < thresholds.min_short_side_px,
        "narrow": max(image.original_hw) > thresholds.max_aspect * short_side_px,
        "dark": brightness < thresholds.min_brightness or dark_share > thresholds.max_dark_share,
        "overexposed": brightness > thresholds.max_brightness,
        "flat": contrast < thresholds.min_contrast,
        "blurred": sharpness < thresholds.min_sharpness,
    }
    found = tuple(name for name, holds in problems.items() if holds)
    return Quality(sharpness, brightness, dark_share, contrast, short_side_px, found)


def _grey_bands(pixels: NDArray[np.uint8], every: int) -> PillowImage.Image:
    """Luma by ITU-R BT.601 of one band in `every` of a BGR picture, at a long side of at most 640 px; one below the
    other."""
    h, w = pixels.shape[:2]
    scale = min(1.0, _MEASURED_LONG_SIDE / max(h, w))
    high = round(_BAND_PX / scale)
    apart = every * high
    n = h // apart
    seen = pixels[: n * apart].reshape(n, apart, w, 3)[:, :high] if n else pixels[None, :high]
    wh = w, seen.shape[0] * seen.shape[1]
    # grey before it shrinks: one channel to resize instead of three, and no copy that swaps BGR to RGB
    grey = PillowImage.frombuffer("RGB", wh, np.ascontiguousarray(seen), "raw", "BGR", 0, 1).convert("L")
    reduced_wh = max(1, round(w * scale)), max(1, n) * _BAND_PX
    return grey if wh == reduced_wh else grey.resize(reduced_wh, PillowImage.Resampling.BOX)


def _grey_levels(grey: PillowImage.Image, dark_level: int) -> tuple[float, float, float]:
    """Mean, standard deviation, and share below `dark_level`: from 256 counts instead of all pixels, three times over."""
    share = np.array(grey.histogram(), np.float64) / (grey.width * grey.height)
    levels = np.arange(256)
    mean = float(share @ levels)
    variance = float(share @ np.square(levels - mean))
    return mean, math.sqrt(variance), float(share[: max(0, dark_level)].sum())


def _laplacian(bands: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Four-neighbour Laplacian of the inner pixels of each band (n, h, w)."""
    g = bands.astype(np.int16)
    inner = g[:, 1:-1, 1:-1]
    return np.asarray(
        g[:, :-2, 1:-1] + g[:, 2:, 1:-1] + g[:, 1:-1, :-2] + g[:, 1:-1, 2:] - 4 * inner, np.int16
    )
