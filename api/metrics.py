"""Counters and histograms, of one process or summed over all workers, and the middleware that counts requests."""

import os
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STAGE_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_REQUEST_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64)
_STATM = Path("/proc/self/statm")


class Metrics:
    """What `/metrics` shows. Labels are closed sets (route templates, stages, hazards), never ids or paths as sent.

    With `shared_dir`, the folder where `prometheus_client` keeps the values of all workers, every worker shows the sums;
    gauges of this process's memory stay apart by `pid`.
    """

    def __init__(self, shared_dir: Path | None = None) -> None:
        self._shared_dir = shared_dir
        self._collectors: list[Collector] = []
        self.registry = CollectorRegistry()
        self._requests = self._counter("requests", "Requests answered.", "method", "route", "status")
        self._request_s = self._histogram(
            "request_seconds", "Time from request to the end of its answer.", _REQUEST_BUCKETS_S, "route"
        )
        self._stage_s = self._histogram(
            "stage_seconds",
            "Time of one stage: queue_wait, decode, inference, rules and their total for one photo, store for one request.",
            _STAGE_BUCKETS_S,
            "stage",
        )
        self._stage = cache(self._stage_s.labels)  # finding a label takes longer than counting under it
        self._request = cache(self._requests.labels)
        self._request_time = cache(self._request_s.labels)
        self._batch_wait_s = self._histogram(
            "batch_wait_seconds", "Time a decoded photo waited for others to share a run.", _STAGE_BUCKETS_S
        )
        self._batch_size = self._histogram("batch_size", "Photos that shared a photo's run.", _BATCH_BUCKETS)
        self._findings = self._counter("findings", "Findings stored.", "hazard", "outcome")
        self._inspections = self._counter("inspections", "Inspections stored.", "verdict")
        self._shed = self._counter(
            "shed", "Requests turned away: queue_full, overload, memory, deadline, batches.", "reason"
        )
        self._abandoned = self._counter("abandoned", "Requests whose client went away before the answer.")
        self._in_flight = Gauge(
            "firewarden_in_flight", "Photos being worked on or waiting.",
            registry=self.registry, multiprocess_mode="livesum",
        )  # fmt: skip
        self._queue_depth = Gauge(
            "firewarden_queue_depth", "Photos that wait: in line beyond those that threads work on.",
            registry=self.registry, multiprocess_mode="livesum",
        )  # fmt: skip
        self._resident = Gauge(
            "firewarden_resident_bytes", "Memory of the process (RSS).",
            registry=self.registry, multiprocess_mode="liveall",
        )  # fmt: skip

    def add_collector(self, collector: Collector) -> None:
        """Show what is asked for at each scrape; all workers would tell the same."""
        self._collectors.append(collector)
        self.registry.register(collector)

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        self._request(method, route, status).inc()
        self._request_time(route).observe(seconds)

    def observe_stage(self, stage: str, seconds: float) -> None:
        self._stage(stage).observe(seconds)

    def observe_queue_wait(self, seconds: float) -> None:
        self.observe_stage("queue_wait", seconds)

    def observe_run(self, batch_size: int, waited_s: float) -> None:
        """One photo's run of the network."""
        self._batch_size.observe(batch_size)
        self._batch_wait_s.observe(waited_s)

    def observe_shed(self, reason: str) -> None:
        self._shed.labels(reason).inc()

    def observe_abandoned(self) -> None:
        self._abandoned.inc()

    def set_in_flight(self, photos: int, *, at_once: int) -> None:
        """`photos` are in line, of which threads work on up to `at_once`."""
        self._in_flight.set(photos)
        self._queue_depth.set(max(0, photos - at_once))

    def observe_result(self, result: Mapping[str, Any]) -> None:
        """Count one stored result: its verdict, its findings and the stages of `timings_ms`."""
        self._inspections.labels(result["verdict"]).inc()
        for finding in result["findings"]:
            self._findings.labels(finding["hazard"], finding["outcome"]).inc()
        for stage, milliseconds in result["timings_ms"].items():
            self.observe_stage(stage, milliseconds / 1000)

    def refresh(self) -> None:
        """Take the measures that nobody reports: memory."""
        self._resident.set(resident_bytes())

    def render(self) -> bytes:
        """All values in Prometheus text format."""
        self.refresh()
        if self._shared_dir is None:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(self._shared_dir))  # type: ignore[no-untyped-call]
        for collector in self._collectors:
            registry.register(collector)
        return generate_latest(registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"firewarden_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"firewarden_{name}", text, labels, registry=self.registry, buckets=buckets)


def resident_bytes() -> int:
    """Memory of this process in RAM; 0 where the system does not tell."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


class CountRequests:
    """ASGI middleware: one observation a request, labelled by route template."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500  # an error that passes through here is answered outside as 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        start = time.perf_counter()
        try:
            await self._app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.observe_request(_method(scope), route, status, time.perf_counter() - start)


def _method(scope: Scope) -> str:
    method = scope["method"]
    return method if method in ("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE") else "OTHER"
