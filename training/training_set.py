"""The folder a run trains from: linked photos, labels with ignore regions coded in, rare sources repeated."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from firewarden.datasets.labels import (
    LabelRows,
    concat_rows,
    list_images,
    read_classes,
    read_labels,
    write_labels,
)
from firewarden.datasets.manifest import read_manifest, split_records


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A prepared folder: `yaml_path` for the trainer, real class names, and the hash of all photos and labels."""

    yaml_path: Path
    classes: tuple[str, ...]
    sha256: str
    train_count: int
    val_count: int


def build_training_set(
    source: Path, composed: Path | None, out: Path, repeat: Mapping[str, int]
) -> TrainingSet:
    """Link photos and write coded labels under `out`.

    `repeat` maps a substring of the manifest's source to how often its train photos are listed. Val photos of places
    that train shows too are left out: they would reward memory in model selection.
    """
    classes = read_classes(source)
    records = read_manifest(source)
    digest = hashlib.sha256()
    train = val = 0
    for record in split_records(records, "train"):
        times = max([count for name, count in repeat.items() if name in record.source], default=1)
        train += _place(source / record.file, source, out / "train", len(classes), digest, times)
    if composed is not None:
        for image in list_images(composed):
            train += _place(image, composed, out / "train", len(classes), digest, 1)
    for record in split_records(records, "val"):
        val += _place(source / record.file, source, out / "val", len(classes), digest, 1)
    yaml_path = _write_yaml(out, classes)
    return TrainingSet(yaml_path, classes, digest.hexdigest(), train, val)


def code_ignore(labels: LabelRows, ignore: LabelRows, class_count: int) -> LabelRows:
    """One list of rows: ignore boxes of class c become class c + `class_count`."""
    return concat_rows(labels, LabelRows(ignore.class_id + class_count, ignore.cxcywh.copy()))


def coded_names(classes: Iterable[str]) -> list[str]:
    """Names for the coded label ids: the classes, then one ignore name each."""
    classes = list(classes)
    return classes + [f"ignore_{name}" for name in classes]


def _place(
    image: Path, folder: Path, out: Path, class_count: int, digest: "hashlib._Hash", times: int
) -> int:
    (out / "images").mkdir(parents=True, exist_ok=True)
    (out / "labels").mkdir(parents=True, exist_ok=True)
    name = f"{image.stem}.txt"
    rows = code_ignore(
        read_labels(folder / "labels" / name), read_labels(folder / "ignore" / name), class_count
    )
    digest.update(image.name.encode() + image.read_bytes() + rows.class_id.tobytes() + rows.cxcywh.tobytes())
    for copy in range(times):
        stem = image.stem if copy == 0 else f"{image.stem}__{copy}"
        link = out / "images" / f"{stem}{image.suffix}"
        if not link.exists():
            link.symlink_to(image.resolve())
        write_labels(out / "labels" / f"{stem}.txt", rows)
    return times


def _write_yaml(out: Path, classes: tuple[str, ...]) -> Path:
    path = out / "data.yaml"
    names = dict(enumerate(coded_names(classes)))
    path.write_text(
        yaml.safe_dump({"path": str(out.resolve()), "train": "train", "val": "val", "names": names})
    )
    return path
