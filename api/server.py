"""One serving process: answers on a listening socket until it is told to stop, then finishes what it accepted."""

import asyncio
import logging
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import cast

import uvicorn

from firewarden.api.app import create_app
from firewarden.api.ports import InspectorPort
from firewarden.api.refusal import refusals
from firewarden.api.refusing_protocol import Refusing, RefusingProtocol
from firewarden.api.routes_inspections import PREFIX
from firewarden.api.settings import Settings

_KEEP_ALIVE_S = 65  # longer than the 60 s of usual load balancers, so that they close first
_SWITCH_INTERVAL_S = 0.001  # the event loop answers sooner while worker threads compute
_log = logging.getLogger(__name__)


class DrainingServer(uvicorn.Server):
    """Told to stop, it first gives notice for `notice_s`, still accepting; then it closes the address and idle connections,
    ends the requests it has, and returns normally. Told twice, it does not wait, unless it is `supervised`: a terminal and
    its supervisor tell a worker the same thing, and the supervisor kills whom it does not want to wait for."""

    def __init__(
        self, config: uvicorn.Config, on_notice: Callable[[], object], notice_s: float, *, supervised: bool
    ) -> None:
        super().__init__(config)
        self._supervised = supervised
        self._on_notice = on_notice
        self._notice_s = notice_s
        self._close_at_s: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._close_at_s is None:
            self._on_notice()
            self._close_at_s = time.monotonic() + self._notice_s
        elif not self._supervised:
            self.should_exit = self.force_exit = True

    async def on_tick(self, counter: int) -> bool:
        if self._close_at_s is not None and time.monotonic() >= self._close_at_s:
            self.should_exit = True
        return await super().on_tick(counter)


def run_server(
    inspector: InspectorPort, settings: Settings, listener: socket.socket, *, supervised: bool = False
) -> None:
    """Serve until SIGTERM or Ctrl-C; a `supervised` process takes no second one for haste."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    app = create_app(inspector, settings)
    services = app.state.services
    refusing = Refusing(
        PREFIX.encode(), refusals(services), settings.max_multipart_bytes, settings.body_timeout_s
    )
    config = uvicorn.Config(
        app,
        http=cast(type[asyncio.Protocol], partial(RefusingProtocol, refusing=refusing)),
        log_level="warning",
        access_log=False,  # its lines would hold positions from query strings; /metrics counts requests instead
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.drain_timeout_s,
    )
    server = DrainingServer(config, services.draining.set, settings.drain_notice_s, supervised=supervised)
    server.run(sockets=[listener])
