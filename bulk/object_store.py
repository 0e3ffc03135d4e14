"""Object stores (S3 and its kin) through the optional package obstore; credentials come from the environment it reads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import IO, Any

from firewarden.bulk.items import Item, Unreadable, broken, check_size
from firewarden.errors import DatasetError
from firewarden.inference.batch import is_photo_name

_SCHEMES = ("s3", "gs", "file")
_RANGE_BYTES = 16 * 2**20  # asked for at a time: a store gives up on requests that take long


@dataclass(frozen=True, slots=True)
class ObjectReader:
    """One object of the store at `base`; the store is opened where it is read."""

    base: str
    path: str

    def read(self) -> bytes:
        return read_object(open_store(self.base), self.path)


def is_object_url(source: str) -> bool:
    """Whether a source is s3://, gs:// or file://."""
    return source.startswith(tuple(f"{scheme}://" for scheme in _SCHEMES))


def split_url(url: str) -> tuple[str, str]:
    """The base of the store and the path within it. A file URL of a picture has its folder as base."""
    scheme, _, rest = url.partition("://")
    bucket, slash, path = rest.partition("/")
    if scheme == "file":
        folder, _, name = f"{slash}{path}".rpartition("/")
        return (f"file://{folder}", name) if is_photo_name(name) else (f"file://{slash}{path}", "")
    if not bucket:
        raise DatasetError(f"got {url!r}, expected {scheme}://bucket/prefix")
    return f"{scheme}://{bucket}", path.strip("/")


@cache
def open_store(base: str) -> Any:
    """The store of a bucket or folder; raises DatasetError."""
    try:
        from obstore.store import from_url
    except ImportError as error:
        raise DatasetError(
            f"{base} needs obstore, which is not installed: pip install -e '.[s3]' in the checkout"
        ) from error
    try:
        return from_url(base.replace("#", "%23").replace("?", "%3F"))  # signs of a path here, not of a URL
    except _failures() as error:
        raise DatasetError(f"{base} cannot be opened: {_first_line(error)}") from error


def object_item(url: str) -> Item:
    """One object by its URL."""
    base, path = split_url(url)
    return Item(url, ObjectReader(base, path))


def object_items(url: str) -> Iterator[Item]:
    """The object itself where the URL ends like a picture, else every picture below the prefix, listed in pages."""
    base, path = split_url(url)
    if is_photo_name(path):
        yield object_item(url)
    else:
        yield from listed_objects(open_store(base), base, path)


def listed_objects(store: Any, base: str, prefix: str) -> Iterator[Item]:
    """Pictures of a store below a prefix; a listing that breaks off is an item that says so."""
    import obstore

    try:
        for page in obstore.list(store, prefix or None, chunk_size=1000):
            for entry in page:
                if is_photo_name(entry["path"]):
                    yield Item(f"{base}/{entry['path']}", ObjectReader(base, entry["path"]))
    except _failures() as error:
        yield broken(f"{base}/{prefix}", f"cannot be listed to its end: {_first_line(error)}", final=False)


def read_object(store: Any, path: str) -> bytes:
    """The bytes of one object, its size checked before they are fetched; raises Unreadable."""
    import obstore

    with _told():
        answer = obstore.get(store, path)
        check_size(answer.meta["size"])
        return bytes(answer.bytes())


def copy_object(store: Any, path: str, into: IO[bytes], check: Callable[[int], None]) -> None:
    """Append the bytes of one object of any size to `into`, a part at a time. `check` is told their number beforehand and
    raises Unreadable, as this does where they cannot be had. Raises OSError where `into` does not take them."""
    import obstore

    with _told():
        meta = obstore.head(store, path)
    check(meta["size"])
    unchanged = {"if_match": meta["e_tag"]} if meta["e_tag"] else {}
    for start in range(0, meta["size"], _RANGE_BYTES):
        end = min(start + _RANGE_BYTES, meta["size"])
        with _told():
            options: Any = {"range": (start, end), **unchanged}
            part = obstore.get(store, path, options=options).bytes()
        if len(part) != end - start:
            raise Unreadable("cannot be read: it changed while it was fetched")
        into.write(part)


@contextmanager
def _told() -> Iterator[None]:
    """Turn failures of the store into Unreadable."""
    try:
        yield
    except FileNotFoundError as error:
        raise Unreadable("cannot be read: no such object") from error
    except _failures() as error:
        raise Unreadable(f"cannot be read: {_first_line(error)}") from error


def _failures() -> tuple[type[Exception], ...]:
    from obstore.exceptions import BaseError

    return BaseError, OSError, ValueError


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
