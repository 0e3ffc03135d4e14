"""A batch in a process of its own, watched from outside: what it has done when, and its memory.

The process itself is `python -m firewarden.benchmarks.batch_process`, given the job on standard input; it prints one JSON line for each picture done.
"""

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from firewarden.bulk.engine import Tally
from firewarden.bulk.job import Job, check_job, run_job
from firewarden.errors import HazardError

try:
    import psutil
except ModuleNotFoundError as missing:
    raise HazardError(
        "psutil is not installed; watching a batch needs it: pip install -e '.[bench]' in the checkout"
    ) from missing

_RSS_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Event:
    """At `at` (seconds of the system's monotonic clock, less the time the process was held), `done` inputs were done."""

    at: float
    done: int
    resident_mb: float


class BatchProcess:
    """A running batch; use it in a `with` block. `events` grow while it runs; `tally` is there at its end. `held_s` is the
    time for which it was held."""

    def __init__(self, job: Job) -> None:
        self.events: list[Event] = []
        self.tally: dict[str, int] | None = None
        self.held_s = self._held_at = 0.0
        self.began = time.monotonic()
        self._changed = threading.Condition()  # told when what is waited for is done: no polling beside it
        self._wanted, self._ended = 0, False
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
        )  # fmt: skip
        assert self._process.stdin is not None
        with self._process.stdin as pipe:
            pipe.write(pickle.dumps(job))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._log.close()

    @property
    def done(self) -> int:
        return self.events[-1].done if self.events else 0

    def wait_for(self, done: int) -> None:
        """Until so many inputs are done; raises HazardError where the process ends before."""
        with self._changed:
            self._wanted = done
            self._changed.wait_for(lambda: self.done >= done or self._ended)
        if self.done < done:
            raise self._failed()

    def wait(self) -> None:
        """Until it has ended; raises HazardError for a failure."""
        code = self._process.wait()
        self._reader.join()
        if code != 0:
            raise self._failed()

    def hold(self) -> None:
        """Stop it where it is; `release` lets it go on, and the time between does not count."""
        self._process.send_signal(signal.SIGSTOP)
        self._held_at = time.monotonic()

    def release(self) -> None:
        self.held_s += time.monotonic() - self._held_at
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if "tally" in told:
                self.tally = told["tally"]
            else:
                self.events.append(Event(told["at"] - self.held_s, told["done"], told["resident_mb"]))
                if told["done"] >= self._wanted:
                    self._tell_waiter()
        self._ended = True
        self._tell_waiter()

    def _tell_waiter(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _failed(self) -> HazardError:
        self._log.seek(0)
        end = self._log.read().decode(errors="replace")[-2000:]
        return HazardError(
            f"the batch ended with exit code {self._process.wait()} after {self.done} inputs:\n{end}"
        )


class _Teller:
    """Prints what is done; the memory is looked up twice a second."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._looked_at, self._resident_mb = -_RSS_EVERY_S, 0.0
        self._out = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)

    def progress(self, tally: Tally) -> None:
        now = time.monotonic()
        if now - self._looked_at >= _RSS_EVERY_S:
            self._looked_at, self._resident_mb = now, self._process.memory_info().rss / 2**20
        self.tell({"at": now, "done": tally.done, "resident_mb": round(self._resident_mb, 1)})

    def tell(self, told: dict[str, Any]) -> None:
        print(json.dumps(told), file=self._out)


def main() -> None:
    """Run the job that comes on standard input."""
    job: Job = pickle.load(sys.stdin.buffer)
    teller = _Teller()
    check_job(job)
    teller.tell({"tally": asdict(run_job(job, teller.progress).tally)})


def rows_of(path: Path) -> dict[str, dict[str, Any]]:
    """Rows of a finished batch by path, less what differs from run to run; raises HazardError on a path that is there twice."""
    rows: dict[str, dict[str, Any]] = {}
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            row.pop("timings_ms", None)
            if row["path"] in rows:
                raise HazardError(f"{path} holds two rows of {row['path']}; report it")
            rows[row["path"]] = row
    return rows


if __name__ == "__main__":
    main()
