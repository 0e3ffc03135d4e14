"""What the rules look at: the detections that count as evidence, by class name, in one picture."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

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
    _evidence: Mapping[str, list[int]] = field(init=False, repr=False)  # class name -> its evidence rows

    def __post_init__(self) -> None:
        """A network gives hundreds of rows and few are evidence: they are picked out once."""
        object.__setattr__(self, "_evidence", self._find_evidence())

    def rows(self, names: Iterable[str], *, at_confidence: float | None = None) -> Rows:
        """Evidence rows of these classes; with `at_confidence` all rows of the classes from that confidence up."""
        if at_confidence is None:
            return np.array(sorted({row for name in names for row in self._evidence[name]}), np.int64)
        found = self.detections
        wanted = found.rows_of([self.class_names.index(name) for name in names])
        return wanted[found.confidence[wanted] >= np.float32(at_confidence)]

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

    def renamed(self, names: Iterable[str], to: Sequence[str]) -> "View":
        """The same picture with everything of these classes taken for the one class in `to`; nothing changes for none."""
        if not to:
            return self
        moved = np.isin(self.detections.class_id, [self.class_names.index(name) for name in names])
        class_id = np.where(moved, self.class_names.index(to[0]), self.detections.class_id)
        return replace(self, detections=replace(self.detections, class_id=class_id))

    def _find_evidence(self) -> dict[str, list[int]]:
        points = [self.operating_points.get(name, self.default_operating_point) for name in self.class_names]
        found = self.detections
        rows = np.flatnonzero(found.confidence >= np.array(points, np.float32)[found.class_id])
        evidence: dict[str, list[int]] = {name: [] for name in self.class_names}
        for row, class_id in zip(rows.tolist(), found.class_id[rows].tolist(), strict=True):
            evidence[self.class_names[class_id]].append(row)
        return evidence


def without(rows: Rows, claimed: Iterable[int]) -> Rows:
    """Rows that no earlier finding has claimed."""
    taken = set(claimed)
    return rows[[row not in taken for row in rows.tolist()]] if taken and len(rows) else rows


def enclosing_box(boxes: Boxes) -> Box:
    """Smallest box round all boxes (n >= 1)."""
    x1, y1, x2, y2 = boxes.T.tolist()
    return min(x1), min(y1), max(x2), max(y2)


def model_facts(names: Iterable[str]) -> tuple[Fact, ...]:
    """Facts the detections support."""
    return tuple(Fact(name, Source.MODEL) for name in names)
