"""Short pieces of a cable as boxes: a thin diagonal wire fills no box, a piece of it does."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.cables import MIN_SIDE_SHARE, POWER, Cable, thick_box
from firewarden.datasets.labels import LabelRows, label_rows

_OVERLAP = 1.15  # a piece is this much longer than the step to the next
_POINTS_PER_PIECE = 9


def piece_rows(
    cables: Sequence[Cable],
    image_hw: tuple[int, int],
    class_id: int,
    *,
    piece_share: float = 0.09,
    min_px: float | None = None,
) -> LabelRows:
    """One box a piece of every power cable, in order from source to sink; other cables give none.

    Pieces are about `piece_share` of the picture's long side along the cable, equally long and a little overlapping. Every
    side of a box is at least `min_px` pixels (None: 12 px at a long side of 960). A cable no longer than a piece is one.
    """
    long_side = max(image_hw)
    least = MIN_SIDE_SHARE * long_side if min_px is None else min_px
    boxes = [
        thick_box(piece, image_hw, least)
        for cable in cables
        if cable.kind == POWER
        for piece in cut_pieces(cable.points, image_hw, piece_px=piece_share * long_side)
    ]
    return label_rows([(class_id, *box) for box in boxes])


def cut_pieces(
    points: NDArray[np.float32], image_hw: tuple[int, int], *, piece_px: float
) -> list[NDArray[np.float32]]:
    """Consecutive pieces (k, 2) of a normalised polyline, equally long in pixels, each about `piece_px`."""
    size = np.array([image_hw[1], image_hw[0]], np.float64)
    pixels = points.astype(np.float64) * size
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(pixels, axis=0), axis=1))])
    count = max(1, round(float(along[-1]) / piece_px))
    step = float(along[-1]) / count
    reach = (_OVERLAP - 1) / 2 * step
    pieces = []
    for number in range(count):
        start, end = max(number * step - reach, 0.0), min((number + 1) * step + reach, float(along[-1]))
        inner = along[(along > start) & (along < end)]
        places = np.union1d(np.linspace(start, end, _POINTS_PER_PIECE), inner)
        piece = np.column_stack([np.interp(places, along, pixels[:, axis]) for axis in (0, 1)])
        pieces.append((piece / size).astype(np.float32))
    return pieces
