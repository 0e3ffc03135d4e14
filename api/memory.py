"""Memory of a serving process: the C allocator told to keep less of what photos leave behind. No effect without glibc.

A photo of 12 MP passes through some 15 MB of buffers within 60 ms, in threads that change. As it comes, glibc gives each thread
an arena of its own, up to eight a core, and every arena keeps the most it ever held.
"""

import ctypes
import os
from functools import cache

_MIB = 2**20
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
_SETTINGS = {
    # Threads share two arenas, so what one photo leaves serves the next. They seldom meet there: few buffers, all large.
    "MALLOC_ARENA_MAX": (_M_ARENA_MAX, 2),
    # Decoded photos go back to the system at once. At 1 MiB bodies and the network's input would too: 70 MB less, but each
    # photo would pay 4 ms for pages that it had a moment before.
    "MALLOC_MMAP_THRESHOLD_": (_M_MMAP_THRESHOLD, 4 * _MIB),
    "MALLOC_TRIM_THRESHOLD_": (_M_TRIM_THRESHOLD, 8 * _MIB),
}


def limit_memory() -> bool:
    """Set the allocator; whether it could be. Call it before threads are started. Variables of the environment, which the
    allocator has read by itself, win."""
    libc = _glibc()
    if libc is None:
        return False
    wanted = [setting for name, setting in _SETTINGS.items() if name not in os.environ]
    return all(libc.mallopt(option, value) == 1 for option, value in wanted)


def return_memory() -> None:
    """Give pages that nothing lies in back to the system. Takes some milliseconds of its thread; others go on meanwhile."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    if os.name != "posix":
        return None
    libc = ctypes.CDLL(None)  # its calls let other Python threads run
    return libc if hasattr(libc, "gnu_get_libc_version") else None
