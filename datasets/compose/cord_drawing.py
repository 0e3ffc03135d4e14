"""Drawing cords into a photo: round shading, soft shadow, the photo's own blur. Pictures are BGR uint8 (h, w, 3)."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.cables import Cable
from firewarden.datasets.compose.cord_shape import Points, longest_run, part_inside, resample

Picture = NDArray[np.uint8]
Colour = tuple[float, float, float]  # BGR
_STORED_POINTS = 28
_FINE = 4  # drawn this many times larger, then averaged
_SEEN_LEVELS, _SEEN_SHARE = 24, 0.6  # grey levels a cord must differ by, along this share of its run
_PALETTE: tuple[tuple[Colour, float], ...] = (  # jacket colours and how common they are on extension leads
    ((28, 28, 28), 0.36),
    ((225, 228, 230), 0.28),
    ((135, 135, 135), 0.12),
    ((25, 95, 225), 0.12),
    ((40, 195, 235), 0.07),
    ((40, 40, 190), 0.03),
    ((170, 90, 40), 0.02),
)


@dataclass(frozen=True, slots=True)
class CordLook:
    """Jacket colour, thickness in pixels, how soft the edge is, and where light comes from (-1 left, 1 right)."""

    colour: Colour
    thickness_px: float
    blur_px: float = 0.5
    light: float = -0.5
    twisted: bool = False  # two strands laid round each other


@dataclass(frozen=True, slots=True)
class Shadow:
    """A cord's shadow: offset in pixels, softness, and how much light it takes (0-1)."""

    dx: float
    dy: float
    soft_px: float
    depth: float


@dataclass(frozen=True, slots=True)
class Ends:
    """What a cable is and what it joins, in the words of cables/STEM.json."""

    kind: str
    source: str = "none"
    sink: str = "none"


def draw_colour(rng: np.random.Generator) -> Colour:
    """A jacket colour, slightly off its nominal value."""
    weights = np.array([share for _, share in _PALETTE])
    base = np.array(_PALETTE[int(rng.choice(len(_PALETTE), p=weights / weights.sum()))][0], np.float64)
    return _colour(base * rng.uniform(0.85, 1.1) + rng.normal(0, 5, 3))


def lit_by(colour: Colour, spot: Picture, rng: np.random.Generator) -> Colour:
    """The colour under the light of the place it is drawn on."""
    level = float(spot.mean()) / 128 if spot.size else 1.0
    gain = float(np.clip(level, 0.45, 1.15) * rng.uniform(0.85, 1.1))
    tint = spot.reshape(-1, 3).mean(axis=0) / max(float(spot.mean()), 1.0) if spot.size else np.ones(3)
    haze = 0.06 * float(spot.mean()) if spot.size else 0.0  # black rubber in daylight is never black
    return _colour(np.array(colour) * gain * (1 + 0.3 * (tint - 1)) * 0.94 + haze)


def draw_cord(
    photo: Picture,
    points: Points,
    look: CordLook,
    *,
    shadow: Shadow | None = None,
    cover: Picture | None = None,
) -> Points:
    """Draw a cord along points (n, 2) in place; returns the part inside the picture (0 points: nothing was drawn).

    Where `cover (h, w) uint8` is set the photo stays in front.
    """
    path = resample(points, step=max(1.0, look.thickness_px))
    seen = part_inside(path, (photo.shape[0], photo.shape[1]))
    if len(seen) < 2:
        return seen[:0]
    if shadow is not None:
        _draw_shadow(photo, path, look, shadow, cover)
    strands = _twist(path, look) if look.twisted else [(path, look.colour, look.thickness_px)]
    for strand, colour, thickness in strands:
        _draw_strand(photo, strand, colour, thickness, look, cover)
    return seen


def lay_cable(
    photo: Picture,
    points: Points,
    look: CordLook,
    ends: Ends,
    *,
    shadow: Shadow | None = None,
    cover: Picture | None = None,
) -> Cable | None:
    """Draw a cord in place, behind what `cover` holds; returns its longest visible part, None where nothing is seen."""
    h, w = photo.shape[:2]
    seen = draw_cord(photo, points, look, shadow=shadow, cover=cover)
    if cover is not None and len(seen):
        cells = seen.astype(int).clip(0, (w - 1, h - 1))
        seen = longest_run(seen, cover[cells[:, 1], cells[:, 0]] == 0)
    if len(seen) < 2:
        return None
    sparse = seen[np.unique(np.linspace(0, len(seen) - 1, _STORED_POINTS).astype(int))]
    return Cable((sparse / (w, h)).astype(np.float32), ends.kind, ends.source, ends.sink)


def _twist(path: Points, look: CordLook) -> list[tuple[Points, Colour, float]]:
    """Two strands, half as thick, winding round the path."""
    fine = resample(path, step=max(0.6, look.thickness_px / 3))
    along = np.gradient(fine, axis=0)
    across = np.column_stack([-along[:, 1], along[:, 0]]) / np.maximum(
        np.linalg.norm(along, axis=1, keepdims=True), 1e-6
    )
    turn = 2 * np.pi * np.arange(len(fine)) / (9 * 3)
    swing = (np.sin(turn) * look.thickness_px * 0.27)[:, None] * across
    second = _colour(np.array(look.colour) * 0.6 + 25)
    half = 0.62 * look.thickness_px
    return [(fine + swing, look.colour, half), (fine - swing, second, half)]


