"""Connections to PostgreSQL that give up. A server that is stopped or out of reach says nothing, for ever, and neither libpq nor
psycopg bounds how long an answer may take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from sqlalchemy import Connection

CONNECT_S = 5
_CANCEL_S = 1.0
SILENCE_S = 30.0
"""How long a connection may say nothing that is waited for. Statements of the service take less by far; those that move
whole tables, migrations, wait without end."""


class BoundedConnection(psycopg.Connection[Any]):
    """Ends itself, with the OperationalError of a lost connection, when nothing came for `silence_s`."""

    silence_s: float | None = None
    """None: as long as `SILENCE_S` says."""

    def wait(self, gen: Any, *args: Any, **more: Any) -> Any:
        return super().wait(self._bounded(gen), *args, **more)

    def _bounded(self, steps: Any) -> Any:
        """psycopg's steps of one wait: each says for what it waits, and is told what is ready, or 0 every 0.1 s."""
        heard_s = time.monotonic()
        try:
            waits_for = next(steps)
            while True:
                ready = yield waits_for
                if ready:
                    heard_s = time.monotonic()
                self._check_silence(time.monotonic() - heard_s)
                waits_for = steps.send(ready)
        except StopIteration as end:
            return end.value

    def _check_silence(self, silent_s: float) -> None:
        limit_s = SILENCE_S if self.silence_s is None else self.silence_s
        if silent_s > limit_s:
            with suppress(psycopg.Error):  # else, on a server that runs, the statement keeps its locks
                self.cancel_safe(timeout=_CANCEL_S)
            self.pgconn.finish()  # else the rollback that follows would wait as long
            raise psycopg.OperationalError(f"the database said nothing for {limit_s:g} s")


def connect_bounded(*args: Any, **more: Any) -> BoundedConnection:
    """psycopg's `connect`, bounded from its first byte on; `connect_timeout` may be given."""
    return BoundedConnection.connect(*args, **{"connect_timeout": CONNECT_S, **more})


@contextmanager
def unbounded(connection: Connection) -> Iterator[None]:
    """Let what is done meanwhile take as long as it takes."""
    bounded = connection.connection.driver_connection
    if not isinstance(bounded, BoundedConnection):
        yield
        return
    bounded.silence_s = float("inf")
    try:
        yield
    finally:
        bounded.silence_s = None
