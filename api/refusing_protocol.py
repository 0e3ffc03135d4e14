"""Uploads turned away as soon as their head is read: at twice the capacity every other request is, and what that costs is
taken from photos that were let in. So no request object, task or middleware is made for one. What is answered before its body
has come, here or by the application, is not reset away from a client that sends first and reads later."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from firewarden.api.one_write import OneWrite
from firewarden.api.raw_body import RawBodyProtocol
from firewarden.api.refusal import Refuse

_STATUS = STATUS_LINE[429]
_LINGER_AT_END_S = 1.0  # once the server ends: nobody's unread body holds it up
_CLOSE = b"connection: close\r\n"
_SINK = memoryview(bytearray(2**20))  # what is dropped; nobody reads it, so all connections share it


@dataclass(frozen=True, slots=True)
class Refusing:
    """How a connection turns uploads to `path` away. Most clients read no answer before they have sent everything, and to
    close earlier would reset the answer away: a refused body is read and dropped, up to `max_bytes` and for `max_s`."""

    path: bytes
    refuse: Refuse
    max_bytes: int
    max_s: float


class _Lingering(OneWrite):
    """A transport that is not closed where `linger` says that its connection sees to that later."""

    def __init__(self, transport: asyncio.Transport, linger: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._linger = linger
        self._ended = False

    def write(self, data: bytes) -> None:
        if not self._ended:  # what comes after an answer that closes the connection gets none
            super().write(data)

    def close(self) -> None:
        if self._linger():
            self._flush()
            self._transport.write_eof()
            self._ended = True
        else:
            super().close()


class RefusingProtocol(RawBodyProtocol):
    """A connection that answers such uploads itself and hands all else on."""

    def __init__(self, *args: Any, refusing: Refusing, **more: Any) -> None:
        super().__init__(*args, **more)
        self._refusing = refusing
        self._dropping = False  # the body that comes belongs to an upload that has its answer
        self._stays_open = True
        self._dropped_bytes = 0
        self._drop_until: asyncio.TimerHandle | None = None
        self._in_body = False  # that of a request which the application has
        self._asked_to_send = False
        self._linger_s = refusing.max_s

    def shutdown(self) -> None:
        self._linger_s = min(self._linger_s, _LINGER_AT_END_S)
        super().shutdown()

    def wrapped(self, transport: asyncio.Transport) -> OneWrite:
        return _Lingering(transport, self._linger)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._dropping and self._drop_until is None:
            self._drop_until = self.loop.call_later(self._refusing.max_s, self.transport.close)
            self._drop_unparsed()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_dropping()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        if self.transport.is_closing() or (self._dropping and not self._stays_open):
            return  # nothing is begun that could not be answered
        if not (self._is_upload() and self._is_next() and self._refuse()):
            super().on_headers_complete()
            self._in_body, self._asked_to_send = True, not self.expect_100_continue

    def on_body(self, body: bytes) -> None:
        if self._dropping:
            self.count_dropped(len(body))
        elif self.cycle is not None:  # none: its head was not taken, as the connection closes
            self._asked_to_send = True
            super().on_body(body)

    def count_dropped(self, n_bytes: int) -> None:
        """So many bytes of the body of a refused upload came."""
        self._dropped_bytes += n_bytes
        if self._dropped_bytes > self._refusing.max_bytes:
            self.transport.close()

    def on_message_complete(self) -> None:
        self._in_body = False
        if not self._dropping:
            if self.cycle is None:
                return
            super().on_message_complete()
            if not self.cycle.response_complete or self.parser.should_upgrade():
                return
        self.await_next()

    def await_next(self) -> None:
        """A request has ended that was answered before: the wait for the next one begins."""
        self._end_dropping()
        if not self._stays_open:
            self.transport.close()
        elif not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _linger(self) -> bool:
        """Whether the application's answer, after which the connection closes, came before the body of its request: then that
        is dropped first, within the same bounds."""
        early = self._in_body and self._asked_to_send and self.cycle.response_complete
        if not early or self.cycle.keep_alive or self._dropping or self.transport.is_closing():
            return False
        self._dropping, self._stays_open, self._dropped_bytes = True, False, 0
        self._drop_until = self.loop.call_later(self._linger_s, self.transport.close)
        return True

    def _is_upload(self) -> bool:
        path = self._refusing.path
        return (
            self.url.startswith(path)
            and self.url[len(path) : len(path) + 1] in (b"", b"?")
            and self.parser.get_method() == b"POST"
            and not self.parser.should_upgrade()
        )

    def _is_next(self) -> bool:
        """Whether nothing is to be answered or sent before this request."""
        idle = self.cycle is None or self.cycle.response_complete
        return idle and not self.pipeline and not self.flow.write_paused and not self.transport.is_closing()

    def _refuse(self) -> bool:
        """Send the refusal; False where there is none."""
        refusal = self._refusing.refuse(self.headers)
        if refusal is None:
            return False
        lines, body = refusal
        self._dropping, self._dropped_bytes = True, 0
        self._stays_open = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        always = (b"%b: %b\r\n" % line for line in self.server_state.default_headers)
        end = b"\r\n" if self._stays_open else _CLOSE + b"\r\n"
        self.transport.write(b"".join((_STATUS, *always, lines, end, body)))
        self.server_state.total_requests += 1
        if self.expect_100_continue and not self._stays_open:
            self.transport.close()  # no body comes
        return True

    def _drop_unparsed(self) -> None:
        """Where the rest of the body has a known length, nothing looks at it: parsing it would copy it once more."""
        left = self.told_length() - self._dropped_bytes
        if left > 0 and not self.transport.is_closing():
            self.renew_parser()
            self.transport.set_protocol(_Sink(self, left))

    def _end_dropping(self) -> None:
        self._dropping = False
        if self._drop_until is not None:
            self._drop_until.cancel()
            self._drop_until = None


class _Sink(asyncio.BufferedProtocol):
    """Takes `left` more bytes of a connection for nothing, then gives it back to its `owner`."""

    def __init__(self, owner: RefusingProtocol, left: int) -> None:
        self._owner = owner
        self._left = left

    def get_buffer(self, sizehint: int) -> memoryview:
        return _SINK[: self._left]

    def buffer_updated(self, nbytes: int) -> None:
        self._left -= nbytes
        self._owner.count_dropped(nbytes)
        if not self._left:
            self._owner.transport.set_protocol(self._owner)
            self._owner.await_next()

    def eof_received(self) -> None:
        self._owner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        self._owner.resume_writing()
