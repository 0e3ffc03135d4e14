"""A phone or ceiling camera: where world points fall in the picture. Pure numbers; render.py sets it up in Blender."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Camera:
    """Pinhole at `position` (metres) with optional barrel distortion.

    `axes` (3, 3) holds the camera's right, up and backward axes as columns in world coordinates; `focal_px` is the
    focal length in pixels of an undistorted picture of `wh`; `barrel` >= 0 bends straight lines outwards.
    """

    position: NDArray[np.float64]
    axes: NDArray[np.float64]
    focal_px: float
    wh: tuple[int, int]
    barrel: float = 0.0
    kind: str = "phone"

    def project(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixels (n, 2) in the final picture and depths (n,) in metres of world points (n, 3).

        A point not in front of the lens has depth <= 0 and no meaningful pixel."""
        local = (np.asarray(points, np.float64).reshape(-1, 3) - self.position) @ self.axes
        depth = -local[:, 2]
        safe = np.where(depth > 1e-6, depth, np.inf)
        centre = np.array(self.wh) / 2
        flat = np.stack([local[:, 0] / safe, -local[:, 1] / safe], axis=1) * self.focal_px
        return self._bend(flat) + centre, depth

    def _bend(self, flat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Final offsets from the centre of undistorted offsets (n, 2): the inverse of `source_offsets`."""
        if not self.barrel:
            return flat
        corner = math.hypot(*self.wh) / 2
        target = np.linalg.norm(flat, axis=1) / corner
        radius = target.copy()
        for _ in range(12):  # Newton on r (1 + k r^2) / (1 + k) = target; the cubic is monotonous
            value = radius * (1 + self.barrel * radius**2) / (1 + self.barrel) - target
            radius -= value * (1 + self.barrel) / (1 + 3 * self.barrel * radius**2)
        return flat * np.where(target > 1e-9, radius / np.maximum(target, 1e-9), 1 + self.barrel)[:, None]

    def source_offsets(self, offsets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Undistorted offsets from the centre that the final offsets (..., 2) show; corners map to corners."""
        corner = math.hypot(*self.wh) / 2
        radius = np.linalg.norm(offsets, axis=-1, keepdims=True) / corner
        return np.asarray(offsets * (1 + self.barrel * radius**2) / (1 + self.barrel))

    def bend_picture(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """(h, w, c) undistorted picture as the lens shows it, bilinear."""
        x, y = self._source_grid()
        h, w = picture.shape[:2]
        x0, y0 = np.clip(np.floor(x), 0, w - 2).astype(int), np.clip(np.floor(y), 0, h - 2).astype(int)
        u, v = np.clip(x - x0, 0, 1)[..., None], np.clip(y - y0, 0, 1)[..., None]
        top = picture[y0, x0] * (1 - u) + picture[y0, x0 + 1] * u
        low = picture[y0 + 1, x0] * (1 - u) + picture[y0 + 1, x0 + 1] * u
        return np.asarray(top * (1 - v) + low * v, np.float32)

    def bend_mask(self, mask: NDArray[np.int32]) -> NDArray[np.int32]:
        """(h, w) instance numbers as the lens shows them, nearest neighbour."""
        x, y = self._source_grid()
        h, w = mask.shape
        rows, columns = np.clip(np.rint(y), 0, h - 1).astype(int), np.clip(np.rint(x), 0, w - 1).astype(int)
        return np.asarray(mask[rows, columns], np.int32)

    def _source_grid(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        w, h = self.wh
        final = np.stack(np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5), axis=-1)
        source = self.source_offsets(final - (w / 2, h / 2)) + (w / 2 - 0.5, h / 2 - 0.5)
        return source[..., 0], source[..., 1]

    def facts(self) -> dict[str, object]:
        """For facts/STEM.json."""
        long_side = max(self.wh)
        fov = math.degrees(2 * math.atan(long_side / 2 / self.focal_px))
        return {
            "kind": self.kind,
            "position": [round(float(v), 3) for v in self.position],
            "fov_long_side_deg": round(fov, 1),
            "barrel": round(self.barrel, 3),
            "pitch_deg": round(math.degrees(math.asin(float(np.clip(-self.axes[2, 2], -1, 1)))), 1),
        }


def look_at(
    position: tuple[float, float, float],
    target: tuple[float, float, float],
    wh: tuple[int, int],
    *,
    fov_deg: float,
    roll: float = 0.0,
    barrel: float = 0.0,
    kind: str = "phone",
) -> Camera:
    """A camera at `position` that looks at `target`; `fov_deg` spans the longer side, `roll` in rad turns the phone."""
    back = np.array(position, np.float64) - np.array(target, np.float64)
    back /= np.linalg.norm(back)
    right = np.cross([0.0, 0.0, 1.0], back)
    right = right / np.linalg.norm(right) if np.linalg.norm(right) > 1e-6 else np.array([1.0, 0.0, 0.0])
    up = np.cross(back, right)
    c, s = math.cos(roll), math.sin(roll)
    axes = np.stack([right * c + up * s, up * c - right * s, back], axis=1)
    focal = max(wh) / 2 / math.tan(math.radians(fov_deg) / 2)
    return Camera(np.array(position, np.float64), axes, focal, wh, barrel, kind)


def picture_size(rng: np.random.Generator, long_side: int, *, portrait: float) -> tuple[int, int]:
    """(width, height) at 4:3 or, now and then, 16:9; upright with probability `portrait`."""
    short = round(long_side * (0.75 if rng.random() < 0.8 else 0.5625) / 2) * 2
    return (short, long_side) if rng.random() < portrait else (long_side, short)
