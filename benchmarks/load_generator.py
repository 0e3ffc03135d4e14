"""Put one load on a server from a separate process, and tell what came back and what the server used meanwhile."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from firewarden.benchmarks.load_plan import WATCH_EVERY_S, Load, Samples, Target, job_to_json
from firewarden.benchmarks.load_report import LoadResult, report_load
from firewarden.benchmarks.photos import BenchPhoto
from firewarden.benchmarks.server_process import ServerProcess
from firewarden.errors import HazardError


@dataclass(frozen=True, slots=True)
class ServedLoad:
    """A load's result, with the cores and the memory (MiB) that the server used: `resident_mb` once the load had ended,
    `watched_mb` every `WATCH_EVERY_S` during it."""

    result: LoadResult
    server_cores: float
    resident_mb: float
    watched_mb: tuple[float, ...] = ()

    @property
    def peak_resident_mb(self) -> float:
        """The most of what was seen, MiB; what came and went between two looks is not in it."""
        return max(*self.watched_mb, self.resident_mb, 0.0)

    def to_json(self) -> dict[str, Any]:
        return {
            **self.result.to_json(),
            "server_cores": round(self.server_cores, 3),
            "resident_mb": round(self.resident_mb, 1),
            "peak_resident_mb": round(self.peak_resident_mb, 1),
        }


def put_load(
    server: ServerProcess, target: Target, load: Load, photos: Sequence[BenchPhoto], work: Path
) -> ServedLoad:
    """Run the load to its end; `work` is a folder for the photos' files."""
    before_s = server.cpu_s()
    with Watch(server.resident_mb, WATCH_EVERY_S) as watch:
        samples = generate_load(target, load, photos, work)
    cores = (server.cpu_s() - before_s) / samples.wall_s if samples.wall_s > 0 else 0.0
    return ServedLoad(report_load(samples, load), cores, server.resident_mb(), tuple(watch.values))


def generate_load(target: Target, load: Load, photos: Sequence[BenchPhoto], work: Path) -> Samples:
    """Samples of a generator process; raises HazardError with its words where it fails."""
    paths = [work / f"{photo.name}.jpg" for photo in photos]
    for path, photo in zip(paths, photos, strict=True):
        if not path.exists():
            path.write_bytes(photo.data)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "firewarden.benchmarks.load_client"],
        input=json.dumps(job_to_json(target, load, [str(path) for path in paths])),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise HazardError(f"the load generator ended with code {done.returncode}:\n{done.stderr[-2000:]}")
    return Samples(**json.loads(done.stdout))


class Watch:
    """Calls `probe` at once and every `every_s` in a thread of its own until the `with` block ends; `values` are what it gave."""

    def __init__(self, probe: Callable[[], float], every_s: float) -> None:
        self.values: list[float] = []
        self._probe = probe
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        self.values.append(self._probe())
        while not self._ended.wait(self._every_s):
            self.values.append(self._probe())
