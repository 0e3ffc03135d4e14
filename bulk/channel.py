"""A bounded queue between threads that knows when it has ended: closed by its last producer, or aborted by anyone."""

import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Aborted(Exception):
    """The other side has given up."""


class Channel(Generic[T]):
    """At most `capacity` things wait. Each of `producers` calls `leave` once; iteration then ends when it is empty."""

    def __init__(self, capacity: int, *, producers: int = 1) -> None:
        self._capacity = capacity
        self._producers = producers
        self._waiting: deque[T] = deque()
        self._changed = threading.Condition()
        self._aborted = False

    def put(self, thing: T) -> None:
        """Wait for room; raises Aborted."""
        with self._changed:
            self._changed.wait_for(lambda: self._aborted or len(self._waiting) < self._capacity)
            if self._aborted:
                raise Aborted
            self._waiting.append(thing)
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        """Things as they come, for any number of consumers; raises Aborted."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._aborted or self._waiting or not self._producers)
                if self._aborted:
                    raise Aborted
                if not self._waiting:
                    return
                thing = self._waiting.popleft()
                self._changed.notify_all()
            yield thing

    def leave(self) -> None:
        """One producer is done."""
        with self._changed:
            self._producers -= 1
            self._changed.notify_all()

    def abort(self) -> None:
        """Wake everybody and let nothing through any more."""
        with self._changed:
            self._aborted = True
            self._changed.notify_all()