def _draw_strand(
    photo: Picture, path: Points, colour: Colour, thickness: float, look: CordLook, cover: Picture | None
) -> None:
    region = _region(path, photo, margin=3 * thickness + 6 * look.blur_px + 4)
    if region is None:
        return
    x0, y0, x1, y1 = region
    local = path - (x0, y0)
    hw = (y1 - y0, x1 - x0)
    base = np.array(colour)
    side = np.array([look.light, -0.75]) * thickness
    alpha = _stroke(local, thickness, hw)
    paint = np.empty((*hw, 3), np.float32)
    paint[:] = base * 0.55
    for offset, width, tone in (
        (0.10, 0.78, base * 0.88),
        (0.16, 0.5, base * 1.05),
        (0.22, 0.22, base * 1.12 + 22),
    ):
        layer = _stroke(local + side * offset, thickness * width, hw)[..., None]
        paint += layer * (np.clip(tone, 0, 255) - paint)
    if cover is not None:
        alpha = np.where(cover[y0:y1, x0:x1] == 0, alpha, np.float32(0))
    soft = np.asarray(cv2.GaussianBlur(alpha, (0, 0), max(look.blur_px, 0.2)), np.float32)[..., None]
    spot = photo[y0:y1, x0:x1]
    spot[:] = (spot + soft * (paint - spot)).clip(0, 255).astype(np.uint8)


def _draw_shadow(photo: Picture, path: Points, look: CordLook, shadow: Shadow, cover: Picture | None) -> None:
    moved = path + (shadow.dx, shadow.dy)
    region = _region(moved, photo, margin=2 * look.thickness_px + 4 * shadow.soft_px + 3)
    if region is None:
        return
    x0, y0, x1, y1 = region
    dark = _stroke(moved - (x0, y0), look.thickness_px * 1.1, (y1 - y0, x1 - x0))
    dark = np.asarray(cv2.GaussianBlur(dark, (0, 0), max(shadow.soft_px, 0.4)), np.float32)
    if cover is not None:
        dark = dark * (cover[y0:y1, x0:x1] == 0)
    spot = photo[y0:y1, x0:x1]
    spot[:] = (spot * (1 - shadow.depth * dark[..., None])).astype(np.uint8)


def _region(path: Points, photo: Picture, *, margin: float) -> tuple[int, int, int, int] | None:
    h, w = photo.shape[:2]
    low, high = np.floor(path.min(axis=0) - margin), np.ceil(path.max(axis=0) + margin)
    x0, y0 = (int(v) for v in np.maximum(low, 0))
    x1, y1 = int(min(high[0], w)), int(min(high[1], h))
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


def _stroke(path: Points, thickness: float, hw: tuple[int, int]) -> NDArray[np.float32]:
    """Coverage (h, w) in [0, 1] of a round stroke; below one fine pixel it fades instead of vanishing."""
    canvas = np.zeros((hw[0] * _FINE, hw[1] * _FINE), np.uint8)
    width = max(1, round(thickness * _FINE))
    fixed = np.round(path * _FINE * 16).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(canvas, [fixed], False, 255, width, cv2.LINE_AA, 4)
    small = cv2.resize(canvas, (hw[1], hw[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) * np.float32(min(1.0, thickness * _FINE / width) / 255)


def blur_of(picture: Picture) -> float:
    """How soft edges are, as the sigma in pixels of the Gaussian that would make them so; 0.35 (sharp) to 2.5.

    A blur of one pixel takes the more Laplacian energy the sharper an edge is: by ((s^2 + 1) / s^2) ^ 0.75 in its deviation.
    """
    if min(picture.shape[:2]) < 8:
        return 0.6
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    once = cv2.Laplacian(grey, cv2.CV_32F).std()
    again = cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 1.0), cv2.CV_32F).std()
    ratio = max(float(once / max(again, 1e-6)), 1.05)
    return float(np.clip((ratio ** (4 / 3) - 1) ** -0.5, 0.35, 2.5))


def is_seen(before: Picture, after: Picture, cables: Sequence[Cable]) -> bool:
    """Whether every cable stands out from what it was drawn on, along most of its run; else no label would be fair."""
    h, w = before.shape[:2]
    change = cv2.absdiff(before, after).max(axis=2)
    change = cv2.dilate(change, np.ones((3, 3), np.uint8))
    for cable in cables:
        cells = (
            (resample(cable.points.astype(np.float64) * (w, h), step=4)).astype(int).clip(0, (w - 1, h - 1))
        )
        if (change[cells[:, 1], cells[:, 0]] >= _SEEN_LEVELS).mean() < _SEEN_SHARE:
            return False
    return True


def _colour(values: NDArray[np.float64]) -> Colour:
    b, g, r = (float(v) for v in np.clip(values, 4, 250))
    return b, g, r
