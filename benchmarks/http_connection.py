"""The cheapest client there is: one asyncio connection, answers parsed by httptools, which the server uses too."""

import asyncio
from dataclasses import dataclass
from typing import cast

import httptools


@dataclass(frozen=True, slots=True)
class Answer:
    """Status of a response, and how long its Retry-After asks to wait (0: it does not)."""

    status: int
    retry_after_s: float


class HttpConnection(asyncio.Protocol):
    """One keep-alive connection: ask, wait, ask again. Bodies of answers are read and dropped."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._retry_after_s = 0.0
        self._parser = httptools.HttpResponseParser(self)

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, parts: list[bytes], timeout_s: float) -> Answer:
        """Send one request, already in its bytes; raises ConnectionError where it breaks, TimeoutError where none comes."""
        if self._transport is None or not self.is_open:
            raise ConnectionError("the connection is closed")
        self._retry_after_s = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.writelines(parts)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._answer
        except TimeoutError:
            self.close()
            raise

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the connection broke before the answer was complete"))

    # what httptools calls

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after" and value.isdigit():
            self._retry_after_s = float(value)

    def on_message_complete(self) -> None:
        """An answer before the body was sent, or one that closes, ends the connection: its rest is of no use."""
        unsent = self._transport.get_write_buffer_size() if self._transport else 0
        if unsent or not self._parser.should_keep_alive():
            self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(self._parser.get_status_code(), self._retry_after_s))
