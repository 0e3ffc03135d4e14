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

    Nobody waits for company: a lone item is written at once, a crowd shares the cost of making it durable.
    """

    def __init__(self, name: str, write: Callable[[Sequence[I]], Sequence[O | Exception]]) -> None:
        self._name = name
        self._write = write
        self._waiting: deque[tuple[I, Future[O]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        self._thread = threading.Thread(target=self._serve, name=self._name)
        self._thread.start()

    def close(self) -> None:
        """Write all that waits, then end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def submit(self, item: I) -> "Future[O]":
        """The outcome, once the item is durable."""
        future: Future[O] = Future()
        with self._changed:
            if self._closed or self._thread is None:
                raise RuntimeError(f"{self._name} is not open")
            self._waiting.append((item, future))
            self._changed.notify()
        return future

    def _serve(self) -> None:
        while group := self._next_group():
            for future, outcome in zip(
                [f for _, f in group], self._outcomes([i for i, _ in group]), strict=True
            ):
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
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            return [self._waiting.popleft() for _ in range(min(_MAX_GROUP, len(self._waiting)))]
