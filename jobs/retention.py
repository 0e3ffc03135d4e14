"""Jobs that ended long ago are forgotten with their results and photos. What is queued or running stays, however old it is."""

from datetime import timedelta

from sqlalchemy import Connection, Engine, delete, select

from firewarden.jobs.photos import forget_photos
from firewarden.jobs.records import OPEN_JOBS
from firewarden.ledger.blobs import BlobStore
from firewarden.ledger.database import database_now, write_transaction
from firewarden.ledger.tables import idempotency_keys, job_items, jobs


def forget_old_jobs(engine: Engine, blobs: BlobStore, *, days: int) -> int:
    """Delete jobs that were finished or cancelled more than `days` ago, a transaction each, and then their photos that
    nothing else names; how many jobs. May be run by several processes at once."""
    forgotten = 0
    while (photos := _forget_one(engine, timedelta(days=days))) is not None:
        forget_photos(engine, blobs, photos)
        forgotten += 1
    return forgotten


def _forget_one(engine: Engine, kept: timedelta) -> set[str] | None:
    """The photos of the job that was deleted; None where there was none to delete."""
    with write_transaction(engine) as connection:
        over = (
            select(jobs.c.id, jobs.c.key_id, jobs.c.created_at)
            .where(jobs.c.state.not_in(OPEN_JOBS), jobs.c.ended_at < database_now(connection) - kept)
            .order_by(jobs.c.ended_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        job = connection.execute(over).one_or_none()
        if job is None:
            return None
        _forget_keys(connection, job.key_id, job.created_at, job.id)
        gone = delete(job_items).where(job_items.c.job_id == job.id).returning(job_items.c.sha256)
        photos = set(connection.execute(gone).scalars())
        connection.execute(delete(jobs).where(jobs.c.id == job.id))
    return {sha256 for sha256 in photos if sha256 is not None}


def _forget_keys(connection: Connection, key_id: str, created_at: object, job_id: str) -> None:
    """Delete the idempotency key that made the job: sent again, the request makes a new one."""
    key = idempotency_keys.c
    mine = select(key.idempotency_key, key.answer).where(key.key_id == key_id, key.created_at == created_at)
    for name, answer in connection.execute(mine).all():
        if any(item.get("batch") == job_id for item in answer["items"]):
            gone = delete(idempotency_keys).where(key.key_id == key_id, key.idempotency_key == name)
            connection.execute(gone)
