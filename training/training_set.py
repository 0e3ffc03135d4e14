"""The folder a run trains from: linked photos, labels with ignore regions coded in, made pictures in their share.

Val stays real: pictures of further folders enter train alone, and their own val split is kept apart if asked for.
"""

import hashlib
import itertools
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from firewarden.datasets.labels import (
    LabelRows,
    concat_rows,
    label_rows,
    list_images,
    read_classes,
    read_labels,
    write_labels,
)
from firewarden.datasets.licences import LicenceChoice
from firewarden.datasets.manifest import PhotoRecord, read_manifest, split_records
from firewarden.errors import DatasetError
from firewarden.training.balance import Balance, part_sizes, repeat_factors, resample, round_factors
from firewarden.training.made_by import UNSTATED, read_made_by, read_origins
from firewarden.training.photo_rows import CableLabels, RowReader
from firewarden.training.scenes import SCENES, scene_index
from firewarden.training.seen import Seen, add_seen, count_seen, listed_photos, photos_among

VAL, VAL_MADE = "val", "val_made"
DATA_FILE = "data.yaml"  # what the trainer reads


@dataclass(frozen=True, slots=True)
class ExtraFolder:
    """A data folder that joins train. `share` is that of all listed train pictures, met by seeded sub-sampling or
    repetition; without it each picture is listed once."""

    path: Path
    share: float | None = None

    def __post_init__(self) -> None:
        if self.share is not None and not 0 < self.share < 1:
            raise DatasetError(f"{self.path.name}: got share {self.share}, expected a number between 0 and 1")


