"""Bodies of known length on the short way from the socket to the application.

A parser copies what it hands on, and uvicorn copies that twice more. Of a photo of 3 MB that is 10 MB through the memory that the
network needs. But once the head is read there is nothing to parse in a body whose length it told.
"""

from typing import cast

import httptools

from firewarden.api.one_write import OneWriteProtocol

_WORTH = 2**16  # bytes still to come; with less the parser is as quick


class RawBodyProtocol(OneWriteProtocol):
    """A connection whose long bodies pass the parser by, in the pieces in which they came."""

    _expected = 0  # bytes of the body that the request's head told; 0 of all other kinds of body
    _seen = 0
    _left = 0  # bytes that come without the parser

    def data_received(self, data: bytes) -> None:
        if not self._left:
            super().data_received(data)
            self._left = self._unparsed()
            return
        body, rest = data[: self._left], data[self._left :]
        self._left -= len(body)
        self.on_body(body)
        if not self._left:
            self.renew_parser()
            self.on_message_complete()
        if rest:
            self.data_received(rest)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expected = self._seen = 0

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if not self.parser.should_upgrade():
            self._expected = self.told_length()

    def on_body(self, body: bytes) -> None:
        """Where nothing waits, the application gets this very piece."""
        self._seen += len(body)
        cycle = self.cycle
        if cycle.body or cycle.response_complete or self.parser.should_upgrade():
            super().on_body(body)
            return
        cycle.body = cast(bytearray, body)  # it is only read and added to, and bytes of bytes are no copy
        cycle.message_event.set()

    def told_length(self) -> int:
        """Of the request's body; 0 where it is chunked, as the parser refuses a length beside that."""
        length = dict(self.headers).get(b"content-length", b"")
        return int(length) if length.isdigit() else 0

    def renew_parser(self) -> None:
        """The one there was waits for a body that it does not get."""
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn wants it

    def _unparsed(self) -> int:
        left = self._expected - self._seen
        return left if left >= _WORTH and not self.transport.is_closing() else 0
