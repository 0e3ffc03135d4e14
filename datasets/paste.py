"""Pasting a cut-out into a photo so that editing leaves no easy mark: warp, light, blur, noise, recompression.

Pictures are BGR uint8 (h, w, 3); cut-outs are BGRA uint8 (h, w, 4).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
_MIN_VISIBLE_ALPHA = 40


def cut_out_on_plain_ground(picture: Picture, *, tolerance: int = 12) -> Picture | None:
    """BGRA cut-out of the object on an even, bright ground, or None when the border is not one even colour."""
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    if border.mean() < 225 or border.std() > 14:
        return None
    h, w = picture.shape[:2]
    flooded = np.zeros((h + 2, w + 2), np.uint8)
    step = (tolerance,) * 3
    for seed in ((0, 0), (w - 1, 0), (0, h - 1), (w - 1, h - 1)):
        cv2.floodFill(picture.copy(), flooded, seed, 0, step, step, 4 | (255 << 8) | cv2.FLOODFILL_MASK_ONLY)
    alpha = np.where(flooded[1:-1, 1:-1] > 0, 0, 255).astype(np.uint8)
    alpha = cv2.GaussianBlur(cv2.erode(alpha, np.ones((3, 3), np.uint8)), (3, 3), 0)
    solid = _largest_part((alpha > 127).astype(np.uint8))
    if solid is None:
        return None
    x, y, bw, bh = cv2.boundingRect(solid)
    alpha = np.where(cv2.dilate(solid, np.ones((3, 3), np.uint8)) > 0, alpha, 0).astype(np.uint8)
    return np.asarray(np.dstack([picture, alpha])[y : y + bh, x : x + bw], np.uint8)


def cut_out_by_colour(
    picture: Picture,
    box: tuple[float, float, float, float],
    *,
    side_px: int = 320,
    fill: tuple[float, float] = (0.35, 0.8),
) -> Picture | None:
    """BGRA cut-out of the object in an xyxy pixel box, parted from its surroundings by colour (GrabCut, Rother 2004).

    Parted at `side_px` on the long side. None where the parting looks wrong: the object fills less or more of the box
    than `fill`, lies in pieces, or is not as large as the box.
    """
    h, w = picture.shape[:2]
    x0, y0, x1, y1 = box
    margin_x, margin_y = 0.12 * (x1 - x0), 0.12 * (y1 - y0)
    left, top = int(max(0, x0 - margin_x)), int(max(0, y0 - margin_y))
    crop = picture[top : int(min(h, y1 + margin_y)), left : int(min(w, x1 + margin_x))]
    scale = side_px / max(crop.shape[:2])
    small = np.asarray(cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    rect = tuple(int(v * scale) for v in (x0 - left, y0 - top, x1 - x0, y1 - y0))
    mask = np.zeros(small.shape[:2], np.uint8)
    try:
        cv2.grabCut(small, mask, rect, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_RECT)
    except cv2.error:  # a box without any surroundings leaves nothing to part it from
        return None
    solid = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    return _checked_cutout(small, solid, (rect[2], rect[3]), fill)


def _checked_cutout(
    picture: Picture, mask: Picture, box_wh: tuple[int, int], fill: tuple[float, float]
) -> Picture | None:
    count, part_of, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    x, y, bw, bh, area = (int(v) for v in stats[largest])
    whole = min(bw / max(box_wh[0], 1), bh / max(box_wh[1], 1)) >= 0.85
    share = area / max(box_wh[0] * box_wh[1], 1)
    if not whole or area < 0.9 * int(mask.sum()) or not fill[0] <= share <= fill[1]:
        return None
    alpha = cv2.GaussianBlur(np.asarray(part_of == largest, np.uint8) * 255, (3, 3), 0)
    return np.asarray(np.dstack([picture, alpha])[y : y + bh, x : x + bw], np.uint8)


def _largest_part(mask: Picture) -> Picture | None:
    """The largest connected part; None when the flood ate into the object (many parts, or a hollow one)."""
    count, part_of, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    area = int(stats[largest, cv2.CC_STAT_AREA])
    box = int(stats[largest, cv2.CC_STAT_WIDTH]) * int(stats[largest, cv2.CC_STAT_HEIGHT])
    if area < 0.95 * int(mask.sum()) or area < 0.42 * box or not 0.05 < area / mask.size < 0.75:
        return None
    return np.asarray(part_of == largest, np.uint8)


def warp(cutout: Picture, rng: np.random.Generator, *, tilt: float) -> Picture:
    """Random perspective: each corner moves by up to `tilt` of the side; the canvas grows to hold it."""
    h, w = cutout.shape[:2]
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    moved = corners + rng.uniform(-tilt, tilt, (4, 2)).astype(np.float32) * np.array([w, h], np.float32)
    moved -= moved.min(axis=0)
    size = np.ceil(moved.max(axis=0)).astype(int).clip(2)
    return np.asarray(
        cv2.warpPerspective(cutout, cv2.getPerspectiveTransform(corners, moved), tuple(map(int, size))),
        np.uint8,
    )


def match_light(cutout: Picture, ground: Picture, rng: np.random.Generator, *, glow: bool) -> Picture:
    """Bring the cut-out's brightness towards the ground it lands on; a glowing sign keeps its own light."""
    colour = cutout[..., :3].astype(np.float32)
    level = float(ground.mean()) / 128
    gain = (
        float(rng.uniform(0.8, 1.3)) if glow else float(np.clip(level, 0.4, 1.25) * rng.uniform(0.75, 1.15))
    )
    tint = ground.reshape(-1, 3).mean(axis=0) / max(float(ground.mean()), 1.0)
    mixed = colour * gain * (1 + 0.35 * (tint - 1))
    return np.dstack([mixed.clip(0, 255).astype(np.uint8), cutout[..., 3]])


