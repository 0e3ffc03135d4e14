"""What a batch has written so far, so that it survives being killed: append-only part files and an index over them.

The parts are the truth: JSON lines, forced to disk every few rows. The index (SQLite) only says where the latest row of
each key lies; it is written after the part and is brought up to date from it when the folder is opened. A last line that
was torn is cut off; its input is scored again.
"""

import contextlib
import errno
import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from firewarden.bulk.items import AGAIN, BatchStopped
from firewarden.bulk.scorer import Row

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, id TEXT, part INTEGER, start INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (number INTEGER PRIMARY KEY, indexed INTEGER);
CREATE TABLE IF NOT EXISTS claimed (key BLOB PRIMARY KEY, place TEXT) WITHOUT ROWID;
DELETE FROM claimed;
"""
_BLOCK = 64 * 1024
_Entry = tuple[bytes, str | None, int, int]  # a line of `rows`


class Ledger:
    """The state folder of one batch. Thread-safe; one process at a time may have it open."""

    def __init__(
        self,
        folder: Path,
        *,
        anew: bool = False,
        sync_rows: int = 64,
        sync_s: float = 2.0,
        part_bytes: int = 256 * 2**20,
    ) -> None:
        """`anew` drops the rows that are there, once no other process has the folder open."""
        self._folder = folder
        self._sync_rows, self._sync_s, self._part_bytes = sync_rows, sync_s, part_bytes
        self._lock = threading.RLock()  # rows and parts
        self._index_lock = threading.Lock()  # taken last; who looks a key up does not wait for the disk
        self._lines: list[bytes] = []
        self._entries: list[_Entry] = []
        with _stops(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._index = _open_index(folder / "index.sqlite")
            for number in self._part_numbers() if anew else []:
                self._path(number).unlink()
            self._catch_up()
            self._number = max(self._part_numbers(), default=1)
            self._part = os.open(self._path(self._number), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._size = os.fstat(self._part).st_size
        self._synced_s = time.monotonic()

    def claim(self, key: str, place: str) -> str | None:
        """None for a key this run has not met, else the place where it met it first."""
        named = digest(key)
        with self._index_lock, _stops(self._folder):
            shown = place.encode(errors="backslashreplace").decode()  # the name of a table may be no UTF-8
            made = self._index.execute("INSERT OR IGNORE INTO claimed VALUES (?, ?)", (named, shown))
            if made.rowcount:
                return None
            told = self._index.execute("SELECT place FROM claimed WHERE key=?", (named,)).fetchone()
            return str(told[0])

    def is_finished(self, key: str, identity: str) -> bool:
        """Whether the latest row of a key is of this identity."""
        return self.finished_id(key) == identity

    def finished_id(self, key: str) -> str | None:
        """The identity of the latest row of a key; None where there is none, or only an error to try again."""
        with self._index_lock, _stops(self._folder):
            told = self._index.execute("SELECT id FROM rows WHERE key=?", (digest(key),)).fetchone()
        return told[0] if told else None

    def write(self, row: Row) -> None:
        """Keep a row; it is safe after the next `sync`, which comes by itself every few rows or seconds."""
        line = to_line(row)
        with self._lock:
            start = self._size + sum(map(len, self._lines))
            self._entries.append((digest(row["path"]), row["batch"]["id"], self._number, start))
            self._lines.append(line)
            due = time.monotonic() - self._synced_s >= self._sync_s
            if due or len(self._lines) >= self._sync_rows:
                self.sync()

    def sync(self) -> None:
        """Force all rows to disk; raises BatchStopped, with the part cut back to its last whole row."""
        with self._lock, _stops(self._folder):
            self._append(b"".join(self._lines))
            with self._index_lock:
                self._index.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)", self._entries)
                self._index.execute("INSERT OR REPLACE INTO parts VALUES (?, ?)", (self._number, self._size))
                self._index.commit()
            self._lines, self._entries, self._synced_s = [], [], time.monotonic()
            if self._size >= self._part_bytes:
                self._next_part()

    @property
    def is_empty(self) -> bool:
        """Whether no row was ever forced to disk."""
        return self._number == 1 and not self._size

    def lines(self) -> Iterator[bytes]:
        """The latest row of each key that this run has met, as JSON lines, in the order they were written."""
        self.sync()
        found = self._index.execute(
            "SELECT part, start FROM rows JOIN claimed USING (key) ORDER BY part, start"
        )
        number, file = 0, contextlib.ExitStack()
        with file:
            for part, start in found:
                if part != number:
                    file.close()
                    stream = file.enter_context(self._path(part).open("rb"))
                    number = part
                stream.seek(start)
                yield stream.readline()

    def close(self) -> None:
        """Sync and let go; a close that cannot write any more only lets go."""
        with contextlib.suppress(BatchStopped):
            self.sync()
        os.close(self._part)
        self._index.close()

    def _append(self, data: bytes) -> None:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._part, view) :]
            os.fsync(self._part)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._part, self._size)
            raise
        self._size += len(data)

    def _next_part(self) -> None:
        os.close(self._part)
        self._number += 1
        self._part = os.open(self._path(self._number), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = 0

    def _path(self, number: int) -> Path:
        return self._folder / f"part-{number:06d}.jsonl"

    def _part_numbers(self) -> list[int]:
        return sorted(int(path.stem.split("-")[1]) for path in self._folder.glob("part-*.jsonl"))

    def _catch_up(self) -> None:
        """Cut torn ends off, forget parts that are gone, and read what the index has not seen."""
        numbers = self._part_numbers()
        for (number,) in self._index.execute("SELECT number FROM parts").fetchall():
            if number not in numbers:
                self._index.execute("DELETE FROM rows WHERE part=?", (number,))
                self._index.execute("DELETE FROM parts WHERE number=?", (number,))
        for number in numbers:
            path = self._path(number)
            size = _cut_torn_end(path)
            told = self._index.execute("SELECT indexed FROM parts WHERE number=?", (number,)).fetchone()
            indexed = told[0] if told else 0
            if indexed > size:  # the part has lost rows: believe the part
                self._index.execute("DELETE FROM rows WHERE part=?", (number,))
                indexed = 0
            for entry in _read_entries(path, number, indexed):
                self._index.execute("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)", entry)
            self._index.execute("INSERT OR REPLACE INTO parts VALUES (?, ?)", (number, size))
        self._index.commit()


def to_line(row: Row) -> bytes:
    """One row as a JSON line; bytes of file names that are no UTF-8 stay as escapes."""
    return (json.dumps(row, ensure_ascii=False) + "\n").encode(errors="backslashreplace")


def digest(key: str) -> bytes:
    """16 bytes that stand for a key."""
    return hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=16).digest()


def _open_index(path: Path) -> sqlite3.Connection:
    """The index, locked for this process; a damaged one is made anew from the parts."""
    try:
        return _connect(path)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise BatchStopped(
                f"another run is writing to {path.parent}; wait for it, or choose another --out"
            ) from error
        if error.sqlite_errorcode not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
    return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    index = sqlite3.connect(path, timeout=0, check_same_thread=False)
    try:
        index.execute("PRAGMA locking_mode=EXCLUSIVE")
        index.execute("PRAGMA journal_mode=WAL")
        index.execute("PRAGMA synchronous=NORMAL")
        index.executescript(_SCHEMA)
    except sqlite3.Error:
        index.close()
        raise
    return index


def _cut_torn_end(path: Path) -> int:
    """Truncate after the last newline; the size that is left."""
    with path.open("r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end:
            begin = max(0, end - _BLOCK)
            file.seek(begin)
            newline = file.read(end - begin).rfind(b"\n")
            if newline >= 0:
                end = begin + newline + 1
                break
            end = begin
        if end < size:
            file.truncate(end)
        return end


def _read_entries(path: Path, number: int, start: int) -> Iterator[_Entry]:
    """Index entries of the lines from `start` on; a line that is no row is passed over, so its input is scored again."""
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                row = json.loads(line)
                yield digest(row["path"]), row["batch"]["id"], number, start
            start += len(line)


@contextlib.contextmanager
def _stops(folder: Path) -> Iterator[None]:
    """Turn failures of the disk into BatchStopped."""
    try:
        yield
    except OSError as error:
        told = "the disk is full" if error.errno in _FULL else f"cannot write: {error.strerror or error}"
        raise BatchStopped(f"{told} ({folder}). What was written is kept; {_CURE}") from error
    except sqlite3.DatabaseError as error:
        told = (
            "the disk is full" if error.sqlite_errorcode == sqlite3.SQLITE_FULL else f"cannot write: {error}"
        )
        raise BatchStopped(f"{told} ({folder}). What was written is kept; {_CURE}") from error


_CURE = f"make room or mend the disk, then {AGAIN}"
