"""LabelMe folders: one JSON a photo. Every shape becomes its enclosing box; single points have none and are refused."""

import math
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
)
from firewarden.errors import DatasetError

_OUTLINES = {"polygon": 3, "rectangle": 2, "linestrip": 2, "line": 2, "mask": 2}  # shape -> fewest points


def import_labelme(annotations: Path, images: Path, plan: ImportPlan) -> tuple[ImportedPhoto, ...]:
    """All photos with a JSON file under `annotations`, sorted by its path; `images` holds the pictures."""
    return convert_photos(read_labelme(annotations, images), plan)


def read_labelme(annotations: Path, images: Path) -> tuple[SourcePhoto, ...]:
    """Photos and boxes as the files have them. A picture is looked for under `images` at the place its JSON has under
    `annotations`, by the last part of `imagePath`: that path is of the machine it was labelled on."""
    photos = []
    for path in sorted(annotations.rglob("*.json")):
        table, where = read_json(path), path.name
        name = field(table, "imagePath", str, where).replace("\\", "/").rpartition("/")[2]
        picture = find_picture(images, str(path.parent.relative_to(annotations) / name), where)
        hw = size_hw(table.get("imageHeight"), table.get("imageWidth"), where)
        shapes = field(table, "shapes", list, where)
        boxes = tuple(_read_shape(shape, hw, f"{where} shape {n}") for n, shape in enumerate(shapes, 1))
        photos.append(SourcePhoto(picture, hw, boxes))
    return tuple(photos)


def _read_shape(shape: object, hw: tuple[int, int], where: str) -> SourceBox:
    h, w = hw
    kind = field(shape, "shape_type", str, where)
    points = [numbers(point, 2, where) for point in field(shape, "points", list, where)]
    x0, y0, x1, y1 = _corners_px(kind, [(x, y) for x, y in points], where)
    return SourceBox(field(shape, "label", str, where), (x0 / w, y0 / h, x1 / w, y1 / h))


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
