"""YOLO label folders: images/ labels/ ignore/ classes.txt, normalised cxcywh of the upright image."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.fields import read_text
from firewarden.errors import DatasetError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
COMPANION = "._"  # begins the names of files that macOS puts beside others on foreign disks


@dataclass(frozen=True, slots=True)
class LabelRows:
    """Boxes of one image: `class_id (n,) int64`, `cxcywh (n, 4) float32` normalised to the upright image."""

    class_id: NDArray[np.int64]
    cxcywh: NDArray[np.float32]

    def __post_init__(self) -> None:
        n = len(self.class_id)
        if self.cxcywh.shape != (n, 4):
            raise DatasetError(f"boxes have shape {self.cxcywh.shape}, expected ({n}, 4)")
        self.class_id.flags.writeable = False
        self.cxcywh.flags.writeable = False

    def __len__(self) -> int:
        return len(self.class_id)

    def xyxy(self, image_hw: tuple[int, int]) -> NDArray[np.float32]:
        """Boxes (n, 4) as x_min, y_min, x_max, y_max in pixels of an image of `image_hw`."""
        h, w = image_hw
        centre, half = self.cxcywh[:, :2], self.cxcywh[:, 2:] / 2
        corners = np.concatenate([centre - half, centre + half], axis=1)
        return (corners * np.array([w, h, w, h], np.float32)).astype(np.float32)


def label_rows(rows: list[tuple[int, float, float, float, float]]) -> LabelRows:
    """LabelRows from (class_id, cx, cy, w, h) tuples; an empty list is a value."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    return LabelRows(table[:, 0].astype(np.int64), np.ascontiguousarray(table[:, 1:]))


def read_labels(path: Path) -> LabelRows:
    """Rows of one label file; a missing or empty file is zero rows. A damaged line is named in the error."""
    if not path.exists():
        return label_rows([])
    rows = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        try:
            class_id, cx, cy, w, h = int(fields[0]), *map(float, fields[1:])
        except ValueError as error:
            raise DatasetError(
                f"{path}:{number}: got {line!r}, expected 'class cx cy w h'. Fix or delete the line."
            ) from error
        rows.append((class_id, cx, cy, w, h))
    return label_rows(rows)


def write_labels(path: Path, rows: LabelRows) -> None:
    """Write rows with six decimals, one a line."""
    lines = [
        f"{c} " + " ".join(f"{v:.6f}" for v in box) for c, box in zip(rows.class_id, rows.cxcywh, strict=True)
    ]
    path.write_text("".join(line + "\n" for line in lines))


def concat_rows(*parts: LabelRows) -> LabelRows:
    """All rows of all parts, in order."""
    return LabelRows(
        np.concatenate([p.class_id for p in parts]),
        np.concatenate([p.cxcywh for p in parts], dtype=np.float32),
    )


def read_classes(folder: Path) -> tuple[str, ...]:
    """Class names of a data folder in label order."""
    path = folder / "classes.txt"
    if not path.exists():
        raise DatasetError(f"{path} is missing. A data folder needs images/, labels/ and classes.txt.")
    return read_names(path)


def read_names(path: Path) -> tuple[str, ...]:
    """Class names of a file, one a line; a name may hold spaces."""
    lines = (line.strip() for line in read_text(path).splitlines())
    return tuple(line for line in lines if line)


def list_images(folder: Path) -> list[Path]:
    """Image files of `folder/images`, sorted by name."""
    images = folder / "images"
    if not images.is_dir():
        raise DatasetError(f"{images} is missing. A data folder needs images/, labels/ and classes.txt.")
    return sorted(p for p in images.iterdir() if is_image(p))


def is_image(path: Path) -> bool:
    """Whether a file is a picture by its name; the companions of macOS are none."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(COMPANION)
