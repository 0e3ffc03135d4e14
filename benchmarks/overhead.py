"""What the server adds: p50 of one client's answer over HTTP minus p50 of decode + network, on one machine, in one run.

Both do the same: the same photo's bytes, decoded by the same code, through a session of the same runtime with the same
options, the threads that the server gives a photo that comes alone included, after the same warm-up. The loop does without what only the server does: HTTP, key, checksum, quality, rules,
storing, answer. They take turns and each round begins with the other one than the last, so that a machine that grows slower
or faster favours neither; while one is measured, the other only waits. Neither leaves its core idle between photos: the
client asks again at once.

Windows have to be long: in those of 1.2 s after 0.5 s of warm-up the difference of a 640 px photo was 4.2 ms where 6 s of the
same client after 2 s had shown 1.9 ms. Processor time stands beside: it tells work from waiting, and other programs on the
machine move it less.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from firewarden.benchmarks.load_generator import generate_load
from firewarden.benchmarks.load_plan import Load, Target
from firewarden.benchmarks.load_report import report_load
from firewarden.benchmarks.photos import BenchPhoto
from firewarden.benchmarks.server_process import ServerProcess
from firewarden.benchmarks.stats import percentile
from firewarden.benchmarks.throughput import SCALED, BareLoop, open_loops, tuned_choice
from firewarden.inference.detector import OnnxDetector
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.inference.solo import open_solo
from firewarden.models.manifest import ModelManifest

_WARM_UP_S = 2.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One window of one side: p50 and processor time of a photo, ms."""

    p50_ms: float
    cpu_ms: float


def measure_overhead(
    server: ServerProcess,
    target: Target,
    photos: Sequence[BenchPhoto],
    manifest: ModelManifest,
    work: Path,
    *,
    rounds: int,
    seconds: float,
    tuned: Path | None,
    warm_up_s: float = _WARM_UP_S,
    solo_threads: int = 1,
    on_step: Callable[[str], object] = lambda text: None,
) -> list[dict[str, Any]]:
    """One row a photo, of `rounds` pairs of windows of `seconds` each; no rows for no rounds."""
    if not rounds:
        return []
    choice = tuned_choice(manifest, tuned) or RuntimeChoice()
    bare = next(loop for loop in open_loops(manifest, [choice])[0] if loop.decoding == SCALED)
    solo = open_solo(manifest, replace(choice, threads=choice.threads or 1), solo_threads, usual_s=math.inf)
    if solo is not None:
        bare = replace(bare, detector=OnnxDetector(manifest, solo))
    load = Load(1, seconds=seconds, warm_up_s=warm_up_s)
    rows = []
    for photo in photos:
        on_step(f"{photo.name}: server against bare decode and network, {rounds} rounds")
        pairs = in_turns(
            partial(_served, server, target, load, photo, work), partial(_bare, bare, photo, load), rounds
        )
        told = {"photo": photo.name, "runtime": choice.key, "threads": solo_threads, "window_s": seconds}
        rows.append({**told, **overhead_figures(pairs)})
    return rows


def in_turns(served: Callable[[], Turn], bare: Callable[[], Turn], rounds: int) -> list[tuple[Turn, Turn]]:
    """Pairs (served, bare), one a round: the server first in the first round, the loop first in the second, and so on."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            alone = bare()
            pairs.append((served(), alone))
        else:
            pairs.append((served(), bare()))
    return pairs


def overhead_figures(pairs: Sequence[tuple[Turn, Turn]]) -> dict[str, Any]:
    """Medians over rounds of (over HTTP, bare) and of their differences in the same round, ms."""
    return {
        "http_p50_ms": round(median(served.p50_ms for served, _ in pairs), 3),
        "bare_p50_ms": round(median(bare.p50_ms for _, bare in pairs), 3),
        "added_ms": round(median(served.p50_ms - bare.p50_ms for served, bare in pairs), 3),
        "added_cpu_ms": round(median(served.cpu_ms - bare.cpu_ms for served, bare in pairs), 3),
        "rounds": [[round(served.p50_ms, 3), round(bare.p50_ms, 3)] for served, bare in pairs],
    }


def _served(server: ServerProcess, target: Target, load: Load, photo: BenchPhoto, work: Path) -> Turn:
    before_s = server.cpu_s()
    samples = generate_load(target, load, [photo], work)
    cpu_ms = 1000 * (server.cpu_s() - before_s) / max(1, len(samples.status))
    return Turn(report_load(samples, load).latency.p50_ms, cpu_ms)


def _bare(bare: BareLoop, photo: BenchPhoto, load: Load) -> Turn:
    _work_for(bare, photo, load.warm_up_s)
    before_s = time.process_time()
    times = _work_for(bare, photo, load.seconds)
    return Turn(percentile(times, 50), 1000 * (time.process_time() - before_s) / len(times))


def _work_for(bare: BareLoop, photo: BenchPhoto, seconds: float) -> list[float]:
    """Milliseconds of each photo, one after the other, at least one."""
    times: list[float] = []
    until = time.perf_counter() + seconds
    while not times or time.perf_counter() < until:
        start = time.perf_counter()
        bare.work(photo.data)
        times.append((time.perf_counter() - start) * 1000)
    return times
