"""Micro-batching: photos of many callers share a run of the network.

`BatchLine` decides who runs with whom and when; it knows no clock and no thread. `Batcher` gives it both.
"""

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from firewarden.inference.batch_plan import BatchPlan
from firewarden.inference.session import ModelSession, NetworkOutput
from firewarden.inference.solo import SoloSession

Cancelled = Callable[[], bool]
_CALM_S = 0.25  # without a second photo, before one counts as alone: between two of a busy time there is a gap now and then


def never() -> bool:
    """A caller that does not go away."""
    return False


class LineFull(Exception):
    """More photos wait than the line may hold."""


class Abandoned(Exception):
    """The caller went away before the work was done."""


@dataclass(slots=True, eq=False)
class Ticket:
    """One photo in line: `batch (1, 3, h, w)`, its arrival on the line's clock, and the place for the answer."""

    batch: NDArray[np.float32]
    arrived_s: float
    cancelled: Cancelled = never
    answer: "Future[NetworkOutput]" = field(default_factory=Future)


class BatchLine:
    """Photos waiting for a run, by order of arrival. Only equal shapes share a run; the oldest photo's group goes first.

    A group is due when it is full, when its oldest has waited `max_delay_ms`, or when nobody else is on the way.
    """

    def __init__(self, plan: BatchPlan, *, capacity: int) -> None:
        self._plan = plan
        self._capacity = capacity
        self._waiting: list[Ticket] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, ticket: Ticket) -> None:
        """Join the line; raises LineFull."""
        if len(self._waiting) >= self._capacity:
            raise LineFull(f"{self._capacity} photos wait already")
        self._waiting.append(ticket)

    def take(self, now_s: float, *, on_the_way: int) -> list[Ticket]:
        """Tickets of the next run, oldest first, removed from the line; empty where none is due. Tickets of callers that
        went away are dropped here, at no cost."""
        self._drop_cancelled()
        for group in self._groups():
            full = len(group) >= self._plan.max_batch
            if full or not on_the_way or now_s >= self._due_s(group[0]):
                taken = group[: self._plan.max_batch]
                self._waiting = [ticket for ticket in self._waiting if ticket not in taken]
                return taken
        return []

    def next_due_s(self) -> float | None:
        """When `take` has something to give even if nobody joins; None for an empty line."""
        return self._due_s(self._waiting[0]) if self._waiting else None

    def _groups(self) -> list[list[Ticket]]:
        """Tickets of equal shape together; groups by the arrival of their oldest."""
        groups: dict[tuple[int, ...], list[Ticket]] = defaultdict(list)
        for ticket in self._waiting:
            groups[ticket.batch.shape].append(ticket)
        return list(groups.values())

    def _due_s(self, ticket: Ticket) -> float:
        return ticket.arrived_s + self._plan.max_delay_ms / 1000

    def _drop_cancelled(self) -> None:
        for ticket in self._waiting:
            if ticket.cancelled():
                ticket.answer.set_exception(Abandoned())
        self._waiting = [ticket for ticket in self._waiting if not ticket.answer.done()]


class Batcher:
    """A session that many threads share by a plan: call `run` from `plan.photos_at_once` of them, each within `photo`.

    With one photo a run, the caller's own thread runs the network: handing it to another would only cost time.
    `on_run` hears of every photo's run: how many shared it, and how many seconds this one waited for them. Where there is a
    `solo` session, it runs a photo that no other is beside.
    """

    def __init__(
        self,
        session: ModelSession,
        plan: BatchPlan,
        *,
        capacity: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self.on_run: Callable[[int, float], object] = lambda size, waited_s: None
        self.solo: SoloSession | None = None
        self._session = session
        self._clock = clock
        self._line = BatchLine(plan, capacity=capacity or 4 * plan.photos_at_once)
        self._changed = threading.Condition()
        self._crowded_s = -math.inf  # when two photos were last within `photo`
        self._photos = 0  # within `photo`: decoded now, waiting, or being run
        self._running = 0
        self._closed = False
        self._caller = threading.local()
        self._threads = [
            threading.Thread(target=self._serve, name=f"network-{i}", daemon=True)
            for i in range(plan.streams if plan.max_batch > 1 else 0)
        ]
        for thread in self._threads:
            thread.start()

    @contextmanager
    def photo(self, cancelled: Cancelled = never) -> Iterator[None]:
        """Around all work of this thread on one photo, from its decoding on: others may wait for its run, and its own runs
        are dropped once `cancelled()` holds."""
        self._caller.cancelled = cancelled
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)
            self._caller.cancelled = never

    def run(self, batch: NDArray[np.float32]) -> NetworkOutput:
        """The network's answer to one photo (1, 3, h, w), as of any session; raises Abandoned where the caller went away,
        or LineFull."""
        cancelled: Cancelled = getattr(self._caller, "cancelled", never)
        if self.plan.max_batch == 1 or len(batch) != 1:
            if cancelled():
                raise Abandoned
            self.on_run(len(batch), 0.0)
            return self._session_for(batch).run(batch)
        ticket = Ticket(batch, self._clock(), cancelled)
        with self._changed:
            self._line.add(ticket)
            self._changed.notify_all()
        return ticket.answer.result()

    def close(self) -> None:
        """Answer all that wait, then end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _session_for(self, batch: NDArray[np.float32]) -> ModelSession:
        solo = self.solo
        if solo is None or len(batch) > 1 or self._photos > 1 or not solo.is_rested:
            return self._session
        return solo if self._clock() > self._crowded_s + _CALM_S else self._session

    def _count(self, change: int) -> None:
        with self._changed:
            if self._photos > 1 or self._photos + change > 1:
                self._crowded_s = self._clock()
            self._photos += change
            self._changed.notify_all()

    def _serve(self) -> None:
        while tickets := self._next_group():
            start_s = self._clock()
            try:
                batch = np.concatenate([ticket.batch for ticket in tickets])
                output = self._session_for(batch).run(batch)
            except Exception as error:  # noqa: BLE001 - each caller gets it; the thread must live on
                for ticket in tickets:
                    ticket.answer.set_exception(error)
                continue
            finally:
                with self._changed:
                    self._running -= len(tickets)
            for row, ticket in enumerate(tickets):
                self.on_run(len(tickets), start_s - ticket.arrived_s)
                ticket.answer.set_result(
                    NetworkOutput(output.rows[row : row + 1], output.scene[row : row + 1])
                )

    def _next_group(self) -> list[Ticket]:
        """Wait for a due group; empty once closed and nobody waits."""
        with self._changed:
            while True:
                now_s = self._clock()
                coming = 0 if self._closed else self._photos - len(self._line) - self._running
                if tickets := self._line.take(now_s, on_the_way=max(0, coming)):
                    self._running += len(tickets)
                    return tickets
                if self._closed:
                    return []
                due_s = self._line.next_due_s()
                self._changed.wait(None if due_s is None else max(0.0, due_s - now_s))
