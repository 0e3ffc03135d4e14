"""YOLO folders: images/ and labels/ side by side (also below train/, val/ ...), class names in data.yaml or classes.txt.

Rows are `class cx cy w h`, or a polygon `class x1 y1 x2 y2 ...`, which becomes its enclosing box. A house folder is one of
these: its ignore/ is read too. A photo without label file counts as checked and empty, as the format has it.
"""

from collections.abc import Sequence
from pathlib import Path

import yaml

from firewarden.datasets.fields import number
from firewarden.datasets.imported import (
    Box,
    ImportedPhoto,
    ImportPlan,
    SourceBox,
    SourcePhoto,
    convert_photos,
    enclosing_box,
)
from firewarden.datasets.labels import IMAGE_SUFFIXES
from firewarden.errors import DatasetError

_CONFIGS, _LISTS = ("data.yaml", "data.yml"), ("classes.txt", "obj.names")


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
    names = read_names(folder)
    photos = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.suffix.lower() in IMAGE_SUFFIXES and "images" in parts:
            labels = _read_rows(_beside(path, folder, "labels"), names, ignored=False)
            ignored = _read_rows(_beside(path, folder, "ignore"), names, ignored=True)
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
    names, photos, found = read_names(named), [], 0
    for path in sorted(images.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            below = path.relative_to(images).with_suffix(".txt")
            rows = _read_rows(labels / below, names, ignored=False)
            if labels.resolve().name == "labels":
                rows += _read_rows(labels.resolve().with_name("ignore") / below, names, ignored=True)
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


def read_names(folder: Path) -> tuple[str, ...]:
    """Class names in label order from data.yaml (list or mapping), classes.txt or obj.names."""
    config = next((folder / name for name in _CONFIGS if (folder / name).is_file()), None)
    if config is not None:
        try:
            table = yaml.safe_load(config.read_text(encoding="utf-8"))
        except (yaml.YAMLError, ValueError) as error:
            raise DatasetError(f"{config}: not readable ({error}). Fix it or give classes.txt.") from error
        names = table.get("names") if isinstance(table, dict) else None
        if isinstance(names, dict) and sorted(names) == list(range(len(names))):
            names = [names[number] for number in range(len(names))]
        if not isinstance(names, list) or not names:
            raise DatasetError(f"{config}: got names {names!r}, expected a list or 0: name ... in order.")
        return tuple(str(name) for name in names)
    for name in _LISTS:
        if (folder / name).is_file():
            lines = (folder / name).read_text(encoding="utf-8").splitlines()
            return tuple(line.strip() for line in lines if line.strip())
    raise DatasetError(
        f"{folder}: data.yaml, classes.txt and obj.names are missing. Class ids mean nothing without."
    )


def _beside(image: Path, folder: Path, kind: str) -> Path:
    """The label file of a photo: the last folder called `images` in its path replaced."""
    parts = list(image.relative_to(folder).parts)
    parts[len(parts) - 1 - parts[::-1].index("images")] = kind
    return (folder / Path(*parts)).with_suffix(".txt")


def _read_rows(path: Path, names: Sequence[str], *, ignored: bool) -> list[SourceBox]:
    if not path.is_file():
        return []
    boxes = []
    for line_number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields, where = line.split(), f"{path}:{line_number}"
        if not fields:
            continue
        if not fields[0].isdecimal() or int(fields[0]) >= len(names):
            raise DatasetError(f"{where}: got class {fields[0]!r}, expected 0 to {len(names) - 1}. Fix it.")
        values = [number(value, where) for value in fields[1:]]
        boxes.append(SourceBox(names[int(fields[0])], _corners(values, where), ignored))
    return boxes


def _corners(values: list[float], where: str) -> Box:
    if len(values) == 4:
        cx, cy, w, h = values
        return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
    if len(values) >= 6 and len(values) % 2 == 0:
        return enclosing_box(zip(values[0::2], values[1::2], strict=True))
    raise DatasetError(
        f"{where}: got {len(values)} numbers, expected 4, or a polygon of 3 points or more. Fix it."
    )
