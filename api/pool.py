"""A bounded pool for CPU work: so many run, so many wait, the next one is turned away at once."""

import asyncio
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from firewarden.api.problems import Problem

T = TypeVar("T")
_SMOOTHING = 0.1  # weight of the newest job in the running mean


class WorkPool:
    """Runs jobs in `workers` threads with at most `max_waiting` more in line. Answers come back to the event loop."""

    def __init__(self, *, workers: int, max_waiting: int) -> None:
        self._workers = workers
        self._limit = workers + max_waiting
        self._lock = threading.Lock()
        self._in_flight = 0
        self._mean_job_s = 0.5
        self._executor: ThreadPoolExecutor | None = None

    def open(self) -> None:
        self._executor = ThreadPoolExecutor(self._workers, thread_name_prefix="inspect")

    def close(self) -> None:
        """Let running jobs end, drop the waiting ones."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    @property
    def in_flight(self) -> int:
        """Jobs running or waiting."""
        return self._in_flight

    def check_room(self) -> None:
        """Raise the 429 Problem now, before an upload is read, where `run` would raise it."""
        if self._in_flight >= self._limit:
            raise overloaded(self._retry_after_s())

    async def run(self, job: Callable[[], T]) -> T:
        """Result of `job()`; raises a 429 Problem with Retry-After where the line is full."""
        if self._executor is None:
            raise RuntimeError("WorkPool.run before open()")
        with self._lock:
            self.check_room()
            self._in_flight += 1
        future = self._executor.submit(self._timed, job)
        future.add_done_callback(lambda _: self._leave())  # also where the waiting caller was cancelled
        return await asyncio.wrap_future(future)

    def _timed(self, job: Callable[[], T]) -> T:
        start = time.perf_counter()
        try:
            return job()
        finally:
            self._mean_job_s += _SMOOTHING * (time.perf_counter() - start - self._mean_job_s)

    def _leave(self) -> None:
        with self._lock:
            self._in_flight -= 1

    def _retry_after_s(self) -> int:
        """When the present line will be worked off, by the running mean."""
        return max(1, math.ceil(self._in_flight * self._mean_job_s / self._workers))


def overloaded(retry_after_s: int) -> Problem:
    """The 429 answer."""
    return Problem(
        429,
        "overloaded",
        f"The server is busy and stored nothing; send the same request again in {retry_after_s} s.",
        headers={"Retry-After": str(retry_after_s)},
    )
