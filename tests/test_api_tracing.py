"""Spans of a request, through the SDK's own in-memory exporter; and the short life of a cached key."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_api_auth import MemoryStore
from test_api_fakes import open_client, photo

from firewarden.api.auth import Role, new_key
from firewarden.api.keys import KeyCache
from firewarden.api.tracing import NoTracer, OtelTracer, build_tracer
from firewarden.errors import HazardError


def test_stages_are_children_of_the_request_that_the_client_began(tmp_path) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="firewarden[otel] is not installed")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with open_client(tmp_path) as (client, services):
        object.__setattr__(services, "tracer", OtelTracer(provider))
        trace_id = "0af7651916cd43dd8448eb211c80319c"
        answer = client.post(
            "/v1/inspections", content=photo(),
            headers={"content-type": "image/jpeg", "traceparent": f"00-{trace_id}-b7ad6b7169203331-01", "x-request-id": "phone-7"},
        )  # fmt: skip
    assert answer.headers["x-request-id"] == "phone-7"
    *stages, root = exporter.get_finished_spans()
    assert [span.name for span in stages] == ["decode", "inference", "rules", "store"]
    assert root.name == "POST /v1/inspections"
    assert root.parent.span_id == 0xB7AD6B7169203331
    assert {span.context.trace_id for span in (*stages, root)} == {int(trace_id, 16)}
    assert {span.parent.span_id for span in stages} == {root.context.span_id}
    assert {span.attributes["request.id"] for span in (*stages, root)} == {"phone-7"}
    assert stages[0].end_time - stages[0].start_time == 2_000_000  # 2 ms, as the result says
    assert all(a.end_time == b.start_time for a, b in pairwise(stages))


def test_a_strange_request_id_is_replaced(tmp_path) -> None:
    with open_client(tmp_path) as (client, _):
        headers = {"content-type": "image/jpeg", "x-request-id": "a b" * 40}
        given = client.post("/v1/inspections", content=photo(), headers=headers).headers["x-request-id"]
    assert len(given) == 32


def test_without_an_endpoint_nothing_of_the_sdk_is_loaded() -> None:
    assert isinstance(build_tracer(None), NoTracer)
    code = (
        "import sys, firewarden.api.app; print([m for m in sys.modules if m.startswith('opentelemetry.sdk')])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_endpoint_without_the_sdk_names_the_cure(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(HazardError, match=r"pip install -e '\.\[otel\]'"):
        build_tracer("http://localhost:4318")


def test_a_revoked_key_opens_for_its_short_life_in_memory_and_no_longer() -> None:
    _, key = new_key(Role.OWNER)
    store, now = MemoryStore(key), [0.0]
    cache = KeyCache(store, ttl_s=10, clock=lambda: now[0])
    assert cache.cached(key.key_id) is None
    assert cache.key(key.key_id) == key
    store.keys[key.key_id] = replace(key, revoked_at=datetime.now(UTC))
    now[0] = 9.9
    assert cache.key(key.key_id).revoked_at is None
    now[0] = 10.0
    assert cache.key(key.key_id).revoked_at is not None
    assert cache.key("unknown") is None
