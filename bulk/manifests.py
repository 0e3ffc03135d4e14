"""Manifests: CSV or Parquet tables with a column `path` and, if wanted, `camera`, `time`, `venue` and `scene`.

Paths are relative to the manifest's folder, absolute, or object store URLs; a manifest in a store names objects alone. A row
that cannot be used becomes an item that says why; the other rows are not disturbed.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from firewarden.bulk.container import Container
from firewarden.bulk.fetched import beside
from firewarden.bulk.items import DoubtedReader, Facts, FileReader, Item, broken
from firewarden.bulk.object_store import is_object_url, object_item
from firewarden.errors import DatasetError

COLUMNS = ("path", "camera", "time", "venue", "scene")
MANIFEST_SUFFIXES = (".csv", ".parquet")
_FIRST_YEAR = 2000  # a camera that lost its clock says 1970
_CLOCK_ERROR = timedelta(days=1)
Cells = Mapping[str, str]
Check = Callable[[Item], str | None]  # what is wrong with the facts of an item


def is_manifest(path: Path) -> bool:
    return path.suffix.lower() in MANIFEST_SUFFIXES


def manifest_items(
    manifest: Container, now: datetime | None = None, check: Check = lambda item: None
) -> Iterator[Item]:
    """One item a row. `now` bounds the times that are believed. Raises DatasetError for a table without `path`."""
    now = now or datetime.now(UTC)
    for number, cells in _rows(manifest):
        place = f"row {number} of {manifest.short_name}"
        if isinstance(cells, str):
            yield broken(f"{manifest.name} ({place})", f"{place}: {cells}", place)
        else:
            item = _item(manifest, cells, place, now)
            told = None if item.fault else check(item)
            yield replace(item, reader=DoubtedReader(item.reader, f"{place}: {told}")) if told else item


def count_in_manifest(manifest: Container) -> int:
    """How many rows there are; raises DatasetError where the table as a whole cannot be read."""
    if _is_parquet(manifest):
        with _opened(manifest) as file:
            return int(_open_parquet(manifest, file).metadata.num_rows)
    return sum(1 for _ in _csv_rows(manifest))


def read_time(text: str, now: datetime) -> str:
    """ISO 8601 as it will stand in the row; raises ValueError saying what is wrong. A time without zone stays without."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"time {text!r} is not ISO 8601, expected e.g. 2026-05-01T08:30:00+08:00") from error
    in_utc = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment.year < _FIRST_YEAR or in_utc > now + _CLOCK_ERROR:
        raise ValueError(f"time {text!r} lies before {_FIRST_YEAR} or in the future; set the camera's clock")
    return moment.isoformat()


def _item(manifest: Container, cells: Cells, place: str, now: datetime) -> Item:
    named = cells.get("path", "")
    if not named:
        return broken(f"{manifest.name} ({place})", f"{place}: the path is empty; name a picture", place)
    key = named
    try:
        _check_name(named)
        key = _key(manifest.name, named)
        reader = object_item(key).reader if is_object_url(key) else FileReader(Path(key))
        time = read_time(cells["time"], now) if cells.get("time") else None
    except (ValueError, DatasetError) as error:
        return broken(key, f"{place}: {error}", place)
    facts = Facts(cells.get("camera") or None, time, cells.get("venue") or None, cells.get("scene") or None)
    return Item(key, reader, facts, place)


def _check_name(named: str) -> None:
    """Raises ValueError for what no file or object can be named."""
    if "\0" in named:
        raise ValueError("the path has a character NUL; write it again")
    if "://" in named and not is_object_url(named):
        raise ValueError("got a URL that is no object store, expected a path or s3://bucket/key")


def _key(manifest_name: str, named: str) -> str:
    if is_object_url(manifest_name):
        return beside(manifest_name, named)
    return named if is_object_url(named) else str(Path(manifest_name).parent / named)


def _rows(manifest: Container) -> Iterator[tuple[int, Cells | str]]:
    return _parquet_rows(manifest) if _is_parquet(manifest) else _csv_rows(manifest)


def _is_parquet(manifest: Container) -> bool:
    return manifest.name.lower().endswith(".parquet")


def _opened(manifest: Container) -> IO[bytes]:
    try:
        return manifest.open()
    except OSError as error:
        raise DatasetError(f"{manifest.name} cannot be read: {error.strerror or error}") from error


def _csv_rows(manifest: Container) -> Iterator[tuple[int, Cells | str]]:
    """(line, cells or what is wrong with the line)."""
    try:
        with io.TextIOWrapper(_opened(manifest), encoding="utf-8-sig", newline="") as file:
            table = csv.reader(file, strict=True)
            header = [name.strip().lower() for name in next(table, [])]
            _check_columns(manifest, header)
            yield from _csv_body(table, header)
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{manifest.name} is not UTF-8 ({error.reason}); save it as 'CSV UTF-8' and run again"
        ) from error
    except OSError as error:
        raise DatasetError(f"{manifest.name} cannot be read: {error.strerror or error}") from error


def _csv_body(table: Any, header: list[str]) -> Iterator[tuple[int, Cells | str]]:
    while True:
        try:
            values = next(table)
        except StopIteration:
            return
        except csv.Error as error:
            yield table.line_num, f"the line is damaged ({error}); write it again"
            continue
        if len(values) == len(header):
            yield table.line_num, {n: v.strip() for n, v in zip(header, values, strict=True)}
        elif values:
            yield table.line_num, f"got {len(values)} cells, expected {len(header)}; write it again"


def _parquet_rows(manifest: Container) -> Iterator[tuple[int, Cells | str]]:
    with _opened(manifest) as opened:
        file = _open_parquet(manifest, opened)
        _check_columns(manifest, [str(name).lower() for name in file.schema_arrow.names])
        wanted = [name for name in file.schema_arrow.names if str(name).lower() in COLUMNS]
        try:
            batches = file.iter_batches(batch_size=1024, columns=wanted)
            rows = (row for batch in batches for row in batch.to_pylist())
            for number, row in enumerate(rows, 1):
                yield number, {str(name).lower(): _text(value) for name, value in row.items()}
        except (OSError, ValueError, OverflowError) as error:  # pyarrow's own are among them
            raise DatasetError(f"{manifest.name} cannot be read as Parquet to its end: {error}") from error


def _text(value: object) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value).strip()


def _open_parquet(manifest: Container, file: IO[bytes]) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise DatasetError(
            f"{manifest.name} needs pyarrow, which is not installed: pip install -e '.[parquet]' in the checkout"
        ) from error
    try:
        return pq.ParquetFile(file)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{manifest.name} cannot be read as Parquet: {error}") from error


def _check_columns(manifest: Container, names: list[str]) -> None:
    if "path" not in names:
        raise DatasetError(
            f"{manifest.name} has the columns {names}, expected {', '.join(COLUMNS)}, of which path is needed. "
            "Put a header line first."
        )
    if len(set(names)) < len(names):
        raise DatasetError(f"{manifest.name} has the columns {names}, one of them twice; rename or remove it")
