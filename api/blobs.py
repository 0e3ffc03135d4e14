"""Original photo bytes, stored once under their sha256 and never changed."""

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

_STALE_S = 24 * 3600  # an unfinished write this old belongs to a process that died


class BlobDamaged(Exception):
    """Stored bytes are gone or no longer match their name."""


@dataclass(frozen=True, slots=True)
class BlobStore:
    """Files at `root/ab/cd/<sha256>`."""

    root: Path

    def open(self) -> None:
        """Make the folders and drop what an earlier crash left half-written."""
        self._pending.mkdir(parents=True, exist_ok=True)
        for path in self._pending.iterdir():
            if time.time() - path.stat().st_mtime > _STALE_S:
                path.unlink(missing_ok=True)

    def put(self, data: bytes) -> str:
        """Store bytes and return their sha256. On return they survive a crash and a power cut: file, then each folder
        on the way, is synced. Equal bytes are stored once."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if not _has_size(path, len(data)):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write(path, data)
        for folder in (path.parent, path.parent.parent, self.root):
            _sync_folder(folder)
        return sha256

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

    def _write(self, path: Path, data: bytes) -> None:
        pending = self._pending / uuid4().hex
        try:
            with pending.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            pending.replace(path)
        finally:
            pending.unlink(missing_ok=True)


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    """Make renames and new entries of a folder durable. Windows cannot open folders and needs no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