def match_sharpness(bgra: Picture, photo: Picture) -> Picture:
    """Blur a cut-out whose edges are much sharper than those of the photo it goes into."""
    own, there = sharpness(bgra[..., :3]), sharpness(photo)
    if own <= 1.3 * there:
        return bgra
    sigma = float(np.clip(0.5 * np.log2(own / max(there, 1.0)), 0.3, 0.9))
    return np.asarray(cv2.GaussianBlur(bgra, (0, 0), sigma), np.uint8)


def sharpness(picture: Picture) -> float:
    """How steep the steepest edges are: 98th percentile of the absolute Laplacian of the grey picture."""
    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_BGR2GRAY)
    return float(np.percentile(np.abs(cv2.Laplacian(grey, cv2.CV_32F)), 98))


def paste(photo: Picture, cutout: Picture, x: int, y: int) -> tuple[float, float, float, float] | None:
    """Blend `cutout` into `photo` in place with its top left at (x, y); parts outside are cut off.

    Returns the xyxy box of the visible pixels, or None when less than 12 px of a side is inside.
    """
    h, w = photo.shape[:2]
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + cutout.shape[1], w), min(y + cutout.shape[0], h)
    if right - left < 12 or bottom - top < 12:
        return None
    part = cutout[top - y : bottom - y, left - x : right - x]
    alpha = part[..., 3:].astype(np.float32) / 255
    region = photo[top:bottom, left:right]
    region[:] = (part[..., :3] * alpha + region * (1 - alpha)).astype(np.uint8)
    rows, columns = np.nonzero(part[..., 3] > _MIN_VISIBLE_ALPHA)
    if not len(rows):
        return None
    return (
        float(left + columns.min()),
        float(top + rows.min()),
        float(left + columns.max() + 1),
        float(top + rows.max() + 1),
    )


def cover_mask(photo_hw: tuple[int, int], cutout: Picture, x: int, y: int) -> NDArray[np.bool_]:
    """Which pixels (h, w) of a photo a cut-out with its top left at (x, y) covers."""
    h, w = photo_hw
    mask = np.zeros(photo_hw, bool)
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + cutout.shape[1], w), min(y + cutout.shape[0], h)
    if right > left and bottom > top:
        mask[top:bottom, left:right] = (
            cutout[top - y : bottom - y, left - x : right - x, 3] > _MIN_VISIBLE_ALPHA
        )
    return mask


def one_camera(photo: Picture, rng: np.random.Generator) -> Picture:
    """One blur, noise and JPEG step over the whole picture, so that pasted and native pixels share a history."""
    if rng.random() < 0.5:
        photo = np.asarray(cv2.GaussianBlur(photo, (3, 3), float(rng.uniform(0.3, 1.0))), np.uint8)
    noisy = photo.astype(np.float32) + rng.normal(0, rng.uniform(1, 6), photo.shape)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 95))]
    encoded = cv2.imencode(".jpg", noisy.clip(0, 255).astype(np.uint8), quality)[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
