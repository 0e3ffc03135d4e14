"""Pascal VOC folders: one XML a photo. Objects marked difficult become regions to ignore.

Corners are taken as pixel edges counted from 0, as today's labelling tools write them. Files counted from 1 come out one
pixel too far right and down.
"""

from pathlib import Path
from xml.etree.ElementTree import Element

from firewarden.datasets.fields import flag, number, size_hw
from firewarden.datasets.imported import (
    ImportedPhoto,
    ImportPlan,
    SourceBox,
    SourcePhoto,
    convert_photos,
    find_picture,
    label_files,
)
from firewarden.datasets.safe_xml import read_xml, text_of
from firewarden.errors import DatasetError

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def import_voc(annotations: Path, images: Path, plan: ImportPlan) -> tuple[ImportedPhoto, ...]:
    """All photos with an XML file under `annotations`, sorted by its path; `images` holds the pictures."""
    return convert_photos(read_voc(annotations, images), plan)


def read_voc(annotations: Path, images: Path) -> tuple[SourcePhoto, ...]:
    """Photos and boxes as the files have them."""
    return tuple(_read_file(path, images) for path in label_files(annotations, "*.xml"))


def _read_file(path: Path, images: Path) -> SourcePhoto:
    root = read_xml(path)
    if root.tag != "annotation":
        raise DatasetError(f"{path.name}: got <{root.tag}>, expected <annotation>. Is this Pascal VOC?")
    picture = find_picture(images, text_of(root, "filename", path.name), path.name)
    size = root.find("size")
    if size is None:
        raise DatasetError(f"{path.name}: <size> is missing. Boxes in pixels mean nothing without.")
    hw = size_hw(size.findtext("height"), size.findtext("width"), path.name)
    boxes = tuple(
        _read_box(element, hw, f"{path.name} object {count}")
        for count, element in enumerate(root.iterfind("object"), 1)
    )
    return SourcePhoto(picture, hw, boxes)


def _read_box(element: Element, hw: tuple[int, int], where: str) -> SourceBox:
    h, w = hw
    x0, y0, x1, y1 = (number(element.findtext(f"bndbox/{name}"), where) for name in _CORNERS)
    difficult = flag(element.findtext("difficult"), f"{where} difficult")
    return SourceBox(text_of(element, "name", where), (x0 / w, y0 / h, x1 / w, y1 / h), difficult)
