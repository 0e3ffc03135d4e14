"""Tar and zip archives as sources: members are read in order into memory, nothing is ever unpacked to disk.

Refused, each with a row that says so: names that leave the archive, absolute names, links and devices, encrypted members,
members above the size of a picture. They are listed after the sound ones of their archive, so that they take no picture's
name. An archive that unpacks to far more than it weighs, or is damaged, ends with a row of its own; the members before it
stand.
"""

import bz2
import gzip
import json
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Self, cast

from firewarden.bulk.container import Container
from firewarden.bulk.items import MAX_BYTES, BrokenReader, HeldReader, Item, Unreadable, broken
from firewarden.inference.batch import is_photo_name

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
_DAMAGE = (
    tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, zlib.error, lzma.LZMAError, ValueError, LookupError,
    ArithmeticError,
)  # fmt: skip
_TAR_END = cast(Any, tarfile).EOFHeaderError  # missing in the types that mypy knows
_UNSUPPORTED = (NotImplementedError, RuntimeError)  # compression methods and passwords
_DRIVE = re.compile(r"^[A-Za-z]:")
_PLAIN = "pack plain pictures under plain names"
_MIB = 2**20
_UTF8_NAME = 0x800  # flag of a zip member
_LISTED = b"PK\x01\x02"  # how a member begins in the list of a zip
_LISTED_BYTES = 256  # what a member takes there at most, on average


class _Refused(Exception):
    """The rest of an archive is not read."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`ratio`: bytes out for a byte in, above which an archive is a bomb; pictures hardly compress. `free_bytes` may come
    out of any archive, however small. `members` are those of a zip, folders and all: its list is held in memory."""

    member_bytes: int = MAX_BYTES
    ratio: int = 50
    free_bytes: int = 64 * _MIB
    members: int = 1_000_000

    def total_bytes(self, archive_bytes: int) -> int:
        return max(self.free_bytes, self.ratio * archive_bytes)


def is_archive(path: Path) -> bool:
    return path.name.lower().endswith(ARCHIVE_SUFFIXES)


def archive_items(archive: Container, limits: Limits = Limits()) -> Iterator[Item]:
    """Pictures of an archive, keyed `archive!member`. The archive itself is an item where it cannot be read to its end."""
    with SpooledTemporaryFile(max_size=_MIB, mode="w+") as refused:
        for item in _members(archive, limits):
            if isinstance(item.reader, BrokenReader):
                told = [item.key, item.reader.message, item.place, item.reader.final]
                refused.write(json.dumps(told) + "\n")
            else:
                yield item
        refused.seek(0)
        for line in refused:
            key, message, place, final = json.loads(line)
            yield broken(key, message, place, final=final)


def _members(held: Container, limits: Limits) -> Iterator[Item]:
    """Pictures and refused members in the order of the archive, last what is wrong with it as a whole."""
    members = _zip_items if held.name.lower().endswith(".zip") else _tar_items
    try:
        with held.open() as raw:
            yield from members(held, raw, limits)
    except _Refused as error:
        yield broken(held.name, f"{error}; the members after this were not read")
    except Unreadable as error:
        yield broken(held.name, str(error), final=error.final)
    except _DAMAGE as error:
        if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
            yield broken(held.name, f"cannot be read: {error.strerror or error}", final=False)
        else:
            yield broken(held.name, f"the archive is damaged or cut off ({error}); pack it again")
    except NotImplementedError as error:
        yield broken(held.name, f"the archive is of a kind that cannot be read ({error}); pack a plain zip")


def unsafe_name(name: str) -> str | None:
    """What is wrong with a member's name, and the cure; None for a name that stays below its archive."""
    parts = re.split(r"[/\\]", name)
    if name.startswith(("/", "\\")) or _DRIVE.match(name):
        return f"its name is absolute; {_PLAIN}"
    if ".." in parts:
        return f"its name leaves the archive; {_PLAIN}"
    return f"its name has control characters; {_PLAIN}" if re.search(r"[\x00-\x1f\x7f]", name) else None


def count_in_zip(path: Path) -> int | None:
    """How many pictures a zip lists, None where it cannot be opened."""
    try:
        with path.open("rb") as raw, _opened_zip(raw, Limits()) as archive:
            return sum(is_photo_name(_zip_name(info)) for info in archive.infolist())
    except (*_DAMAGE, NotImplementedError, _Refused):
        return None


class _Meter:
    """A stream that counts: it stops at `total_bytes`, and when headers between members take more than a few MiB."""

    def __init__(self, stream: IO[bytes], total_bytes: int | None) -> None:
        self._stream = stream
        self._total_bytes = total_bytes
        self._read_bytes = 0
        self._allowed_bytes = 8 * _MIB

    def allow(self, end_bytes: int) -> None:
        """A member comes next, which ends so many bytes from the first one on."""
        self._check_total(end_bytes)
        self._allowed_bytes = end_bytes + 8 * _MIB

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._read_bytes += len(data)
        self._check_total(self._read_bytes)
        if self._read_bytes > self._allowed_bytes:
            raise _Refused("the archive has a header of more than 8 MiB")
        return data

    def _check_total(self, size: int) -> None:
        if self._total_bytes is not None and size > self._total_bytes:
            raise _Refused(
                f"the archive unpacks to more than {self._total_bytes} bytes, far above its own size; a zip bomb?"
            )


