"""The photos that everything is measured on: made from the packaged sample by a fixed seed, or read from a folder."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image as PillowImage

from firewarden.errors import InvalidImage
from firewarden.inference.batch import list_photos
from firewarden.inference.doctor import sample_photo
from firewarden.inference.image import decode_image
from firewarden.inference.resize import resize

SEED = 20260101


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a photo is made: `wh` upright, JPEG `quality`, and sensor noise of standard deviation `grain` (0-255 scale)
    correlated over `blur` px, as a phone's own filter leaves it."""

    name: str
    wh: tuple[int, int]
    quality: int
    grain: float
    blur: int


RECIPES = (
    Recipe("phone-12mp", (3024, 4032), 92, 6.0, 2),
    Recipe("frame-1080p", (1920, 1080), 85, 3.0, 1),
    Recipe("thumbnail-640", (640, 480), 85, 3.0, 1),
)


@dataclass(frozen=True, slots=True)
class BenchPhoto:
    """One photo to ask about."""

    name: str
    data: bytes
    wh: tuple[int, int]

    def describe(self) -> dict[str, object]:
        return {"name": self.name, "wh": list(self.wh), "bytes": len(self.data)}


def open_photos(folder: Path | None = None, names: Sequence[str] = ()) -> list[BenchPhoto]:
    """Photos of a folder, else the made ones; `names` keeps some. Raises InvalidImage where nothing is left."""
    recipes = [recipe for recipe in RECIPES if not names or recipe.name in names]
    photos = [make_photo(recipe) for recipe in recipes] if folder is None else _read(folder, names)
    if not photos and not names:
        raise InvalidImage(f"{folder} holds no photo, expected JPEG files. Name another folder.")
    if not photos:
        known = (
            ", ".join(recipe.name for recipe in RECIPES) if folder is None else f"stems of photos in {folder}"
        )
        raise InvalidImage(f"got the photo names {list(names)}, expected some of: {known}")
    return photos


def make_photo(recipe: Recipe, seed: int = SEED) -> BenchPhoto:
    """The sample photo at the size, with the fine detail and noise of a real one: they decide how long decoding takes."""
    rng = np.random.default_rng(seed)
    picture = np.asarray(PillowImage.open(io.BytesIO(sample_photo())).convert("RGB"), np.uint8)
    pixels = resize(_turned_to(picture, recipe.wh), recipe.wh, filter="cubic")
    noisy = pixels.astype(np.float32)
    noisy += _grain(rng, (recipe.wh[1], recipe.wh[0]), recipe)[..., None]
    noisy += (
        0.4 * _grain(rng, (recipe.wh[1], recipe.wh[0]), recipe)[..., None] * np.array([1, 0, -1], np.float32)
    )
    done = np.ascontiguousarray(noisy.clip(0, 255).astype(np.uint8))
    data = simplejpeg.encode_jpeg(done, quality=recipe.quality, colorspace="RGB", colorsubsampling="420")
    return BenchPhoto(recipe.name, bytes(data), recipe.wh)


def _turned_to(picture: NDArray[np.uint8], wh: tuple[int, int]) -> NDArray[np.uint8]:
    """The middle of the picture with the aspect ratio of `wh`."""
    h, w = picture.shape[:2]
    keep_w, keep_h = min(w, round(h * wh[0] / wh[1])), min(h, round(w * wh[1] / wh[0]))
    left, top = (w - keep_w) // 2, (h - keep_h) // 2
    return picture[top : top + keep_h, left : left + keep_w]


def _grain(rng: np.random.Generator, hw: tuple[int, int], recipe: Recipe) -> NDArray[np.float32]:
    """Noise (h, w) of the recipe's strength, averaged over `blur` px squares that overlap."""
    noise = rng.standard_normal(hw, np.float32)
    for axis in (0, 1):
        noise = sum((np.roll(noise, step, axis) for step in range(1, recipe.blur)), noise)
    return np.asarray(noise * np.float32(recipe.grain / recipe.blur), np.float32)


def _read(folder: Path, names: Sequence[str]) -> list[BenchPhoto]:
    found = [path for path in list_photos([folder]) if not names or path.stem in names]
    photos = []
    for path in found:
        data = path.read_bytes()
        h, w = decode_image(data).original_hw
        photos.append(BenchPhoto(path.stem, data, (w, h)))
    return photos
