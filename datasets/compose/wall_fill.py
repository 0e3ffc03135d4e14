"""Taking something off a wall: the hole is filled with wall from beside it.

Several fills are tried (the best matching patches of the photo, plain or mirrored, and a cross-fade of what lies left and
right or above and below); the one that continues the surroundings best is kept, or none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.compose.ground import Picture
from firewarden.datasets.compose.patch_fill import mend_by_patches

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
MAX_RESIDUAL = 24.0  # grey levels by which the ring about the hole may differ from the fill's own ring
_SMALL_PX = 220  # long side at which patches are searched
_PATCHES = 3
_FEATHER_PX = 2.0


@dataclass(frozen=True, slots=True)
class Fill:
    """A filled photo and how far the fill's surroundings differ from the hole's, in grey levels."""

    photo: Picture
    residual: float


def fill_hole(photo: Picture, hole: Mask, forbidden: Mask) -> Fill | None:
    """Fill `hole` (h, w) without taking from `forbidden`; None where nothing of the photo continues the wall well.

    Only pixels of the hole and of a feathered rim of a few pixels change.
    """
    window = _window(hole)
    if window is None:
        return None
    rows, columns = window
    ring = _ring(hole, forbidden)[rows, columns]
    if ring.sum() < 40:
        return None
    real = photo[rows, columns].astype(np.float32)
    best: tuple[float, Floats] | None = None
    gap = hole[rows, columns]
    for patch in _patches(photo, hole, forbidden, window):
        shift = _light(real - patch, ring)
        fitted = patch + shift
        residual = _residual(np.where(gap[..., None], fitted, real), fitted, ring) + 0.15 * float(
            np.abs(shift).mean()
        )
        residual += 6.0 * abs(float(np.log(_detail(real, ring) / _detail(fitted, gap))))
        if best is None or residual < best[0]:
            best = residual, fitted
    if best is None or best[0] > MAX_RESIDUAL:
        return None
    return Fill(_mend(_blend(photo, best[1], hole, window), hole, forbidden), best[0])


def _mend(filled: Picture, hole: Mask, forbidden: Mask) -> Picture:
    """The fill remade of squares from near the hole, so that lines which run into it go on."""
    rows, columns = np.nonzero(hole)
    reach = round(0.8 * max(np.ptp(rows), np.ptp(columns))) + 12
    window = (
        slice(max(int(rows.min()) - reach, 0), int(rows.max()) + 1 + reach),
        slice(max(int(columns.min()) - reach, 0), int(columns.max()) + 1 + reach),
    )
    rim = (
        cv2.dilate(hole.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    )  # the feathered rim is mixed already
    mended = mend_by_patches(
        filled[window].astype(np.float32), rim[window], (forbidden & ~rim)[window], np.random.default_rng(0)
    )
    if mended is None:
        return filled
    result = filled.copy()
    grained = _with_grain(mended, rim[window], (hole | forbidden)[window])
    result[window] = grained.round().clip(0, 255).astype(np.uint8)
    return result


def _with_grain(picture: Floats, fill: Mask, not_wall: Mask) -> Floats:
    """The picture with as much grain in the fill as the wall about it has: voting evens noise out."""
    fine = picture - cv2.GaussianBlur(picture, (0, 0), 1.5)
    near = cv2.dilate(fill.astype(np.uint8), np.ones((31, 31), np.uint8)) > 0
    wall = near & ~fill & ~not_wall
    if wall.sum() < 50:
        return picture
    spread = [1.4826 * float(np.median(np.abs(fine[mask]))) for mask in (wall, fill)]
    missing = np.sqrt(max(spread[0] ** 2 - spread[1] ** 2, 0.0))
    noise = np.random.default_rng(1).normal(0, 1, (*picture.shape[:2], 1)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.6)[..., None]
    noise *= missing / max(float(noise.std()), 1e-6)
    return np.asarray(np.where(fill[..., None], picture + noise, picture), np.float32)


def _window(hole: Mask) -> tuple[slice, slice] | None:
    """The hole's box with its ring, inside the photo."""
    rows, columns = np.nonzero(hole)
    if not len(rows):
        return None
    band = _band_px(hole)
    h, w = hole.shape
    return (
        slice(max(int(rows.min()) - band, 0), min(int(rows.max()) + 1 + band, h)),
        slice(max(int(columns.min()) - band, 0), min(int(columns.max()) + 1 + band, w)),
    )


