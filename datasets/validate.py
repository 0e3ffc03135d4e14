"""Validation of a data folder: photos, labels, splits, sources; optionally labels against a detector."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firewarden.datasets.copies import find_copies
from firewarden.datasets.disagreement import Sightings, find_disagreements
from firewarden.datasets.hashes import check_hashes
from firewarden.datasets.label_checks import find_label_problems
from firewarden.datasets.labels import LabelRows, label_rows, list_images, read_classes, read_labels
from firewarden.datasets.manifest import SPLITS, PhotoRecord, read_manifest, shared_places
from firewarden.datasets.photo_scan import PhotoScan, Progress, scan_photos
from firewarden.datasets.problems import KINDS, LEVELS, Level, Problem
from firewarden.datasets.register import Register, is_made
from firewarden.datasets.register_counts import changed_sources
from firewarden.errors import DatasetError

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """All problems, errors first, notes last, and boxes by class and split."""

    name: str
    photos: int
    problems: tuple[Problem, ...]
    class_balance: Mapping[str, Mapping[str, int]]
    hashes_checked: bool
    labels_compared: bool

    @property
    def errors(self) -> int:
        return self.count("error")

    @property
    def warnings(self) -> int:
        return self.count("warning")

    def count(self, level: Level) -> int:
        return sum(problem.level == level for problem in self.problems)

    def of_kind(self, kind: str) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.kind == kind)

    def to_json(self) -> dict[str, Any]:
        """Plain values; `problems` in full."""
        counts = Counter(problem.kind for problem in self.problems)
        return {
            "schema_version": SCHEMA_VERSION,
            "name": self.name,
            "photos": self.photos,
            "errors": self.errors,
            "warnings": self.warnings,
            "notes": self.count("note"),
            "counts": {kind: counts[kind] for kind in KINDS},
            "class_balance": {name: dict(row) for name, row in self.class_balance.items()},
            "hashes_checked": self.hashes_checked,
            "labels_compared": self.labels_compared,
            "problems": [problem.to_json() for problem in self.problems],
        }


def validate_folder(
    folder: Path, register: Register, sightings: Sightings | None = None, progress: Progress | None = None
) -> ValidationReport:
    """Look at everything in a data folder. Only what prevents looking (no images/, no manifest.csv) is an error raised."""
    classes, records = read_classes(folder), read_manifest(folder)
    scans = scan_photos(list_images(folder), progress)
    split_of = {record.file: record.split for record in records}
    problems = [
        *find_file_problems(records, scans),
        *find_copies(scans, split_of, {r.file: r.place_group for r in records if is_made(r.source)}),
        *find_split_problems(records),
        *find_source_problems(records, register),
        *find_changed_sources(records, scans, register),
    ]
    has_hashes = (folder / "hashes.csv").exists()
    if has_hashes:
        check = check_hashes(folder, {scan.file: scan.sha256 for scan in scans})
        detail = "other bytes than in hashes.csv"
        problems += [Problem("hash_changed", (file,), detail) for file in check.changed]
    boxes: Counter[tuple[int, str]] = Counter()
    for scan in scans:
        rows, found = _label_problems(folder, scan, classes, sightings)
        problems += found
        boxes.update((int(class_id), split_of.get(scan.file, "")) for class_id in rows.class_id)
    balance = {name: {split: boxes[number, split] for split in SPLITS} for number, name in enumerate(classes)}
    problems += find_missing_classes(balance, records)
    order = {kind: number for number, kind in enumerate(KINDS)}
    problems.sort(key=lambda p: (LEVELS.index(p.level), order[p.kind], -p.weight, p.files))
    return ValidationReport(
        folder.resolve().name, len(scans), tuple(problems), balance, has_hashes, sightings is not None
    )


def find_file_problems(records: Sequence[PhotoRecord], scans: Sequence[PhotoScan]) -> list[Problem]:
    """Photos that cannot be read, and differences between images/ and the manifest."""
    listed, present = Counter(record.file for record in records), {scan.file for scan in scans}
    return [
        *(Problem("unreadable_image", (scan.file,), scan.error) for scan in scans if scan.error),
        *(Problem("missing_image", (file,), "no such file") for file in listed if file not in present),
        *(Problem("not_in_manifest", (file,), "no row") for file in sorted(present - set(listed))),
        *(Problem("listed_twice", (file,), f"{n} rows") for file, n in listed.items() if n > 1),
    ]


def find_split_problems(records: Sequence[PhotoRecord]) -> list[Problem]:
    """Place groups that more than one split shows."""
    problems = []
    for place in sorted(shared_places(records)):
        mine = [record for record in records if record.place == place]
        counts = Counter(record.split for record in mine)
        detail = f"place group {place!r}: " + ", ".join(f"{counts[s]} {s}" for s in SPLITS if counts[s])
        problems.append(Problem("place_in_two_splits", tuple(r.file for r in mine), detail, weight=len(mine)))
    return problems


def find_changed_sources(
    records: Sequence[PhotoRecord], scans: Sequence[PhotoScan], register: Register
) -> list[Problem]:
    """Sources of which other files are there than the register records. Only as many photos as it counts can be those
    that it means: of more or fewer, a part that was just imported for one, no digest speaks, which is a note."""
    hashes = {scan.file: scan.sha256 for scan in scans}
    problems = []
    for source in changed_sources(records, hashes, register):
        files = tuple(record.file for record in records if record.source == source.manifest_source)
        here, registered = sum(file in hashes for file in files), source.photos
        counts = f"{here} photos here, {registered} registered"
        if here != registered:
            problems.append(Problem("source_not_compared", files, f"{source.id}: {counts}"))
            continue
        detail = f"{source.id}: files of this source differ from the register: {counts}"
        problems.append(Problem("source_changed", files, detail))
    return problems


def find_source_problems(records: Sequence[PhotoRecord], register: Register) -> list[Problem]:
    """Sources without register entry, licence texts that differ from it, and uses it does not allow."""
    wrong: dict[tuple[str, str], list[str]] = {}
    for record in records:
        made_of = register.sources_of(record.source)
        if not made_of:
            wrong.setdefault(("not_registered", f"source {record.source!r}"), []).append(record.file)
            continue
        stated = made_of[-1]
        if stated.licence_stated != record.licence:
            detail = f"{stated.id}: got {record.licence!r}, registered {stated.licence_stated!r}"
            wrong.setdefault(("licence_differs", detail), []).append(record.file)
        for source in (source for source in made_of if not source.allows(record.split)):
            detail = (
                f"{source.id}: in {record.split!r}, registered for {', '.join(source.used_for) or 'nothing'}"
            )
            wrong.setdefault(("use_not_allowed", detail), []).append(record.file)
    return [
        Problem(kind, tuple(files), f"{detail}: {len(files)} photos", weight=len(files))
        for (kind, detail), files in wrong.items()
    ]


def find_missing_classes(
    balance: Mapping[str, Mapping[str, int]], records: Iterable[PhotoRecord]
) -> list[Problem]:
    """Classes that one split of the folder has and another lacks."""
    used = [split for split in SPLITS if split in {record.split for record in records}]
    return [
        Problem("class_missing_in_split", (), f"{name}: none in {split}, {sum(row.values())} elsewhere")
        for name, row in balance.items()
        for split in used
        if row[split] == 0 and sum(row.values()) > 0
    ]


def _label_problems(
    folder: Path, scan: PhotoScan, classes: tuple[str, ...], sightings: Sightings | None
) -> tuple[LabelRows, list[Problem]]:
    """Labels of one photo, and what is wrong with them."""
    stem = Path(scan.file).stem
    label_file = folder / "labels" / f"{stem}.txt"
    try:
        rows, ignored = read_labels(label_file), read_labels(folder / "ignore" / f"{stem}.txt")
    except (DatasetError, ValueError) as error:
        detail = str(error).replace(f"{folder}/", "")
        return label_rows([]), [Problem("damaged_label_file", (scan.file,), detail)]
    problems = find_label_problems(scan.file, rows, ignored, scan.hw, classes)
    if not label_file.exists():
        problems.append(Problem("no_label_file", (scan.file,), f"labels/{stem}.txt is missing"))
    seen = sightings.detections.get(stem) if sightings else None
    if sightings and seen is not None and not scan.error and np.isfinite(rows.cxcywh).all():
        problems += find_disagreements(
            scan.file, rows, ignored, scan.hw, classes, seen, sightings.class_names
        )
    return rows, problems
