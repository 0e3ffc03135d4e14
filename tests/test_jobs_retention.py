"""What ended long ago is forgotten; what has not ended never is."""

# ruff: noqa: F811 - fixtures come from jobs_stage

import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

sys.path.insert(0, str(Path(__file__).parent))
from jobs_stage import NOW, OLD, YOUNG, add_inspections, aged, blobs, ended, ended_batch, engine  # noqa: F401
from postgres_server import postgres_server, postgres_url  # noqa: F401

from firewarden.api.cctv_stores import open_cctv
from firewarden.api.settings import Settings
from firewarden.bulk.engine import Effort
from firewarden.jobs.claims import ClaimStore, Outcome
from firewarden.jobs.photos import sweep_photos
from firewarden.jobs.records import JobContext, JobKind, NewItem, NewJob
from firewarden.jobs.retention import forget_old_jobs
from firewarden.jobs.store import Idempotency, JobStore
from firewarden.jobs.worker import Pace, Worker
from firewarden.ledger.tables import idempotency_keys, job_items, jobs


def made(engine, name: str, created_at: datetime = OLD) -> None:
    items = tuple(NewItem(f"{number}.jpg", sha256="0" * 64) for number in range(2))
    job = NewJob(name, "anna", JobKind.PHOTOS, JobContext(), items, created_at)
    JobStore(engine).create(job, Idempotency(f"key-{name}", "0" * 64))


def finish_next(engine, items: int = 2) -> None:
    claims = ClaimStore(engine)
    claim = claims.claim(items)
    rows = [{"path": item.path, "verdict": "no_finding", "batch": {"id": "1"}} for item in claim.items]
    claims.finish(claim, [Outcome(*pair) for pair in zip(claim.items, rows, strict=True)])


def left(engine) -> dict[str, int]:
    """Jobs that are there, each with its number of items."""
    query = select(jobs.c.id, func.count(job_items.c.number)).join(job_items).group_by(jobs.c.id)
    with engine.connect() as connection:
        return dict(connection.execute(query).all())


def test_jobs_go_after_their_days_and_unfinished_ones_never(engine, blobs) -> None:
    for name in ("finished", "young"):
        made(engine, name)
        finish_next(engine)
    made(engine, "cancelled")
    JobStore(engine).cancel("cancelled")
    for name, at in (("finished", OLD), ("cancelled", OLD), ("young", YOUNG)):
        ended(engine, name, at)
    made(engine, "running")
    finish_next(engine, items=1)
    made(engine, "queued")
    assert forget_old_jobs(engine, blobs, days=30) == 2
    assert left(engine) == {"young": 2, "running": 2, "queued": 2}
    assert forget_old_jobs(engine, blobs, days=30) == 0
    with engine.connect() as connection:
        keys = set(connection.execute(select(idempotency_keys.c.idempotency_key)).scalars())
    assert keys == {"key-young", "key-running", "key-queued"}
    made(engine, "finished")  # the same key makes a new one
    assert set(left(engine)) == {"young", "running", "queued", "finished"}


def test_several_may_forget_at_once(engine, blobs) -> None:
    for number in range(6):
        made(engine, f"job-{number}")
        JobStore(engine).cancel(f"job-{number}")
        ended(engine, f"job-{number}", OLD)
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda: counts.append(forget_old_jobs(engine, blobs, days=30)))
        for _ in range(3)
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
        chores=lambda: chores.append(forget_old_jobs(stores.engine, stores.photos, days=30)),
    )  # fmt: skip
    worker.run(until_done=True)
    assert chores == [1] and left(stores.engine) == {}
    made(stores.engine, "b")
    JobStore(stores.engine).cancel("b")
    ended(stores.engine, "b", NOW - timedelta(days=41))
    assert stores.tidy(rules.cctv.register).jobs == 1


def test_a_photo_goes_with_the_last_row_that_names_it(engine, blobs) -> None:
    shared, alone, seen = (aged(blobs, blobs.put(data)) for data in (b"shared", b"alone", b"inspected"))
    add_inspections(engine, ("1", "anna", NOW), sha256=seen)
    ended_batch(engine, "first", [shared, alone, seen])
    ended_batch(engine, "second", [shared])
    ended(engine, "second", NOW)
    assert forget_old_jobs(engine, blobs, days=30) == 1
    assert set(blobs.names()) == {shared, seen}, "another batch has one, an inspection the other"
    ended(engine, "second", OLD)
    assert forget_old_jobs(engine, blobs, days=30) == 1
    assert set(blobs.names()) == {seen} and blobs.get(seen) == b"inspected"


def test_a_photo_sent_again_within_a_day_waits_for_its_row(engine, blobs) -> None:
    sha256 = aged(blobs, blobs.put(b"photo"))
    ended_batch(engine, "old", [sha256])
    assert blobs.put(b"photo") == sha256  # an upload whose batch is not committed yet
    assert forget_old_jobs(engine, blobs, days=30) == 1
    assert blobs.get(sha256) == b"photo"
    ended_batch(engine, "new", [sha256])
    aged(blobs, sha256)
    assert sweep_photos(engine, blobs) == 0, "the new batch names it"


def test_a_sweep_finds_what_nothing_names(engine, blobs) -> None:
    refused = [aged(blobs, blobs.put(bytes([number]))) for number in range(3)]
    young = blobs.put(b"on its way")
    assert sweep_photos(engine, blobs) == len(refused)
    assert list(blobs.names()) == [young]


def test_an_upload_and_a_sweep_at_the_same_moment_lose_nothing(blobs) -> None:
    """A sweep that took a photo for old puts it back at once where it was put meanwhile."""
    data = b"the same photo"
    sha256 = aged(blobs, blobs.put(data))
    stop = threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            blobs.discard(sha256, unused_s=3600)

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for _ in range(200):
            blobs.put(data)
            patience_s = time.monotonic() + 30
            while not blobs.path(sha256).exists():
                assert time.monotonic() < patience_s, "a photo that was just put is gone"
            time.sleep(0.001)
            aged(blobs, sha256)
            while blobs.path(sha256).exists():
                assert time.monotonic() < patience_s, "a photo that is old stays"
                time.sleep(0)
    finally:
        stop.set()
        sweeper.join()
