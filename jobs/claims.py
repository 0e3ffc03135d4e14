"""Jobs in the database, as workers see them: items are taken under a claim, and a claim that is not kept up is void.

    open --claim--> open, taken until `due_at` --finish--> done | failed
              ^---- lease ran out, or the worker gave it back ----'

A row is written only under the claim that holds the item, so an item has one row, whoever was slow, killed or late. Items
that were begun before are taken one at a time: a photo that kills workers uses up its own attempts, not those of others.
Rows are locked in one order, items before their job, and claims skip what others have locked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, bindparam, exists, func, or_, select, update

from firewarden.bulk.items import Facts, HeldReader, Item
from firewarden.bulk.scorer import error_row
from firewarden.jobs.records import OPEN_JOBS, ItemState, JobContext, JobState, context_from_json, printable
from firewarden.jobs.store import row_text
from firewarden.ledger.database import database_now, write_transaction
from firewarden.ledger.tables import job_items, jobs

_OPEN = job_items.c.state == ItemState.OPEN
_FAR_S = 3600.0  # beyond any lease or rest: only a clock that was ahead, and set right since, made an item due so late


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a claim holds without a sign of life, how often an item is begun, and how long a failed attempt rests
    before the next (times the number of attempts)."""

    lease_s: float = 60.0
    max_attempts: int = 3
    rest_s: float = 5.0


@dataclass(frozen=True, slots=True)
class ClaimedItem:
    """An item to score. `attempts` counts this one."""

    number: int
    path: str
    place: str
    facts: Facts
    sha256: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Items of one job that one worker has for now, in the order they were sent."""

    id: str
    job_id: str
    context: JobContext
    items: tuple[ClaimedItem, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an item: its row, or with `again` an error that another attempt may overcome."""

    item: ClaimedItem
    row: dict[str, Any]
    again: bool = False


class ClaimStore:
    """The workers' side of the jobs. One short transaction a method."""

    def __init__(self, engine: Engine, lease: Lease = Lease()) -> None:
        self._engine = engine
        self.lease = lease

    def has_work(self) -> bool:
        """Whether any job is not over yet."""
        return bool(self._open_jobs())

    def claim(self, limit: int) -> Claim | None:
        """Up to `limit` items of the job that has waited longest for its turn; None where nothing can be taken now."""
        for job in self._open_jobs():
            claim = self._claim_of(job, limit)
            if claim is not None:
                return claim
            self._close(job.id)
        return None

    def keep(self, claim: Claim) -> bool:
        """Hold the claim for another lease; False where nothing of it is left or the job was cancelled."""
        with write_transaction(self._engine) as connection:
            job = select(jobs.c.id).where(jobs.c.id == claim.job_id, jobs.c.state == JobState.RUNNING)
            if connection.execute(job).first() is None:
                return False
            due_at = database_now(connection) + timedelta(seconds=self.lease.lease_s)
            held = update(job_items).where(job_items.c.claim == claim.id, _OPEN)
            return bool(connection.execute(held.values(due_at=due_at)).rowcount)

    def finish(self, claim: Claim, outcomes: Sequence[Outcome]) -> None:
        """Write what came of items that this claim still holds; the others have been written by someone else. The last
        one ends the job."""
        with write_transaction(self._engine) as connection:
            now = database_now(connection)
            values = [self._values(claim, outcome, now) for outcome in outcomes]
            if values:
                connection.execute(_FINISH, values)
        self._close(claim.job_id)

    def release(self, claim: Claim) -> None:
        """Give back what was not begun, as if it had never been taken."""
        with write_transaction(self._engine) as connection:
            held = update(job_items).where(job_items.c.claim == claim.id, _OPEN)
            now = database_now(connection)
            connection.execute(held.values(claim=None, attempts=job_items.c.attempts - 1, due_at=now))

    def _open_jobs(self) -> Sequence[Any]:
        query = (
            select(jobs.c.id, jobs.c.context)
            .where(jobs.c.state.in_(OPEN_JOBS))
            .order_by(jobs.c.claimed_at.asc().nulls_first(), jobs.c.created_at)
        )
        with self._engine.connect() as connection:
            return connection.execute(query).all()

    def _claim_of(self, job: Any, limit: int) -> Claim | None:
        with write_transaction(self._engine) as connection:
            now = database_now(connection)
            rows = _fresh(connection, job.id, limit) or self._begun(connection, job.id, now)
            if not rows or not _take_turn(connection, job.id, now):
                return None
            claim_id = uuid4().hex
            due_at = now + timedelta(seconds=self.lease.lease_s)
            taken = update(job_items).where(
                job_items.c.job_id == job.id, job_items.c.number.in_([row.number for row in rows])
            )
            connection.execute(taken.values(claim=claim_id, attempts=job_items.c.attempts + 1, due_at=due_at))
        return Claim(claim_id, job.id, context_from_json(job.context), tuple(map(_claimed, rows)))

    def _begun(self, connection: Connection, job_id: str, now: datetime) -> Sequence[Any]:
        """One item that was begun before and is due again; those that have used up their attempts fail."""
        longest_s = max(self.lease.lease_s, self.lease.rest_s * self.lease.max_attempts)
        never = now + timedelta(seconds=longest_s + _FAR_S)
        due = or_(job_items.c.due_at <= now, job_items.c.due_at > never)
        query = _items_of(job_id).where(job_items.c.attempts > 0, due).limit(1)
        while rows := connection.execute(query).all():
            (row,) = rows
            if row.attempts < self.lease.max_attempts:
                return rows
            _give_up(connection, job_id, row)
        return []

    def _values(self, claim: Claim, outcome: Outcome, now: datetime) -> dict[str, Any]:
        """One item's new values; an attempt that may be repeated leaves it open, to be taken later."""
        item, row = outcome.item, outcome.row
        again = outcome.again and item.attempts < self.lease.max_attempts
        ended = ItemState.FAILED if "error" in row else ItemState.DONE
        rest = timedelta(seconds=self.lease.rest_s * item.attempts if again else 0)
        return {
            "in_job": claim.job_id,
            "of_number": item.number,
            "under_claim": claim.id,
            "state": ItemState.OPEN if again else ended,
            "due_at": now + rest,
            "error": printable(row["error"]) if "error" in row else None,
            "verdict": row.get("verdict"),
            "risk_level": row.get("risk_level"),
            "row": None if again else row_text(row),
        }

    def _close(self, job_id: str) -> None:
        """End a job without open items. A transaction of its own: of two workers that write the last rows at the same
        time, the later one sees both."""
        left = exists().where(job_items.c.job_id == job_id, _OPEN)
        with self._engine.connect() as connection:
            if connection.execute(select(left)).scalar_one():
                return
        with write_transaction(self._engine) as connection:
            over = update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(OPEN_JOBS), ~left)
            connection.execute(over.values(state=JobState.FINISHED, ended_at=database_now(connection)))


