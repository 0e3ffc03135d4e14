"""Gauges of what the database holds, as `/metrics` shows them."""

import re
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

sys.path.insert(0, str(Path(__file__).parent))
from cctv_events import NOW, Stores, camera, change, stored_urls
from postgres_server import postgres_server, postgres_url  # noqa: F401
from test_api_fakes import open_client

from firewarden.api.metrics import Metrics
from firewarden.api.metrics_stored import StoredCollector, StoredState
from firewarden.cctv.health import Health
from firewarden.cctv.health_store import HealthStore
from firewarden.cctv.runner_status import CameraStatus
from firewarden.cctv.video_source import CaptureState
from firewarden.jobs.records import JobContext, JobKind, NewItem, NewJob
from firewarden.jobs.store import JobCounts
from firewarden.ledger.tables import camera_health, cctv_outbox

STATUS = CameraStatus(
    camera_id="cam-1", state=CaptureState.READING, problems=("frozen",), fps=0.5, backlog=1, taken=100, dropped=7,
    errors=0, corrupt=0, clock_off=0, reconnects=0, failures=0, restarts=0, failed_looks=0,
    health=Health(frames=93), last_frame_at=NOW, last_frame_age_s=1.0, last_error=None,
)  # fmt: skip


@pytest.fixture(params=["sqlite", "postgres"])
def stores(request, tmp_path) -> Stores:
    return Stores(stored_urls(request, tmp_path), tmp_path)


def value(text: str, line: str) -> float:
    match = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
    assert match, f"{line} is not in\n{text}"
    return float(match.group(1))


def job(name: str, age_s: float, *, failed: bool = False) -> NewJob:
    item = NewItem("a.jpg", error="no picture") if failed else NewItem("a.jpg", sha256="0" * 64)
    began = datetime.now(UTC) - timedelta(seconds=age_s)
    return NewJob(name, "key", JobKind.PHOTOS, JobContext(), (item,), began)


def test_jobs_messages_and_cameras_are_told(tmp_path) -> None:
    settings = {"webhook_url": "https://example.org/hook", "webhook_secret": "s" * 24}
    with open_client(tmp_path, **settings) as (client, services):
        empty = client.get("/metrics").text
        assert value(empty, 'firewarden_jobs{state="queued"}') == 0
        assert value(empty, 'firewarden_outbox_waiting{destination="webhook"}') == 0
        services.jobs.create(job("1" * 32, 100))
        services.jobs.create(job("2" * 32, 300))
        services.jobs.create(job("3" * 32, 900, failed=True))  # over at once
        for name in ("e1", "e2", "e3"):
            services.cctv.events.write(change(event_id=name))
        with services.cctv.engine.begin() as connection:
            given_up = update(cctv_outbox).where(cctv_outbox.c.event_id == "e1")
            connection.execute(given_up.values(due_at=None, dead_at=NOW))
            sent = update(cctv_outbox).where(cctv_outbox.c.event_id == "e2")
            connection.execute(sent.values(due_at=None, sent_at=NOW))
        services.cctv.health.save([STATUS])
        assert client.get("/metrics").text.count('firewarden_jobs{state="queued"} 0.0') == 1, (
            "asked too often"
        )
        for collector in services.metrics._collectors:
            collector._due_s = 0.0
        text = client.get("/metrics").text
    assert value(text, 'firewarden_jobs{state="queued"}') == 2
    assert value(text, 'firewarden_jobs{state="finished"}') == 1
    assert 300 <= value(text, 'firewarden_jobs_oldest_seconds{state="queued"}') < 400
    assert value(text, 'firewarden_jobs_oldest_seconds{state="running"}') == 0
    assert value(text, 'firewarden_outbox_waiting{destination="webhook"}') == 1
    assert value(text, 'firewarden_outbox_failed{destination="webhook"}') == 1
    assert 0 <= value(text, 'firewarden_outbox_oldest_seconds{destination="webhook"}') < 100
    assert value(text, 'firewarden_camera_fps{camera="cam-1"}') == 0.5
    assert value(text, 'firewarden_camera_backlog{camera="cam-1"}') == 1
    assert value(text, 'firewarden_camera_dropped_total{camera="cam-1"}') == 7
    problems = ('{camera="cam-1",problem="frozen"}', '{camera="cam-1",problem="black"}')
    assert [value(text, f"firewarden_camera_problem{labels}") for labels in problems] == [1, 0]
    assert value(text, "firewarden_database_up") == 1


def test_health_is_the_latest_and_goes_with_its_camera_or_its_watcher(stores) -> None:
    health = HealthStore(stores.engine)
    stores.cameras.add(camera())
    health.save([STATUS, replace(STATUS, camera_id="cam-2")])
    health.save([replace(STATUS, fps=2.0)])
    health.save([])
    told = health.load(within_s=60)
    assert [(t.camera_id, t.status["fps"]) for t in told] == [("cam-1", 2.0), ("cam-2", 0.5)]
    assert all(0 <= t.age_s < 60 for t in told)
    stores.events.retire_camera("cam-1")
    assert [t.camera_id for t in health.load(within_s=60)] == ["cam-2"]
    with stores.engine.begin() as connection:
        connection.execute(update(camera_health).values(told_at=NOW - timedelta(seconds=61)))
    assert health.load(within_s=60) == []


def test_a_database_that_is_away_costs_these_values_alone() -> None:
    now, state = 0.0, StoredState(JobCounts({}, {}), {}, ())
    answers: list = [OperationalError("", {}, Exception()), state]

    def read() -> StoredState:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    metrics = Metrics()
    metrics.add_collector(StoredCollector(read, lambda: now))
    text = metrics.render().decode()
    assert value(text, "firewarden_database_up") == 0 and value(text, "firewarden_in_flight") == 0
    assert "firewarden_jobs{" not in text
    now = 4.9
    assert value(metrics.render().decode(), "firewarden_database_up") == 0 and len(answers) == 1
    now = 5.1
    assert value(metrics.render().decode(), "firewarden_database_up") == 1


def test_several_workers_show_them_too(tmp_path) -> None:
    metrics = Metrics(tmp_path)
    metrics.add_collector(StoredCollector(lambda: StoredState(JobCounts({}, {}), {}, ()), lambda: 0.0))
    assert value(metrics.render().decode(), "firewarden_database_up") == 1


def test_those_that_wait_are_those_beyond_the_threads():
    """Five in line and two threads: three wait; one in line: none."""
    metrics = Metrics()
    metrics.set_in_flight(5, at_once=2)
    text = metrics.render().decode()
    assert (value(text, "firewarden_in_flight"), value(text, "firewarden_queue_depth")) == (5, 3)
    metrics.set_in_flight(1, at_once=2)
    assert value(metrics.render().decode(), "firewarden_queue_depth") == 0
