"""The importers by the name of their format."""

from pathlib import Path

from firewarden.datasets.import_coco import import_coco
from firewarden.datasets.import_cvat import import_cvat
from firewarden.datasets.import_labelme import import_labelme
from firewarden.datasets.import_voc import import_voc
from firewarden.datasets.import_yolo import import_yolo
from firewarden.datasets.imported import ImportedPhoto, ImportPlan
from firewarden.errors import DatasetError

_ONE_FILE = {"coco": import_coco, "cvat": import_cvat}
FORMATS = ("yolo", *_ONE_FILE, "voc", "labelme")


def import_source(
    label_format: str, labels: Path, images: Path | None, plan: ImportPlan
) -> tuple[tuple[ImportedPhoto, ...], Path]:
    """Photos of a source, and the folder that their names are told from.

    `labels` is a file for coco and cvat, else a folder. Without `images` the pictures are looked for beside the labels
    (for VOC in JPEGImages/ where there is one, for YOLO in images/, for LabelMe where its files say).
    """
    if label_format not in FORMATS:
        raise DatasetError(f"got format {label_format!r}, expected one of {FORMATS}.")
    wants_file = label_format in _ONE_FILE
    if not (labels.is_file() if wants_file else labels.is_dir()):
        what = "a file" if wants_file else "a folder"
        raise DatasetError(f"got {labels}, expected {what} of {label_format} labels.")
    if images is not None and not images.is_dir():
        raise DatasetError(f"--images: got {images}, expected a folder of pictures.")
    if label_format == "yolo":
        return import_yolo(labels, images, plan)
    if label_format == "labelme":
        return import_labelme(labels, images, plan)
    if label_format == "voc":
        root = images or (labels / "JPEGImages" if (labels / "JPEGImages").is_dir() else labels)
        return import_voc(labels, root, plan), root
    root = images or labels.parent
    return _ONE_FILE[label_format](labels, root, plan), root
