"""A real server that is full: what is refused by its head alone is answered as ever, and the connection stays in order."""

import asyncio
import email.utils
import http.client
import json
import os
import re
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2
import pytest
import uvicorn
from uvicorn.server import ServerState

sys.path.insert(0, str(Path(__file__).parent))
from test_api_durability import Server
from test_api_fakes import photo
from test_api_serving import FAKES, POST, metric, wait_for

from firewarden.api.refusing_protocol import Refusing, RefusingProtocol
from firewarden.api.serve import open_listener

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
BODY_LIMIT_S = 1.5
MOST_BYTES = 6_000_000
REFUSED = b"HTTP/1.1 429 Too Many Requests\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
ENV = {
    "QUEUE_SIZE": 0,
    "DRAIN_TIMEOUT_S": 1,
    "BODY_TIMEOUT_S": BODY_LIMIT_S,
    "MAX_MULTIPART_BYTES": MOST_BYTES,
}


@dataclass
class Full:
    """A server whose only place is taken by the upload of `holder` for as long as a test can last."""

    server: Server
    client: httpx2.Client
    holder: socket.socket
    key: str

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.client.base_url.port), timeout=15)

    def head(self, *lines: str, path: str = POST, key: str | None = None, version: str = "1.1") -> bytes:
        told = [
            "Host: x",
            f"X-API-Key: {self.key if key is None else key}",
            "Content-Type: image/jpeg",
            *lines,
        ]
        return "\r\n".join([f"POST {path} HTTP/{version}", *told, "", ""]).encode()

    def upload(self, body: bytes, *lines: str, **more: str) -> bytes:
        return self.head(*lines, f"Content-Length: {len(body)}", **more) + body


@contextmanager
def full_server(folder: Path) -> Iterator[Full]:
    with open_listener("127.0.0.1", 0) as probe:
        port = probe.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENV.items():
            patch.setenv(f"FIREWARDEN_{name}", str(value))
        server = Server(folder, port, [FAKES, str(folder), str(port), "120", "1"])
    key = re.findall(r"fw_[0-9a-f]{12}_[\w-]+", server.greeting)[0]
    client = httpx2.Client(base_url=server.address, headers={"X-API-Key": key}, timeout=30)
    with socket.create_connection(("127.0.0.1", port), timeout=15) as holder:
        made = Full(server, client, holder, key)
        holder.sendall(made.upload(photo()))
        wait_for(lambda: metric(client, "firewarden_in_flight") == 1)
        yield made
    server.kill()


@pytest.fixture(scope="module")
def full(tmp_path_factory) -> Iterator[Full]:
    with full_server(tmp_path_factory.mktemp("full")) as made:
        yield made


def read(sender: socket.socket, answers: int = 1) -> list[tuple[int, dict[str, str], bytes]]:
    """The next answers on a connection: status, headers and body."""
    stream = sender.makefile("rb")
    found = []
    for _ in range(answers):
        status = int(stream.readline().split()[1])
        headers = dict(http.client.parse_headers(stream).items())
        found.append((status, headers, stream.read(int(headers["content-length"]))))
    return found


def is_closed(sender: socket.socket) -> bool:
    try:
        return sender.recv(65536) == b""
    except ConnectionResetError:
        return True


