"""CVAT for images 1.1: one XML for all photos. Every shape becomes its enclosing box, rotation included; a polyline
that the map makes a power cable is kept as a cable too, with its attributes kind, source and sink.

Single points, skeletons and cuboids are refused: no box of an object follows from them.
"""

import math
from pathlib import Path
from xml.etree.ElementTree import Element

from firewarden.datasets.fields import number, size_hw
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
from firewarden.datasets.imported_cables import SourceLine
from firewarden.datasets.safe_xml import attribute, read_xml
from firewarden.errors import DatasetError


def import_cvat(annotations: Path, images: Path, plan: ImportPlan) -> tuple[ImportedPhoto, ...]:
    """All photos of a CVAT file, in its order; `images` holds the pictures."""
    return convert_photos(read_cvat(annotations, images), plan)


def read_cvat(annotations: Path, images: Path) -> tuple[SourcePhoto, ...]:
    """Photos and boxes as the file has them."""
    root, where = read_xml(annotations), annotations.name
    if root.tag != "annotations" or root.findtext("version") != "1.1":
        raise DatasetError(
            f"{where}: got <{root.tag}> of version {root.findtext('version')!r}, expected <annotations> of '1.1'. "
            f"Export as 'CVAT for images 1.1'."
        )
    if root.find("track") is not None:
        raise DatasetError(
            f"{where}: holds tracks of a video, expected images. Export as 'CVAT for images 1.1'."
        )
    return tuple(_read_image(element, images, where) for element in root.iterfind("image"))


def _read_image(image: Element, images: Path, where: str) -> SourcePhoto:
    name = attribute(image, "name", where)
    where = f"{where} {name}"
    hw = size_hw(image.get("height"), image.get("width"), where)
    shapes = [element for element in image if element.tag != "tag"]  # tags speak of the photo as a whole
    boxes = tuple(_read_shape(shape, hw, where) for shape in shapes)
    return SourcePhoto(find_picture(images, name, where), hw, boxes)


def _read_shape(shape: Element, hw: tuple[int, int], where: str) -> SourceBox:
    h, w = hw
    x0, y0, x1, y1 = _corners_px(shape, where)
    box = (x0 / w, y0 / h, x1 / w, y1 / h)
    return SourceBox(attribute(shape, "label", where), box, line=_line(shape, hw, where))


def _line(shape: Element, hw: tuple[int, int], where: str) -> SourceLine | None:
    if shape.tag != "polyline":
        return None
    points = _points(attribute(shape, "points", where), where)
    said = {row.get("name", ""): row.text or "" for row in shape.iterfind("attribute")}
    return SourceLine(tuple((x / hw[1], y / hw[0]) for x, y in points), said)


def _corners_px(shape: Element, where: str) -> Box:
    if shape.tag == "box":
        x0, y0, x1, y1 = _numbers(shape, ("xtl", "ytl", "xbr", "ybr"), where)
        return _turned_box((x0, y0, x1, y1), _angle(shape, where))
    if shape.tag == "ellipse":
        cx, cy, rx, ry = _numbers(shape, ("cx", "cy", "rx", "ry"), where)
        cos, sin = math.cos(_angle(shape, where)), math.sin(_angle(shape, where))
        half_w, half_h = math.hypot(rx * cos, ry * sin), math.hypot(rx * sin, ry * cos)
        return cx - half_w, cy - half_h, cx + half_w, cy + half_h
    if shape.tag in ("polygon", "polyline"):
        return enclosing_box(_points(attribute(shape, "points", where), where))
    if shape.tag == "mask":
        left, top, width, height = _numbers(shape, ("left", "top", "width", "height"), where)
        return left, top, left + width, top + height
    raise DatasetError(
        f"{where}: got <{shape.tag}>, expected box, polygon, polyline, ellipse or mask. Redraw it."
    )


def _turned_box(xyxy: Box, angle: float) -> Box:
    """The upright box round a box turned about its centre by `angle` (radians, clockwise in the picture)."""
    x0, y0, x1, y1 = xyxy
    cx, cy, half_w, half_h = (x0 + x1) / 2, (y0 + y1) / 2, abs(x1 - x0) / 2, abs(y1 - y0) / 2
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    reach_x, reach_y = half_w * cos + half_h * sin, half_w * sin + half_h * cos
    return cx - reach_x, cy - reach_y, cx + reach_x, cy + reach_y


def _angle(shape: Element, where: str) -> float:
    return math.radians(number(shape.get("rotation", "0"), where))


def _numbers(shape: Element, names: tuple[str, ...], where: str) -> tuple[float, ...]:
    return tuple(number(attribute(shape, name, where), where) for name in names)


def _points(text: str, where: str) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in text.strip().removesuffix(";").split(";")]
    if any(len(pair) != 2 for pair in pairs):
        raise DatasetError(f"{where}: got points {text[:60]!r}, expected 'x,y;x,y;...'. Export it anew.")
    return [(number(x, where), number(y, where)) for x, y in pairs]
