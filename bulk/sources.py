"""What the command line names, as items: pictures, folders, globs, archives, manifests, object stores."""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from firewarden.bulk.archives import archive_items, count_in_zip, is_archive
from firewarden.bulk.container import Container, file_container
from firewarden.bulk.fetched import fetched_archive, fetched_manifest, object_at
from firewarden.bulk.folders import (
    count_in_folder,
    file_item,
    folder_items,
    glob_items,
    is_file,
    is_folder,
    is_glob,
)
from firewarden.bulk.items import Item
from firewarden.bulk.manifests import Check, count_in_manifest, is_manifest, manifest_items
from firewarden.bulk.object_store import is_object_url, object_items, open_store, split_url
from firewarden.errors import DatasetError

_log = logging.getLogger(__name__)


def source_items(sources: Iterable[str], check: Check = lambda item: None) -> Iterator[Item]:
    """Items of all sources, listed as they are asked for: rows of manifests first, as they know most about a picture, then
    one source after the other, last the rows that cannot be used or whose facts do not pass `check`: they take no
    picture's place."""
    sources, now = list(sources), datetime.now(UTC)
    faulty: list[Container] = []
    for table in [_table(source) for source in sources if _is_table(source)]:
        faults = 0
        for item in manifest_items(table, now, check):
            faults += item.fault is not None
            if item.fault is None:
                yield item
        faulty += [table] if faults else []
    for source in sources:
        if not _is_table(source):
            yield from _told_where_empty(source)
    for table in faulty:  # read once more: a table may have any number of rows
        yield from (item for item in manifest_items(table, now, check) if item.fault is not None)


def check_sources(sources: Iterable[str]) -> int | None:
    """How many items there will be, None where that is not known beforehand (tar, object stores). Raises DatasetError for
    a source that cannot be meant: a glob without a match, an unreadable table, a missing package."""
    counts = [_count(source) for source in sources]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _told_where_empty(source: str) -> Iterator[Item]:
    """Items of a source that is no table; one that has none, e.g. a mistyped prefix, is told in the log."""
    has_items = False
    for item in _items_of(source):
        has_items = True
        yield item
    if not has_items:
        _log.warning("no JPEG, PNG or WebP picture in %s", source)


def _items_of(source: str) -> Iterator[Item]:
    path = Path(source)
    if is_object_url(source):
        stored_archive = _names_object(source) and is_archive(path)
        return archive_items(fetched_archive(source)) if stored_archive else object_items(source)
    if is_glob(source):
        return glob_items(source)
    if is_folder(path):
        return folder_items(path)
    if is_archive(path) and is_file(path):
        return archive_items(file_container(path))
    return iter([file_item(path)])


def _is_table(source: str) -> bool:
    path = Path(source)
    if is_object_url(source):
        return _names_object(source) and is_manifest(path)
    return is_manifest(path) and not (is_glob(source) or is_folder(path))


def _table(source: str) -> Container:
    return fetched_manifest(source) if is_object_url(source) else file_container(Path(source))


def _names_object(url: str) -> bool:
    """Whether a URL may name one object: it goes on after the bucket, and is no folder."""
    return not url.endswith("/") and url.count("/") > 2


def _count(source: str) -> int | None:
    path = Path(source)
    if is_object_url(source):
        return _count_in_store(source)
    if "://" in source:
        raise DatasetError(f"got {source!r}, expected a path, a glob, or an s3:// or gs:// URL")
    if is_glob(source):
        return _count_glob(source)
    if is_folder(path):
        return count_in_folder(path)
    if is_archive(path) and is_file(path):
        return count_in_zip(path) if path.suffix.lower() == ".zip" else None
    return count_in_manifest(file_container(path)) if is_manifest(path) else 1


def _count_in_store(url: str) -> int | None:
    if _is_table(url):
        return count_in_manifest(fetched_manifest(url))
    is_one = _names_object(url) and is_archive(Path(url))
    open_store((object_at if is_one else split_url)(url)[0])
    return None


def _count_glob(pattern: str) -> int:
    count = sum(1 for _ in glob_items(pattern))
    if not count:
        raise DatasetError(f"no JPEG, PNG or WebP picture matches {pattern!r}; check the pattern")
    return count
