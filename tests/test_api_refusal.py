"""Uploads turned away by the headers alone: the same answer as the long way gives, and only where the load decides."""

import asyncio
import re
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_api_fakes import FakeInspector, check_problem, open_client, photo
from test_api_serving import POST, metric, port, slow_server, start, wait_for  # noqa: F401

from firewarden.api.pool import Caller
from firewarden.api.upload_door import may_be_turned_away

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


def test_the_short_way_says_what_the_long_way_says(full, monkeypatch) -> None:
    client, _ = full

    def ask() -> tuple:
        answer = client.post(POST, content=photo(), headers=JPEG)
        document = check_problem(answer, 429, "overloaded")
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", document.pop("instance"))
        headers = {name: value for name, value in answer.headers.items() if name != "retry-after"}
        told = re.sub(r"in \d+ s", "in N s", document.pop("detail"))
        assert f"in {answer.headers['retry-after']} s" in answer.json()["detail"]
        return headers, told, document

    short = ask()
    monkeypatch.setattr("firewarden.api.upload_door.may_be_turned_away", lambda services, scope: False)
    assert ask() == short


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
    assert may_be_turned_away(services, _scope({"authorization": known}))
    for wrong in (known[:-1], known + "x", known.replace("Bearer", "Basic")):
        assert not may_be_turned_away(services, _scope({"authorization": wrong}))
        check_problem(client.post(POST, content=photo(), headers={**JPEG, "authorization": wrong}), 401)


def test_a_key_that_is_not_in_memory_goes_the_long_way(full) -> None:
    client, services = full
    services.keys._known.clear()
    assert not may_be_turned_away(services, _scope({"authorization": client.headers["Authorization"]}))
    check_problem(client.post(POST, content=photo(), headers=JPEG), 429, "overloaded")


def test_who_sends_four_megabytes_before_it_reads_gets_its_refusal(start, tmp_path, port) -> None:  # noqa: F811
    """The answer is there long before the body's end. Nothing resets the connection, and it serves the next request."""
    _, client = slow_server(start, tmp_path, port, 3.0, queue_size=0)
    body = photo(2) + bytes(4_000_000)
    head = f"POST {POST} HTTP/1.1\r\nHost: x\r\nX-API-Key: {client.headers['x-api-key']}\r\nContent-Type: image/jpeg\r\n"
    with ThreadPoolExecutor(1) as pool, socket.create_connection(("127.0.0.1", port), timeout=15) as sender:
        first = pool.submit(client.post, POST, content=photo(1))
        wait_for(lambda: metric(client, "firewarden_in_flight") == 1)
        sender.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
        for begin in range(0, len(body), 250_000):  # in many pieces, most of them after the answer
            sender.sendall(body[begin : begin + 250_000])
        assert sender.recv(65536).startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
        sender.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP/1.1 200 OK" in sender.recv(65536)
        assert first.result().status_code == 201