_FINISH = (
    update(job_items)
    .where(
        job_items.c.job_id == bindparam("in_job"),
        job_items.c.number == bindparam("of_number"),
        job_items.c.claim == bindparam("under_claim"),
        _OPEN,
    )
    .values(
        claim=None,
        **{name: bindparam(name) for name in ("state", "due_at", "error", "verdict", "risk_level", "row")},
    )
)


def _items_of(job_id: str) -> Any:
    """Open items in their order, locked; those that another transaction has locked are passed over."""
    query = select(job_items).where(job_items.c.job_id == job_id, _OPEN).order_by(job_items.c.number)
    return query.with_for_update(skip_locked=True)


def _fresh(connection: Connection, job_id: str, limit: int) -> Sequence[Any]:
    """Items that nobody has begun."""
    return connection.execute(_items_of(job_id).where(job_items.c.attempts == 0).limit(limit)).all()


def _take_turn(connection: Connection, job_id: str, now: datetime) -> bool:
    """Note that a worker takes items of the job; False where it was cancelled meanwhile."""
    turn = update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(OPEN_JOBS))
    started_at = func.coalesce(jobs.c.started_at, now)
    values = {"state": JobState.RUNNING, "claimed_at": now, "started_at": started_at}
    return bool(connection.execute(turn.values(**values)).rowcount)


def _give_up(connection: Connection, job_id: str, row: Any) -> None:
    told = row.error or (
        f"not finished in {row.attempts} attempts: each worker that began it was killed or hung; look at the photo and "
        "at the workers' log"
    )
    item = Item(row.path, HeldReader(b""), Facts(**row.facts), row.place)
    line = row_text(error_row(item, told, row.sha256))
    lost = update(job_items).where(job_items.c.job_id == job_id, job_items.c.number == row.number)
    connection.execute(lost.values(state=ItemState.FAILED, claim=None, error=told, row=line))


def _claimed(row: Any) -> ClaimedItem:
    facts = Facts(**row.facts)
    return ClaimedItem(row.number, row.path, row.place, facts, row.sha256, row.attempts + 1)
