"""How fast is a session? Rounds of all candidates side by side, so that a busy moment of the machine hits them alike."""

import statistics
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firewarden.inference.session import ModelSession

Clock = Callable[[], float]
_WARM_UP_RUNS = 2


@dataclass(frozen=True, slots=True)
class Load:
    """How a session is asked: `batch` photos a run, `streams` threads that each run one after the other. `prepare` is the work
    on each photo before its run, where that is to share the cores with the network."""

    streams: int = 1
    batch: int = 1
    prepare: Callable[[], object] | None = None


def _raise(_name: str, error: Exception) -> None:
    raise error


def measure_side_by_side(
    trials: Mapping[str, tuple[ModelSession, Load]],
    picture: NDArray[np.float32],
    *,
    rounds: int,
    seconds: float,
    clock: Clock = time.perf_counter,
    on_failure: Callable[[str, Exception], object] = _raise,
) -> dict[str, float]:
    """Photos a second by name: the median of `rounds` rounds, each asking every trial in turn for `seconds`.

    `picture` is (1, 3, h, w). All trials are warm before the first round. `on_failure` is given the name and the error of a
    trial that raises, which is asked no more and gets no figure; by default the error is raised.
    """
    measured: dict[str, list[float]] = {name: [] for name in trials}

    def ask(name: str, seconds: float, runs: int = 1) -> None:
        session, load = trials[name]
        try:
            speed = photos_per_second(session, picture, load, seconds=seconds, clock=clock, runs=runs)
            measured[name].append(speed)
        except Exception as error:  # noqa: BLE001 - one runtime must not end the others' measurement
            del measured[name]
            on_failure(name, error)

    for name in trials:
        ask(name, 0, _WARM_UP_RUNS)
    for _ in range(rounds):
        for name in list(measured):
            ask(name, seconds)
    return {name: statistics.median(values[1:]) for name, values in measured.items()}  # after the warm-up


def photos_per_second(
    session: ModelSession,
    picture: NDArray[np.float32],
    load: Load,
    *,
    seconds: float,
    clock: Clock = time.perf_counter,
    runs: int = 1,
) -> float:
    """Photos of all streams over the time from the common start to the end of the last run. Each stream makes at least
    `runs` runs, and starts none after `seconds`. Raises what a stream raised."""
    batch = np.ascontiguousarray(np.repeat(picture, load.batch, axis=0))
    done = [0] * load.streams
    prepare = load.prepare or (lambda: None)
    gate = threading.Barrier(load.streams + 1)
    failed: list[Exception] = []

    def work(stream: int) -> None:
        gate.wait()
        until = clock() + seconds
        while not failed and (done[stream] < runs or clock() < until):
            for _ in range(load.batch):
                prepare()
            session.run(batch)
            done[stream] += 1

    def keep_error(stream: int) -> None:
        try:
            work(stream)
        except Exception as error:  # noqa: BLE001 - goes to the caller's thread
            failed.append(error)

    threads = [
        threading.Thread(target=keep_error, args=(stream,), daemon=True) for stream in range(load.streams)
    ]
    for thread in threads:
        thread.start()
    gate.wait()
    start = clock()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sum(done) * load.batch / (clock() - start)
