"""A bounded queue between threads that knows when it has ended: closed by its last producer, or aborted by anyone."""

import threading
from collections.abc import Iterator
from enum import Enum
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Aborted(Exception):
    """The other side has given up."""


class _End(Enum):
    """Stands behind the last thing; whoever meets it leaves it there for the others."""

    END = 0


class Channel(Generic[T]):
    """At most `capacity` things wait. Each of `producers` calls `leave` once; iteration then ends when it is empty.

    A thing, or room for one, wakes one thread: each of them is a token in a queue of its own.
    """

    def __init__(self, capacity: int, *, producers: int = 1) -> None:
        self._producers = producers
        self._lock = threading.Lock()
        self._room: SimpleQueue[None] = SimpleQueue()
        self._waiting: SimpleQueue[T | _End] = SimpleQueue()
        self._aborted = False
        for _ in range(capacity):
            self._room.put(None)

    def put(self, thing: T) -> None:
        """Wait for room; raises Aborted."""
        self._room.get()
        if self._aborted:
            self._room.put(None)
            raise Aborted
        self._waiting.put(thing)

    def __iter__(self) -> Iterator[T]:
        """Things as they come, for any number of consumers; raises Aborted."""
        while True:
            thing = self._waiting.get()
            if self._aborted or isinstance(thing, _End):
                self._waiting.put(_End.END)
                if self._aborted:
                    raise Aborted
                return
            self._room.put(None)
            yield thing

    def leave(self) -> None:
        """One producer is done."""
        with self._lock:
            self._producers -= 1
            if not self._producers:
                self._waiting.put(_End.END)

    def abort(self) -> None:
        """Wake everybody and let nothing through any more."""
        self._aborted = True
        self._room.put(None)
        self._waiting.put(_End.END)
