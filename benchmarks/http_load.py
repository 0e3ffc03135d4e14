"""`firewarden bench http`: our own server under closed and open load, its memory, and how soon it is ready."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from firewarden.benchmarks.conditions import filesystem_of
from firewarden.benchmarks.http_open import measure_rounds, open_rows
from firewarden.benchmarks.load_generator import ServedLoad, put_load
from firewarden.benchmarks.load_plan import Load, Target
from firewarden.benchmarks.overhead import measure_overhead
from firewarden.benchmarks.photos import BenchPhoto
from firewarden.benchmarks.server_process import ServerProcess, start_firewarden
from firewarden.benchmarks.stats import slope
from firewarden.inference.batch_plan import PLAN_FILE
from firewarden.inference.tuned import RUNTIME_FILE
from firewarden.models.manifest import ModelManifest

POST_PATH = "/v1/inspections"
MEMORY_DISTINCT = 500  # photos that the memory run sends again and again, so that they fit on the disk
_OVERLOAD_WARM_UP_S = 5.0  # at twice the pace the line first fills, then is worked off to its standing length
_STEADY_SHARE = 0.25  # of the requests of a memory run, after which buffers and caches have filled


@dataclass(frozen=True, slots=True)
class HttpPlan:
    """What `bench http` does. `tuned` is a data folder whose `doctor --tune` choice is used; `open_shares` are arrival rates
    as shares of the best closed loop, which is measured again beside them in each of `open_rounds`. What the server adds is
    measured in `overhead_rounds` (0: not at all) of windows of `overhead_s` seconds, shorter than 5 for tests alone;
    `solo_threads` are what the server gives a photo that comes alone."""

    clients: Sequence[int] = (1, 8, 16, 64)
    open_shares: Sequence[float] = (0.5, 2.0)
    open_rounds: int = 3
    seconds: float = 20.0
    warm_up_s: float = 5.0
    workers: int = 1
    starts: int = 3
    overhead_rounds: int = 7
    overhead_s: float = 5.0
    solo_threads: int = 1
    model: str | None = None
    tuned: Path | None = None
    env: dict[str, str] = field(default_factory=dict)
    on_step: Callable[[str], object] = lambda text: None


def measure_http(plan: HttpPlan, manifest: ModelManifest, photos: Sequence[BenchPhoto]) -> dict[str, Any]:
    """Start-to-ready times, one row for each load, and what the server adds to decode and network."""
    with _work_folder(plan) as work:
        ready_s = _start_times(plan, work)
        with _served(plan, work) as (server, target):
            rows = [row for photo in photos for row in _loads_of_photo(plan, server, target, photo, work)]
            overhead = measure_overhead(
                server, target, photos, manifest, work,
                rounds=plan.overhead_rounds, seconds=plan.overhead_s, tuned=plan.tuned, on_step=plan.on_step,
                solo_threads=plan.solo_threads,
            )  # fmt: skip
        return {
            "workers": plan.workers,
            "filesystem": filesystem_of(work),
            "start_to_ready_s": ready_s,
            "loads": rows,
            "overhead": overhead,
        }


def watch_memory(
    plan: HttpPlan, photos: Sequence[BenchPhoto], requests: int, clients: int = 8
) -> dict[str, Any]:
    """Memory of the server, MiB, over many requests; the slope is over those after the first quarter."""
    load = Load(clients, seconds=0.0, warm_up_s=0.0, requests=requests, distinct=MEMORY_DISTINCT)
    with _work_folder(plan) as work, _served(plan, work) as (server, target):
        plan.on_step(f"{requests} requests of {clients} clients")
        served = put_load(server, target, load, photos, work)
        return {
            "requests": requests,
            "workers": plan.workers,
            **memory_figures(served.watched_mb, requests),
            **served.to_json(),
        }


def memory_figures(resident_mb: Sequence[float], requests: int) -> dict[str, Any]:
    """Peak, last value and growth per 1,000 requests of values taken at equal distances over all requests."""
    steady = resident_mb[int(len(resident_mb) * _STEADY_SHARE) :]
    position = [requests * i / max(1, len(resident_mb)) / 1000 for i in range(len(steady))]
    return {
        "peak_mb": round(max(resident_mb, default=0.0), 1),
        "last_mb": round(resident_mb[-1], 1) if resident_mb else None,
        "mb_per_1000_requests": round(slope(position, steady), 3),
    }


def open_warm_up_s(plan: HttpPlan, share: float) -> float:
    """Warm-up of an open loop at this share of the peak."""
    return max(plan.warm_up_s, _OVERLOAD_WARM_UP_S) if share > 1 else plan.warm_up_s


def _loads_of_photo(
    plan: HttpPlan, server: ServerProcess, target: Target, photo: BenchPhoto, work: Path
) -> Iterator[dict[str, Any]]:
    """Closed loops by number of clients, then open loops beside the best of them."""
    put = partial(_put, plan, server, target, photo=photo, work=work)
    told = {"photo": photo.name, "loop": "closed", "rate": None}
    closed = {}
    for clients in plan.clients:
        closed[clients] = put(Load(clients, 0.0, plan.seconds, plan.warm_up_s))
        yield {**told, "clients": clients, **closed[clients].to_json()}
    best = max(closed, key=lambda clients: closed[clients].result.goodput)
    rounds = measure_rounds(
        lambda: put(Load(best, 0.0, plan.seconds, plan.warm_up_s)),
        lambda share, rate: put(Load(0, rate, plan.seconds, open_warm_up_s(plan, share))),
        plan.open_shares,
        plan.open_rounds,
    )
    for row in open_rows(rounds, plan.open_shares):
        yield {"photo": photo.name, "loop": "open", "clients": None, **row}


def _put(
    plan: HttpPlan, server: ServerProcess, target: Target, load: Load, *, photo: BenchPhoto, work: Path
) -> ServedLoad:
    plan.on_step(
        f"{photo.name}: " + (f"{load.rate:.1f} photos/s" if load.is_open else f"{load.clients} clients")
    )
    return put_load(server, target, load, [photo], work)


def _start_times(plan: HttpPlan, work: Path) -> list[float]:
    """Seconds from start to ready, the first on an empty data folder."""
    times = []
    for number in range(plan.starts):
        plan.on_step(f"start {number + 1} of {plan.starts}")
        with _start(plan, work, work / "starts") as server:
            times.append(round(server.start_to_ready_s, 3))
    return times


@contextmanager
def _served(plan: HttpPlan, work: Path) -> Iterator[tuple[ServerProcess, Target]]:
    with _start(plan, work, work / "data") as server:
        yield server, Target("127.0.0.1", server.port, POST_PATH, {"X-API-Key": server.api_key()})


def _start(plan: HttpPlan, work: Path, data_dir: Path) -> ServerProcess:
    data_dir.mkdir(exist_ok=True)
    for name in (RUNTIME_FILE, PLAN_FILE) if plan.tuned else ():
        if plan.tuned and (plan.tuned / name).is_file():
            shutil.copy(plan.tuned / name, data_dir / name)
    return start_firewarden(
        data_dir, work / "server.log", model=plan.model, workers=plan.workers, env=plan.env
    )


@contextmanager
def _work_folder(plan: HttpPlan) -> Iterator[Path]:
    """A folder on the disk of TMPDIR, removed at the end; photos sent are stored there meanwhile."""
    with tempfile.TemporaryDirectory(prefix="firewarden-bench-") as folder:
        yield Path(folder)
