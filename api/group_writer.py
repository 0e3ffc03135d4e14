"""One thread that writes for many: all that waits when it becomes free is written, and synced, together."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

I = TypeVar("I")
O = TypeVar("O")
_MAX_GROUP = 64


class GroupWriter(Generic[I, O]):
    """`write` gets what came in while the last group was written and gives one outcome, or exception, for each.

    Nobody waits for company: a lone item is written at once, a crowd shares the cost of making it durable. One group is
    written at a time, by the writer's own thread or by a caller's. The thread keeps no process alive: what is lost with
    one that ends without `close` was never acknowledged.
    """

    def __init__(self, name: str, write: Callable[[Sequence[I]], Sequence[O | Exception]]) -> None:
        self._name = name
        self._write = write
        self._waiting: deque[tuple[I, Future[O]]] = deque()
        self._changed = threading.Condition()
        self._writing = False
        self._closed = False
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write all that waits, then end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def submit(self, item: I, *, here: bool = False) -> "Future[O]":
        """The outcome, once the item is durable. `here` writes it in the caller's own thread if nobody is being written,
        which spares a lone item the way to another thread and back."""
        future: Future[O] = Future()
        with self._changed:
            if self._closed or self._thread is None:
                raise RuntimeError(f"{self._name} is not open")
            here = here and not self._writing and not self._waiting
            if here:
                self._writing = True
            else:
                self._waiting.append((item, future))
                self._changed.notify()
        if here:
            self._write_group([(item, future)])
        return future

    def _serve(self) -> None:
        while group := self._next_group():
            self._write_group(group)

    def _write_group(self, group: Sequence[tuple[I, "Future[O]"]]) -> None:
        """Write, let the next group begin, then tell the outcomes."""
        try:
            outcomes = self._outcomes([item for item, _ in group])
        finally:
            with self._changed:
                self._writing = False
                if self._waiting or self._closed:  # else the thread would wake up for nothing
                    self._changed.notify()
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    def _outcomes(self, items: Sequence[I]) -> Sequence[O | Exception]:
        """One by one where the group fails as a whole, so that one bad item does not take the others with it."""
        try:
            return self._write(items)
        except Exception as error:  # noqa: BLE001 - goes to the caller; the thread must live on
            if len(items) == 1:
                return [error]
            return [outcome for item in items for outcome in self._outcomes([item])]

    def _next_group(self) -> list[tuple[I, "Future[O]"]]:
        """Wait for items, and for the group that is being written; empty once closed and nothing waits."""
        with self._changed:
            while self._writing or not (self._waiting or self._closed):
                self._changed.wait()
            self._writing = bool(self._waiting)
            return [self._waiting.popleft() for _ in range(min(_MAX_GROUP, len(self._waiting)))]
