"""Bare loops: decode and run the network in a row, without a server. What no server on this machine can beat."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import onnxruntime

from firewarden.benchmarks.photos import BenchPhoto
from firewarden.benchmarks.stats import ratio_of_rounds
from firewarden.errors import HazardError
from firewarden.inference.detector import OnnxDetector
from firewarden.inference.image import decode_image
from firewarden.inference.machine import usable_cores
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.inference.session import open_session
from firewarden.inference.tiles import decode_side
from firewarden.inference.tune import candidate_choices
from firewarden.inference.tuned import stored_choice
from firewarden.models.manifest import ModelManifest

FULL, SCALED = "full", "scaled"
_WARM_UP_S = 1.0
_GPU_KEYS = ("cuda-fp32", "tensorrt-fp32", "tensorrt-fp16")


@dataclass(frozen=True, slots=True)
class BareLoop:
    """A way to work through photos: one stream a core, each decoding (`full` size or `scaled`) and running the network."""

    choice: RuntimeChoice
    decoding: str
    detector: OnnxDetector
    decode_side: int

    @property
    def name(self) -> str:
        return f"{self.choice.key}, {self.decoding} decode"

    def work(self, data: bytes) -> None:
        """Decode one photo and look at it."""
        self.detector.see(decode_image(data, min_long_side=self.decode_side, sha256="-"))


def open_loops(
    manifest: ModelManifest, choices: Sequence[RuntimeChoice] | None = None
) -> tuple[list[BareLoop], dict[str, str]]:
    """Loops of every runtime that opens here, and why the others do not, by name. The slow full decode is measured with the
    reference alone."""
    loops, not_run = [], dict.fromkeys(() if _has_gpu() else _GPU_KEYS, "no GPU")
    cores = usable_cores()
    for choice in candidate_choices(manifest) if choices is None else choices:
        try:
            session = open_session(
                manifest, runtime=replace(choice, threads=choice.threads or 1, streams=cores)
            )
        except HazardError as error:
            not_run[choice.key] = str(error)
            continue
        detector = OnnxDetector(manifest, session)
        loops.append(BareLoop(choice, SCALED, detector, decode_side(manifest.input_size, None)))
        if choice == RuntimeChoice():
            loops.append(BareLoop(choice, FULL, detector, 0))
    return loops, not_run


def measure_loops(
    loops: Sequence[BareLoop],
    photos: Sequence[BenchPhoto],
    *,
    rounds: int,
    seconds: float,
    on_step: Callable[[str], object] = lambda text: None,
) -> list[dict[str, Any]]:
    """Photos a second of every loop on every photo in interleaved rounds, and each loop's share of the fastest one."""
    rows = []
    for photo in photos:
        for loop in loops:
            photos_per_second(loop.work, photo.data, seconds=_WARM_UP_S)
        measured: dict[str, list[float]] = {loop.name: [] for loop in loops}
        for number in range(rounds):
            for loop in loops:
                on_step(f"{photo.name}: round {number + 1} of {rounds}: {loop.name}")
                measured[loop.name].append(photos_per_second(loop.work, photo.data, seconds=seconds))
        rows += loop_rows(photo.name, measured)
    return rows


def loop_rows(photo: str, measured: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """One row a loop, the fastest first; `of_fastest` is its ratio to that."""
    ordered = sorted(measured, key=lambda name: -median(measured[name]))
    return [
        {
            "photo": photo,
            "loop": name,
            "per_second": round(median(measured[name]), 2),
            "rounds": [round(value, 2) for value in measured[name]],
            "of_fastest": ratio_of_rounds(measured[name], measured[ordered[0]]).to_json(),
        }
        for name in ordered
    ]


def photos_per_second(
    work: Callable[[bytes], object], data: bytes, *, seconds: float, streams: int | None = None
) -> float:
    """Photos that `streams` threads (default: one a core) finish over the time until the last of them is done."""
    count = streams or usable_cores()
    done = [0] * count
    gate = threading.Barrier(count + 1)

    def stream(index: int) -> None:
        gate.wait()
        until = time.perf_counter() + seconds
        while time.perf_counter() < until or not done[index]:
            work(data)
            done[index] += 1

    threads = [threading.Thread(target=stream, args=(index,), daemon=True) for index in range(count)]
    for thread in threads:
        thread.start()
    gate.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - start)


def tuned_choice(manifest: ModelManifest, tuned: Path | None) -> RuntimeChoice | None:
    """What `doctor --tune` stored in the data folder `tuned` for serving; None: nothing, the default is used."""
    return stored_choice(tuned, manifest, "serve") if tuned else None


def _has_gpu() -> bool:
    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()
