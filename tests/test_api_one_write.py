"""Head and body of an answer leave together; nothing waits for what may not come."""

import asyncio

import pytest

from firewarden.api.one_write import OneWrite

HEAD = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n"


class Wire:
    """What reaches the socket, write by write."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.sent.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def _write(wire: Wire, chunks: list[bytes], *, close: bool = False) -> list[bytes]:
    """What has been sent before the event loop turns."""
    transport = OneWrite(wire)
    for chunk in chunks:
        transport.write(chunk)
    if close:
        transport.close()
        assert transport.is_closing()
    at_once = list(wire.sent)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return at_once


@pytest.mark.parametrize(
    ("chunks", "at_once", "later"),
    [
        pytest.param([HEAD, b"ok"], [HEAD + b"ok"], [], id="one write"),
        pytest.param([HEAD, b""], [HEAD], [], id="an empty body"),
        pytest.param([HEAD], [], [HEAD], id="a head alone leaves when the loop turns"),
        pytest.param([HEAD, b"o", b"k"], [HEAD + b"o", b"k"], [], id="a body in pieces"),
        pytest.param([HEAD, b"ok", HEAD, b"ok"], [HEAD + b"ok"] * 2, [], id="two answers"),
        pytest.param([HEAD, HEAD], [HEAD + HEAD], [], id="two heads"),
        pytest.param(
            [b"HTTP/1.1 100 Continue\r\n\r\n"], [b"HTTP/1.1 100 Continue\r\n\r\n"], [],
            id="who waits for leave to send gets it at once",
        ),
    ],
)  # fmt: skip
def test_what_leaves_at_once_and_what_when_the_loop_turns(chunks, at_once, later) -> None:
    wire = Wire()
    assert asyncio.run(_write(wire, chunks)) == at_once
    assert wire.sent == at_once + later


def test_a_head_is_sent_before_the_connection_is_closed() -> None:
    wire = Wire()
    assert asyncio.run(_write(wire, [HEAD], close=True)) == [HEAD]
    assert (wire.sent, wire.closed) == ([HEAD], True)
