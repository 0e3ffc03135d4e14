"""What every importer gives: photos with boxes in house classes, of the upright picture.

An importer reads its format into `SourcePhoto`s; `convert_photos` does the rest for all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.cables import POWER, Cable
from firewarden.datasets.class_map import ClassMap, Target
from firewarden.datasets.imported_cables import CABLE_CLASS, SourceLine, cable_box, read_cable
from firewarden.datasets.labels import COMPANION, IMAGE_SUFFIXES, LabelRows, label_rows
from firewarden.datasets.orientation import PictureHeader, read_header, to_upright
from firewarden.errors import DatasetError

Frame = Literal["auto", "upright", "stored"]
Box = tuple[float, float, float, float]
Row = tuple[int, float, float, float, float]  # class id, cx, cy, w, h
_ROUNDING = 1e-5  # of the side: labels come with five or six decimals
_SAME_SHAPE = 0.01  # a picture scaled after labelling keeps its ratio of sides to within rounding


@dataclass(frozen=True, slots=True)
class SourceBox:
    """One box as the source has it: `xyxy` in shares of the source's width and height, corners in any order; `line`
    where it was drawn as one."""

    name: str
    xyxy: Box
    ignored: bool = False
    line: SourceLine | None = None


@dataclass(frozen=True, slots=True)
class SourcePhoto:
    """One photo as the source has it; `declared_hw` is the size its labels speak of, None where it names none."""

    path: Path
    declared_hw: tuple[int, int] | None
    boxes: tuple[SourceBox, ...]


@dataclass(frozen=True, slots=True)
class ImportedPhoto:
    """One photo, `hw` upright height and width in pixels, `rows` labels and `ignored` regions in house classes.

    `cables` are the cords that were drawn as lines. `notes` says what was changed on the way: boxes cut at the frame,
    boxes left out.
    """

    path: Path
    hw: tuple[int, int]
    rows: LabelRows
    ignored: LabelRows
    notes: tuple[str, ...] = ()
    cables: tuple[Cable, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """How to read a source. `checked`: house classes the source labelled in every photo; each other class gets an
    ignore region over the whole photo. `frame`: the picture that labels were drawn on."""

    class_map: ClassMap
    checked: frozenset[int]
    frame: Frame = "auto"


def convert_photos(photos: Sequence[SourcePhoto], plan: ImportPlan) -> tuple[ImportedPhoto, ...]:
    """Photos in house classes; class names that the map lacks are refused all at once."""
    if not photos:
        raise DatasetError("got a source without photos, expected at least one. Check the folder and format.")
    plan.class_map.check(box.name for photo in photos for box in photo.boxes)
    return tuple(convert_photo(photo, plan) for photo in photos)


def convert_photo(photo: SourcePhoto, plan: ImportPlan) -> ImportedPhoto:
    """One photo: boxes turned upright, cut at the frame, named in house classes."""
    header = read_header(photo.path)
    corners = np.array([box.xyxy for box in photo.boxes], np.float64).reshape(-1, 2, 2)
    if not np.isfinite(corners).all():
        raise DatasetError(f"{photo.path}: a box has a corner that is no number. Fix the label.")
    xyxy = np.sort(corners, axis=1).reshape(-1, 4)
    orientation = header.orientation if _stored_frame(photo, header, plan.frame) else 1
    xyxy = to_upright(xyxy, orientation)
    inside = xyxy.clip(0.0, 1.0)
    lost = np.asarray((inside[:, 2:] <= inside[:, :2]).any(axis=1))
    cut = np.asarray((np.abs(inside - xyxy) > _ROUNDING).any(axis=1)) & ~lost
    targets = [plan.class_map.targets.get(box.name) for box in photo.boxes]
    left_out = targets.count(None)
    cables = _cables(photo, targets, plan, orientation)
    for number, cable in cables.items():
        inside[number], lost[number] = cable_box(cable, header.upright_hw), False
        if cable.kind != POWER:
            targets[number] = None
    labels, ignored = _house_rows(photo.boxes, targets, inside, lost)
    unchecked = sorted(set(range(len(plan.class_map.classes))) - plan.checked)
    ignored += [(class_id, 0.5, 0.5, 1.0, 1.0) for class_id in unchecked]
    counts = (
        ("cut at the frame", int(cut.sum())),
        ("empty or outside", int(lost.sum())),
        ("of classes left out", left_out),
        ("of lines that are no power cord", targets.count(None) - left_out),
        (f"of {CABLE_CLASS} without a line beside cords that have one", _boxes_beside(cables, labels, plan)),
    )
    notes = tuple(f"{n} {'box' if n == 1 else 'boxes'} {what}" for what, n in counts if n)
    return ImportedPhoto(
        photo.path,
        header.upright_hw,
        label_rows(labels),
        label_rows(ignored),
        notes,
        tuple(cables.values()),
    )


def _boxes_beside(cables: Mapping[int, Cable], labels: Sequence[Row], plan: ImportPlan) -> int:
    """How many power cables are boxes alone in a photo where others are lines; 0 where none is a line."""
    classes = plan.class_map.classes
    if not cables:
        return 0
    all_cords = sum(classes[class_id] == CABLE_CLASS for class_id, *_ in labels)
    return all_cords - sum(cable.kind == POWER for cable in cables.values())


def _cables(
    photo: SourcePhoto, targets: Sequence[Target | None], plan: ImportPlan, orientation: int
) -> dict[int, Cable]:
    """Lines that the map makes power cables, by the number of their box; those outside the picture are left out."""
    cables = {}
    for number, (box, target) in enumerate(zip(photo.boxes, targets, strict=True)):
        if box.line is None or target is None or box.ignored or target.ignored:
            continue
        if plan.class_map.classes[target.class_id] != CABLE_CLASS:
            continue
        cable = read_cable(box.line, orientation, photo.path)
        if cable is not None:
            cables[number] = cable
    return cables


def _house_rows(
    boxes: Sequence[SourceBox],
    targets: Sequence[Target | None],
    xyxy: NDArray[np.float64],
    lost: NDArray[np.bool_],
) -> tuple[list[Row], list[Row]]:
    """Labels and regions to ignore; boxes without target and lost ones are left out."""
    labels: list[Row] = []
    ignored: list[Row] = []
    for box, target, corners, empty in zip(boxes, targets, xyxy, lost, strict=True):
        if target is None or empty:
            continue
        x0, y0, x1, y1 = (float(v) for v in corners)
        row = (target.class_id, (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)
        (ignored if box.ignored or target.ignored else labels).append(row)
    return labels, ignored


def _stored_frame(photo: SourcePhoto, header: PictureHeader, frame: Frame) -> bool:
    """Whether labels speak of the pixels as stored. Where that cannot be known, a person has to say it."""
    fits_stored = _same_shape(photo.declared_hw, header.stored_hw)
    fits_upright = _same_shape(photo.declared_hw, header.upright_hw)
    if not fits_stored and not fits_upright:
        raise DatasetError(
            f"{photo.path}: labels speak of {photo.declared_hw} (height, width), the picture has "
            f"{header.upright_hw}. Give the picture that was labelled."
        )
    if frame != "auto" or header.orientation == 1:
        return frame == "stored"
    if fits_stored != fits_upright:
        return fits_stored
    raise DatasetError(
        f"{photo.path}: EXIF orientation {header.orientation}, and nothing tells whether labels were drawn on the "
        f"upright or on the stored picture. Give --frame upright (most labelling tools) or --frame stored."
    )


def _same_shape(declared_hw: tuple[int, int] | None, hw: tuple[int, int]) -> bool:
    if declared_hw is None:
        return True
    return abs(declared_hw[0] * hw[1] / (declared_hw[1] * hw[0]) - 1) <= _SAME_SHAPE


def find_picture(root: Path, name: str, where: str) -> Path:
    """The picture called `name` under `root`; a name that leads out of `root` is refused."""
    path = root / name.replace("\\", "/")
    if not path.resolve().is_relative_to(root.resolve()):
        raise DatasetError(
            f"{where}: picture {name!r} lies outside {root}. Put the pictures under one folder."
        )
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        raise DatasetError(
            f"{where}: got picture {name!r}, expected one of {sorted(IMAGE_SUFFIXES)}. Convert it."
        )
    if not path.is_file():
        raise DatasetError(f"{where}: picture {path} is missing. Put it there or remove its entry.")
    return path


def label_files(folder: Path, pattern: str) -> list[Path]:
    """Files of a pattern below a folder, sorted, without the `._` companions that macOS puts beside files."""
    return sorted(path for path in folder.rglob(pattern) if not path.name.startswith(COMPANION))


def enclosing_box(points: Iterable[tuple[float, float]]) -> Box:
    """The upright box round points (x, y)."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)
