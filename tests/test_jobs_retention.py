"""What ended long ago is forgotten; what has not ended never is."""

import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

sys.path.insert(0, str(Path(__file__).parent))
from cctv_events import Stores, stored_urls
from postgres_server import postgres_server, postgres_url  # noqa: F401

from firewarden.api.cctv_stores import open_cctv
from firewarden.api.settings import Settings
from firewarden.bulk.engine import Effort
from firewarden.jobs.claims import ClaimStore, Outcome
from firewarden.jobs.records import JobContext, JobKind, NewItem, NewJob
from firewarden.jobs.retention import forget_old_jobs
from firewarden.jobs.store import Idempotency, JobStore
from firewarden.jobs.worker import Pace, Worker
from firewarden.ledger.tables import idempotency_keys, job_items, jobs

NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=31)


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request, tmp_path):
    return Stores(stored_urls(request, tmp_path), tmp_path).engine


def made(engine, name: str, created_at: datetime = OLD) -> None:
    items = tuple(NewItem(f"{number}.jpg", sha256="0" * 64) for number in range(2))
    job = NewJob(name, "anna", JobKind.PHOTOS, JobContext(), items, created_at)
    JobStore(engine).create(job, Idempotency(f"key-{name}", "0" * 64))


def finish_next(engine, items: int = 2) -> None:
    claims = ClaimStore(engine)
    claim = claims.claim(items)
    rows = [{"path": item.path, "verdict": "no_finding", "batch": {"id": "1"}} for item in claim.items]
    claims.finish(claim, [Outcome(*pair) for pair in zip(claim.items, rows, strict=True)])


def ended(engine, name: str, at: datetime) -> None:
    with engine.begin() as connection:
        connection.execute(update(jobs).where(jobs.c.id == name).values(ended_at=at))


def left(engine) -> dict[str, int]:
    """Jobs that are there, each with its number of items."""
    query = select(jobs.c.id, func.count(job_items.c.number)).join(job_items).group_by(jobs.c.id)
    with engine.connect() as connection:
        return dict(connection.execute(query).all())


def test_jobs_go_after_their_days_and_unfinished_ones_never(engine) -> None:
    for name in ("finished", "young"):
        made(engine, name)
        finish_next(engine)
    made(engine, "cancelled")
    JobStore(engine).cancel("cancelled")
    for name, at in (("finished", OLD), ("cancelled", OLD), ("young", NOW - timedelta(days=29))):
        ended(engine, name, at)
    made(engine, "running")
    finish_next(engine, items=1)
    made(engine, "queued")
    assert forget_old_jobs(engine, days=30) == 2
    assert left(engine) == {"young": 2, "running": 2, "queued": 2}
    assert forget_old_jobs(engine, days=30) == 0
    with engine.connect() as connection:
        keys = set(connection.execute(select(idempotency_keys.c.idempotency_key)).scalars())
    assert keys == {"key-young", "key-running", "key-queued"}
    made(engine, "finished")  # the same key makes a new one
    assert set(left(engine)) == {"young", "running", "queued", "finished"}


def test_several_may_forget_at_once(engine) -> None:
    for number in range(6):
        made(engine, f"job-{number}")
        JobStore(engine).cancel(f"job-{number}")
        ended(engine, f"job-{number}", OLD)
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda: counts.append(forget_old_jobs(engine, days=30))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 6 and left(engine) == {}


def test_the_sweeper_of_events_and_the_worker_both_do_it(tmp_path, rules) -> None:
    settings = Settings(data_dir=tmp_path, job_retention_days=40)
    stores = open_cctv(settings)
    made(stores.engine, "a")
    JobStore(stores.engine).cancel("a")
    ended(stores.engine, "a", OLD)
    assert stores.tidy(rules.cctv.register).jobs == 0, "31 days, kept for 40"
    chores: list[int] = []
    worker = Worker(
        ClaimStore(stores.engine), None, None, Effort(), Pace(),
        chores=lambda: chores.append(forget_old_jobs(stores.engine, days=30)),
    )  # fmt: skip
    worker.run(until_done=True)
    assert chores == [1] and left(stores.engine) == {}
    made(stores.engine, "b")
    JobStore(stores.engine).cancel("b")
    ended(stores.engine, "b", NOW - timedelta(days=41))
    assert stores.tidy(rules.cctv.register).jobs == 1
