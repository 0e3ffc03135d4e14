"""The photo a composition stands on, and where its floor is: rows of the picture to metres, read from the door."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.labels import LabelRows, label_rows, read_labels
from firewarden.datasets.manifest import PhotoRecord

Picture = NDArray[np.uint8]
Box = tuple[float, float, float, float]  # xyxy pixels
Row = tuple[int, Box]
DOOR_HEIGHT_M = 2.05
_CAMERA_HEIGHT_M = 1.5


@dataclass(frozen=True, slots=True)
class Ground:
    """One labelled photo: BGR uint8 (h, w, 3), its rows, its regions to ignore, its manifest row."""

    photo: Picture
    labels: LabelRows
    ignore: LabelRows
    record: PhotoRecord | None = None
    classes: tuple[str, ...] = ()

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width of the photo in pixels."""
        return int(self.photo.shape[0]), int(self.photo.shape[1])

    def boxes(self, *names: str) -> NDArray[np.float32]:
        """Labelled boxes (n, 4) of the named classes, xyxy pixels."""
        wanted = [self.classes.index(name) for name in names]
        return self.labels.xyxy(self.hw)[np.isin(self.labels.class_id, wanted)]


def read_ground(source: Path, record: PhotoRecord, classes: tuple[str, ...] = ()) -> Ground:
    """Photo, labels and ignore regions of one manifest row; the picture may be painted on."""
    photo = np.asarray(cv2.imread(str(source / record.file)), np.uint8)
    name = f"{record.stem}.txt"
    labels, ignore = (read_labels(source / part / name) for part in ("labels", "ignore"))
    return Ground(photo, labels, ignore, record, classes)


@dataclass(frozen=True, slots=True)
class Floor:
    """Scale of things on the floor. `px_per_m` holds at row `foot_y`; it grows by one camera height a row below."""

    foot_y: float
    px_per_m: float

    def scale_at(self, y: float) -> float:
        """Pixels of one upright metre whose foot stands at row `y`; never below a twentieth of that at `foot_y`."""
        return max(self.px_per_m + (y - self.foot_y) / _CAMERA_HEIGHT_M, 0.05 * self.px_per_m)


def floor_at_door(door: NDArray[np.float32] | Box) -> Floor:
    """The floor before a door box whose foot is in the picture."""
    return Floor(float(door[3]), float(door[3] - door[1]) / DOOR_HEIGHT_M)


def floor_by_horizon(image_hw: tuple[int, int], *, horizon: float = 0.45) -> Floor:
    """The floor of a photo without a door: a level camera at breast height, horizon at a share of the height."""
    h = image_hw[0]
    return Floor(float(h), (1 - horizon) * h / _CAMERA_HEIGHT_M)


def rows_of(rows: list[Row], image_hw: tuple[int, int]) -> LabelRows:
    """Label rows of pixel boxes."""
    h, w = image_hw
    return label_rows(
        [
            (c, (x0 + x1) / 2 / w, (y0 + y1) / 2 / h, (x1 - x0) / w, (y1 - y0) / h)
            for c, (x0, y0, x1, y1) in rows
        ]
    )


def as_box(box: NDArray[np.float32]) -> Box:
    """Four floats of one row of boxes."""
    return float(box[0]), float(box[1]), float(box[2]), float(box[3])
