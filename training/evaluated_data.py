"""What is measured: the photos of a data folder, their labels and what is expected of them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.cables import Cable, read_cables
from firewarden.datasets.labels import LabelRows, list_images, read_classes, read_labels
from firewarden.datasets.manifest import SPLITS, PhotoRecord, read_manifest, split_records
from firewarden.datasets.manifest_rows import read_table
from firewarden.errors import DatasetError
from firewarden.training.expectations import Expectation, origin_of, read_expectations
from firewarden.training.metrics import GroundTruth
from firewarden.training.scene_scores import TAG_SCENES

_WHOLE = 0.999  # of the picture's width and height


@dataclass(frozen=True, slots=True)
class ListedPhoto:
    """One photo to measure: its file, its place, and what the folder says about it."""

    path: Path
    place: str
    source: str = ""
    scene_tag: str = ""
    expected: Expectation | None = None
    cables: tuple[Cable, ...] | None = None  # None: the folder says nothing of cables

    @property
    def origin(self) -> str:
        """real, composed or rendered: from expect.json, else from the source in manifest.csv."""
        if self.expected is not None and self.expected.origin is not None:
            return self.expected.origin
        return origin_of(self.source)

    @property
    def scene(self) -> str | None:
        """The true scene as a name of the rule file, None where nobody said."""
        told = self.expected.scene if self.expected is not None else None
        return told or TAG_SCENES.get(self.scene_tag)


def list_photos(
    folder: Path, split: str | None, *, keep_shared_places: bool = False, expect: Path | None = None
) -> tuple[list[ListedPhoto], int]:
    """The photos to measure, and how many of the split were left out for their place. A split that the folder lacks is an
    error, and so is one that its places leave nothing of."""
    expectations = _expectations(folder, expect)
    if split is None:
        rows = _manifest_rows(folder / "manifest.csv")
        return [_listed(path, rows.get(path.stem, {}), expectations) for path in list_images(folder)], 0
    records = read_manifest(folder)
    _check_split(folder, records, split)
    chosen = split_records(records, split, keep_shared_places=keep_shared_places)
    missing = [r.file for r in chosen if not (folder / r.file).is_file()]
    if missing:
        raise DatasetError(f"{folder}: manifest.csv names {missing[:3]}, which are not there. Restore them.")
    excluded = sum(r.split == split for r in records) - len(chosen)
    if not chosen:
        raise DatasetError(
            f"{folder}: all {excluded} photos of split {split!r} show places that other splits show too, expected some of "
            "places of their own. Correct place_group in manifest.csv, or split anew with `firewarden data split`."
        )
    rows = {r.stem: {"place_group": r.place, "source": r.source, "scene": r.scene} for r in chosen}
    return [_listed(folder / r.file, rows[r.stem], expectations) for r in chosen], excluded


def _check_split(folder: Path, records: Sequence[PhotoRecord], split: str) -> None:
    """A split without a photo would be measured as zeros; raises DatasetError naming those that have some."""
    held = [name for name in SPLITS if any(record.split == name for record in records)]
    if split not in held:
        raise DatasetError(
            f"{folder} holds no photo of split {split!r}, expected one of {held}. Name one of these with --split, or none "
            "for every photo."
        )


def _listed(path: Path, row: Mapping[str, str], expectations: Mapping[str, Expectation]) -> ListedPhoto:
    cables = path.parent.parent / "cables"
    return ListedPhoto(
        path,
        row.get("place_group") or path.stem,
        row.get("source") or "",
        row.get("scene") or "",
        expectations.get(path.stem),
        read_cables(cables / f"{path.stem}.json") if cables.is_dir() else None,
    )


def _manifest_rows(path: Path) -> dict[str, Mapping[str, str]]:
    """Rows by photo stem; any column but the file may be absent when no split is asked for."""
    return {Path(row["file"]).stem: row for row in read_table(path).rows} if path.exists() else {}


def _expectations(folder: Path, expect: Path | None) -> dict[str, Expectation]:
    if expect is not None:
        return read_expectations(expect)
    path = folder / "expect.json"
    return read_expectations(path) if path.exists() else {}


def class_map(folder: Path, class_names: Sequence[str]) -> NDArray[np.int64]:
    """Label id to model class id. Without classes.txt labels are taken to be in the model's order."""
    names = read_classes(folder) if (folder / "classes.txt").exists() else tuple(class_names)
    strangers = [name for name in names if name not in class_names]
    if strangers:
        raise DatasetError(
            f"{folder / 'classes.txt'} names {strangers}, expected classes of the model: {list(class_names)}. "
            "Use a model that was trained on these classes."
        )
    return np.array([class_names.index(name) for name in names], np.int64)


def read_truth(folder: Path, stem: str, to_model: NDArray[np.int64]) -> tuple[LabelRows, LabelRows]:
    """Label rows and ignore rows of one photo, in the model's class ids."""
    tables = []
    for part in ("labels", "ignore"):
        path = folder / part / f"{stem}.txt"
        rows = read_labels(path)
        if len(rows) and not 0 <= rows.class_id.min() <= rows.class_id.max() < len(to_model):
            raise DatasetError(
                f"{path}: class ids {rows.class_id}, expected 0 to {len(to_model) - 1}. Fix the file."
            )
        tables.append(LabelRows(to_model[rows.class_id], rows.cxcywh))
    return tables[0], tables[1]


def ground_truth(rows: tuple[LabelRows, LabelRows], image_hw: tuple[int, int]) -> GroundTruth:
    """Label rows in pixels of a photo of `image_hw`, but for classes that an ignore row over the whole picture says were not
    checked: what is found of them cannot be wrong there, so it must not be right either."""
    labels, ignore = checked_labels(*rows), rows[1]
    return GroundTruth(labels.class_id, labels.xyxy(image_hw), ignore.class_id, ignore.xyxy(image_hw))


def checked_labels(labels: LabelRows, ignore: LabelRows) -> LabelRows:
    """The label rows but for those of classes that an ignore row over the whole picture says were not checked."""
    unchecked = ignore.class_id[(ignore.cxcywh[:, 2:] >= _WHOLE).all(axis=1)]
    checked = ~np.isin(labels.class_id, unchecked)
    return LabelRows(labels.class_id[checked], labels.cxcywh[checked])


def fingerprint(path: Path, rows: tuple[LabelRows, LabelRows]) -> bytes:
    """Bytes that change with the photo, its name or its labels."""
    tables = b"".join(part.class_id.tobytes() + part.cxcywh.tobytes() + b"|" for part in rows)
    return path.name.encode() + hashlib.sha256(path.read_bytes()).digest() + tables
