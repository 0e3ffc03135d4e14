"""A process that serves gives memory back."""

import os
import subprocess
import sys

import pytest

from firewarden.api.memory import limit_memory

LEAVE_HOLES = """
import sys, threading
from firewarden.api.memory import limit_memory, return_memory

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

def photo():
    bytearray(3 * 2**20)[:] = b"x" * (3 * 2**20)
    met.wait(30)

if sys.argv[1] == "limited":
    assert limit_memory()
before = resident_mb()
met = threading.Barrier(12)
threads = [threading.Thread(target=photo) for _ in range(12)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
held = resident_mb() - before
return_memory()
print(held, resident_mb() - before)
"""


def _held_and_after(how: str) -> tuple[float, float]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    plain["MALLOC_MMAP_THRESHOLD_"] = str(
        32 * 2**20
    )  # so that these few photos come from arenas, as they do after a while
    plain["MALLOC_TRIM_THRESHOLD_"] = str(256 * 2**20)
    done = subprocess.run(
        [sys.executable, "-P", "-c", LEAVE_HOLES, how], capture_output=True, text=True, check=True, env=plain
    )
    held, after = map(float, done.stdout.split())
    return held, after


@pytest.mark.skipif(not limit_memory(), reason="only glibc can be told")
def test_threads_share_what_photos_leave_and_it_can_be_given_back() -> None:
    free, free_after = _held_and_after("free")
    limited, limited_after = _held_and_after("limited")
    assert free > 12 * 3  # each of twelve arenas keeps its photo
    assert limited < free / 2
    assert limited_after < 20 < free_after  # what arenas hold at their ends, nobody can take back
