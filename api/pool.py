"""A bounded pool for CPU work: so many run, some wait as long as it is worth it, the next one is turned away at once."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from firewarden.api.admission import Admission, Refused
from firewarden.api.problems import Problem

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Caller:
    """The request behind a job: when its answer is due (monotonic seconds, None: any time), and whether it went away."""

    due_s: float | None = None
    _gone: threading.Event = field(default_factory=threading.Event)

    def leave(self) -> None:
        self._gone.set()

    def gone(self) -> bool:
        return self._gone.is_set()

    def budget_s(self) -> float | None:
        """Seconds left for the answer."""
        return None if self.due_s is None else self.due_s - time.monotonic()


@dataclass(slots=True, eq=False)
class _Task:
    """A job in line, and the place for its answer. `photos` of 0 says nothing of the pace."""

    job: "Callable[[], Future[Any]]"
    caller: Caller
    photos: int
    entered_s: float
    answer: "Future[Any]" = field(default_factory=Future)

    @property
    def weight(self) -> int:
        """Places it takes in the line."""
        return self.photos or 1


class WorkPool:
    """Runs jobs in `workers` threads, first come first served, behind one `Admission`. Answers come back to the loop.
    While photos are refused, only as many threads work as the machine needs. `runs` of them never get in each other's way.

    The threads are its own: a job wakes the one that will do it and no other. An executor of the standard library wakes a
    second one that finds nothing, which then asks for the interpreter while the first one works.

    `on_start` hears how long a job waited, `on_refused` the reason of every refusal.
    """

    def __init__(
        self,
        *,
        workers: int,
        max_waiting: int,
        max_wait_s: float,
        runs: int = 1,
        on_start: Callable[[float], object] = lambda waited_s: None,
        on_refused: Callable[[str], object] = lambda reason: None,
        on_change: Callable[[int], object] = lambda in_flight: None,
    ) -> None:
        self._workers = workers
        self._admission = Admission(workers, max_waiting, max_wait_s, runs=min(runs, workers))
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)  # a thread may begin with what waits, or is to end
        self._waiting: deque[_Task] = deque()
        self._working = 0
        self._on_start = on_start
        self._on_refused = on_refused
        self._on_change = on_change
        self._threads: list[threading.Thread] = []
        self._closed = False

    def open(self, service_s: float | None = None) -> None:
        """Start the threads; `service_s` is what one photo took in the warm-up."""
        if service_s is not None:
            self._admission.service_s = service_s
        self._threads = [
            threading.Thread(target=self._serve, name=f"inspect_{i}", daemon=True)
            for i in range(self._workers)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Let running jobs end, drop the waiting ones."""
        with self._room:
            self._closed = True
            dropped = list(self._waiting)
            self._room.notify_all()
        for task in dropped:
            task.answer.cancel()
        for thread in self._threads:
            thread.join()

    @property
    def in_flight(self) -> int:
        """Photos being worked on or waiting."""
        return self._admission.in_line

    @property
    def nobody_waits(self) -> bool:
        """Whether a thread that finishes its job now would find no other: it may as well do more of this one."""
        return self._admission.in_line <= self._admission.width(time.monotonic())

    def is_full(self) -> bool:
        """Whether an upload would be refused now; nothing is counted."""
        with self._lock:
            return self._admission.is_full(time.monotonic())

    def turn_away(self) -> int | None:
        """Refuse one more upload, counted, and tell the seconds of its Retry-After; None where it may come in."""
        with self._lock:
            refused = self._admission.turn_away(time.monotonic())
        if refused is None:
            return None
        self._on_refused(refused.reason)
        return refused.retry_after_s

    @contextmanager
    def upload(self, caller: Caller) -> Iterator[None]:
        """Around reading a body; raises the 429 or 503 Problem before a byte is read."""
        with self._lock, self._problems():
            ticket = self._admission.begin_upload(time.monotonic(), caller.budget_s())
        try:
            yield
        finally:
            with self._lock:
                self._admission.end_upload(ticket, time.monotonic())

    async def run(self, job: Callable[[], T], caller: Caller | None = None, *, photos: int = 0) -> T:
        """Result of `job()`; raises the 429 or 503 Problem. `photos` of 0 is work that says nothing of the pace."""
        return await asyncio.wrap_future(self.start(lambda: _done(job), caller or Caller(), photos=photos))

    def start(self, job: Callable[[], "Future[T]"], caller: Caller, *, photos: int) -> "Future[T]":
        """Like `run`, for a job that hands over to another thread: the answer is that of the future it returns."""
        task = _Task(job, caller, photos, time.monotonic())
        with self._room:
            if not self._threads or self._closed:
                raise RuntimeError("WorkPool used before open() or after close()")
            with self._problems():
                self._admission.enter(task.entered_s, task.weight, caller.budget_s())
            self._on_change(self._admission.in_line)
            self._waiting.append(task)
            self._room.notify()
        # the callback knows no task: a cycle of the two would keep the photo until the next collection
        task.answer.add_done_callback(self._drop)
        return task.answer

    def _serve(self) -> None:
        while self._serve_one():
            pass

    def _serve_one(self) -> bool:
        """Do one job; False once closed. Its photo is let go of before the thread waits for the next one."""
        task = self._next_task()
        if task is None:
            return False
        self._work(task, beside=self._working)
        self._leave(task)
        return True

    def _next_task(self) -> _Task | None:
        """Wait for a job and for room to do it; None once closed."""
        with self._room:
            self._room.wait_for(lambda: self._closed or self._has_room())
            if self._closed:
                return None
            task = self._waiting.popleft()
            self._working += 1
            if self._has_room():
                self._room.notify()
            return task

    def _has_room(self) -> bool:
        """Whether a job waits and one more thread may have work."""
        return bool(self._waiting) and self._working < self._admission.width(time.monotonic())

    def _work(self, task: _Task, *, beside: int) -> None:
        """`beside` threads have work when this begins, its own included."""
        try:
            start_s = time.monotonic()
            self._on_start(start_s - task.entered_s)
            if not self._admission.can_meet(task.caller.budget_s()):
                self._on_refused("deadline")
                raise too_late(1)
            inner = task.job()
            ended_s = time.monotonic()
            # the answer first: while the loop wakes up for it, this thread does what nobody waits for
            inner.add_done_callback(lambda done: _settle(task.answer, done.exception(), done))
            if task.photos:
                self._learn(start_s, ended_s, task.photos, beside)
        except BaseException as error:  # noqa: BLE001 - goes to the caller
            _settle(task.answer, error)

    def _learn(self, start_s: float, ended_s: float, photos: int, beside: int) -> None:
        """Tell the admission how long work took, and how many worked on average of its start and its end."""
        with self._lock:
            self._admission.observe(ended_s, ended_s - start_s, photos, (beside + self._working) / 2)

    def _leave(self, task: _Task) -> None:
        """Its work is over; the thread looks for more."""
        with self._lock:
            self._working -= 1
            self._admission.leave(task.weight)
            self._on_change(self._admission.in_line)

    def _drop(self, answer: "Future[Any]") -> None:
        """Where its caller was cancelled, a job leaves the line, unless somebody works on it."""
        if not answer.cancelled():
            return
        with self._lock:
            task = next((task for task in self._waiting if task.answer is answer), None)
            if task is None:
                return
            self._waiting.remove(task)
            self._admission.leave(task.weight)
            self._on_change(self._admission.in_line)

    @contextmanager
    def _problems(self) -> Iterator[None]:
        try:
            yield
        except Refused as refused:
            self._on_refused(refused.reason)
            late = refused.reason == "deadline"
            raise (too_late if late else overloaded)(refused.retry_after_s) from refused


def overloaded(retry_after_s: int) -> Problem:
    """The 429 answer."""
    return Problem(
        429,
        "overloaded",
        f"The server is busy and stored nothing; send the same request again in {retry_after_s} s.",
        headers={"Retry-After": str(retry_after_s)},
    )


def too_late(retry_after_s: int) -> Problem:
    """The 503 answer to a client that would not wait long enough."""
    return Problem(
        503,
        "deadline",
        "The answer would come after the deadline of the request, so no work was begun and nothing was stored; "
        f"give it more time, or send it again in {retry_after_s} s.",
        headers={"Retry-After": str(retry_after_s)},
    )


def _done(job: Callable[[], T]) -> "Future[T]":
    future: Future[T] = Future()
    future.set_result(job())
    return future


def _settle(answer: "Future[T]", error: BaseException | None, done: "Future[T] | None" = None) -> None:
    """Give the answer to whoever still waits for it."""
    if not answer.set_running_or_notify_cancel():
        return
    if error is not None:
        answer.set_exception(error)
    elif done is not None:
        answer.set_result(done.result())
