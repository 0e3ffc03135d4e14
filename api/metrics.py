"""Counters and histograms of one app, in a registry of its own, and the middleware that counts requests."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STAGE_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_REQUEST_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """What `/metrics` shows. Labels are closed sets (route templates, stages, hazards), never ids or paths as sent."""

    def __init__(self, in_flight: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "firewarden_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._request_s = Histogram(
            "firewarden_request_seconds",
            "Time from request to the end of its answer.",
            ["route"],
            registry=self.registry,
            buckets=_REQUEST_BUCKETS_S,
        )
        self._stage_s = Histogram(
            "firewarden_stage_seconds",
            "Time of one stage: decode, inference, rules and their total for one photo, store for one request.",
            ["stage"],
            registry=self.registry,
            buckets=_STAGE_BUCKETS_S,
        )
        self._findings = Counter(
            "firewarden_findings", "Findings stored.", ["hazard", "outcome"], registry=self.registry
        )
        self._inspections = Counter(
            "firewarden_inspections", "Inspections stored.", ["verdict"], registry=self.registry
        )
        self._shed = Counter("firewarden_shed", "Requests turned away with 429.", registry=self.registry)
        gauge = Gauge("firewarden_in_flight", "Jobs running or waiting.", registry=self.registry)
        gauge.set_function(in_flight)

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._request_s.labels(route).observe(seconds)
        if status == 429:
            self._shed.inc()

    def observe_stage(self, stage: str, seconds: float) -> None:
        self._stage_s.labels(stage).observe(seconds)

    def observe_result(self, result: Mapping[str, Any]) -> None:
        """Count one stored result: its verdict, its findings and the stages of `timings_ms`."""
        self._inspections.labels(result["verdict"]).inc()
        for finding in result["findings"]:
            self._findings.labels(finding["hazard"], finding["outcome"]).inc()
        for stage, milliseconds in result["timings_ms"].items():
            self.observe_stage(stage, milliseconds / 1000)

    def render(self) -> bytes:
        """The registry in Prometheus text format."""
        return generate_latest(self.registry)


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
