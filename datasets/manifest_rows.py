"""manifest.csv as a table: columns this project does not read are carried along untouched."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from firewarden.datasets.fields import read_text
from firewarden.errors import DatasetError

COLUMNS = (
    "file", "split", "source", "licence", "place_group", "scene", "width", "height", "boxes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ManifestTable:
    """Column names in order and one mapping a row."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]


def read_table(path: Path) -> ManifestTable:
    """The table of a manifest file."""
    if not path.exists():
        raise DatasetError(f"{path} is missing. Splits, sources and licences are read from it.")
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    rows, columns = tuple(reader), tuple(reader.fieldnames or ())
    if "file" not in columns or any(None in row or None in row.values() for row in rows):
        raise DatasetError(
            f"{path}: got columns {list(columns)}, expected a column 'file' and as many cells in each row as "
            "columns, parted by commas. Fix it."
        )
    return ManifestTable(columns, rows)


def write_table(path: Path, table: ManifestTable) -> None:
    """Write a manifest file; cells of columns that the table lacks are left out, missing cells are empty."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, table.columns, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(table.rows)


def join_tables(first: ManifestTable, rows: Sequence[Mapping[str, str]]) -> ManifestTable:
    """The table with further rows at its end."""
    return ManifestTable(first.columns, (*first.rows, *rows))