def _band_px(hole: Mask) -> int:
    return int(np.clip(0.12 * np.sqrt(hole.sum()), 5, 24))


def _ring(hole: Mask, forbidden: Mask) -> Mask:
    kernel = np.ones((2 * _band_px(hole) + 1,) * 2, np.uint8)
    return np.asarray((cv2.dilate(hole.astype(np.uint8), kernel) > 0) & ~hole & ~forbidden)


def _patches(photo: Picture, hole: Mask, forbidden: Mask, window: tuple[slice, slice]) -> Iterator[Floats]:
    rows, columns = window
    for mirror in (False, True):
        for top, left in _search(photo, hole, forbidden, window, mirror=mirror):
            source = photo[:, ::-1] if mirror else photo
            patch = source[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]
            if patch.shape[:2] == (rows.stop - rows.start, columns.stop - columns.start):
                yield patch.astype(np.float32)
    across = _cross_fade(photo, hole, forbidden, window)
    if across is not None:
        yield across
    turned = _cross_fade(np.ascontiguousarray(photo.transpose(1, 0, 2)), hole.T, forbidden.T, (columns, rows))
    if turned is not None:
        yield np.ascontiguousarray(turned.transpose(1, 0, 2))


def _search(
    photo: Picture, hole: Mask, forbidden: Mask, window: tuple[slice, slice], *, mirror: bool
) -> list[tuple[int, int]]:
    """Top left corners (full size, in the mirrored photo if `mirror`) of the patches whose rings fit best."""
    scale = min(1.0, _SMALL_PX / max(hole.shape))
    rows, columns = window
    small = _shrink(photo, scale)
    blocked = _shrink((hole | forbidden).astype(np.float32), scale)
    ring = _shrink(_ring(hole, forbidden).astype(np.float32), scale)
    gap = _shrink(hole.astype(np.float32), scale)
    y0, y1 = int(rows.start * scale), max(int(rows.stop * scale), int(rows.start * scale) + 3)
    x0, x1 = int(columns.start * scale), max(int(columns.stop * scale), int(columns.start * scale) + 3)
    template, weight, hole_part = small[y0:y1, x0:x1], ring[y0:y1, x0:x1], gap[y0:y1, x0:x1]
    if mirror:
        small, blocked = np.ascontiguousarray(small[:, ::-1]), np.ascontiguousarray(blocked[:, ::-1])
    cost = cv2.matchTemplate(small, template, cv2.TM_SQDIFF, mask=np.dstack([weight] * 3))
    taken = cv2.matchTemplate(blocked, hole_part + 0.3 * weight, cv2.TM_CCORR)
    away = np.abs(np.arange(cost.shape[0]) - y0)[:, None] / max(y1 - y0, 1)
    cost = cost * (1 + away)  # walls change from top to bottom more than from side to side
    cost = np.where(taken > 0.02 * hole_part.sum(), np.inf, cost)
    found = []
    for _ in range(_PATCHES):
        top, left = np.unravel_index(int(np.argmin(cost)), cost.shape)
        if not np.isfinite(cost[top, left]):
            break
        found.append((round(float(top) / scale), round(float(left) / scale)))
        cost[max(top - 4, 0) : top + 5, max(left - 4, 0) : left + 5] = np.inf
    return found


def _shrink(picture: NDArray[np.generic], scale: float) -> Floats:
    return np.asarray(
        cv2.resize(np.asarray(picture, np.float32), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA),
        np.float32,
    )


