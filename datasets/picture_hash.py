"""Perceptual hashes: 64 bits that stay nearly the same when a photo is scaled or saved again.

dHash: is each cell of a 9 x 8 grid brighter than its right neighbour? pHash: which of 63 low frequencies lie above
their median? dHash finds near pairs; pHash is the second witness, which tells two catalogue pictures of the same pose apart.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_DISTANCE = 4  # bits of 64, dHash
_WITNESS_DISTANCE = 12  # bits of 64, pHash: unrelated pictures differ in about 32
_SIDE = 32  # px of the square that pHash looks at
_BLOCK = 512  # rows compared at once
_FLAT = 2.0  # grey levels: below this spread a picture shows nothing to know it by
Grey = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PictureHash:
    """Two 64-bit hashes; `flat` pictures have too little in them to be compared."""

    dhash: int
    phash: int
    flat: bool


def picture_hash(picture: Image.Image) -> PictureHash:
    """Hashes of an upright picture of any size and mode."""
    grey = picture.convert("L")
    small = _resize(grey, _SIDE, _SIDE)
    return PictureHash(dhash(grey), phash(grey), float(small.std()) < _FLAT)


def dhash(grey: Image.Image) -> int:
    """64 bits, row by row: a cell is brighter than its right neighbour."""
    cells = _resize(grey, 9, 8)
    return _to_int(cells[:, :-1] > cells[:, 1:])


def phash(grey: Image.Image) -> int:
    """64 bits of the lowest 8 x 8 frequencies (cosine transform): above the median, the mean brightness left out."""
    low = _cosines() @ _resize(grey, _SIDE, _SIDE) @ _cosines().T
    low[0, 0] = 0.0
    return _to_int(low > np.median(low.ravel()[1:]))


def _resize(grey: Image.Image, width: int, height: int) -> Grey:
    return np.asarray(grey.resize((width, height), Image.Resampling.BOX), np.float64)


def _cosines() -> Grey:
    """The eight slowest waves of the cosine transform over `_SIDE` points (8, 32)."""
    angles = np.outer(np.arange(8), 2 * np.arange(_SIDE) + 1) * (np.pi / (2 * _SIDE))
    return np.asarray(np.cos(angles), np.float64)


def _to_int(bits: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits.ravel()).tobytes(), "big")


def distance(one: int, other: int) -> int:
    """Bits in which two hashes differ."""
    return (one ^ other).bit_count()


def near_pairs(
    hashes: list[PictureHash | None], *, max_distance: int = MAX_DISTANCE
) -> list[tuple[int, int]]:
    """Index pairs (i < j) whose dHash differs in at most `max_distance` bits and whose pHash agrees; None and flat
    pictures take no part."""
    usable = np.flatnonzero([h is not None and not h.flat for h in hashes])
    d = np.array([h.dhash for h in hashes if h is not None and not h.flat], np.uint64)
    p = np.array([h.phash for h in hashes if h is not None and not h.flat], np.uint64)
    pairs = []
    for start, stop in pairwise([*range(0, len(usable), _BLOCK), len(usable)]):
        near = np.bitwise_count(d[start:stop, None] ^ d[None, start:]) <= max_distance
        near &= np.bitwise_count(p[start:stop, None] ^ p[None, start:]) <= _WITNESS_DISTANCE
        rows, columns = np.nonzero(np.triu(near, k=1))
        pairs += [
            (int(usable[start + i]), int(usable[start + j])) for i, j in zip(rows, columns, strict=True)
        ]
    return pairs
