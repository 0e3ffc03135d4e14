"""Cables of made pictures as polylines: cables/STEM.json, one list a picture."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.labels import LabelRows, label_rows
from firewarden.errors import DatasetError

KINDS = ("power", "telecom", "hose", "line")
HIDDEN = "hidden"  # no end: the cord goes on behind something
SOURCES = ("window", "door", "strip", "above", "wall", "none", HIDDEN)
SINKS = ("vehicle", "charger", "none", HIDDEN)
POWER = "power"
MIN_SIDE_SHARE = 12 / 960  # of the picture's long side: what is thinner is no object to label
Points = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Cable:
    """One visible stretch of a cable: `points (n >= 2, 2) float32` as x, y normalised to the upright image, from source to sink.

    A cable seen in parts is several, whose inner ends are `HIDDEN`.
    """

    points: Points
    kind: str
    source: str
    sink: str

    def __post_init__(self) -> None:
        points = np.array(self.points, np.float32)
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
            raise DatasetError(f"cable points have shape {points.shape}, expected (n >= 2, 2)")
        if not np.isfinite(points).all():
            raise DatasetError("cable points hold a value that is no number; write every point as [x, y]")
        for field, value, known in (
            ("kind", self.kind, KINDS),
            ("source", self.source, SOURCES),
            ("sink", self.sink, SINKS),
        ):
            if value not in known:
                raise DatasetError(f"cable {field} is {value!r}, expected one of {known}")
        points.flags.writeable = False
        object.__setattr__(self, "points", points)

    def to_json(self) -> dict[str, Any]:
        """The entry as cables/STEM.json has it: points with five decimals."""
        return {
            "points": [[round(float(x), 5), round(float(y), 5)] for x, y in self.points],
            "kind": self.kind,
            "source": self.source,
            "sink": self.sink,
        }


def read_cables(path: Path) -> tuple[Cable, ...]:
    """Cables of one file; a missing file is none. Raises DatasetError naming the file and the entry."""
    if not path.exists():
        return ()
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DatasetError(f"{path} is no JSON ({error}). Write a list of cables.") from error
    if not isinstance(entries, list):
        raise DatasetError(f"{path} holds a {type(entries).__name__}, expected a list of cables.")
    return tuple(_read_entry(path, number, entry) for number, entry in enumerate(entries))


def write_cables(path: Path, cables: Sequence[Cable]) -> None:
    """Write the cables of one picture; the folder must exist."""
    path.write_text(json.dumps([cable.to_json() for cable in cables]) + "\n", encoding="utf-8")


def whole_rows(cables: Sequence[Cable], image_hw: tuple[int, int], class_id: int) -> LabelRows:
    """One box a power cable, round its whole polyline, at least `MIN_SIDE_SHARE` of the long side thick and clipped."""
    least = MIN_SIDE_SHARE * max(image_hw)
    boxes = [thick_box(c.points, image_hw, least) for c in cables if c.kind == POWER]
    return label_rows([(class_id, *box) for box in boxes])


def thick_box(
    points: Points, image_hw: tuple[int, int], least_px: float
) -> tuple[float, float, float, float]:
    """Normalised cxcywh box round normalised points, each side at least `least_px` pixels; shifted, then cut, to stay inside."""
    size = np.array([image_hw[1], image_hw[0]], np.float64)
    low, high = points.min(axis=0) * size, points.max(axis=0) * size
    grow = (least_px - (high - low)).clip(0) / 2
    low, high = low - grow, high + grow
    shift = np.maximum(-low, 0) - np.maximum(high - size, 0)
    low, high = (low + shift).clip(0, size), (high + shift).clip(0, size)
    centre, side = (low + high) / 2 / size, (high - low) / size
    return float(centre[0]), float(centre[1]), float(side[0]), float(side[1])


def _read_entry(path: Path, number: int, entry: Any) -> Cable:
    try:
        return Cable(np.array(entry["points"], np.float32), entry["kind"], entry["source"], entry["sink"])
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"{path}: cable {number} is damaged ({error}); expected points, kind, source and sink."
        ) from error
    except DatasetError as error:
        raise DatasetError(f"{path}: cable {number}: {error}") from error
