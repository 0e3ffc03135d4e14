"""What the tests of retention share: both databases, a folder of photos, and rows that ended long ago."""

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update

sys.path.insert(0, str(Path(__file__).parent))
from cctv_events import Stores, stored_urls

from firewarden.jobs.records import JobContext, JobKind, NewItem, NewJob
from firewarden.jobs.store import JobStore
from firewarden.ledger.blobs import BlobStore
from firewarden.ledger.tables import inspections, jobs

NOW = datetime.now(UTC)
OLD, YOUNG = NOW - timedelta(days=31), NOW - timedelta(days=29)


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request, tmp_path):
    """An empty database of each kind; a test file that asks for it imports the fixtures of `postgres_server` too."""
    return Stores(stored_urls(request, tmp_path), tmp_path).engine


@pytest.fixture
def blobs(tmp_path) -> BlobStore:
    store = BlobStore(tmp_path / "blobs")
    store.open()
    return store


def add_inspections(engine, *rows: tuple[str, str, datetime], sha256: str = "0" * 64) -> None:
    """Inspections by id, key and time, of one photo."""
    values = [
        {
            "id": name, "key_id": key_id, "image_sha256": sha256, "image_bytes": 1, "received_at": at,
            "clock_suspect": False, "source": "app", "verdict": "hazard", "model_id": "m", "rules_version": "r", "result": {},
        }
        for name, key_id, at in rows
    ]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(inspections), values)


def ended(engine, name: str, at: datetime) -> None:
    """A batch that is there ended at this time."""
    with engine.begin() as connection:
        connection.execute(update(jobs).where(jobs.c.id == name).values(ended_at=at))


def ended_batch(engine, name: str, photos: list[str]) -> None:
    """A batch with these photos that ended long ago."""
    items = tuple(NewItem(f"{number}.jpg", sha256=sha256) for number, sha256 in enumerate(photos))
    JobStore(engine).create(NewJob(name, "anna", JobKind.PHOTOS, JobContext(), items, OLD))
    JobStore(engine).cancel(name)
    ended(engine, name, OLD)


def aged(blobs: BlobStore, sha256: str, days: float = 2) -> str:
    """The photo, as one that was put so many days ago."""
    then = time.time() - days * 86400
    os.utime(blobs.path(sha256), (then, then))
    return sha256
