"""Jobs in the database, as those who ask for them see them. One short transaction a method."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select, tuple_, update

from firewarden.bulk.items import HeldReader, Item
from firewarden.bulk.ledger import to_line
from firewarden.bulk.scorer import error_row
from firewarden.jobs.records import (
    OPEN_JOBS,
    ItemError,
    ItemState,
    JobKind,
    JobRecord,
    JobState,
    NewItem,
    NewJob,
    Progress,
    printable,
)
from firewarden.ledger.database import database_now, insert_if_new, write_transaction
from firewarden.ledger.tables import idempotency_keys, job_items, jobs

_PAGE = 500  # rows of results in memory at a time


class IdempotencyConflict(Exception):
    """The idempotency key was used for another request."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A key the client chose, and the hash of what it sent with it."""

    key: str
    request_sha256: str


@dataclass(frozen=True, slots=True)
class Created:
    """The job that a request has made, now or, when `replayed`, before."""

    job_id: str
    replayed: bool


@dataclass(frozen=True, slots=True)
class JobCounts:
    """All jobs by state, and the age of the oldest one of each state that is not over."""

    jobs: Mapping[JobState, int]
    oldest_s: Mapping[JobState, float]


class JobStore:
    """Creates, shows and cancels jobs. `key_id` is whose jobs may be seen, None for all."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, job: NewJob, idempotency: Idempotency | None = None) -> Created:
        """Commit a job with all its items, or find the one that the same key has made before; raises
        IdempotencyConflict."""
        with write_transaction(self._engine) as connection:
            if idempotency is not None and not _claim_key(connection, job, idempotency):
                return Created(_earlier(connection, job.key_id, idempotency), replayed=True)
            connection.execute(insert(jobs).values(_job_values(job)))
            values = [_item_values(job, number, item) for number, item in enumerate(job.items, 1)]
            if values:
                connection.execute(insert(job_items), values)
        return Created(job.id, replayed=False)

    def job(self, job_id: str, key_id: str | None) -> JobRecord | None:
        query = _visible(key_id).where(jobs.c.id == job_id)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _record(row)

    def jobs(
        self, key_id: str | None, *, limit: int, before: tuple[datetime, str] | None = None
    ) -> list[JobRecord]:
        """The newest jobs first; `before` is time and id of the last one that was shown."""
        query = _visible(key_id).order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
        if before is not None:
            moment, job_id = before
            query = query.where(
                (jobs.c.created_at < moment) | ((jobs.c.created_at == moment) & (jobs.c.id < job_id))
            )
        with self._engine.connect() as connection:
            return [_record(row) for row in connection.execute(query)]

    def counts(self) -> JobCounts:
        """How all jobs stand, whoever asked for them."""
        count = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        oldest = (
            select(jobs.c.state, func.min(jobs.c.created_at))
            .where(jobs.c.state.in_(OPEN_JOBS))
            .group_by(jobs.c.state)
        )
        with self._engine.connect() as connection:
            now = database_now(connection)
            counted = {JobState(state): number for state, number in connection.execute(count)}
            since = {JobState(state): moment for state, moment in connection.execute(oldest)}
        return JobCounts(
            counted, {state: max(0.0, (now - at).total_seconds()) for state, at in since.items()}
        )

    def progress(self, job_id: str) -> Progress:
        """Counted anew each time."""
        columns = (job_items.c.state, job_items.c.verdict, job_items.c.risk_level)
        query = select(*columns, func.count()).where(job_items.c.job_id == job_id).group_by(*columns)
        states, verdicts, levels = Counter[str](), Counter[str](), Counter[str]()
        with self._engine.connect() as connection:
            for state, verdict, level, count in connection.execute(query):
                states[state] += count
                if verdict is not None:
                    verdicts[verdict] += count
                if level is not None:
                    levels[level] += count
        n_open, done, failed = (states[state] for state in (ItemState.OPEN, ItemState.DONE, ItemState.FAILED))
        return Progress(n_open, done, failed, dict(verdicts), dict(levels))

    def errors(self, job_id: str, *, after: int = 0, limit: int) -> list[ItemError]:
        """Failed items with a number above `after`, in order."""
        columns = (job_items.c.number, job_items.c.path, job_items.c.error, job_items.c.attempts)
        query = (
            select(*columns)
            .where(
                job_items.c.job_id == job_id,
                job_items.c.state == ItemState.FAILED,
                job_items.c.number > after,
            )
            .order_by(job_items.c.number)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [ItemError(*row) for row in connection.execute(query)]

    def cancel(self, job_id: str) -> None:
        """No further item is begun; rows that are there stay. A job that has ended is left as it is. Only the job's row is
        locked, so that this cannot meet a worker's locks crosswise."""
        with write_transaction(self._engine) as connection:
            change = update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(OPEN_JOBS))
            connection.execute(change.values(state=JobState.CANCELLED, ended_at=database_now(connection)))

    def lines(self, job_id: str) -> Iterator[bytes]:
        """The rows there are, as JSON lines, in the order the items were sent."""
        after = 0
        while rows := self._page(job_id, after):
            for number, line in rows:
                yield f"{line}\n".encode()
                after = number

    def _page(self, job_id: str, after: int) -> Sequence[Any]:
        query = select(job_items.c.number, job_items.c.row).where(
            job_items.c.job_id == job_id, job_items.c.number > after, job_items.c.row.is_not(None)
        )
        with self._engine.connect() as connection:
            return connection.execute(query.order_by(job_items.c.number).limit(_PAGE)).all()


