"""What the server adds: one client's answer over HTTP against decode and network in this process, round by round."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from firewarden.benchmarks.load_generator import generate_load
from firewarden.benchmarks.load_plan import Load, Target
from firewarden.benchmarks.load_report import report_load
from firewarden.benchmarks.photos import BenchPhoto
from firewarden.benchmarks.server_process import ServerProcess
from firewarden.benchmarks.stats import percentile
from firewarden.benchmarks.throughput import SCALED, BareLoop, open_loops, tuned_choice
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.models.manifest import ModelManifest

_WARM_UP_S = 0.5


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
    on_step: Callable[[str], object] = lambda text: None,
) -> list[dict[str, Any]]:
    """One row a photo: medians over rounds of the p50 of both, and of their difference in the same round. While one is
    measured, the other does nothing."""
    if not rounds:
        return []
    choice = tuned_choice(manifest, tuned) or RuntimeChoice()
    bare = next(loop for loop in open_loops(manifest, [choice])[0] if loop.decoding == SCALED)
    load = Load(1, seconds=seconds, warm_up_s=_WARM_UP_S)
    rows = []
    for photo in photos:
        on_step(f"{photo.name}: server against bare decode and network, {rounds} rounds")
        pairs = []
        for _ in range(rounds):
            served = report_load(generate_load(target, load, [photo], work), load).latency.p50_ms
            pairs.append((served, _bare_p50_ms(bare, photo, seconds)))
        rows.append({"photo": photo.name, "runtime": choice.key, **overhead_figures(pairs)})
    return rows


def overhead_figures(pairs: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """`pairs` are (over HTTP, bare) medians of one round, ms."""
    return {
        "http_p50_ms": round(percentile([served for served, _ in pairs], 50), 3),
        "bare_p50_ms": round(percentile([bare for _, bare in pairs], 50), 3),
        "added_ms": round(percentile([served - bare for served, bare in pairs], 50), 3),
        "rounds": [[round(served, 3), round(bare, 3)] for served, bare in pairs],
    }


def _bare_p50_ms(bare: BareLoop, photo: BenchPhoto, seconds: float) -> float:
    bare.work(photo.data)
    times: list[float] = []
    until = time.perf_counter() + seconds
    while not times or time.perf_counter() < until:
        start = time.perf_counter()
        bare.work(photo.data)
        times.append((time.perf_counter() - start) * 1000)
    return percentile(times, 50)
