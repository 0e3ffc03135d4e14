"""hashes.csv: the sha256 of every photo of a data folder, so that a changed or swapped photo is noticed."""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from firewarden.datasets.fields import read_text
from firewarden.datasets.labels import list_images
from firewarden.errors import DatasetError

_COLUMNS = ["file", "sha256"]


@dataclass(frozen=True, slots=True)
class HashCheck:
    """What differs from hashes.csv, file names as in manifest.csv: other bytes, gone, not listed."""

    changed: tuple[str, ...]
    missing: tuple[str, ...]
    unlisted: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not (self.changed or self.missing or self.unlisted)


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def photo_hashes(folder: Path) -> dict[str, str]:
    """sha256 by file name (`images/...`) of every photo in a data folder."""
    return {f"images/{path.name}": sha256_of(path) for path in list_images(folder)}


def write_hashes(folder: Path) -> Path:
    """Write `folder/hashes.csv`, sorted by file."""
    return _write(folder / "hashes.csv", photo_hashes(folder))


def add_hashes(folder: Path, files: Iterable[str]) -> Path:
    """Add photos to `folder/hashes.csv`; entries of other photos stay as they are, so that a change since is still seen."""
    path = folder / "hashes.csv"
    if not path.exists():
        return write_hashes(folder)
    return _write(path, read_hashes(folder) | {file: sha256_of(folder / file) for file in files})


def _write(path: Path, hashes: Mapping[str, str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(sorted(hashes.items()))
    return path


def read_hashes(folder: Path) -> dict[str, str]:
    """sha256 by file name, as `folder/hashes.csv` has it."""
    path = folder / "hashes.csv"
    if not path.exists():
        raise DatasetError(f"{path} is missing. `firewarden data hash` writes it.")
    rows = list(csv.reader(io.StringIO(read_text(path), newline="")))
    if not rows or rows[0] != _COLUMNS or any(len(row) != 2 for row in rows):
        raise DatasetError(f"{path}: expected the columns {_COLUMNS} in every line. Write it anew.")
    return {row[0]: row[1] for row in rows[1:]}


def check_hashes(folder: Path, found: Mapping[str, str] | None = None) -> HashCheck:
    """Compare the photos with hashes.csv; `found` gives hashes that are known already."""
    listed = read_hashes(folder)
    found = photo_hashes(folder) if found is None else found
    return HashCheck(
        changed=tuple(sorted(f for f in listed.keys() & found.keys() if listed[f] != found[f])),
        missing=tuple(sorted(listed.keys() - found.keys())),
        unlisted=tuple(sorted(found.keys() - listed.keys())),
    )
