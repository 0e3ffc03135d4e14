"""Uploads turned away by the headers alone: only where nothing but the load decides."""

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_api_fakes import FakeInspector, check_problem, open_client, photo
from test_api_serving import POST, wait_for

from firewarden.api.pool import Caller
from firewarden.api.refusal import may_be_turned_away, refusals

JPEG = {"content-type": "image/jpeg"}


@pytest.fixture
def full(tmp_path) -> Iterator[tuple]:
    """A client and the services of a server whose only place is taken until the test ends; its key was used before."""
    ended = threading.Event()
    with open_client(tmp_path, FakeInspector(streams=1), queue_size=0) as (client, services):
        assert client.post(POST, content=photo(), headers=JPEG).status_code == 201
        wait_for(lambda: services.pool.in_flight == 0)
        services.pool.start(lambda: _waited(ended), Caller(), photos=0)
        yield client, services
        ended.set()


def _waited(ended: threading.Event) -> "Future[None]":
    ended.wait(30)
    done: Future[None] = Future()
    done.set_result(None)
    return done


def _scope(headers: dict[str, str]) -> dict:
    return {
        "type": "http", "method": "POST", "path": POST, "query_string": b"", "root_path": "", "app": None,
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
    }  # fmt: skip


def test_a_refusal_reads_nothing_and_is_counted(full) -> None:
    client, services = full
    sent: list[dict] = []

    async def receive() -> dict:
        raise AssertionError("the body was asked for")

    async def send(message: dict) -> None:
        sent.append(message)

    key = {"authorization": client.headers["Authorization"]}
    for _ in range(2):
        asyncio.run(client.app(_scope({**JPEG, **key, "content-length": "4000000"}), receive, send))
    assert sent[0]["status"] == 429
    headers = dict(sent[0]["headers"])
    assert int(headers[b"retry-after"]) >= 1
    first, second = sent[1]["body"], sent[3]["body"]
    assert len({len(first), len(second), int(headers[b"content-length"])}) == 1
    assert first != second  # each occurrence has its own `instance`
    text = client.get("/metrics").text
    assert 'firewarden_shed_total{reason="queue_full"} 2.0' in text
    assert f'firewarden_requests_total{{method="POST",route="{POST}",status="429"}} 2.0' in text
    assert services.pool.in_flight == 1


def test_a_refusal_from_the_head_alone_is_counted_as_any_other(full) -> None:
    client, services = full
    refuse = refusals(services)
    headers = _scope({**JPEG, "authorization": client.headers["Authorization"]})["headers"]
    for _ in range(2):
        lines, body = refuse(headers)
        assert f"content-length: {len(body)}\r\n".encode() in lines
        assert json.loads(body)["status"] == 429
    text = client.get("/metrics").text
    assert 'firewarden_shed_total{reason="queue_full"} 2.0' in text
    assert f'firewarden_requests_total{{method="POST",route="{POST}",status="429"}} 2.0' in text


def test_where_there_is_room_nobody_is_refused_or_counted(tmp_path) -> None:
    with open_client(tmp_path, FakeInspector()) as (client, services):
        client.get("/v1/rules")
        assert refusals(services)([(b"authorization", client.headers["Authorization"].encode())]) is None
        assert "firewarden_shed_total{" not in client.get("/metrics").text


@pytest.mark.parametrize(
    ("headers", "status", "slug"),
    [
        pytest.param({"authorization": ""}, 401, "unauthorized", id="no key: not a word of the load"),
        pytest.param({"authorization": "Bearer fw_0_0"}, 401, "unauthorized", id="an unknown key"),
        pytest.param({"idempotency-key": "ключ".encode()}, 422, "idempotency-key", id="a malformed idempotency key"),
        pytest.param({"idempotency-key": "k" * 256}, 422, "invalid-field", id="one that is too long"),
        pytest.param({"x-request-deadline-ms": "soon"}, 422, "deadline-header", id="a malformed deadline"),
        pytest.param({"x-request-deadline-ms": "1"}, 503, "deadline", id="a deadline that passes first"),
        pytest.param({"prefer": "wait=600"}, 429, "overloaded", id="a long deadline"),
        pytest.param({"idempotency-key": "k"}, 429, "overloaded", id="a good idempotency key"),
    ],
)  # fmt: skip
def test_only_what_the_load_decides_is_decided_by_the_load(full, headers, status, slug) -> None:
    client, _ = full
    check_problem(client.post(POST, content=photo(), headers={**JPEG, **headers}), status, slug)


def test_a_wrong_secret_of_a_known_key_is_no_hint_either(full) -> None:
    client, services = full
    known = client.headers["Authorization"]
    assert may_be_turned_away(services, _scope({"authorization": known})["headers"])
    for wrong in (known[:-1], known + "x", known.replace("Bearer", "Basic")):
        assert not may_be_turned_away(services, _scope({"authorization": wrong})["headers"])
        check_problem(client.post(POST, content=photo(), headers={**JPEG, "authorization": wrong}), 401)


def test_a_key_that_is_not_in_memory_goes_the_long_way(full) -> None:
    client, services = full
    services.keys._known.clear()
    assert not may_be_turned_away(
        services, _scope({"authorization": client.headers["Authorization"]})["headers"]
    )
    check_problem(client.post(POST, content=photo(), headers=JPEG), 429, "overloaded")
