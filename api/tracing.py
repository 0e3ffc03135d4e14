"""Traces of requests through OpenTelemetry, where `firewarden[otel]` is installed and an endpoint is set; else nothing.

The SDK is imported only then. One span a request, with a child for each stage; the stages follow each other, so their
spans are laid out from their durations when the answer is there.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from firewarden.errors import HazardError

_SERVICE = "firewarden"
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Traced:
    """One answered upload. `stages_ms` in order; `headers` may name the client's own span (W3C traceparent)."""

    request_id: str
    began_ns: int
    status: int
    stages_ms: Mapping[str, float]
    headers: Mapping[str, str]


class Tracer(Protocol):
    """Where finished requests go."""

    def record(self, request: Traced) -> None: ...
    def close(self) -> None: ...


class NoTracer:
    """Tracing is not configured."""

    def record(self, request: Traced) -> None:
        return

    def close(self) -> None:
        return


class OtelTracer:
    """Sends spans through an OpenTelemetry tracer provider."""

    def __init__(self, provider: Any) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer(_SERVICE)
        self._propagator = TraceContextTextMapPropagator()

    def record(self, request: Traced) -> None:
        from opentelemetry import trace

        parent = self._propagator.extract(dict(request.headers))
        root = self._tracer.start_span(
            "POST /v1/inspections",
            context=parent,
            kind=trace.SpanKind.SERVER,
            start_time=request.began_ns,
            attributes={"request.id": request.request_id, "http.response.status_code": request.status},
        )
        end_ns = time.time_ns()
        at_ns = end_ns - int(sum(request.stages_ms.values()) * _NS_PER_MS)
        inside = trace.set_span_in_context(root)
        for stage, milliseconds in request.stages_ms.items():
            span = self._tracer.start_span(
                stage, context=inside, start_time=at_ns, attributes={"request.id": request.request_id}
            )
            at_ns += int(milliseconds * _NS_PER_MS)
            span.end(end_time=at_ns)
        root.end(end_time=end_ns)

    def close(self) -> None:
        """Send what is still held."""
        self._provider.shutdown()


def build_tracer(endpoint: str | None) -> Tracer:
    """A tracer that sends to an OTLP/HTTP collector, e.g. `http://localhost:4318`; without an endpoint, none. Raises
    HazardError where the SDK is not installed."""
    if endpoint is None:
        return NoTracer()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise HazardError(
            f"traces are to go to {endpoint}, but {error.name} is not installed: pip install -e '.[otel]' in the checkout"
        ) from error

    provider = TracerProvider(resource=Resource.create({"service.name": _SERVICE}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return OtelTracer(provider)
