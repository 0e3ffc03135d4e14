"""Gauges of what the database holds: jobs, messages on their way out, and how cameras do. Any worker tells the same."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy.exc import SQLAlchemyError

from firewarden.cctv.health_store import HealthStore, ToldHealth
from firewarden.cctv.metrics import PROBLEMS
from firewarden.cctv.outbox import Backlog, Outbox
from firewarden.jobs.records import OPEN_JOBS, JobState
from firewarden.jobs.store import JobCounts, JobStore

_FRESH_S = 5.0  # asked again after that, however often it is scraped
_TOLD_WITHIN_S = 60.0  # cameras are told of every 15 s; those of a process that is gone are left out
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredState:
    """What was in the database at one moment."""

    jobs: JobCounts
    outbox: dict[str, Backlog]
    cameras: tuple[ToldHealth, ...]


def read_state(
    jobs: JobStore, outbox: Outbox, health: HealthStore, destinations: Iterable[str]
) -> StoredState:
    """Asks the database, by its indices; raises SQLAlchemyError."""
    cameras = health.load(within_s=_TOLD_WITHIN_S)
    return StoredState(jobs.counts(), outbox.backlogs(destinations), tuple(cameras))


class StoredCollector:
    """A collector for a Prometheus registry. A database that is away costs these values, not the other metrics."""

    def __init__(self, read: Callable[[], StoredState], clock: Callable[[], float] = time.monotonic) -> None:
        self._read, self._clock = read, clock
        self._lock = threading.Lock()
        self._state: StoredState | None = None
        self._due_s = -1.0

    def collect(self) -> Iterator[Metric]:
        state = self._fresh()
        yield _gauge("database_up", "1 where the database told the values below.", float(state is not None))
        if state is not None:
            yield from _job_gauges(state.jobs)
            yield from _outbox_gauges(state.outbox)
            yield from _camera_metrics(state.cameras)

    def _fresh(self) -> StoredState | None:
        with self._lock:
            if self._clock() >= self._due_s:
                try:
                    self._state = self._read()
                except SQLAlchemyError as error:
                    _log.warning("metrics of the database: %s", type(error).__name__)
                    self._state = None
                self._due_s = self._clock() + _FRESH_S
            return self._state


def _job_gauges(counts: JobCounts) -> Iterator[Metric]:
    jobs = _gauge("jobs", "Batches by state.", labels=["state"])
    oldest = _gauge("jobs_oldest_seconds", "Age of the oldest batch that is not over.", labels=["state"])
    for state in JobState:
        jobs.add_metric([state.value], counts.jobs.get(state, 0))
    for state in OPEN_JOBS:
        oldest.add_metric([state.value], counts.oldest_s.get(state, 0.0))
    yield from (jobs, oldest)


def _outbox_gauges(backlogs: dict[str, Backlog]) -> Iterator[Metric]:
    labels = ["destination"]
    waiting = _gauge("outbox_waiting", "Messages not sent yet.", labels=labels)
    oldest = _gauge("outbox_oldest_seconds", "Age of the oldest message not sent yet.", labels=labels)
    failed = _gauge("outbox_failed", "Messages given up.", labels=labels)
    for destination, backlog in backlogs.items():
        waiting.add_metric([destination], backlog.waiting)
        oldest.add_metric([destination], backlog.oldest_s)
        failed.add_metric([destination], backlog.dead)
    yield from (waiting, oldest, failed)


def _camera_metrics(cameras: tuple[ToldHealth, ...]) -> Iterator[Metric]:
    labels = ["camera"]
    fps = _gauge("camera_fps", "Pictures a second, last minute.", labels=labels)
    backlog = _gauge("camera_backlog", "Pictures that wait for a look: 0 or 1.", labels=labels)
    dropped = CounterMetricFamily(
        "firewarden_camera_dropped", "Pictures overtaken by newer ones before anyone looked.", labels=labels
    )
    problem = _gauge("camera_problem", "1 while the camera has this problem.", labels=["camera", "problem"])
    for camera in cameras:
        fps.add_metric([camera.camera_id], camera.status["fps"])
        backlog.add_metric([camera.camera_id], camera.status["backlog"])
        dropped.add_metric([camera.camera_id], camera.status["dropped"])
        for name in PROBLEMS:
            problem.add_metric([camera.camera_id, name], float(name in camera.status["problems"]))
    yield from (fps, backlog, dropped, problem)


def _gauge(
    name: str, text: str, value: float | None = None, labels: Iterable[str] | None = None
) -> GaugeMetricFamily:
    return GaugeMetricFamily(
        f"firewarden_{name}", text, value=value, labels=list(labels) if labels is not None else None
    )
