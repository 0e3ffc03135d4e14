"""What the rules look at: the detections that count as evidence, by class name, in one picture."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from firewarden.detections import Detections
from firewarden.findings import Box, Fact, Source
from firewarden.geometry import Boxes

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Detections of one picture of `image_hw`, all rows, with the operating point of each class.

    Row numbers always refer to `detections`. A row is evidence when it reaches its class's operating point.
    """

    detections: Detections
    class_names: tuple[str, ...]
    operating_points: Mapping[str, float]
    default_operating_point: float
    image_hw: tuple[int, int]
    _evidence: dict[tuple[str, ...], Rows] = field(default_factory=dict, init=False, repr=False)

    def rows(self, names: Iterable[str], *, at_confidence: float | None = None) -> Rows:
        """Evidence rows of these classes; with `at_confidence` all rows of the classes from that confidence up."""
        key = tuple(names)
        if at_confidence is not None:
            return self._from(key, [at_confidence] * len(key))
        if key not in self._evidence:
            bounds = [self.operating_points.get(name, self.default_operating_point) for name in key]
            self._evidence[key] = self._from(key, bounds)
        return self._evidence[key]

    def boxes(self, rows: Rows) -> Boxes:
        """Boxes (n, 4) of rows."""
        return self.detections.xyxy[rows]

    def box(self, row: int) -> NDArray[np.float32]:
        """One box (4,)."""
        return np.asarray(self.detections.xyxy[row])

    def name(self, row: int) -> str:
        """Class name of a row."""
        return self.class_names[int(self.detections.class_id[row])]

    def confidence(self, rows: Sequence[int] | Rows) -> float:
        """The weakest confidence among rows that a finding rests on; 0 for none."""
        chosen = self.detections.confidence[np.asarray(rows, np.int64)]
        return float(chosen.min()) if len(chosen) else 0.0

    def _from(self, names: tuple[str, ...], bounds: Sequence[float]) -> Rows:
        """Rows of these classes, each from its bound up."""
        wanted = np.array([self.class_names.index(name) for name in names], np.int64)
        found = self.detections
        reached = found.confidence[:, None] >= np.array(bounds, np.float32)
        return np.flatnonzero(((found.class_id[:, None] == wanted) & reached).any(axis=1))


def without(rows: Rows, claimed: Iterable[int]) -> Rows:
    """Rows that no earlier finding has claimed."""
    return rows[~np.isin(rows, np.array(sorted(claimed), np.int64))]


def enclosing_box(boxes: Boxes) -> Box:
    """Smallest box round all boxes (n >= 1)."""
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def model_facts(names: Iterable[str]) -> tuple[Fact, ...]:
    """Facts the detections support."""
    return tuple(Fact(name, Source.MODEL) for name in names)
