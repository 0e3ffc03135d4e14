"""The rows one photo is trained on: its labels and ignore regions, completed by a teacher, cables whole or in pieces."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.cable_pieces import piece_rows
from firewarden.datasets.cables import read_cables, whole_rows
from firewarden.datasets.labels import LabelRows, concat_rows, label_rows, read_labels
from firewarden.datasets.orientation import read_header
from firewarden.errors import DatasetError
from firewarden.geometry import Boxes, inside_share_batch, iou_batch
from firewarden.training.evaluated_data import checked_labels

CableLabels = Literal["whole", "pieces"]
CABLE = "power_cable"
_WITHIN = 0.5  # share of the box round a line from which on it lies mostly within another
TEACHER_ROWS = "rows"  # folder of STEM.json in what `firewarden data complete` writes


@dataclass(frozen=True, slots=True)
class RowReader:
    """Reads coded rows of photos of `classes`. `teacher` is a folder written by `firewarden data complete`."""

    classes: tuple[str, ...]
    cable_labels: CableLabels = "whole"
    teacher: Path | None = None

    def __post_init__(self) -> None:
        if self.cable_labels not in ("whole", "pieces"):
            raise DatasetError(f"cable_labels is {self.cable_labels!r}, expected 'whole' or 'pieces'")
        if self.teacher is not None and not (self.teacher / TEACHER_ROWS).is_dir():
            raise DatasetError(
                f"{self.teacher / TEACHER_ROWS} is missing, expected a folder written by `firewarden data complete`. "
                "Complete the labels first, or train without a teacher."
            )

    def read(self, image: Path, folder: Path, *, complete: bool) -> LabelRows:
        """Labels and ignore regions of one photo of `folder` as one list (`code_ignore`).

        `complete` asks the teacher, as for train photos. Without it, as for val photos, labels of classes that were not
        checked in the photo are left out: what is found of them could not be wrong, so it must not be right either.
        """
        labels = read_labels(folder / "labels" / f"{image.stem}.txt")
        ignore = read_labels(folder / "ignore" / f"{image.stem}.txt")
        told = ignore
        if self.cable_labels == "pieces" and CABLE in self.classes:
            labels, ignore = self._in_pieces(image, folder, labels, ignore)
        if complete and self.teacher is not None:
            taught, doubtful = read_teacher(self.teacher, image, self.classes)
            labels, ignore = concat_rows(labels, taught), concat_rows(ignore, doubtful)
        if not complete:
            labels = checked_labels(labels, told)
        return code_ignore(labels, ignore, len(self.classes))

    def _in_pieces(
        self, image: Path, folder: Path, labels: LabelRows, ignore: LabelRows
    ) -> tuple[LabelRows, LabelRows]:
        """Cable boxes give way to pieces along the polylines; a box without a polyline is ignored instead: whole it would
        teach the opposite of the pieces, and left out it would teach that nothing is there."""
        cable = self.classes.index(CABLE)
        mine = labels.class_id == cable
        rest, whole = _rows_at(labels, ~mine), _rows_at(labels, mine)
        hw, cables = read_header(image).upright_hw, read_cables(folder / "cables" / f"{image.stem}.json")
        bare = _without_line(whole.xyxy(hw), whole_rows(cables, hw, cable).xyxy(hw))
        return concat_rows(rest, piece_rows(cables, hw, cable)), concat_rows(ignore, _rows_at(whole, bare))


def _without_line(labelled: Boxes, drawn: Boxes) -> NDArray[np.bool_]:
    """Which label boxes (n, 4) are of no line, told by the boxes round the lines (k, 4). A line belongs to the label box that
    it fits best, of those that it lies mostly within: people draw boxes wider than a thin cord."""
    bare = np.ones(len(labelled), np.bool_)
    if len(labelled) and len(drawn):
        fits = iou_batch(drawn, labelled) * (
            inside_share_batch(drawn, labelled) >= _WITHIN
        )  # (lines, labels)
        bare[fits.argmax(axis=1)[fits.max(axis=1) > 0]] = False
    return bare


def code_ignore(labels: LabelRows, ignore: LabelRows, class_count: int) -> LabelRows:
    """One list of rows: ignore boxes of class c become class c + `class_count`."""
    return concat_rows(labels, LabelRows(ignore.class_id + class_count, ignore.cxcywh.copy()))


def decode_ignore(rows: LabelRows, class_count: int) -> tuple[LabelRows, LabelRows]:
    """Label rows and ignore rows of a coded list."""
    real = rows.class_id < class_count
    ignore = _rows_at(rows, ~real)
    return _rows_at(rows, real), LabelRows(ignore.class_id - class_count, ignore.cxcywh.copy())


def read_teacher(teacher: Path, image: Path, classes: tuple[str, ...]) -> tuple[LabelRows, LabelRows]:
    """Completed labels and ignore regions of one photo; a photo that the teacher had nothing to say about has none.
    Raises DatasetError where the teacher saw another picture of that name."""
    path = teacher / TEACHER_ROWS / f"{image.stem}.json"
    if not path.exists():
        return label_rows([]), label_rows([])
    entry = json.loads(path.read_text(encoding="utf-8"))
    if entry["sha256"] != hashlib.sha256(image.read_bytes()).hexdigest():
        raise DatasetError(
            f"{path} is about another picture than {image}. Complete the labels again with `firewarden data complete`."
        )
    rows: dict[str, list[tuple[int, float, float, float, float]]] = {"label": [], "ignore": [], "none": []}
    for row in entry["rows"]:
        x, y, w, h = row["cxcywh"]
        rows[row["use"]].append((classes.index(row["class"]), x, y, w, h))
    return label_rows(rows["label"]), label_rows(rows["ignore"])


def _rows_at(rows: LabelRows, mask: NDArray[np.bool_]) -> LabelRows:
    return LabelRows(rows.class_id[mask], rows.cxcywh[mask])