def row_text(row: dict[str, Any]) -> str:
    """A row as it is kept: one line of JSON."""
    return to_line(row).decode().rstrip("\n")


def _claim_key(connection: Connection, job: NewJob, idempotency: Idempotency) -> bool:
    """Write the key; False where it exists already."""
    values = {
        "key_id": job.key_id,
        "idempotency_key": idempotency.key,
        "request_sha256": idempotency.request_sha256,
        "answer": {"single": True, "items": [{"batch": job.id}]},
        "created_at": job.created_at,
    }
    return insert_if_new(connection, idempotency_keys, values)


def _earlier(connection: Connection, key_id: str, idempotency: Idempotency) -> str:
    query = select(idempotency_keys.c.request_sha256, idempotency_keys.c.answer).where(
        tuple_(idempotency_keys.c.key_id, idempotency_keys.c.idempotency_key) == (key_id, idempotency.key)
    )
    sha256, answer = connection.execute(query).one()
    if sha256 != idempotency.request_sha256:
        raise IdempotencyConflict
    return str(answer["items"][0]["batch"])


def _visible(key_id: str | None) -> Any:
    query = select(*(jobs.c[name] for name in JobRecord.__slots__))
    return query if key_id is None else query.where(jobs.c.key_id == key_id)


def _record(row: Row[Any]) -> JobRecord:
    values = dict(row._mapping)
    return JobRecord(**{**values, "kind": JobKind(values["kind"]), "state": JobState(values["state"])})


def _job_values(job: NewJob) -> dict[str, Any]:
    is_open = any(item.error is None for item in job.items)
    return {
        "id": job.id,
        "key_id": job.key_id,
        "kind": job.kind,
        "state": JobState.QUEUED if is_open else JobState.FINISHED,
        "created_at": job.created_at,
        "ended_at": None if is_open else job.created_at,
        "items": len(job.items),
        "context": job.context.to_json(),
    }


def _item_values(job: NewJob, number: int, item: NewItem) -> dict[str, Any]:
    row = None
    if item.error is not None:
        told = Item(item.path, HeldReader(b""), item.facts, item.place)
        row = row_text(error_row(told, item.error, item.sha256))
    return {
        "job_id": job.id,
        "number": number,
        "path": printable(item.path),
        "place": printable(item.place),
        "facts": asdict(item.facts),
        "sha256": item.sha256,
        "state": ItemState.OPEN if item.error is None else ItemState.FAILED,
        "attempts": 0,
        "due_at": job.created_at,
        "error": None if item.error is None else printable(item.error),
        "row": row,
    }
