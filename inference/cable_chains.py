"""Cords as chains of power cable boxes: a detector may box a whole cord or pieces of it. Pure; boxes xyxy in image pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firewarden.geometry import Boxes
from firewarden.inference.predicates import gap_batch
from firewarden.inference.view import Rows, View

BoxRow = NDArray[np.float32]  # (4,)


@dataclass(frozen=True, slots=True)
class CableChain:
    """One cord: detection rows of its pieces in rising order. A box round a whole cord is a chain of one."""

    rows: tuple[int, ...]

    def boxes(self, view: View) -> Boxes:
        """Boxes (n, 4) of the pieces."""
        return view.boxes(np.array(self.rows, np.int64))

    def union_box(self, view: View) -> BoxRow:
        """The box round the whole cord."""
        boxes = self.boxes(view)
        return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def link_chains(view: View, rows: Rows, *, gap_share: float) -> tuple[CableChain, ...]:
    """Chains of the boxes in `rows` that touch or nearly touch, by their first row.

    Two boxes belong together when the gap between their edges is at most `gap_share` of the longer side of the smaller one.
    """
    boxes = view.boxes(rows)
    if not len(rows):
        return ()
    side = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    linked = gap_batch(boxes, boxes) <= gap_share * np.minimum(side[:, None], side[None, :])
    part = _components(linked)
    return tuple(
        CableChain(tuple(sorted(rows[part == number].tolist()))) for number in dict.fromkeys(part.tolist())
    )


def rows_of_chains(chains: Sequence[CableChain]) -> Rows:
    """Detection rows of all chains, chain by chain."""
    return np.array([row for chain in chains for row in chain.rows], np.int64)


def chain_confidence(chain: CableChain, view: View, *, pieces: int) -> float:
    """Confidence of the `pieces`-th surest piece: the weakest one needed. The last piece where there are fewer."""
    surest = np.sort(view.detections.confidence[np.array(chain.rows, np.int64)])[::-1]
    return float(surest[min(max(pieces, 1), len(surest)) - 1])


def length_in_heights(chain: CableChain, view: View, vehicle: BoxRow) -> float:
    """The diagonal of the chain's box in heights of a vehicle."""
    box = chain.union_box(view)
    return float(np.hypot(box[2] - box[0], box[3] - box[1]) / max(float(vehicle[3] - vehicle[1]), 1.0))


def _components(linked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each box the lowest number of any box that is linked to it over others (n,)."""
    part = np.arange(len(linked), dtype=np.int64)
    while True:
        lowest = np.where(linked, part[None, :], len(part)).min(axis=1)
        if np.array_equal(lowest, part):
            return part
        part = np.asarray(lowest, np.int64)
