"""Sending what the outbox holds: one thread for each destination, so that one that is down holds up no other."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from firewarden.cctv.messages import Message
from firewarden.cctv.outbox import Outbox

_log = logging.getLogger(__name__)


class SendFailed(Exception):
    """The receiver does not have the message, or nobody can tell. `retry_after_s` is what it asked for."""

    def __init__(self, reason: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Sender(Protocol):
    """One way out. `send` returns once the receiver has confirmed, and raises SendFailed well within the lease."""

    @property
    def destination(self) -> str: ...
    def send(self, message: Message) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Tally:
    """Messages that the receiver confirmed, and attempts that failed."""

    sent: int
    failed: int


def send_due(outbox: Outbox, sender: Sender, stop: threading.Event, due_by: datetime | None = None) -> Tally:
    """Send all that is due to one destination; with `due_by` what was due by then, so that one try of each is the end of it.
    Raises SQLAlchemyError."""
    sent = failed = 0
    while not stop.is_set() and (claim := outbox.claim(sender.destination, due_by)) is not None:
        try:
            sender.send(claim.message)
        except SendFailed as error:
            failed += 1
            given_up = outbox.fail(claim, str(error), retry_after_s=error.retry_after_s)
            what = "given up" if given_up else "will be tried again"
            _log.warning("%s: message %s %s: %s", sender.destination, claim.message.id, what, error)
        else:
            outbox.acknowledge(claim)
            sent += 1
    return Tally(sent, failed)


class Deliverer:
    """Threads that send until told to stop; `chores` (retention) run now and then beside them."""

    def __init__(
        self,
        outbox: Outbox,
        senders: Sequence[Sender],
        *,
        poll_s: float = 1.0,
        chores: Callable[[], object] | None = None,
        chores_every_s: float = 3600.0,
    ) -> None:
        self._outbox = outbox
        self._senders = tuple(senders)
        self._poll_s = poll_s
        self._chores = chores
        self._chores_every_s = chores_every_s
        self._stop = threading.Event()

    def run(self) -> None:
        """Until `stop`. What is being sent is finished first."""
        work = [threading.Thread(target=self._send, args=(sender,), daemon=True) for sender in self._senders]
        if self._chores is not None:
            work.append(threading.Thread(target=self._do_chores, args=(self._chores,), daemon=True))
        for thread in work:
            thread.start()
        for thread in work:
            thread.join()

    def stop(self) -> None:
        self._stop.set()

    def _send(self, sender: Sender) -> None:
        try:
            while not self._stop.is_set():
                self._survive(lambda: send_due(self._outbox, sender, self._stop))
                self._stop.wait(self._poll_s)
        finally:
            sender.close()

    def _do_chores(self, chores: Callable[[], object]) -> None:
        while not self._stop.is_set():
            self._survive(chores)
            self._stop.wait(self._chores_every_s)

    def _survive(self, work: Callable[[], object]) -> None:
        """A database or disk that is away comes back; until then nothing is lost, only late."""
        try:
            work()
        except (SQLAlchemyError, OSError):
            _log.exception("delivery: storage failed; trying again")
            self._stop.wait(self._poll_s)
