"""Prometheus metrics of a run: what every camera has brought, and what is wrong with it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from firewarden.cctv.runner_status import CameraStatus
from firewarden.errors import HazardError

_PREFIX = "firewarden_cctv"
PROBLEMS = ("silent", "frozen", "black", "disconnected", "unreadable", "failed")
_COUNTERS: tuple[tuple[str, str, Callable[[CameraStatus], float]], ...] = (
    ("frames", "Pictures that reached the watch.", lambda s: s.health.frames),
    ("inferences", "Pictures the network looked at.", lambda s: s.health.inferences),
    ("dropped", "Pictures overtaken by newer ones before anyone looked.", lambda s: s.dropped),
    ("reconnects", "Openings of the stream after the first.", lambda s: s.reconnects),
    ("connect_failures", "Tries that did not open the stream.", lambda s: s.failures),
    ("decode_errors", "Packets that could not be decoded.", lambda s: s.errors),
    ("corrupt", "Damaged pictures left out.", lambda s: s.corrupt),
    ("clock_off", "Pictures whose own time was too far off to be used.", lambda s: s.clock_off),
    ("restarts", "Restarts of the capture process the camera is in.", lambda s: s.restarts),
    ("resized", "Changes of the picture's size.", lambda s: s.health.resized),
    ("failed_looks", "Looks that ended in an internal error.", lambda s: s.failed_looks),
)  # fmt: skip
_SKIPPED = ("skipped", "early", "off_schedule", "late", "ahead", "blind")  # counts of Health


class CameraCollector:
    """Asks for the statuses when it is scraped. Labels are ids of the register and closed sets."""

    def __init__(self, statuses: Callable[[], Iterable[CameraStatus]]) -> None:
        self._statuses = statuses

    def collect(self) -> Iterator[Metric]:
        statuses = tuple(self._statuses())
        for name, text, value in _COUNTERS:
            family = CounterMetricFamily(f"{_PREFIX}_{name}", text, labels=["camera"])
            for status in statuses:
                family.add_metric([status.camera_id], value(status))
            yield family
        yield self._skipped(statuses)
        yield self._problems(statuses)
        yield from self._gauges(statuses)

    def _skipped(self, statuses: tuple[CameraStatus, ...]) -> Metric:
        text = "Pictures nothing was spent on, by reason."
        family = CounterMetricFamily(f"{_PREFIX}_skipped", text, labels=["camera", "reason"])
        for status in statuses:
            for reason in _SKIPPED:
                family.add_metric([status.camera_id, reason], getattr(status.health, reason))
        return family

    def _problems(self, statuses: tuple[CameraStatus, ...]) -> Metric:
        text = "1 while the camera has this problem."
        family = GaugeMetricFamily(f"{_PREFIX}_problem", text, labels=["camera", "problem"])
        for status in statuses:
            for problem in PROBLEMS:
                family.add_metric([status.camera_id, problem], float(problem in status.problems))
        return family

    def _gauges(self, statuses: tuple[CameraStatus, ...]) -> Iterator[Metric]:
        fps = GaugeMetricFamily(f"{_PREFIX}_fps", "Pictures a second, last minute.", labels=["camera"])
        backlog = GaugeMetricFamily(
            f"{_PREFIX}_backlog", "Pictures that wait for a look: 0 or 1.", labels=["camera"]
        )
        age = GaugeMetricFamily(
            f"{_PREFIX}_last_frame_age_seconds", "Since the last picture came.", labels=["camera"]
        )
        for status in statuses:
            fps.add_metric([status.camera_id], status.fps)
            backlog.add_metric([status.camera_id], status.backlog)
            if status.last_frame_age_s is not None:
                age.add_metric([status.camera_id], status.last_frame_age_s)
        yield from (fps, backlog, age)


@contextmanager
def serve_metrics(statuses: Callable[[], Iterable[CameraStatus]], host: str, port: int) -> Iterator[None]:
    """Serve `/metrics` in a thread of its own meanwhile. Raises HazardError where the port is taken."""
    registry = CollectorRegistry()
    registry.register(CameraCollector(statuses))
    server: Any
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise HazardError(
            f"--metrics-port {port}: {error.strerror}; choose another, or end what listens there"
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
