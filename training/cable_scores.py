"""Cable evidence: do predicted boxes, of whole cords or of pieces, reach both ends of a cord and cover its run?

Box overlap says nothing about a thin diagonal wire, so ends and length are measured instead. Free of torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.cables import HIDDEN, POWER, Cable
from firewarden.geometry import Boxes
from firewarden.training.shares import Places, Share

REACH = 0.03  # of the long side: so near a box must come to a point of a cord
_STEP = 0.005  # of the long side: points along a cord stand so close
Hits = NDArray[
    np.int64
]  # (9,): cords; both ends, source end, sink end shown and reached; points along them, points reached


@dataclass(frozen=True, slots=True)
class CableScore:
    """Power cords whose both ends, source end and sink end are reached, of those that show these ends; points along them that
    are; photos without a power cord that still got a box. Intervals are over places.

    A cord seen in parts counts as one a part: its first shows the source end, its last the sink end, none both."""

    cords: int
    both_ends: Share
    source_ends: Share
    sink_ends: Share
    length: Share
    stray_photos: Share

    def to_json(self) -> dict[str, Any]:
        """Every share with its count, rate and 95 % interval; the reach they were taken at."""
        return {
            "reach": REACH,
            "cords": self.cords,
            "both_ends": self.both_ends.to_json("reached", "cables"),
            "source_ends": self.source_ends.to_json("reached", "cables"),
            "sink_ends": self.sink_ends.to_json("reached", "cables"),
            "length": self.length.to_json("covered", "points"),
            "stray_photos": self.stray_photos.to_json("with_box", "photos"),
        }


def score_with_places(
    true: Sequence[Sequence[Cable]],
    predicted: Sequence[Boxes],
    image_hws: Sequence[tuple[int, int]],
    places: Places,
    *,
    reach: float = REACH,
) -> CableScore:
    """Score one entry a photo: its cables, predicted power cable boxes (n, 4) xyxy pixels, size, and the place group, of which
    `places` holds the draws."""
    rows = [
        _photo_hits([c for c in cables if c.kind == POWER], boxes, hw, reach)
        for cables, boxes, hw in zip(true, predicted, image_hws, strict=True)
    ]
    table = np.array(rows, np.float64).reshape(-1, 9).T
    cords, whole, both, starts, source, stops, sink, points, covered = table
    has_box = np.array([len(boxes) > 0 for boxes in predicted], bool)
    clear = cords == 0
    return CableScore(
        cords=int(cords.sum()),
        both_ends=places.share(both, whole),
        source_ends=places.share(source, starts),
        sink_ends=places.share(sink, stops),
        length=places.share(covered, points),
        stray_photos=places.share(has_box & clear, clear),
    )


def _photo_hits(cords: Sequence[Cable], boxes: Boxes, image_hw: tuple[int, int], reach: float) -> Hits:
    rows = [_cord_hits(cord, boxes, image_hw, reach) for cord in cords]
    return np.asarray(np.array(rows, np.int64).reshape(-1, 9).sum(axis=0), np.int64)


def _cord_hits(cord: Cable, boxes: Boxes, image_hw: tuple[int, int], reach: float) -> tuple[int, ...]:
    hit = reached(_along(cord, image_hw), boxes, reach_px=reach * max(image_hw))
    starts, stops = cord.source != HIDDEN, cord.sink != HIDDEN
    first, last = starts and bool(hit[0]), stops and bool(hit[-1])
    return 1, starts and stops, first and last, starts, first, stops, last, len(hit), int(hit.sum())


def reached(points: NDArray[np.float64], boxes: Boxes, *, reach_px: float) -> NDArray[np.bool_]:
    """Which points (n, 2) lie in a box (m, 4) grown by `reach_px` on every side."""
    x, y = points[:, :1], points[:, 1:]
    inside_x = (x >= boxes[:, 0] - reach_px) & (x <= boxes[:, 2] + reach_px)
    inside_y = (y >= boxes[:, 1] - reach_px) & (y <= boxes[:, 3] + reach_px)
    return np.asarray((inside_x & inside_y).any(axis=1))


def _along(cord: Cable, image_hw: tuple[int, int]) -> NDArray[np.float64]:
    """Points (n, 2) in pixels at even steps along a cord, ends included."""
    pixels = cord.points.astype(np.float64) * (image_hw[1], image_hw[0])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(pixels, axis=0), axis=1))])
    count = max(2, round(float(along[-1]) / (_STEP * max(image_hw))) + 1)
    places = np.linspace(0, along[-1], count)
    return np.column_stack([np.interp(places, along, pixels[:, axis]) for axis in (0, 1)])
