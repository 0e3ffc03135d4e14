"""Photo bytes, stored once under their sha256 and never changed."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from firewarden.ledger.synced_file import write_synced

T = TypeVar("T")
O = TypeVar("O")
_STALE_S = 24 * 3600  # an unfinished write this old belongs to a process that died
_SYNCS_AT_ONCE = 8


class BlobDamaged(Exception):
    """Stored bytes are gone or no longer match their name."""


@dataclass(frozen=True, slots=True)
class BlobStore:
    """Files at `root/ab/cd/<sha256>`."""

    root: Path
    _settled: set[Path] = field(
        default_factory=set, repr=False, compare=False
    )  # folders whose entry is durable
    _threads: ThreadPoolExecutor = field(  # started when first needed, ended with the store
        default_factory=lambda: ThreadPoolExecutor(_SYNCS_AT_ONCE, "sync"), repr=False, compare=False
    )

    def open(self) -> None:
        """Make the folders and drop what an earlier crash left half-written."""
        self._pending.mkdir(parents=True, exist_ok=True)
        for path in self._pending.iterdir():
            if _is_old(path, _STALE_S):  # others may rename and remove theirs meanwhile
                path.unlink(missing_ok=True)

    def put(self, data: bytes) -> str:
        """Store bytes and return their sha256; on return they are safe. Raises OSError."""
        sha256 = hashlib.sha256(data).hexdigest()
        (error,) = self.put_all([(sha256, data)])
        if error is not None:
            raise error
        return sha256

    def put_all(self, items: Sequence[tuple[str, bytes]]) -> list[OSError | None]:
        """Store bytes under their sha256, each None or its error. Those without error survive a crash and a power cut:
        every file is synced, renamed, and then its folder synced, as are the folders above where this process did not see
        to it before. Equal bytes are stored once. Syncs of a group run side by side: the disk ends them together."""
        distinct = dict(items)
        outcomes = dict(zip(distinct, self._side_by_side(self._place, list(distinct.items())), strict=True))
        self._sync_folders([self.path(sha256) for sha256, error in outcomes.items() if error is None])
        return [outcomes[sha256] for sha256, _ in items]

    def _place(self, item: tuple[str, bytes]) -> OSError | None:
        """Write and sync a file beside its target, then rename; nothing where the target is there already."""
        sha256, data = item
        target = self.path(sha256)
        pending = self._pending / uuid4().hex
        try:
            if _is_renewed(target, len(data)):
                return None
            write_synced(pending, data)
            target.parent.mkdir(parents=True, exist_ok=True)
            pending.replace(target)
        except OSError as error:
            with suppress(OSError):
                pending.unlink(missing_ok=True)
            return error
        return None

    def _sync_folders(self, paths: Sequence[Path]) -> None:
        """Make the entries of files, and of folders that were new, durable; each folder once."""
        if os.name == "nt":  # cannot open folders and needs no such call
            return
        chains = [folder for path in paths for folder in list(path.parents)[:2]]  # ab/cd and ab
        new = [folder for folder in dict.fromkeys(chains) if folder not in self._settled]
        folders = dict.fromkeys([path.parent for path in paths] + [folder.parent for folder in new])
        if len(paths) == 1:  # one after the other: the first sync takes the others along
            list(map(_sync_folder, folders))
        else:
            self._side_by_side(_sync_folder, list(folders))
        self._settled.update(new)

    def _side_by_side(self, work: Callable[[T], O], items: Sequence[T]) -> list[O]:
        """`work` of every item, by several threads where there are several; raises what the first that failed raised."""
        return list(map(work, items) if len(items) < 2 else self._threads.map(work, items))

    def get(self, sha256: str) -> bytes:
        """The bytes of a name; raises BlobDamaged where they are missing or differ."""
        try:
            data = self.path(sha256).read_bytes()
        except FileNotFoundError as error:
            raise BlobDamaged(
                f"blob {sha256} is missing, expected {self.path(sha256)}. Restore a backup."
            ) from error
        got = hashlib.sha256(data).hexdigest()
        if got != sha256:
            raise BlobDamaged(f"blob {sha256} has sha256 {got}: the file was changed. Restore a backup.")
        return data

    def remove(self, sha256: str) -> None:
        """Delete bytes; nothing happens where they are gone. The caller sees to it that no row names them any more."""
        self.path(sha256).unlink(missing_ok=True)

    def discard(self, sha256: str, *, unused_s: float) -> bool:
        """Delete bytes that nobody has put for `unused_s` seconds; whether they went. The caller has seen that no row names
        them. Who puts them in the same moment has them kept, or finds them gone and writes them."""
        target, aside = self.path(sha256), self._pending / uuid4().hex
        if not _is_old(target, unused_s):
            return False
        try:
            target.replace(aside)
        except FileNotFoundError:  # another process was first
            return False
        if aside.exists() and not _is_old(aside, unused_s):  # put between the look and the move
            aside.replace(target)
            self._sync_folders([target])
            return False
        aside.unlink(missing_ok=True)
        return True

    def names(self) -> Iterator[str]:
        """The sha256 of everything stored, in no order."""
        return (path.name for path in self.root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"))

    def path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256[2:4] / sha256

    def check_writable(self) -> None:
        """Write and remove a small file; raises OSError where the disk is full, read-only or gone."""
        probe = self._pending / uuid4().hex
        try:
            probe.write_bytes(b"ready?")
        finally:
            probe.unlink(missing_ok=True)

    @property
    def _pending(self) -> Path:
        return self.root / "pending"


def _is_renewed(path: Path, size: int) -> bool:
    """Whether a file of this size is there; it counts as put now."""
    try:
        os.utime(path)
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _is_old(path: Path, unused_s: float) -> bool:
    try:
        return time.time() - path.stat().st_mtime >= unused_s
    except FileNotFoundError:
        return False


def _sync_folder(path: Path) -> None:
    """Make renames and new entries of a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
