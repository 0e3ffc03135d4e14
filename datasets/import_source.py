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
_FILE_A_PHOTO = {"voc": import_voc, "labelme": import_labelme}
FORMATS = ("yolo", *_ONE_FILE, *_FILE_A_PHOTO)


def import_source(
    label_format: str, labels: Path, images: Path | None, plan: ImportPlan
) -> tuple[tuple[ImportedPhoto, ...], Path]:
    """Photos of a source, and the folder that their names are told from.

    `labels` is a file for coco and cvat, else a folder. Without `images` the pictures are looked for beside the labels
    (for VOC in JPEGImages/ where there is one).
    """
    if label_format not in FORMATS:
        raise DatasetError(f"got format {label_format!r}, expected one of {FORMATS}.")
    wants_file = label_format in _ONE_FILE
    if not (labels.is_file() if wants_file else labels.is_dir()):
        what = "a file" if wants_file else "a folder"
        raise DatasetError(f"got {labels}, expected {what} of {label_format} labels.")
    if label_format == "yolo":
        return import_yolo(labels, plan), labels
    beside = labels.parent if wants_file else labels
    if label_format == "voc" and (labels / "JPEGImages").is_dir():
        beside = labels / "JPEGImages"
    root = images or beside
    return (_ONE_FILE | _FILE_A_PHOTO)[label_format](labels, root, plan), root
