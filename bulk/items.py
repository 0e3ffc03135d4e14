"""One input of a batch: where its bytes are and what is known about it beforehand."""

import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from firewarden.errors import HazardError
from firewarden.findings import InspectionContext, Source

MAX_BYTES = 64 * 2**20  # of one picture; a phone photo has 3 to 12 MiB
AGAIN = "run the same command again, without --overwrite"


class Unreadable(Exception):
    """The bytes of one input cannot be had; the message goes into its row. `final`: they are there but will not do, so that
    trying again is of no use."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


class BatchStopped(HazardError):
    """The batch cannot go on; what was written stays, and the same command, without --overwrite, continues it."""


class Reader(Protocol):
    """Gives the bytes of one input. Readers can be pickled, so that other processes can read."""

    def read(self) -> bytes:
        """At most MAX_BYTES; raises Unreadable."""
        ...


@dataclass(frozen=True, slots=True)
class FileReader:
    """A file on disk of at most `max_bytes`."""

    path: Path
    max_bytes: int = MAX_BYTES

    def read(self) -> bytes:
        try:
            told = self.path.stat()
            if stat.S_ISFIFO(told.st_mode) or stat.S_ISCHR(told.st_mode) or stat.S_ISSOCK(told.st_mode):
                raise Unreadable("cannot be read: it is a pipe or a device, expected a file", final=True)
            check_size(told.st_size, self.max_bytes)
            with self.path.open("rb") as file:
                # no more than it has: asked for `max_bytes` it would first get memory for them
                data = file.read(told.st_size + 1)
                if len(data) > told.st_size:  # it has grown since
                    data += file.read(self.max_bytes + 1 - len(data))
        except OSError as error:
            raise Unreadable(f"cannot be read: {error.strerror or error}") from error
        check_size(len(data), self.max_bytes)
        return data


@dataclass(frozen=True, slots=True)
class HeldReader:
    """Bytes that have been read already, e.g. out of an archive that can be read in order alone."""

    data: bytes = field(repr=False)

    def read(self) -> bytes:
        return self.data


@dataclass(frozen=True, slots=True)
class BrokenReader:
    """An input that is known to be of no use; `message` says why and what would cure it. Not `final`: the same command may
    find it cured, e.g. a folder that could not be listed."""

    message: str
    final: bool = True

    def read(self) -> bytes:
        raise Unreadable(self.message, final=self.final)


@dataclass(frozen=True, slots=True)
class DoubtedReader:
    """Bytes that can be read, of an input that cannot be scored as it is listed; `message` says why."""

    reader: Reader
    message: str

    def read(self) -> bytes:
        return self.reader.read()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a manifest says about a picture. `time` is ISO 8601; `scene_source` says who named `scene`."""

    camera: str | None = None
    time: str | None = None
    venue: str | None = None
    scene: str | None = None
    scene_source: str = Source.REGISTER


@dataclass(frozen=True, slots=True)
class Item:
    """One input. `key` names it within the batch and stands in its row as `path`. `place` says where it is listed, for
    inputs that are listed one by one (`row 7 of cams.csv`): there, a repeated key is an error and not an overlap."""

    key: str
    reader: Reader
    facts: Facts = Facts()
    place: str = ""

    @property
    def fault(self) -> str | None:
        """Why it is of no use, where that is known beforehand."""
        return self.reader.message if isinstance(self.reader, BrokenReader | DoubtedReader) else None

    def context(self, base: InspectionContext) -> InspectionContext:
        """`base`, with venue and scene of the facts where they name them."""
        if self.facts.venue:
            base = replace(base, venue_type=self.facts.venue)
        if self.facts.scene:
            base = replace(base, scene=self.facts.scene, scene_source=Source(self.facts.scene_source))
        return base


def broken(key: str, message: str, place: str = "", *, final: bool = True) -> Item:
    """An item whose row will be this error; `final` as in BrokenReader."""
    return Item(key, BrokenReader(message, final), place=place)


def repeated(item: Item, first: str) -> Item:
    """The item that stands for a listing of a key that `first` listed already. One with a fault of its own tells that."""
    told = f"{item.place} repeats {first or 'another source'}: the same picture twice; remove one of them"
    return replace(item, key=f"{item.key} ({item.place})", reader=BrokenReader(item.fault or told))


def check_size(size: int, max_bytes: int = MAX_BYTES) -> None:
    """Raises Unreadable above `max_bytes`."""
    if size > max_bytes:
        raise Unreadable(
            f"got a file of {size} bytes, expected at most {max_bytes} for one picture; send a smaller one",
            final=True,
        )