@dataclass(frozen=True, slots=True)
class PartRecord:
    """What one folder gave to train: different photos, listed pictures, and the hash of photos and labels; of how many
    different photos each origin is, and the command that made the folder, where it says so."""

    name: str
    sha256: str
    photos: int
    listed: int
    share: float | None
    origins: Mapping[str, int] = field(default_factory=dict)
    made_by: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A prepared folder: `yaml_path` for the trainer, real class names, the hash of all photos and labels, `parts` of
    train, the real photos first, and which photos there are, by source."""

    yaml_path: Path
    classes: tuple[str, ...]
    sha256: str
    train_count: int
    val_count: int
    parts: tuple[PartRecord, ...] = ()
    seen: Seen = field(default_factory=Seen)


@dataclass(frozen=True, slots=True)
class _Part:
    """Photos of one folder and how often each is listed."""

    folder: Path
    images: Sequence[Path]
    times: Sequence[int]
    share: float | None = None


def build_training_set(
    source: Path,
    extra: Sequence[ExtraFolder],
    out: Path,
    repeat: Mapping[str, int],
    *,
    seed: int = 0,
    listed: int | None = None,
    balance: Balance | None = None,
    cable_labels: CableLabels = "whole",
    teacher: Path | None = None,
    val_extra: bool = False,
    choice: LicenceChoice | None = None,
) -> TrainingSet:
    """Link photos and write coded labels under `out`.

    `repeat` maps a substring of the manifest's source to how often its train photos are listed; `listed` fixes the number
    of listed train pictures. Val photos of places that train shows too are left out: they would reward memory in model
    selection. A source without train or val photos is refused. With `val_extra` the val split of the extra folders goes to
    `val_made`, which no trainer sees. `choice` of licences holds for every folder and split; a folder of which nothing
    passes is refused.
    """
    classes, records = read_classes(source), read_manifest(source)
    reader = RowReader(classes, cable_labels, teacher)
    train_photos, val_photos = (_real_photos(source, records, split, choice) for split in ("train", "val"))
    real = _real_part(source, train_photos, repeat, balance, seed)
    parts = _sized([real, *(_extra_part(e, records, classes, choice) for e in extra)], listed, seed)
    digest, taken, placed = hashlib.sha256(), set[str](), []
    for part in parts:
        placed.append(_place_train(part, out / "train", reader, digest, taken))
    val = 0
    for record in val_photos:
        image = source / record.file
        _place(image, reader.read(image, source, complete=False), out / VAL, [image.stem], digest)
        val += 1
    if val_extra:
        _place_made(extra, out / VAL_MADE, reader, choice)
    train = sum(part.listed for part in placed)
    seen = add_seen([_count_listed(parts, classes), count_seen(source, photos_among(val_photos), classes)])
    return TrainingSet(
        _write_yaml(out, classes), classes, digest.hexdigest(), train, val, tuple(placed), seen
    )


def check_photos(source: Path, extra: Sequence[ExtraFolder], choice: LicenceChoice | None) -> None:
    """Refuse, before anything is made, a source without train or val photos, and a choice of licences that nothing of one of
    the folders passes."""
    records = read_manifest(source)
    for split in ("train", "val"):
        _real_photos(source, records, split, choice)
    for folder in extra:
        _images(folder.path, "train", choice)


def settle_here(prepared: Path) -> Path:
    """Make data.yaml of a prepared folder that was copied or moved name this folder; returns its full path. Raises
    DatasetError where the file or a linked picture is gone."""
    path = (prepared / DATA_FILE).resolve()
    gone = sorted(link.name for link in prepared.glob("*/images/*") if not link.exists())
    if gone or not path.is_file():
        raise DatasetError(
            f"{prepared} lacks {f'{len(gone)} pictures, first {gone[0]}' if gone else DATA_FILE}, expected what the run was "
            "started with. Put its pictures back where they were, or start anew."
        )
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError:
        table = None
    if not isinstance(table, dict):
        raise DatasetError(f"{path} is damaged, expected what `firewarden train` wrote. Start anew.")
    if table.get("path") != str(path.parent):
        draft = path.with_suffix(".part")
        draft.write_text(yaml.safe_dump({**table, "path": str(path.parent)}), encoding="utf-8")
        draft.replace(path)
    return path


def coded_names(classes: Iterable[str]) -> list[str]:
    """Names for the coded label ids: the classes, then one ignore name each, then the scenes."""
    classes = list(classes)
    return classes + [f"ignore_{name}" for name in classes] + [f"scene_{name}" for name in SCENES]


def _chosen(
    records: Sequence[PhotoRecord], folder: Path, choice: LicenceChoice | None
) -> Sequence[PhotoRecord]:
    return records if choice is None else choice.choose(records, folder)


def _real_photos(
    source: Path, records: Sequence[PhotoRecord], split: str, choice: LicenceChoice | None
) -> Sequence[PhotoRecord]:
    """The photos of one split that may be used; none at all is an error."""
    photos = split_records(records, split)
    if not photos:
        listed = sum(record.split == split for record in records)
        why = f"{listed} photos, all of places that other splits show too" if listed else "none"
        raise DatasetError(
            f"{source}: got no {split} photo to train with (manifest.csv lists {why}), expected at least one. Split the "
            "folder with `firewarden data split`, written over its manifest.csv."
        )
    return _chosen(photos, source, choice)


def _real_part(
    source: Path,
    train: Sequence[PhotoRecord],
    repeat: Mapping[str, int],
    balance: Balance | None,
    seed: int,
) -> _Part:
    """The train photos of the source: listed by source or by rarest class, whichever is more."""
    times = [max([n for name, n in repeat.items() if name in r.source], default=1) for r in train]
    if balance is not None:
        shown = [read_labels(source / "labels" / f"{r.stem}.txt").class_id.tolist() for r in train]
        factors = round_factors(repeat_factors(shown, balance), seed)
        times = [max(pair) for pair in zip(times, factors, strict=True)]
    return _Part(source, [source / record.file for record in train], times)


def _extra_part(
    extra: ExtraFolder, records: Sequence[PhotoRecord], classes: tuple[str, ...], choice: LicenceChoice | None
) -> _Part:
    """The train pictures of a further folder, all of them where it has no manifest."""
    if (extra.path / "classes.txt").exists() and read_classes(extra.path) != classes:
        raise DatasetError(f"{extra.path / 'classes.txt'} differs, expected the classes {list(classes)}")
    images = _images(extra.path, "train", choice)
    if not images:
        raise DatasetError(f"{extra.path} has no train picture, expected at least one. Leave the folder out.")
    if (extra.path / "manifest.csv").exists():
        kept = {r.place for split in ("val", "test") for r in split_records(records, split)}
        leaks = [r.file for r in split_records(read_manifest(extra.path), "train") if r.place in kept]
        if leaks:
            raise DatasetError(
                f"{extra.path}: {len(leaks)} train pictures show places kept for val or test, first {leaks[0]}. "
                "Make them from train photos alone."
            )
    return _Part(extra.path, images, [1] * len(images), extra.share)


def _images(folder: Path, split: str, choice: LicenceChoice | None) -> list[Path]:
    if (folder / "manifest.csv").exists():
        records = [record for record in read_manifest(folder) if record.split == split]
        return [folder / record.file for record in (_chosen(records, folder, choice) if records else ())]
    if choice is not None:
        raise DatasetError(
            f"{folder / 'manifest.csv'} is missing. Licences are read from it: leave the folder out."
        )
    return list_images(folder) if split == "train" else []


def _sized(parts: Sequence[_Part], listed: int | None, seed: int) -> list[_Part]:
    """The parts with times that sum to their sizes."""
    real, *others = parts
    sizes = part_sizes(sum(real.times), [(len(part.images), part.share) for part in others], listed)
    return [
        _Part(part.folder, part.images, resample(part.times, size, seed + number), part.share)
        for number, (part, size) in enumerate(zip(parts, sizes, strict=True))
    ]


def _count_listed(parts: Sequence[_Part], classes: Sequence[str]) -> Seen:
    """The photos of train that are listed at all; one of the same file name and source in several parts counts once."""
    counted, seen = set[tuple[str, str]](), []
    for part in parts:
        shown = [image for image, times in zip(part.images, part.times, strict=True) if times]
        photos = {(Path(r.file).name, r.source): r for r in listed_photos(part.folder, shown)}
        seen.append(count_seen(part.folder, [photos[key] for key in photos.keys() - counted], classes))
        counted |= photos.keys()
    return add_seen(seen)


def _place_train(
    part: _Part, out: Path, reader: RowReader, digest: "hashlib._Hash", taken: set[str]
) -> PartRecord:
    """List the photos of one part; a name that an earlier part took gets the folder's name in front."""
    own, named = hashlib.sha256(), {image.stem for image in part.images}
    origins, scenes = Counter[str](), _scene_tags(part.folder)
    sources = read_origins(part.folder)
    for image, times in zip(part.images, part.times, strict=True):
        if not times:
            continue
        name = image.stem if image.stem not in taken else f"{part.folder.name}__{image.stem}"
        if name in taken:
            raise DatasetError(f"{image}: a picture of this name is in train already. Rename one folder.")
        stems = [name, *_copy_names(name, times - 1, named, taken)]
        taken.update(stems)
        rows = code_scene(
            reader.read(image, part.folder, complete=True), scenes.get(image.name), reader.classes
        )
        _place(image, rows, out, stems, digest, own)
        origins[sources.get(image.name, UNSTATED)] += 1
    return PartRecord(
        part.folder.name,
        own.hexdigest(),
        origins.total(),
        sum(part.times),
        part.share,
        dict(origins),
        read_made_by(part.folder),
    )


