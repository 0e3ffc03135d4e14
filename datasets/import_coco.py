"""COCO instance files: one JSON with images, annotations and categories. Crowd regions become regions to ignore."""

from pathlib import Path
from typing import Any

from firewarden.datasets.fields import field, flag, numbers, read_json, size_hw
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


def import_coco(annotations: Path, images: Path, plan: ImportPlan) -> tuple[ImportedPhoto, ...]:
    """All photos of an instance file, in its order; `images` holds the pictures."""
    return convert_photos(read_coco(annotations, images), plan)


def read_coco(annotations: Path, images: Path) -> tuple[SourcePhoto, ...]:
    """Photos and boxes as the file has them; a box is `bbox` (x, y, w, h in pixels), else the frame of its polygons."""
    table, where = read_json(annotations), annotations.name
    names = {
        field(row, "id", int, where): field(row, "name", str, where)
        for row in field(table, "categories", list, where)
    }
    boxes: dict[int, list[tuple[str, Box, bool]]] = {
        field(row, "id", int, where): [] for row in field(table, "images", list, where)
    }
    for row in field(table, "annotations", list, where):
        place = f"{where} annotation {row.get('id') if isinstance(row, dict) else row!r}"
        image, category = field(row, "image_id", int, place), field(row, "category_id", int, place)
        if image not in boxes or category not in names:
            raise DatasetError(
                f"{place}: image {image} or category {category} is not in the file. Export it anew."
            )
        boxes[image].append(
            (names[category], _corners_px(row, place), flag(row.get("iscrowd"), f"{place} iscrowd"))
        )
    photos = []
    for row in table["images"]:
        place = f"{where} image {row['id']}"
        path = find_picture(images, field(row, "file_name", str, place), place)
        h, w = hw = size_hw(
            field(row, "height", (int, float), place), field(row, "width", (int, float), place), place
        )
        photos.append(
            SourcePhoto(
                path,
                hw,
                tuple(
                    SourceBox(name, (x0 / w, y0 / h, x1 / w, y1 / h), crowd)
                    for name, (x0, y0, x1, y1), crowd in boxes[row["id"]]
                ),
            )
        )
    return tuple(photos)


def _corners_px(row: dict[str, Any], where: str) -> Box:
    if row.get("bbox"):
        x, y, w, h = numbers(row["bbox"], 4, where)
        return x, y, x + w, y + h
    polygons = row.get("segmentation")
    if not isinstance(polygons, list) or not polygons or not all(isinstance(p, list) for p in polygons):
        raise DatasetError(f"{where}: got neither bbox nor polygons. Export it with boxes.")
    points: list[tuple[float, float]] = []
    for polygon in polygons:
        values = numbers(polygon, len(polygon) // 2 * 2, where)
        points += zip(values[0::2], values[1::2], strict=True)
    if not points:
        raise DatasetError(f"{where}: got polygons without points. Export it with boxes.")
    return enclosing_box(points)
