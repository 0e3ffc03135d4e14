"""Archives and manifests that lie in an object store, fetched whole and read as those on disk are.

A manifest is held in memory. An archive is held in a temporary file without a name: it is gone when it has been read, after
an error, and when the process is killed.
"""

import io
import posixpath
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import IO

from firewarden.bulk.container import Container
from firewarden.bulk.items import Unreadable
from firewarden.bulk.object_store import copy_object, is_object_url, open_store, split_url
from firewarden.errors import DatasetError

MANIFEST_BYTES = 64 * 2**20  # some 500,000 rows
ARCHIVE_BYTES = 64 * 2**30
_COPY_IT = "copy it here, and name the copy"
_EXPECTED = "expected one from the manifest's folder on, or s3://bucket/key"
CheckSize = Callable[[int], None]


def fetched_archive(url: str, max_bytes: int = ARCHIVE_BYTES) -> Container:
    """An archive by its URL. `open` raises Unreadable where it cannot be fetched or held."""
    return Container(url, partial(_fetch_archive, url, max_bytes))


def fetched_manifest(url: str, max_bytes: int = MANIFEST_BYTES) -> Container:
    """A manifest by its URL. `open` raises DatasetError where it cannot be fetched."""
    return Container(url, partial(_fetch_manifest, url, max_bytes))


def object_at(url: str) -> tuple[str, str]:
    """The base of the store and the path of an archive or manifest in it."""
    base, path = split_url(url)
    folder, _, name = base.rpartition("/")
    return (base, path) if path else (folder, name)


def beside(url: str, named: str) -> str:
    """The URL of what a manifest at `url` names: an object by its URL, or by a path from the manifest's folder on. Raises
    ValueError for a path of this machine, which a file from elsewhere must not choose."""
    if is_object_url(named):
        if named.startswith("file:") and not url.startswith("file:"):
            raise ValueError(f"got {named!r} in a manifest of a store, {_EXPECTED}")
        return named
    base, path = object_at(url)
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), named))
    if named.startswith("/") or joined.startswith(".."):
        raise ValueError(f"the path {named!r} leads out of the store of its manifest, {_EXPECTED}")
    return f"{base}/{joined}"


def _fetch_manifest(url: str, max_bytes: int) -> IO[bytes]:
    held = io.BytesIO()
    try:
        _copy(url, held, lambda size: _check(size, max_bytes))
    except Unreadable as error:
        raise DatasetError(f"{url} {error}") from error
    held.seek(0)
    return held


def _fetch_archive(url: str, max_bytes: int) -> IO[bytes]:
    held = tempfile.TemporaryFile()  # noqa: SIM115 - whoever opens the container closes it
    try:
        _copy(url, held, lambda size: _check_room(size, max_bytes))
        held.seek(0)  # writes what is still in memory
    except BaseException as error:
        with suppress(OSError):  # it would write again what the disk has not taken
            held.close()
        if isinstance(error, OSError):
            raise _no_room(f"cannot be held here meanwhile: {error.strerror or error}") from error
        raise
    return held


def _copy(url: str, held: IO[bytes], check: CheckSize) -> None:
    base, path = object_at(url)
    copy_object(open_store(base), path, held, check)


def _check(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise Unreadable(
            f"has {size} bytes, expected at most {max_bytes} of what is read in a store; {_COPY_IT}",
            final=True,
        )


def _check_room(size: int, max_bytes: int) -> None:
    _check(size, max_bytes)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if size > free:
        raise _no_room(f"has {size} bytes, expected at most the {free} that are free")


def _no_room(told: str) -> Unreadable:
    """Not final: another run may find room."""
    return Unreadable(
        f"{told} ({tempfile.gettempdir()}); make room there, or set TMPDIR to a folder with more"
    )
