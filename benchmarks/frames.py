"""Many distinct frames, made quickly: a few full ones, each moved round by some pixels for every further one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from firewarden.benchmarks.photos import RECIPES, SEED, Recipe, make_photo
from firewarden.inference.machine import usable_cores

FRAME = next(recipe for recipe in RECIPES if recipe.name == "frame-1080p")
_BASES = 8


def write_frames(folder: Path, count: int, recipe: Recipe = FRAME) -> list[Path]:
    """`count` JPEG files of distinct pixels in the order of their names, the same in every run."""
    folder.mkdir(parents=True, exist_ok=True)
    bases = [_pixels(recipe, SEED + number) for number in range(min(count, _BASES))]

    def write(number: int) -> Path:
        path = folder / f"frame-{number:06d}.jpg"
        shift = _shift(number // len(bases), recipe.wh)
        moved = np.ascontiguousarray(np.roll(bases[number % len(bases)], shift, (0, 1)))
        path.write_bytes(
            simplejpeg.encode_jpeg(moved, quality=recipe.quality, colorspace="RGB", colorsubsampling="420")
        )
        return path

    with ThreadPoolExecutor(usable_cores()) as pool:
        return list(pool.map(write, range(count)))


def read_in_turn(paths: list[Path], count: int) -> Iterator[list[bytes]]:
    """The bytes of `count` files at a time, other ones each time until all were read, then from the start."""
    begin = 0
    while True:
        yield [paths[(begin + index) % len(paths)].read_bytes() for index in range(count)]
        begin += count


def _pixels(recipe: Recipe, seed: int) -> NDArray[np.uint8]:
    return np.asarray(simplejpeg.decode_jpeg(make_photo(recipe, seed).data, "RGB"), np.uint8)


def _shift(number: int, wh: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the move of a number: every one another, up to width x height of them."""
    return number // wh[0], number % wh[0]
