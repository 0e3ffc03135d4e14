"""Original photo bytes, stored once under their sha256 and never changed."""

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

_STALE_S = 24 * 3600  # an unfinished write this old belongs to a process that died


class BlobDamaged(Exception):
    """Stored bytes are gone or no longer match their name."""


@dataclass(frozen=True, slots=True)
class BlobStore:
    """Files at `root/ab/cd/<sha256>`."""

    root: Path
    _settled: set[Path] = field(
        default_factory=set, repr=False, compare=False
    )  # folders whose entry is durable

    def open(self) -> None:
        """Make the folders and drop what an earlier crash left half-written."""
        self._pending.mkdir(parents=True, exist_ok=True)
        for path in self._pending.iterdir():
            if time.time() - path.stat().st_mtime > _STALE_S:
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
        to it before. Equal bytes are stored once."""
        errors: list[OSError | None] = []
        pending: list[tuple[Path, Path]] = []
        for sha256, data in items:
            try:
                pending += self._write(self.path(sha256), data)
                errors.append(None)
            except OSError as error:
                errors.append(error)
        for path, target in pending:
            _sync(path)
            path.replace(target)
        kept = [self.path(sha256) for (sha256, _), error in zip(items, errors, strict=True) if error is None]
        self._sync_folders(kept)
        return errors

    def _sync_folders(self, paths: Sequence[Path]) -> None:
        """Make the entries of files, and of folders that were new, durable; each folder once."""
        if os.name == "nt":  # cannot open folders and needs no such call
            return
        chains = [folder for path in paths for folder in list(path.parents)[:2]]  # ab/cd and ab
        new = [folder for folder in dict.fromkeys(chains) if folder not in self._settled]
        for folder in dict.fromkeys([path.parent for path in paths] + [folder.parent for folder in new]):
            _sync(folder)
        self._settled.update(new)

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

    def _write(self, target: Path, data: bytes) -> list[tuple[Path, Path]]:
        """Write beside the target and tell what to rename; nothing where the target is there already."""
        if _has_size(target, len(data)):
            return []
        target.parent.mkdir(parents=True, exist_ok=True)
        pending = self._pending / uuid4().hex
        try:
            with pending.open("xb") as file:
                file.write(data)
        except OSError:
            pending.unlink(missing_ok=True)
            raise
        return [(pending, target)]


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _sync(path: Path) -> None:
    """Make the content of a file, or the renames and new entries of a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