def _copy_names(name: str, count: int, *others: AbstractSet[str]) -> list[str]:
    """NAME__1, NAME__2 ... for a photo that is listed again, but for names that are those of other photos."""
    numbered = (f"{name}__{number}" for number in itertools.count(1))
    free = (copy for copy in numbered if not any(copy in names for names in others))
    return list(itertools.islice(free, count))


def code_scene(rows: LabelRows, tag: str | None, classes: Sequence[str]) -> LabelRows:
    """Coded rows with one more round the whole photo that names its scene (see `scene_loss.py`); as they are where the
    tag says nothing about the kind of place."""
    scene = scene_index(tag or "")
    if scene is None:
        return rows
    return concat_rows(rows, label_rows([(2 * len(classes) + scene, 0.5, 0.5, 1.0, 1.0)]))


def _scene_tags(folder: Path) -> dict[str, str]:
    """Scene tag by file name; none where the folder has no manifest."""
    if not (folder / "manifest.csv").exists():
        return {}
    return {Path(record.file).name: record.scene for record in read_manifest(folder)}


def _place_made(
    extra: Sequence[ExtraFolder], out: Path, reader: RowReader, choice: LicenceChoice | None
) -> None:
    for folder in (e.path for e in extra):
        for image in _images(folder, "val", choice):
            rows = reader.read(image, folder, complete=False)
            _place(image, rows, out, [f"{folder.name}__{image.stem}"])


def _place(image: Path, rows: LabelRows, out: Path, stems: Sequence[str], *digests: "hashlib._Hash") -> None:
    (out / "images").mkdir(parents=True, exist_ok=True)
    (out / "labels").mkdir(parents=True, exist_ok=True)
    if digests:
        seen = image.name.encode() + image.read_bytes() + rows.class_id.tobytes() + rows.cxcywh.tobytes()
        for digest in digests:
            digest.update(seen)
    for stem in stems:
        link = out / "images" / f"{stem}{image.suffix}"
        if not link.exists():
            link.symlink_to(_target(image.resolve(), link, out.parents[1].resolve()))
        write_labels(out / "labels" / f"{stem}.txt", rows)


def _target(image: Path, link: Path, run: Path) -> Path:
    """What a link says: from itself on to a picture of the same run, so that a copy of the run shows its own; else in full."""
    if image.is_relative_to(run):
        return Path(os.path.relpath(image, link.parent.resolve()))
    return image


def _write_yaml(out: Path, classes: tuple[str, ...]) -> Path:
    path = out / DATA_FILE
    names = dict(enumerate(coded_names(classes)))
    path.write_text(
        yaml.safe_dump({"path": str(out.resolve()), "train": "train", "val": "val", "names": names})
    )
    return path
