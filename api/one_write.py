"""An answer in one write: its head waits for its body, which spares a system call and wakes the client once."""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD_BEGIN, _HEAD_END = b"HTTP/1.1 ", b"\r\n\r\n"
_INTERIM = b"HTTP/1.1 1"  # 100 Continue: whoever is told so waits for it


class OneWrite:
    """A transport that keeps the head of an answer until what comes next, at the latest until the event loop turns. All else
    goes through as it is."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self._loop = asyncio.get_running_loop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if _is_head(data) and not self._head:
            self._head = data
            self._loop.call_soon(self._flush)
            return
        if self._head:
            data, self._head = self._head + data, b""
        self._transport.write(data)

    def close(self) -> None:
        """What was written is sent first."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            self._transport.write(self._head)
            self._head = b""


class OneWriteProtocol(HttpToolsProtocol):
    """Uvicorn's protocol over such a transport."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, self.wrapped(cast(asyncio.Transport, transport))))

    def wrapped(self, transport: asyncio.Transport) -> OneWrite:
        return OneWrite(transport)


def _is_head(data: bytes) -> bool:
    return data.startswith(_HEAD_BEGIN) and data.endswith(_HEAD_END) and not data.startswith(_INTERIM)
