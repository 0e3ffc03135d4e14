"""Inspections are deleted with their photos where somebody has set for how long they are kept, and kept for ever otherwise."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, func, select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from firewarden.jobs.photos import forget_photos
from firewarden.ledger.blobs import BlobStore
from firewarden.ledger.database import database_now, write_transaction
from firewarden.ledger.tables import idempotency_keys, inspections

_GROUP = 200  # rows of one transaction: others write in between
_REST_S = 0.05  # after each, so that they come to it
_EVERY_S, _FIRST_S = 3600.0, 60.0
_log = logging.getLogger(__name__)


def forget_old_inspections(engine: Engine, blobs: BlobStore, *, days: int) -> int:
    """Delete inspections that came in more than `days` ago, for 0 none, with their idempotency keys, and then their photos
    that nothing else names; how many inspections. May be run by several processes at once, beside uploads."""
    if not days:
        return 0
    with engine.connect() as connection:
        before = database_now(connection) - timedelta(days=days)
    senders = [key_id for key_id in _senders(engine) if _has_old(engine, key_id, before)]
    if senders:
        _forget_keys(engine, before)  # first: a key whose inspection is gone would answer with nothing
    forgotten = 0
    for key_id in senders:
        while photos := _forget_some(engine, key_id, before):
            forget_photos(engine, blobs, set(photos))
            forgotten += len(photos)
            time.sleep(_REST_S)
    return forgotten


@contextmanager
def swept(
    sweep: Callable[[], object], *, first_s: float = _FIRST_S, every_s: float = _EVERY_S
) -> Iterator[None]:
    """`sweep` now and then in a thread meanwhile; a database or disk that does not work is told in the log and tried again
    the next time. A sweep that is at work at the end is left off: each of its transactions stands alone."""
    over = threading.Event()

    def work() -> None:
        wait_s = first_s
        while not over.wait(wait_s):
            wait_s = every_s
            try:
                sweep()
            except (SQLAlchemyError, OSError) as error:
                _log.warning("old inspections were not deleted (%s); trying again", type(error).__name__)

    threading.Thread(target=work, daemon=True, name="sweep").start()
    try:
        yield
    finally:
        over.set()


def _senders(engine: Engine) -> list[str]:
    """Keys that have sent inspections. Each is looked up in the index; the rows are not read."""
    found: list[str] = []
    with engine.connect() as connection:
        while True:
            rest = select(func.min(inspections.c.key_id)).where(inspections.c.key_id > (found or [""])[-1])
            following = connection.execute(rest).scalar_one()
            if following is None:
                return found
            found.append(following)


def _has_old(engine: Engine, key_id: str, before: datetime) -> bool:
    with engine.connect() as connection:
        return connection.execute(_old(key_id, before).limit(1)).first() is not None


def _old(key_id: str, before: datetime) -> Any:
    return select(inspections.c.id).where(inspections.c.key_id == key_id, inspections.c.received_at < before)


def _forget_some(engine: Engine, key_id: str, before: datetime) -> Sequence[str]:
    """The photos of the inspections that were deleted, none where nothing was left to delete."""
    with write_transaction(engine) as connection:
        over = _old(key_id, before).order_by(inspections.c.received_at).limit(_GROUP)
        ids = connection.execute(over.with_for_update(skip_locked=True)).scalars().all()
        gone = delete(inspections).where(inspections.c.id.in_(ids)).returning(inspections.c.image_sha256)
        return connection.execute(gone).scalars().all()


def _forget_keys(engine: Engine, before: datetime) -> None:
    """Delete idempotency keys of inspections: sent again, such a request is a new one."""
    key = tuple_(idempotency_keys.c.key_id, idempotency_keys.c.idempotency_key)
    old = idempotency_keys.c.created_at < before
    last = ("", "")
    while True:
        page = select(idempotency_keys).where(old, key > last).order_by(*key.clauses).limit(_GROUP)
        with engine.connect() as connection:
            rows = connection.execute(page).all()
        if not rows:
            return
        last = (rows[-1].key_id, rows[-1].idempotency_key)
        over = [(row.key_id, row.idempotency_key) for row in rows if _is_of_inspections(row.answer)]
        if over:
            with write_transaction(engine) as connection:
                connection.execute(delete(idempotency_keys).where(old, key.in_(over)))


def _is_of_inspections(answer: Mapping[str, Any]) -> bool:
    """Other answers name a batch, or hold a whole camera."""
    return all(set(item) in ({"id"}, {"problem"}) for item in answer["items"])
