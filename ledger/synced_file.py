"""Writing a new file that is there after a power cut, past the page cache where the file is large and the system lets us.

A photo is written once and hardly ever read soon: through the cache it is copied into pages that have to be found, filled and
written back, which takes more of a core than the disk takes of it.
"""

import errno
import mmap
import os
import threading
from pathlib import Path

_BLOCK = 4096  # direct writes begin, end and lie in memory at multiples of the disk's own, 512 or 4,096
_CHUNK = 2**20
_DIRECT_FROM = 2**18  # bytes; a smaller file is through the cache as soon
_O_DIRECT: int | None = getattr(os, "O_DIRECT", None)  # Linux
_UNFIT = frozenset({errno.EINVAL, errno.EOPNOTSUPP})  # what file systems without direct writes say
_own = threading.local()


def write_synced(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, durable on return but for its entry in the folder. Raises OSError, and then part of
    the file may be left."""
    if _O_DIRECT is None or len(data) < _DIRECT_FROM or not _write_direct(path, data, _O_DIRECT):
        _write_cached(path, data)


def _write_cached(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _write_direct(path: Path, data: bytes, o_direct: int) -> bool:
    """False, and no file, where the file system cannot do it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | o_direct, 0o666)
    except OSError as error:
        return _give_up(path, error)
    try:
        for start in range(0, len(data), _CHUNK):
            _write_blocks(descriptor, memoryview(data)[start : start + _CHUNK], start)
        os.ftruncate(descriptor, len(data))
        os.fsync(descriptor)
    except OSError as error:
        return _give_up(path, error)
    finally:
        os.close(descriptor)
    return True


def _give_up(path: Path, error: OSError) -> bool:
    """False for what only means that it has to be done otherwise; all else is raised."""
    if error.errno not in _UNFIT:
        raise error
    path.unlink(missing_ok=True)  # some systems make the file before they find that they cannot write it so
    return False


def _write_blocks(descriptor: int, part: memoryview, offset: int) -> None:
    """Write a part by way of this thread's aligned buffer, in whole blocks: what is beyond its end is zeros."""
    whole = -(-len(part) // _BLOCK) * _BLOCK
    with memoryview(_aligned()) as buffer:
        buffer[: len(part)] = part
        buffer[len(part) : whole] = bytes(whole - len(part))
        written = 0
        while written < whole:
            with buffer[written:whole] as rest:
                step = os.pwrite(descriptor, rest, offset + written)
            if not step or step % _BLOCK:
                raise OSError(errno.EIO, f"{step} bytes were written, expected whole blocks")
            written += step


def _aligned() -> mmap.mmap:
    """A buffer that begins on a page, one a thread."""
    if not hasattr(_own, "buffer"):
        _own.buffer = mmap.mmap(-1, _CHUNK)
    buffer: mmap.mmap = _own.buffer
    return buffer