def test_the_short_way_says_what_the_long_way_says(full) -> None:
    """A client that gives a time is judged the long way, and with time enough refused alike."""
    instances = set()

    def ask(*lines: str) -> tuple:
        with full.connect() as sender:
            sender.sendall(full.upload(photo(), *lines))
            ((status, headers, body),) = read(sender)
        document = json.loads(body)
        instances.add(uuid.UUID(document.pop("instance").removeprefix("urn:uuid:")))
        wait_s = headers.pop("retry-after")
        assert int(wait_s) >= 1 and f"again in {wait_s} s." in document["detail"]
        assert abs(time.time() - email.utils.parsedate_to_datetime(headers.pop("date")).timestamp()) < 5
        document["detail"] = document["detail"].replace(f"in {wait_s} s", "in N s")
        return status, headers.pop("content-length") > "0", headers, document

    short = ask()
    assert short[0] == 429 and short[3]["type"] == "urn:firewarden:problem:overloaded"
    assert ask("Prefer: wait=3600") == short
    assert ask() == short
    assert len(instances) == 3 and {found.version for found in instances} == {4}


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = self.ended = False

    def close(self) -> None:
        self.closed = True

    def write(self, data: bytes) -> None:
        assert not self.ended, "as a socket's transport refuses it"
        self.sent.append(data)

    def write_eof(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.closed

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def receive(self, data: bytes) -> None:
        """Bytes that came, given to the protocol in charge as event loops do it."""
        if not isinstance(self.protocol, asyncio.BufferedProtocol):
            self.protocol.data_received(data)
            return
        while data:
            buffer = self.protocol.get_buffer(-1)
            taken = min(len(buffer), len(data))
            buffer[:taken] = data[:taken]
            self.protocol.buffer_updated(taken)
            data = data[taken:]


def connected(wire: Wire, application, **config: object) -> RefusingProtocol:
    """A connection that refuses every upload to it."""
    settings, state = uvicorn.Config(application, **config), ServerState()
    settings.load()
    refusing = Refusing(POST.encode(), lambda headers: (b"retry-after: 1\r\n", b"{}"), 10**9, 60.0)
    protocol = RefusingProtocol(config=settings, server_state=state, app_state={}, refusing=refusing)
    protocol.connection_made(wire)
    return protocol


def test_nothing_is_begun_for_a_refusal() -> None:
    """Neither the application nor a task hears of it; the answer leaves in one write, before the body is there."""

    async def application(scope, receive, send) -> None:
        raise AssertionError("asked")

    async def run() -> tuple[list[bytes], int]:
        wire = Wire()
        protocol = connected(wire, application)
        protocol.data_received(f"POST {POST} HTTP/1.1\r\nContent-Length: 9\r\n\r\n1234".encode())
        at_once, tasks = list(wire.sent), len(protocol.server_state.tasks)
        protocol.connection_lost(ConnectionResetError())
        return at_once, tasks

    assert asyncio.run(run()) == ([REFUSED + b"retry-after: 1\r\n\r\n{}"], 0)


@pytest.mark.parametrize("path", [POST, "/other"], ids=["refused by its head", "answered by the application"])
@pytest.mark.parametrize("chunked", [False, True], ids=["counted", "chunked"])
def test_a_connection_is_idle_once_the_body_behind_the_answer_is_over(path, chunked) -> None:
    """Until then what comes keeps it open, from then on the usual time counts; a body is never parsed as a request."""

    async def application(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async def run() -> tuple[int, bool, bool]:
        wire = Wire()
        wire.protocol = protocol = connected(wire, application, timeout_keep_alive=0.1)
        kind = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {2 * len(HEALTH)}"
        wire.receive(f"POST {path} HTTP/1.1\r\n{kind}\r\n\r\n".encode())
        await asyncio.sleep(0.01)
        for _ in range(2):
            wire.receive(b"%x\r\n%b\r\n" % (len(HEALTH), HEALTH) if chunked else HEALTH)
        wire.receive(b"0\r\n\r\n" if chunked else b"")
        answers, early = sum(data.startswith(b"HTTP/1.1") for data in wire.sent), wire.closed
        await asyncio.sleep(0.3)
        protocol.connection_lost(None)
        return answers, early, wire.closed

    assert asyncio.run(run()) == (1, False, True)


async def too_large(scope, receive, send) -> None:
    """An application that reads a part of the body and closes."""
    await receive()
    headers = [(b"content-length", b"2"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": b"no"})


@contextmanager
def refusing_server(**bounds: float) -> Iterator[int]:
    """The port of a server around `too_large`."""
    refusing = Refusing(b"/other", lambda headers: None, **{"max_bytes": 10**9, "max_s": 20.0, **bounds})
    http = partial(RefusingProtocol, refusing=refusing)
    server = uvicorn.Server(uvicorn.Config(too_large, http=http, lifespan="off", log_level="warning"))
    with open_listener("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def test_who_sends_all_before_reading_gets_the_answer_of_a_body_that_is_too_large() -> None:
    body = b"x" * 20_000_000  # more than sockets hold
    with refusing_server() as port, socket.create_connection(("127.0.0.1", port), timeout=15) as sender:
        sender.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:100_000])
        time.sleep(0.2)
        sender.sendall(body[100_000:])
        assert read(sender)[0][::2] == (413, b"no")
        assert is_closed(sender)


@pytest.mark.parametrize(
    "bounds", [{"max_bytes": 1_000_000}, {"max_s": 0.3}], ids=["so many bytes", "so long"]
)
def test_a_body_behind_its_answer_is_dropped_up_to_its_bounds(bounds) -> None:
    with (
        refusing_server(**bounds) as port,
        socket.create_connection(("127.0.0.1", port), timeout=15) as sender,
    ):
        sender.sendall(b"POST / HTTP/1.1\r\nContent-Length: 4000000000\r\n\r\n")
        with pytest.raises(OSError):
            for _ in range(100):
                sender.sendall(b"x" * 100_000)
                time.sleep(0.01)


@pytest.mark.parametrize(
    ("length", "rest"),
    [("Transfer-Encoding: chunked", b"ZZZ\r\n"), ("Content-Length: 9", b"56789 no request\r\n\r\n")],
    ids=["in the body", "behind it"],
)
def test_what_cannot_be_read_behind_an_answer_that_closes_gets_no_second_one(length, rest) -> None:
    async def run() -> tuple[int, bool]:
        wire = Wire()
        wire.protocol = protocol = connected(wire, too_large)
        begun = b"4\r\n1234\r\n" if "chunked" in length else b"1234"
        wire.receive(f"POST /other HTTP/1.1\r\n{length}\r\n\r\n".encode() + begun)
        await asyncio.sleep(0.01)
        assert wire.ended and not wire.closed
        wire.receive(rest)
        protocol.connection_lost(None)
        return b"".join(wire.sent).count(b"HTTP/1.1"), wire.closed

    assert asyncio.run(run()) == (1, True)


def test_the_end_of_the_server_waits_a_second_for_the_body_of_who_was_answered_early() -> None:
    """It may come for 20 s else."""

    async def application(scope, receive, send) -> None:
        await asyncio.sleep(0.5)
        await too_large(scope, receive, send)

    refusing = Refusing(b"/other", lambda headers: None, 10**9, 20.0)
    http = partial(RefusingProtocol, refusing=refusing)
    server = uvicorn.Server(uvicorn.Config(application, http=http, lifespan="off", log_level="warning"))
    with open_listener("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        with socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=15) as sender:
            sender.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\nx")
            time.sleep(0.2)
            began_s, server.should_exit = time.monotonic(), True
            thread.join()
            assert read(sender)[0][::2] == (413, b"no")
    assert time.monotonic() - began_s < 4


def test_what_follows_a_body_that_is_dropped_is_not_begun() -> None:
    asked = 0

    async def application(scope, receive, send) -> None:
        nonlocal asked
        asked += 1
        await too_large(scope, receive, send)

    async def run() -> tuple[int, bool, bool]:
        wire = Wire()
        wire.protocol = protocol = connected(wire, application)
        wire.receive(b"POST /other HTTP/1.1\r\nContent-Length: 9\r\n\r\n1234")
        await asyncio.sleep(0.01)
        early = wire.closed
        wire.receive(b"56789" + HEALTH)
        await asyncio.sleep(0.01)
        closed = wire.closed
        protocol.connection_lost(None)
        return asked, early, closed

    assert asyncio.run(run()) == (1, False, True)


def test_refusals_are_counted(full) -> None:
    counters = (
        f'firewarden_requests_total{{method="POST",route="{POST}",status="429"}}',
        'firewarden_shed_total{reason="queue_full"}',
        f'firewarden_request_seconds_count{{route="{POST}"}}',
    )
    before = [metric(full.client, line) for line in counters]
    with full.connect() as sender:
        for _ in range(3):
            sender.sendall(full.upload(photo()))
            assert read(sender)[0][0] == 429
    assert [metric(full.client, line) - b for line, b in zip(counters, before, strict=True)] == [3, 3, 3]


@pytest.mark.parametrize("body", [b"x" * 10, b"x" * 47_000, b"x" * 4_000_000], ids=["tiny", "small", "large"])
@pytest.mark.parametrize("chunked", [False, True], ids=["counted", "chunked"])
@pytest.mark.parametrize("answer_first", [False, True], ids=["body at once", "body after the answer"])
def test_the_connection_serves_the_next_request(full, body, chunked, answer_first) -> None:
    head = full.head("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}")
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    with full.connect() as sender:
        for _ in range(2):
            sender.sendall(head if answer_first else head + sent)
            assert read(sender)[0][0] == 429
            if answer_first:
                sender.sendall(sent)
        sender.sendall(HEALTH)
        assert read(sender)[0][0] == 200


def test_the_next_request_may_come_with_the_end_of_the_body(full) -> None:
    with full.connect() as sender:
        sender.sendall(full.head("Content-Length: 300000") + b"x" * 100_000)
        assert read(sender)[0][0] == 429
        sender.sendall(b"x" * 200_000 + full.upload(photo()) + HEALTH)
        assert [status for status, _, _ in read(sender, 2)] == [429, 200]


def test_pipelined_requests_are_answered_in_their_order(full) -> None:
    with full.connect() as sender:
        sender.sendall(
            HEALTH + full.upload(photo()) * 2 + HEALTH + full.upload(photo(), key="fw_0_0") + HEALTH
        )
        assert [status for status, _, _ in read(sender, 6)] == [200, 429, 429, 200, 401, 200]


def test_a_refusal_does_not_overtake_an_earlier_answer(full) -> None:
    full.holder.sendall(full.upload(photo()))
    full.holder.settimeout(0.5)
    with pytest.raises(TimeoutError):
        full.holder.recv(1)


@pytest.mark.parametrize(
    ("more", "lines", "status"),
    [
        pytest.param({"key": "fw_0_0"}, [], 401, id="an unknown key learns nothing of the load"),
        pytest.param({"key": ""}, [], 401, id="nor does no key"),
        pytest.param({}, ["Idempotency-Key: " + "k" * 256], 422, id="a key that is too long"),
        pytest.param({}, ["X-Request-Deadline-Ms: soon"], 422, id="a malformed deadline"),
        pytest.param({}, ["X-Request-Deadline-Ms: 1"], 503, id="a deadline that passes first"),
        pytest.param({}, ["Idempotency-Key: k"], 429, id="a good idempotency key"),
        pytest.param({"path": POST + "?scene=stairwell"}, [], 429, id="a query"),
        pytest.param({"path": POST + "x"}, [], 404, id="another address"),
    ],
)
def test_only_what_the_load_decides_is_decided_by_the_load(full, more, lines, status) -> None:
    with full.connect() as sender:
        sender.sendall(full.upload(photo(), *lines, **more))
        assert read(sender)[0][0] == status


def test_who_asks_before_sending_sends_nothing(full) -> None:
    with full.connect() as sender:
        sender.sendall(full.head("Content-Length: 4000000", "Expect: 100-continue"))
        assert sender.recv(len(REFUSED), socket.MSG_WAITALL) == REFUSED


@pytest.mark.parametrize(
    ("lines", "version"), [(["Connection: close"], "1.1"), ([], "1.0")], ids=["asked to", "HTTP/1.0"]
)
def test_a_connection_that_closes_reads_the_body_first(full, lines, version) -> None:
    """A reset would take the answer away from who is still sending."""
    with full.connect() as sender:
        sender.sendall(full.head(*lines, "Content-Length: 4000000", version=version))
        time.sleep(0.2)
        for _ in range(16):
            sender.sendall(b"x" * 250_000)
        ((status, headers, _),) = read(sender)
        assert (status, headers["connection"]) == (429, "close")
        assert is_closed(sender)


def test_a_refused_body_that_does_not_end_is_given_up(full) -> None:
    start = time.monotonic()
    with full.connect() as sender:
        sender.sendall(full.head("Content-Length: 4000000") + b"x")
        assert read(sender)[0][0] == 429
        with pytest.raises(OSError):
            for _ in range(100):  # a byte now and then does not prolong it
                time.sleep(0.1)
                sender.sendall(b"x")
        assert BODY_LIMIT_S * 0.9 < time.monotonic() - start < BODY_LIMIT_S + 3


def test_a_refused_body_beyond_all_limits_is_not_read_to_its_end(full) -> None:
    with full.connect() as sender, pytest.raises(OSError):
        sender.sendall(full.head("Content-Length: 4000000000"))
        for _ in range(1000):
            sender.sendall(b"x" * 1_000_000)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
def test_refused_bodies_are_not_kept(full) -> None:
    def peak_mb() -> float:
        text = Path(f"/proc/{full.server.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]) / 1024

    before = peak_mb()
    senders = [full.connect() for _ in range(30)]
    for sender in senders:
        sender.sendall(full.head("Content-Length: 4000000") + b"x" * 3_900_000)  # the rest never comes
        assert read(sender)[0][0] == 429
    assert peak_mb() - before < 40  # of 117 MB sent
    for sender in senders:
        sender.close()


def test_the_end_of_the_server_waits_for_no_refused_body(tmp_path) -> None:
    with full_server(tmp_path) as full, full.connect() as sender:
        sender.sendall(full.head("Content-Length: 4000000") + b"x")
        assert read(sender)[0][0] == 429
        full.server.process.terminate()
        start = time.monotonic()
        assert is_closed(sender)
        assert time.monotonic() - start < BODY_LIMIT_S * 0.9
