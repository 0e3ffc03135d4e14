"""`firewarden bench batch`: the batch engine against the bare loop in turns, its memory, a kill in the middle, and Ray."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from firewarden.benchmarks.batch_process import BatchProcess, Event, rows_of
from firewarden.benchmarks.conditions import filesystem_of
from firewarden.benchmarks.frames import read_in_turn, write_frames
from firewarden.benchmarks.stats import ratio_of_rounds, slope
from firewarden.benchmarks.throughput import SCALED, BareLoop, open_loops
from firewarden.bulk.engine import Effort, EngineName
from firewarden.bulk.job import Job
from firewarden.bulk.scorer import ScorerFactory
from firewarden.inference.machine import usable_cores
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.models.manifest import ModelManifest

_STEADY_SHARE = 0.25  # of the frames, after which buffers and pools have filled
_SERIES_POINTS = 200
_KILLED_FRAMES = 300
_RAY_ROUNDS = 3
_INNER = (0.1, 0.9)  # of a short run's frames: between them neither start nor end counts


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What `bench batch` does: `frames` through one batch, held `rounds` - 1 times while the bare loop does `bare_frames`;
    `ray_frames` of them through both engines, 0 for not at all."""

    frames: int = 5000
    rounds: int = 5
    bare_frames: int = 80
    ray_frames: int = 0
    on_step: Callable[[str], object] = lambda text: None


def measure_batch(
    plan: BatchPlan, manifest: ModelManifest, choice: RuntimeChoice | None = None
) -> dict[str, Any]:
    """Frames, jobs and outputs lie in a folder of TMPDIR and are removed at the end. `choice` is the runtime of all."""
    with tempfile.TemporaryDirectory(prefix="firewarden-bench-") as folder:
        work = Path(folder)
        plan.on_step(f"{plan.frames} frames")
        frames = write_frames(work / "frames", plan.frames)
        job = _job(work, manifest, choice)
        told = {
            "frames": plan.frames,
            "frame_bytes": round(sum(path.stat().st_size for path in frames) / plan.frames),
            "workers": job.effort.workers,
            "filesystem": filesystem_of(work),
        }
        told |= _against_bare(plan, job, frames, _bare_loop(manifest, choice))
        told["resume"] = _killed_and_resumed(plan, job, rows_of(job.out))
        if plan.ray_frames:
            told["ray"] = _against_ray(plan, job)
        return told


