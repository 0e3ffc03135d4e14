"""YOLO folders: images/ and labels/ side by side (also below train/, val/ ...), class names in data.yaml or classes.txt.

Rows are `class cx cy w h`, or a polygon `class x1 y1 x2 y2 ...`, which becomes its enclosing box. Where data.yaml has
`kpt_shape`, rows are boxes with keypoints behind them, which are left out. A house folder is one of these: its ignore/ is
read too. A photo without label file counts as checked and empty, as the format has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from firewarden.datasets.fields import number, read_text
from firewarden.datasets.imported import (
    Box,
    ImportedPhoto,
    ImportPlan,
    SourceBox,
    SourcePhoto,
    convert_photos,
    enclosing_box,
)
from firewarden.datasets.labels import is_image, read_names
from firewarden.errors import DatasetError

_CONFIGS, _LISTS = ("data.yaml", "data.yml"), ("classes.txt", "obj.names")


@dataclass(frozen=True, slots=True)
class RowFormat:
    """What rows of label files mean: class names by id, and how many numbers of keypoints follow each box."""

    names: tuple[str, ...]
    keypoint_numbers: int = 0


def import_yolo(
    folder: Path, images: Path | None, plan: ImportPlan
) -> tuple[tuple[ImportedPhoto, ...], Path]:
    """All photos of a YOLO folder sorted by path, and the folder that their names are told from.

    With `images` its pictures count, each with the label file at the same place under `folder`, or under labels/ in it.
    So it is with a folder called labels beside one called images.
    """
    beside = folder.resolve().parent / "images"
    if images is None and folder.resolve().name == "labels" and beside.is_dir():
        images = beside
    if images is None:
        return convert_photos(read_yolo(folder), plan), folder
    return convert_photos(read_yolo_apart(folder, images), plan), images


def read_yolo(folder: Path) -> tuple[SourcePhoto, ...]:
    """Photos and boxes as the folder has them."""
    row_format = read_format(folder)
    photos = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if is_image(path) and "images" in parts:
            labels = _read_rows(_beside(path, folder, "labels"), row_format, ignored=False)
            ignored = _read_rows(_beside(path, folder, "ignore"), row_format, ignored=True)
            photos.append(SourcePhoto(path, None, (*labels, *ignored)))
    if not photos:
        raise DatasetError(
            f"{folder} has no picture under images/, expected images/ and labels/ side by side. Give the folder that "
            f"holds both, or the folder of labels with --images."
        )
    return tuple(photos)


def read_yolo_apart(folder: Path, images: Path) -> tuple[SourcePhoto, ...]:
    """Photos of one folder with label files of another; class names stand in `folder` or beside it."""
    labels = folder / "labels" if (folder / "labels").is_dir() else folder
    named = next((place for place in (folder, folder.resolve().parent) if has_names(place)), folder)
    row_format, photos, found = read_format(named), [], 0
    for path in sorted(images.rglob("*")):
        if is_image(path):
            below = path.relative_to(images).with_suffix(".txt")
            rows = _read_rows(labels / below, row_format, ignored=False)
            if labels.resolve().name == "labels":
                rows += _read_rows(labels.resolve().with_name("ignore") / below, row_format, ignored=True)
            found += (labels / below).is_file()
            photos.append(SourcePhoto(path, None, tuple(rows)))
    if not found:
        raise DatasetError(
            f"none of {len(photos)} pictures under {images} has a label file under {labels}, expected NAME.txt for "
            f"NAME.jpg in the same folders. Give the folders that belong together."
        )
    return tuple(photos)


def has_names(folder: Path) -> bool:
    """Whether a folder holds a file of class names."""
    return any((folder / name).is_file() for name in (*_CONFIGS, *_LISTS))


def read_format(folder: Path) -> RowFormat:
    """Class names in label order from data.yaml (list or mapping), classes.txt or obj.names; keypoints from data.yaml."""
    config = next((folder / name for name in _CONFIGS if (folder / name).is_file()), None)
    if config is not None:
        return _read_config(config)
    for name in _LISTS:
        if (folder / name).is_file():
            return RowFormat(read_names(folder / name))
    raise DatasetError(
        f"{folder}: data.yaml, classes.txt and obj.names are missing. Class ids mean nothing without."
    )


def _read_config(config: Path) -> RowFormat:
    try:
        table = yaml.safe_load(read_text(config))
    except (yaml.YAMLError, ValueError) as error:
        raise DatasetError(f"{config}: not readable ({error}). Fix it or give classes.txt.") from error
    table = table if isinstance(table, dict) else {}
    names = table.get("names")
    if isinstance(names, dict) and sorted(names) == list(range(len(names))):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not names:
        raise DatasetError(f"{config}: got names {names!r}, expected a list or 0: name ... in order.")
    return RowFormat(tuple(str(name) for name in names), _keypoint_numbers(table, config))


def _keypoint_numbers(table: Mapping[str, Any], config: Path) -> int:
    """Points times numbers a point, as `kpt_shape: [points, 2 or 3]` says; 0 without it."""
    match table.get("kpt_shape"):
        case None:
            return 0
        case [int(points), 2 | 3 as numbers] if points > 0:
            return points * int(numbers)
        case shape:
            raise DatasetError(
                f"{config}: got kpt_shape {shape!r}, expected [points, 2 or 3]. Fix or remove it."
            )


def _beside(image: Path, folder: Path, kind: str) -> Path:
    """The label file of a photo: the last folder called `images` in its path replaced."""
    parts = list(image.relative_to(folder).parts)
    parts[len(parts) - 1 - parts[::-1].index("images")] = kind
    return (folder / Path(*parts)).with_suffix(".txt")


def _read_rows(path: Path, row_format: RowFormat, *, ignored: bool) -> list[SourceBox]:
    if not path.is_file():
        return []
    names, boxes = row_format.names, []
    for line_number, line in enumerate(read_text(path).splitlines(), 1):
        fields, where = line.split(), f"{path}:{line_number}"
        if not fields:
            continue
        if not fields[0].isdecimal() or int(fields[0]) >= len(names):
            raise DatasetError(f"{where}: got class {fields[0]!r}, expected 0 to {len(names) - 1}. Fix it.")
        values = [number(value, where) for value in fields[1:]]
        if row_format.keypoint_numbers:
            values = _without_keypoints(values, row_format.keypoint_numbers, where)
        boxes.append(SourceBox(names[int(fields[0])], _corners(values, where), ignored))
    return boxes


def _without_keypoints(values: list[float], keypoint_numbers: int, where: str) -> list[float]:
    if len(values) not in (4, 4 + keypoint_numbers):
        raise DatasetError(
            f"{where}: got {len(values)} numbers, expected 4 of a box and {keypoint_numbers} of keypoints, as kpt_shape in "
            "data.yaml says. Fix one of them."
        )
    return values[:4]


def _corners(values: list[float], where: str) -> Box:
    if len(values) == 4:
        cx, cy, w, h = values
        return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
    if len(values) >= 6 and len(values) % 2 == 0:
        return enclosing_box(zip(values[0::2], values[1::2], strict=True))
    raise DatasetError(
        f"{where}: got {len(values)} numbers, expected 4, or a polygon of 3 points or more. Fix it."
    )
