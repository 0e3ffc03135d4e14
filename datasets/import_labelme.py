"""LabelMe folders: one JSON a photo. Every shape becomes its enclosing box; single points have none and are refused. A
line that the map makes a power cable is kept as a cable too, with its `attributes` kind, source and sink where it has any.
"""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from firewarden.datasets.fields import field, numbers, read_json, size_hw
from firewarden.datasets.imported import (
    Box,
    ImportedPhoto,
    ImportPlan,
    SourceBox,
    SourcePhoto,
    convert_photos,
    enclosing_box,
    find_picture,
    label_files,
)
from firewarden.datasets.imported_cables import SourceLine
from firewarden.datasets.labels import IMAGE_SUFFIXES
from firewarden.errors import DatasetError

_OUTLINES = {"polygon": 3, "rectangle": 2, "linestrip": 2, "line": 2, "mask": 2}  # shape -> fewest points


def import_labelme(
    annotations: Path, images: Path | None, plan: ImportPlan
) -> tuple[tuple[ImportedPhoto, ...], Path]:
    """All photos with a JSON file under `annotations`, sorted by its path, and the folder that holds them all."""
    annotations = annotations.resolve()
    photos = convert_photos(read_labelme(annotations, images), plan)
    root = images or annotations
    if not all(photo.path.is_relative_to(root) for photo in photos):
        root = Path(os.path.commonpath([photo.path.parent for photo in photos]))
    return photos, root


def read_labelme(annotations: Path, images: Path | None) -> tuple[SourcePhoto, ...]:
    """Photos and boxes as the files have them.

    A picture is looked for under `images` at the place its JSON has under `annotations`, by the last part of `imagePath`:
    that path is of the machine it was labelled on. Without `images` the whole of `imagePath`, read from the JSON's folder,
    comes first, as far as it leads to a picture beside `annotations` or below.
    """
    photos = []
    for path in label_files(annotations, "*.json"):
        table, where = read_json(path), path.name
        name = field(table, "imagePath", str, where).replace("\\", "/")
        picture = _beside(path, name, annotations) if images is None else None
        if picture is None:
            place = str(path.parent.relative_to(annotations) / name.rpartition("/")[2])
            picture = find_picture(images or annotations, place, where)
        hw = size_hw(table.get("imageHeight"), table.get("imageWidth"), where)
        shapes = field(table, "shapes", list, where)
        boxes = tuple(_read_shape(shape, hw, f"{where} shape {n}") for n, shape in enumerate(shapes, 1))
        photos.append(SourcePhoto(picture, hw, boxes))
    return tuple(photos)


def _beside(label: Path, name: str, annotations: Path) -> Path | None:
    """The picture at `name` as seen from its label file; None where it is missing, no picture, or leads further away than
    to the folders beside `annotations`."""
    path = Path(os.path.normpath(label.parent / name))
    if Path(name).is_absolute() or not path.resolve().is_relative_to(annotations.resolve().parent):
        return None
    return path if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file() else None


def _read_shape(shape: object, hw: tuple[int, int], where: str) -> SourceBox:
    h, w = hw
    kind = field(
        {"shape_type": "polygon", **shape} if isinstance(shape, Mapping) else shape, "shape_type", str, where
    )
    points = [numbers(point, 2, where) for point in field(shape, "points", list, where)]
    x0, y0, x1, y1 = _corners_px(kind, [(x, y) for x, y in points], where)
    box = (x0 / w, y0 / h, x1 / w, y1 / h)
    return SourceBox(field(shape, "label", str, where), box, line=_line(shape, kind, points, hw))


def _line(
    shape: object, kind: str, points: Sequence[tuple[float, ...]], hw: tuple[int, int]
) -> SourceLine | None:
    if kind not in ("line", "linestrip"):
        return None
    said = shape.get("attributes") if isinstance(shape, Mapping) else None
    words = {str(name): str(value) for name, value in said.items()} if isinstance(said, Mapping) else {}
    return SourceLine(tuple((x / hw[1], y / hw[0]) for x, y in points), words)


def _corners_px(kind: str, points: list[tuple[float, float]], where: str) -> Box:
    if kind == "circle" and len(points) == 2:  # centre, then a point of the rim
        (cx, cy), rim = points
        radius = math.dist((cx, cy), rim)
        return cx - radius, cy - radius, cx + radius, cy + radius
    if len(points) >= _OUTLINES.get(kind, math.inf):
        return enclosing_box(points)
    raise DatasetError(
        f"{where}: got {kind!r} of {len(points)} points, expected one of {['circle', *_OUTLINES]} with enough points. "
        f"Redraw or delete it."
    )