def frames_per_second(work: Callable[[bytes], object], frames: Sequence[bytes], streams: int) -> float:
    """Frames a second that `streams` threads work through, over the time until the last of them is done."""
    waiting = iter(frames)
    lock = threading.Lock()

    def stream() -> None:
        while True:
            with lock:
                frame = next(waiting, None)
            if frame is None:
                return
            work(frame)

    threads = [threading.Thread(target=stream, daemon=True) for _ in range(streams)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(frames) / (time.perf_counter() - start)


def rate_between(events: Sequence[Event], first: int, last: int) -> float:
    """Inputs a second from the one that made `first` done to the one that made `last` done."""
    begin = next(event for event in events if event.done >= first)
    end = next(event for event in events if event.done >= last)
    return (end.done - begin.done) / (end.at - begin.at)


def memory_figures(events: Sequence[Event]) -> dict[str, Any]:
    """MiB in RAM over a batch; the slope is a straight line's through what follows the first quarter."""
    steady = [event for event in events if event.done >= _STEADY_SHARE * events[-1].done]
    every = max(1, len(events) // _SERIES_POINTS)
    per_frame = slope([event.done for event in steady], [event.resident_mb for event in steady])
    return {
        "peak_mb": max(event.resident_mb for event in events),
        "steady_mb": steady[0].resident_mb,
        "last_mb": events[-1].resident_mb,
        "mb_per_1000_frames": round(1000 * per_frame, 3),
        "series": [[event.done, event.resident_mb] for event in events[::every]],
    }


def _job(work: Path, manifest: ModelManifest, choice: RuntimeChoice | None) -> Job:
    """What `firewarden batch` would run: as many pictures at once as there are cores, one thread each."""
    cores = usable_cores()
    runtime = None if choice is None else replace(choice, threads=1, streams=cores)
    factory = ScorerFactory(manifest.folder, runtime=runtime, threads=1)
    return Job((str(work / "frames"),), work / "batch.jsonl", factory, effort=Effort(4, cores))


def _bare_loop(manifest: ModelManifest, choice: RuntimeChoice | None) -> BareLoop:
    one_thread = replace(choice or RuntimeChoice(), threads=1)
    return next(loop for loop in open_loops(manifest, [one_thread])[0] if loop.decoding == SCALED)


def _against_bare(plan: BatchPlan, job: Job, frames: list[Path], loop: BareLoop) -> dict[str, Any]:
    """One batch in `rounds` parts, the bare loop before, between and after them. A part counts against the geometric mean
    of the loops on both sides of it, so that a machine that slows down does so for both."""
    samples = read_in_turn(frames, min(plan.bare_frames, plan.frames))

    def measure_bare() -> float:
        plan.on_step("bare loop")
        return frames_per_second(loop.work, next(samples), job.effort.workers)

    measure_bare()  # warm-up
    bare = [measure_bare()]
    marks = [1 + (plan.frames - 1) * number // plan.rounds for number in range(plan.rounds + 1)]
    with BatchProcess(job) as process:
        for number, mark in enumerate(marks[1:], start=1):
            plan.on_step(f"batch: part {number} of {plan.rounds}")
            process.wait_for(mark)
            if number < plan.rounds:
                process.hold()
                bare.append(measure_bare())
                process.release()
        process.wait()
        whole_s = time.monotonic() - process.began - process.held_s
    bare.append(measure_bare())
    parts = [rate_between(process.events, first, last) for first, last in pairwise(marks)]
    sides = [(before * after) ** 0.5 for before, after in pairwise(bare)]
    return {
        "bare": {"loop": loop.name, "per_second": round(median(bare), 2), "rounds": _rounded(bare)},
        "batch": {
            "per_second": round(median(parts), 2),
            "rounds": _rounded(parts),
            "to_first_s": round(process.events[0].at - process.began, 2),
            "whole_s": round(whole_s, 2),
        },
        "batch_of_bare": ratio_of_rounds(parts, sides).to_json(),
        "memory": memory_figures(process.events),
    }


def _killed_and_resumed(plan: BatchPlan, job: Job, whole: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The first frames again, ended by SIGKILL halfway and run again: the rows against those of the `whole` batch."""
    count = min(_KILLED_FRAMES, plan.frames)
    again = replace(job, out=job.out.with_name("killed.jsonl"), limit=count)
    plan.on_step(f"kill -9 in the middle of {count} frames")
    with BatchProcess(again) as process:
        process.wait_for(count // 2)
        process.kill()
    plan.on_step("the same command again")
    with BatchProcess(again) as process:
        process.wait()
    assert process.tally is not None
    rows = rows_of(again.out)
    expected = {path: whole[path] for path in sorted(whole)[:count]}
    return {
        "frames": count,
        "kept": process.tally["skipped"],
        "scored_again": process.tally["scored"],
        "missing": len(expected.keys() - rows.keys()),
        "differing": sum(rows[path] != expected[path] for path in rows.keys() & expected.keys()),
        "same": rows == expected,
    }


def _against_ray(plan: BatchPlan, job: Job) -> dict[str, Any]:
    """Short batches of both engines in turns, each from its tenth to its ninetieth part; starts are told apart."""
    count = min(plan.ray_frames, plan.frames)
    rates: dict[EngineName, list[float]] = {engine: [] for engine in EngineName}
    starts: dict[EngineName, list[float]] = {engine: [] for engine in EngineName}
    for number, engine in _turns(_RAY_ROUNDS):
        plan.on_step(f"{count} frames, engine {engine}: round {number} of {_RAY_ROUNDS}")
        out = job.out.with_name(f"{engine}-{number}.jsonl")
        runtime = job.factory.runtime
        if engine is EngineName.RAY and runtime is not None:
            runtime = replace(runtime, streams=1)
        factory = replace(job.factory, runtime=runtime)
        with BatchProcess(replace(job, out=out, limit=count, engine=engine, factory=factory)) as process:
            process.wait()
        first, last = (max(1, round(share * count)) for share in _INNER)
        rates[engine].append(rate_between(process.events, first, last))
        starts[engine].append(process.events[0].at - process.began)
    rows = [rows_of(job.out.with_name(f"{engine}-1.jsonl")) for engine in EngineName]
    return {
        "frames": count,
        "engines": [
            {
                "engine": engine.value,
                "per_second": round(median(rates[engine]), 2),
                "rounds": _rounded(rates[engine]),
                "to_first_s": round(median(starts[engine]), 2),
            }
            for engine in EngineName
        ],
        "ray_of_local": ratio_of_rounds(rates[EngineName.RAY], rates[EngineName.LOCAL]).to_json(),
        "same": rows[0] == rows[1],
    }


def _turns(rounds: int) -> Iterator[tuple[int, EngineName]]:
    for number in range(1, rounds + 1):
        for engine in EngineName:
            yield number, engine


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 2) for value in values]
