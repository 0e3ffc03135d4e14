"""manifest.csv: one row a photo with split, source, licence and place group."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from firewarden.datasets.manifest_rows import read_table
from firewarden.errors import DatasetError

SPLITS = ("train", "val", "test")
PART_SEPARATOR = "; "  # between the names of a cell of part_sources
_COLUMNS = ("file", "split", "source", "licence", "place_group", "scene")


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """One photo of a data folder. `place_group` ties photos of one place together; a split never cuts a group.

    `part_sources`, of a composed picture: the sources of what was set in; None where the manifest does not say.
    """

    file: str
    split: str
    source: str
    licence: str
    place_group: str
    scene: str
    part_sources: tuple[str, ...] | None = None

    @property
    def stem(self) -> str:
        return Path(self.file).stem

    @property
    def place(self) -> str:
        """The place group; without one the photo is a place of its own."""
        return self.place_group or self.stem


def read_manifest(folder: Path) -> tuple[PhotoRecord, ...]:
    """Records of `folder/manifest.csv` in file order; an unknown split is an error."""
    path = folder / "manifest.csv"
    table = read_table(path)
    missing = set(_COLUMNS) - set(table.columns)
    if missing:
        raise DatasetError(
            f"{path}: columns {sorted(missing)} are missing, got {list(table.columns)}. Add them."
        )
    records = tuple(
        PhotoRecord(**{name: row[name] for name in _COLUMNS}, part_sources=_listed(row.get("part_sources")))
        for row in table.rows
    )
    for record in records:
        if record.split not in SPLITS:
            raise DatasetError(f"{path}: {record.file} has split {record.split!r}, expected one of {SPLITS}.")
    return records


def _listed(cell: str | None) -> tuple[str, ...] | None:
    return None if cell is None else tuple(name for name in cell.split(PART_SEPARATOR) if name)


def shared_places(records: Iterable[PhotoRecord]) -> frozenset[str]:
    """Places that occur in more than one split: their val or test photos reward memory, not sight."""
    splits_of: dict[str, set[str]] = {}
    for record in records:
        splits_of.setdefault(record.place, set()).add(record.split)
    return frozenset(place for place, splits in splits_of.items() if len(splits) > 1)


def split_records(
    records: Iterable[PhotoRecord], split: str, *, keep_shared_places: bool = False
) -> tuple[PhotoRecord, ...]:
    """Records of one split. Outside train, photos of places that other splits show too are left out by default."""
    records = tuple(records)
    shared = frozenset() if split == "train" or keep_shared_places else shared_places(records)
    return tuple(r for r in records if r.split == split and r.place not in shared)
