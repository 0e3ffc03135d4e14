"""Objects cut out of photos: parted from their surroundings once, kept as PNG, read back on the next run."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from firewarden.datasets.compose.ground import Box, Picture
from firewarden.datasets.hashes import sha256_of
from firewarden.datasets.manifest import PhotoRecord
from firewarden.datasets.paste import cut_out_by_colour, cut_out_on_plain_ground, sharpness

_VERSION = "2"  # of the way to cut: a change here makes old files useless
_FILL = {"carton": (0.45, 0.95), "furniture": (0.3, 0.9), "clutter": (0.3, 0.92), "person": (0.25, 0.8)}
_SOLID = {  # share of its convex hull that an object fills; a two-wheeler that fills more brought its background along
    "carton": (0.86, 1.0), "furniture": (0.7, 1.0), "clutter": (0.78, 1.0), "ebike": (0.0, 0.85),
}  # fmt: skip
_MIN_SHARPNESS = {"ebike": 40.0, "carton": 8.0}  # as `paste.sharpness` measures it; a blur is no vehicle
_MAX_BORDER_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Place:
    """An object of class `name` in a photo; `box` xyxy pixels, None for the one object on a plain ground."""

    name: str
    record: PhotoRecord
    box: Box | None


@dataclass(frozen=True, slots=True)
class Cutout:
    """BGRA uint8 (h, w, 4) of one object, its class, and the stem of the photo it comes from."""

    bgra: Picture
    name: str
    stem: str

    def mirrored(self) -> "Cutout":
        """The same object seen in a mirror."""
        return Cutout(np.ascontiguousarray(self.bgra[:, ::-1]), self.name, self.stem)


class CutoutStore:
    """Cuts objects out of the photos of a data folder; with `cache` each is cut once and kept there."""

    def __init__(self, folder: Path, cache: Path | None) -> None:
        self._folder, self._cache = folder, cache
        self._known: dict[tuple[str, Box | None], Picture | None] = {}
        self._sha = lru_cache(maxsize=None)(sha256_of)
        if cache is not None:
            cache.mkdir(parents=True, exist_ok=True)

    def cut(self, place: Place) -> Cutout | None:
        """The object, or None where it cannot be parted cleanly from its surroundings."""
        key = (place.record.stem, place.box)
        if key not in self._known:
            self._known[key] = self._cut_or_read(place)
        bgra = self._known[key]
        if bgra is None or (place.box is not None and not _is_fair(bgra, place.name)):
            return None
        return Cutout(bgra.copy(), place.name, place.record.stem)

    def _cut_or_read(self, place: Place) -> Picture | None:
        if self._cache is None:
            return _cut(self._folder / place.record.file, place)
        name = self._file_name(place)
        path, refused = self._cache / f"{name}.png", self._cache / f"{name}.none"
        if refused.exists():
            return None
        if not path.exists():
            bgra = _cut(self._folder / place.record.file, place)
            if bgra is None:
                refused.touch()
                return None
            cv2.imwrite(str(path), bgra)
        return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), np.uint8)

    def _file_name(self, place: Place) -> str:
        sha = self._sha(self._folder / place.record.file)[:16]
        box = "plain" if place.box is None else "-".join(f"{v:.0f}" for v in place.box)
        return f"v{_VERSION}_{place.name}_{sha}_{box}"


def _cut(path: Path, place: Place) -> Picture | None:
    photo = np.asarray(cv2.imread(str(path)), np.uint8)
    if place.box is None:
        return cut_out_on_plain_ground(photo)
    cv2.setRNGSeed(0)  # GrabCut's clustering draws from OpenCV's own stream
    cutout = cut_out_by_colour(photo, place.box, fill=_FILL.get(place.name, (0.35, 0.8)))
    return None if cutout is None or _fills_its_border(cutout) else _smooth_outline(cutout)


def _fills_its_border(cutout: Picture) -> bool:
    """A mask that lies along the whole border was cut by the box, not by the object's outline."""
    alpha = cutout[..., 3] > 127
    border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    return bool(border.mean() > _MAX_BORDER_SHARE)


def _is_fair(cutout: Picture, name: str) -> bool:
    low, high = _SOLID.get(name, (0.0, 1.0))
    return low <= _solidity(cutout) <= high and sharpness(cutout[..., :3]) >= _MIN_SHARPNESS.get(name, 0.0)


def _solidity(cutout: Picture) -> float:
    """Share of its convex hull that the object fills: low for torn masks."""
    mask = (cutout[..., 3] > 127).astype(np.uint8)
    points = cv2.findNonZero(mask)
    hull = float(cv2.contourArea(cv2.convexHull(points))) if points is not None else 0.0
    return float(mask.sum()) / max(hull, 1.0)


def _smooth_outline(cutout: Picture) -> Picture:
    """The same with a less jagged edge, drawn in by a pixel: the rim holds colour of the old surroundings."""
    size = max(3, 2 * (max(cutout.shape[:2]) // 64) + 1)
    alpha = cv2.medianBlur(np.ascontiguousarray(cutout[..., 3]), size)
    alpha = cv2.GaussianBlur(cv2.erode(alpha, np.ones((3, 3), np.uint8)), (3, 3), 0)
    return np.dstack([cutout[..., :3], alpha])