class _Header(tarfile.TarInfo):
    """A member's header. A damaged one is an error wherever it stands: tarfile takes it for the end of the archive."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except _TAR_END:
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error


def _tar_items(held: Container, raw: IO[bytes], limits: Limits) -> Iterator[Item]:
    with _decompressed(raw) as plain:
        size = _size(raw)
        meter = _Meter(plain, None if plain is raw else limits.total_bytes(size))
        with tarfile.open(
            fileobj=cast(Any, meter), mode="r|", bufsize=256 * 1024, tarinfo=_Header
        ) as archive:
            number = 0
            while (member := archive.next()) is not None:
                cast(Any, archive).members.clear()  # else every header ever read stays in memory
                end = archive.offset  # tarfile reads to there, however far behind the last byte it lies
                if member.size < 0 or (plain is raw and end >= size + tarfile.BLOCKSIZE):
                    raise tarfile.ReadError(f"a member of {member.size} bytes does not fit")
                meter.allow(end)
                number += 1
                place = f"member {number} of {held.short_name}"
                yield from _tar_member(f"{held.name}!{member.name}", archive, member, place, limits)


def _tar_member(
    key: str, archive: tarfile.TarFile, member: tarfile.TarInfo, place: str, limits: Limits
) -> Iterator[Item]:
    if member.isdir() or not (is_photo_name(member.name) or not member.isfile()):
        return
    problem = unsafe_name(member.name)
    if not member.isfile() or member.issparse():
        problem = problem or f"it is a link, a device or a sparse file; {_PLAIN}"
    if problem is None and member.size > limits.member_bytes:
        problem = _too_big(member.size, limits)
    if problem:
        yield broken(key, f"not read: {problem}", place)
        return
    stream = archive.extractfile(member)
    data = stream.read() if stream else b""
    yield Item(key, HeldReader(data), place=place)


def _decompressed(raw: IO[bytes]) -> IO[bytes]:
    """The plain tar stream, by the first bytes of the file rather than by its name."""
    magic = raw.read(6)
    raw.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    if magic.startswith(b"BZh"):
        return cast(IO[bytes], bz2.BZ2File(raw))
    return cast(IO[bytes], lzma.LZMAFile(raw)) if magic == b"\xfd7zXZ\x00" else raw


def _size(raw: IO[bytes]) -> int:
    """How many bytes there are; stays where it was."""
    here = raw.tell()
    size = raw.seek(0, os.SEEK_END)
    raw.seek(here)
    return size


class _ListGuard:
    """A zip's file while its list of members is read. What the zip says about the list is not believed: members are counted
    in its bytes, before anything is made of them."""

    def __init__(self, raw: IO[bytes], members: int) -> None:
        self._raw = raw
        self._members = members
        self.seek, self.tell, self.seekable = raw.seek, raw.tell, raw.seekable
        self.is_listed = False

    def read(self, size: int = -1) -> bytes:
        if self.is_listed:
            return self._raw.read(size)
        fits = size <= max(_MIB, _LISTED_BYTES * self._members)
        data = self._raw.read(size) if fits else b""
        if not fits or data.count(_LISTED) > self._members:
            raise _Refused(
                f"the zip's list of members takes {max(size, len(data))} bytes, expected at most {self._members} members of "
                f"{_LISTED_BYTES} bytes; pack several zips"
            )
        return data


@contextmanager
def _opened_zip(raw: IO[bytes], limits: Limits) -> Iterator[zipfile.ZipFile]:
    guard = _ListGuard(raw, limits.members)
    with zipfile.ZipFile(cast(Any, guard)) as archive:
        guard.is_listed = True
        yield archive


def _zip_items(held: Container, raw: IO[bytes], limits: Limits) -> Iterator[Item]:
    with _opened_zip(raw, limits) as archive:
        total_bytes, read_bytes = limits.total_bytes(_size(raw)), 0
        for number, info in enumerate(archive.infolist(), 1):
            name = _zip_name(info)
            if name.endswith("/") or not is_photo_name(name):
                continue
            key, place = f"{held.name}!{name}", f"member {number} of {held.short_name}"
            if problem := unsafe_name(name) or _zip_problem(info, limits):
                yield broken(key, f"not read: {problem}", place)
                continue
            read_bytes += info.file_size  # reading stops at the size that is declared
            if read_bytes > total_bytes:
                raise _Refused(f"the archive unpacks to more than {total_bytes} bytes; a zip bomb?")
            yield _zip_member(archive, info, key, place)


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The whole name of a member. One without the mark of UTF-8 is UTF-8 all the same, as macOS packs it, else in the code
    page of whoever packed it: GB 18030 on Chinese Windows, CP437 by the standard."""
    name = info.orig_filename
    if info.flag_bits & _UTF8_NAME or name.isascii():
        return name
    for encoding in ("utf-8", "gb18030"):
        with suppress(UnicodeDecodeError):
            return name.encode("cp437").decode(encoding)
    return name


def _zip_problem(info: zipfile.ZipInfo, limits: Limits) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return f"it is a link or a device; {_PLAIN}"
    if info.flag_bits & 1:
        return "it is encrypted; pack it without a password"
    if info.file_size > limits.member_bytes:
        return _too_big(info.file_size, limits)
    if info.file_size > _MIB and info.file_size > limits.ratio * info.compress_size:
        return (
            f"it unpacks to {info.file_size} bytes from {info.compress_size}, more than {limits.ratio} times as many, as a "
            "zip bomb does; if it is a picture, save it as JPEG"
        )
    return None


def _too_big(size: int, limits: Limits) -> str:
    return f"it has {size} bytes, expected at most {limits.member_bytes}; pack a smaller picture"


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, key: str, place: str) -> Item:
    try:
        with archive.open(info) as stream:
            return Item(key, HeldReader(stream.read(info.file_size)), place=place)
    except (*_DAMAGE, *_UNSUPPORTED) as error:
        return broken(key, f"cannot be read from the archive: {error}; pack it again", place)
