"""Bodies that pass the parser by: what arrives is what was sent, in whatever pieces it comes, and the connection goes on."""

import asyncio
import random

import pytest
import uvicorn
from uvicorn.server import ServerState

from firewarden.api.raw_body import RawBodyProtocol

LONG = 300_000
NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"


def body_of(n_bytes: int) -> bytes:
    return random.Random(n_bytes).randbytes(n_bytes)


def upload(body: bytes, *, chunked: bool = False) -> bytes:
    if chunked:
        return b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (
            len(body),
            body,
        )
    return b"POST /a HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Wire(asyncio.Transport):
    """A transport that keeps what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


class Reader:
    """An application that reads whole bodies and keeps the pieces."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, list[bytes]]] = []

    async def __call__(self, scope, receive, send) -> None:
        pieces: list[bytes] = []
        self.requests.append((scope["path"], pieces))
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            pieces.append(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    @property
    def bodies(self) -> list[tuple[str, bytes]]:
        return [(path, b"".join(pieces)) for path, pieces in self.requests]


async def deliver(pieces: list[bytes], application) -> Wire:
    """Send pieces to a connection, the event loop turning between them."""
    wire, config = Wire(), uvicorn.Config(application)
    config.load()
    protocol = RawBodyProtocol(config=config, server_state=ServerState(), app_state={})
    protocol.connection_made(wire)
    for piece in pieces:
        protocol.data_received(piece)
        for _ in range(3):
            await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    protocol.connection_lost(None)
    return wire


def cut(data: bytes, seed: int) -> list[bytes]:
    """Pieces at random places, as a socket gives them."""
    chance = random.Random(seed)
    places = sorted(chance.sample(range(1, len(data)), 7))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("chunked", [False, True], ids=["counted", "chunked"])
def test_bodies_arrive_whole_and_requests_behind_them_are_read(seed: int, chunked: bool) -> None:
    first, second = body_of(LONG + seed), body_of(70_000 + seed)
    sent = upload(first, chunked=chunked) + NEXT + upload(second) + NEXT
    reader = Reader()
    wire = asyncio.run(deliver(cut(sent, seed), reader))
    assert reader.bodies == [("/a", first), ("/next", b""), ("/a", second), ("/next", b"")]
    assert sum(data.startswith(b"HTTP/1.1 200") for data in wire.sent) == 4


def test_the_application_gets_the_very_pieces() -> None:
    """Not copies of them: that is what the short way is for."""
    body = body_of(LONG)
    head = b"POST /a HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % LONG
    middle, end = body[1000:200_000], body[200_000:]
    reader = Reader()
    asyncio.run(deliver([head + body[:1000], middle, end], reader))
    (_, pieces), *_ = reader.requests
    assert [len(piece) for piece in pieces] == [1000, 199_000, 100_000]
    assert pieces[1] is middle
    assert pieces[2] is end


def test_pieces_that_nobody_reads_stop_the_reading() -> None:
    """An application that is busy elsewhere must not have the whole body come into memory."""

    async def busy(scope, receive, send) -> None:
        await asyncio.sleep(5)

    async def run() -> bool:
        wire, config = Wire(), uvicorn.Config(busy)
        config.load()
        protocol = RawBodyProtocol(config=config, server_state=ServerState(), app_state={})
        protocol.connection_made(wire)
        protocol.data_received(upload(body_of(LONG))[:100_000])
        protocol.data_received(b"x" * 100_000)
        for task in protocol.server_state.tasks:
            task.cancel()
        return protocol.flow.read_paused

    assert asyncio.run(run())


def test_a_length_that_is_no_number_is_refused_by_the_parser() -> None:
    sent = b"POST /a HTTP/1.1\r\nContent-Length: 9e9\r\n\r\n" + body_of(LONG)
    reader = Reader()
    wire = asyncio.run(deliver([sent], reader))
    assert wire.sent[0].startswith(b"HTTP/1.1 400")