def _cross_fade(photo: Picture, hole: Mask, forbidden: Mask, window: tuple[slice, slice]) -> Floats | None:
    """What lies left of the hole, mirrored into it, fading into what lies right of it; lines across the hole go on."""
    rows, columns = window
    inside = np.nonzero(hole.any(axis=0))[0]
    first, last = int(inside.min()), int(inside.max()) + 1
    width = last - first
    usable = np.asarray(~(hole | forbidden)[rows].any(axis=0))
    left, right = _run(usable[:first][::-1]), _run(usable[last:])
    if left + right < 0.5 * width or max(left, right) < 6:
        return None
    x = np.arange(columns.start, columns.stop)
    from_left = photo[rows][:, first - 1 - _bounce(x - first, left)] if left >= 6 else None
    from_right = photo[rows][:, last + _bounce(last - 1 - x, right)] if right >= 6 else None
    if from_left is None or from_right is None:
        return np.asarray(from_left if from_right is None else from_right, np.float32)
    share = ((x - first + 0.5) / width).clip(0, 1)
    share = (share * share * (3 - 2 * share))[None, :, None]
    return np.asarray(from_left * (1 - share) + from_right * share, np.float32)


def _run(free: Mask) -> int:
    """Length of the run of free columns at the start."""
    return int(np.argmin(free)) if not free.all() else len(free)


def _bounce(steps: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Columns to take, counted away from the hole's edge: to and fro over `length`; outside the hole each its own."""
    period = np.abs(steps) % (2 * length)
    folded = np.minimum(period, 2 * length - 1 - period)
    return np.where(steps < 0, np.abs(steps) - 1, folded).astype(np.int64)


def _light(difference: Floats, ring: Mask) -> Floats:
    """A plane (h, w, 3) through the ring's differences that takes the fill to the light about the hole. Fitted robustly: a
    shadow or an edge in the ring bends it little."""
    y, x = np.nonzero(ring)
    h, w = ring.shape
    terms = np.stack([np.ones(len(x)), x / w - 0.5, y / h - 0.5], axis=1)
    values = difference[y, x]
    weight = np.ones(len(x))
    for _ in range(6):
        solved = np.linalg.lstsq(terms * weight[:, None], values * weight[:, None], rcond=None)[0]
        off = np.abs(values - terms @ solved).mean(axis=1)
        weight = 1 / np.sqrt(1 + (off / max(float(np.median(off)), 1.5)) ** 2)
    rows, columns = np.mgrid[0:h, 0:w]
    plane = np.stack([np.ones((h, w)), columns / w - 0.5, rows / h - 0.5], axis=2) @ solved
    return np.asarray(plane, np.float32)


def _detail(picture: Floats, mask: Mask) -> float:
    """How much fine texture a region has: median absolute Laplacian of its grey, at least a little."""
    grey = picture.mean(axis=2)
    return float(np.median(np.abs(cv2.Laplacian(grey, cv2.CV_32F))[mask])) + 1.5


def _residual(real: Floats, fitted: Floats, ring: Mask) -> float:
    """`real` has the fill in its hole, so that what is taken out does not blur into the ring. Mean difference over the ring plus a share of its worst tenth: one bad edge shows more than even noise."""
    blurred = cv2.GaussianBlur(real, (0, 0), 1.2) - cv2.GaussianBlur(fitted, (0, 0), 1.2)
    size = np.abs(blurred).mean(axis=2)[ring]
    return float(size.mean() + 0.3 * np.percentile(size, 90))


def _blend(photo: Picture, fitted: Floats, hole: Mask, window: tuple[slice, slice]) -> Picture:
    rows, columns = window
    filled = photo.copy()
    wide = cv2.dilate(hole.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    alpha = np.maximum(cv2.GaussianBlur(wide, (0, 0), _FEATHER_PX), hole.astype(np.float32))[
        rows, columns, None
    ]
    filled[rows, columns] = (
        (fitted.clip(0, 255) * alpha + photo[rows, columns] * (1 - alpha)).round().astype(np.uint8)
    )
    return filled
