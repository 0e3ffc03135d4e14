"""Messages on their way out: written with what they tell of, claimed by one sender at a time, sent at least once.

A message is due at `due_at`. Whoever claims it moves that time behind its lease, so that nobody else takes it and it
comes back by itself where the sender dies. Messages of one event go out in their order; other events do not wait.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Engine, delete, exists, func, select, update

from firewarden.cctv.messages import Message
from firewarden.ledger.database import database_now, insert_if_new, write_transaction
from firewarden.ledger.tables import cctv_outbox as box

_SHOWN = 300  # characters of an error that are kept


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """Waits double from the first to the longest, less up to half by chance; the numbers here try for about three days."""

    lease_s: float = 60.0
    first_wait_s: float = 2.0
    longest_wait_s: float = 3600.0
    max_attempts: int = 80


@dataclass(frozen=True, slots=True)
class Claim:
    """A message held by one sender until its lease ends. `attempts` counts this one."""

    row_id: int
    destination: str
    message: Message
    attempts: int
    holder: str


@dataclass(frozen=True, slots=True)
class Backlog:
    """How a destination stands: messages not sent yet, messages given up, and the age of the oldest unsent one."""

    waiting: int
    dead: int
    oldest_s: float


class Outbox:
    """The queue of all destinations. Times are those of the database."""

    def __init__(self, engine: Engine, policy: DeliveryPolicy | None = None) -> None:
        self._engine = engine
        self.policy = policy or DeliveryPolicy()

    def now(self) -> datetime:
        """The time by which messages are due."""
        with self._engine.connect() as connection:
            return database_now(connection)

    def claim(self, destination: str, due_by: datetime | None = None) -> Claim | None:
        """The message that has been due longest, held by the caller alone; None where none is, or none was by `due_by`."""
        holder = uuid4().hex
        with write_transaction(self._engine) as connection:
            now = database_now(connection)
            row_id = connection.execute(
                select(box.c.id)
                .where(
                    box.c.destination == destination, box.c.due_at <= (due_by or now), ~_waits_for_another()
                )
                .order_by(box.c.due_at, box.c.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).scalar_one_or_none()
            if row_id is None:
                return None
            lease_end = now + timedelta(seconds=self.policy.lease_s)
            row = connection.execute(
                update(box)
                .where(box.c.id == row_id)
                .values(due_at=lease_end, holder=holder, attempts=box.c.attempts + 1)
                .returning(box)
            ).one()
        message = Message(row.message_id, row.event_id, row.revision, row.camera_id, row.body)
        return Claim(row.id, destination, message, row.attempts, holder)

    def acknowledge(self, claim: Claim) -> None:
        """The receiver has it. True whoever holds the message by now."""
        with self._engine.begin() as connection:
            connection.execute(
                update(box)
                .where(box.c.id == claim.row_id, box.c.sent_at.is_(None))
                .values(
                    sent_at=database_now(connection), due_at=None, dead_at=None, holder=None, last_error=None
                )
            )

    def fail(self, claim: Claim, error: str, *, retry_after_s: float = 0.0) -> bool:
        """Try again later, or give up after the last attempt; True where it is given up. Nothing happens where the lease
        has passed on."""
        given_up = claim.attempts >= self.policy.max_attempts
        with self._engine.begin() as connection:
            now = database_now(connection)
            wait_s = max(
                back_off_s(claim.attempts, self.policy, random.random()),
                min(retry_after_s, self.policy.longest_wait_s),
            )
            done = connection.execute(
                update(box)
                .where(box.c.id == claim.row_id, box.c.holder == claim.holder, box.c.sent_at.is_(None))
                .values(
                    due_at=None if given_up else now + timedelta(seconds=wait_s),
                    dead_at=now if given_up else None,
                    holder=None,
                    last_error=error[:_SHOWN],
                )
            )
        return given_up and bool(done.rowcount)

    def revive(self, destination: str | None = None) -> int:
        """Give messages that were given up all their attempts again; how many."""
        with self._engine.begin() as connection:
            statement = update(box).where(box.c.dead_at.is_not(None))
            if destination is not None:
                statement = statement.where(box.c.destination == destination)
            now = database_now(connection)
            return connection.execute(statement.values(due_at=now, dead_at=None, attempts=0)).rowcount

    def backlogs(self, destinations: Iterable[str] = ()) -> dict[str, Backlog]:
        """`destinations`, and others with messages that wait or were given up. What was sent is not read."""
        waiting = (
            select(box.c.destination, func.count(), func.min(box.c.created_at))
            .where(box.c.due_at.is_not(None))
            .group_by(box.c.destination)
        )
        dead = (
            select(box.c.destination, func.count().label("number"))
            .where(box.c.dead_at.is_not(None))
            .group_by(box.c.destination)
        )
        with self._engine.connect() as connection:
            now = database_now(connection)
            live = {name: (count, since) for name, count, since in connection.execute(waiting)}
            gone = {row.destination: row.number for row in connection.execute(dead)}
        told = {}
        for name in dict.fromkeys((*destinations, *live, *gone)):
            count, since = live.get(name, (0, None))
            told[name] = Backlog(count, gone.get(name, 0), _age_s(since, now))
        return told

    def forget_sent(self, before: datetime) -> int:
        """Delete messages that were sent before a time; how many."""
        with self._engine.begin() as connection:
            return connection.execute(delete(box).where(box.c.sent_at < before)).rowcount


def put_message(connection: Connection, message: Message, destinations: Sequence[str], now: datetime) -> None:
    """Queue a message for each destination, in the transaction of what it tells of. One that is there already stays."""
    values = {"message_id": message.id, "created_at": now, "due_at": now, "attempts": 0}
    values |= {name: getattr(message, name) for name in ("event_id", "revision", "camera_id", "body")}
    for destination in destinations:
        insert_if_new(connection, box, {**values, "destination": destination})


def back_off_s(attempts: int, policy: DeliveryPolicy, chance: float) -> float:
    """Seconds until the next attempt after `attempts` (from 1); `chance` in [0, 1) spreads senders over half of it."""
    doubled = policy.first_wait_s * 2.0 ** min(attempts - 1, 60)
    return min(doubled, policy.longest_wait_s) * (1.0 - chance / 2)


def _waits_for_another() -> ColumnElement[bool]:
    """Whether an earlier message of the same event is still on its way to the same destination."""
    earlier = box.alias("earlier")
    return exists().where(
        earlier.c.destination == box.c.destination,
        earlier.c.event_id == box.c.event_id,
        earlier.c.revision < box.c.revision,
        earlier.c.due_at.is_not(None),
    )


def _age_s(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
