"""Waiting for an answer as long as there is somebody to give it to."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from fastapi import Request

from firewarden.api.pool import Caller
from firewarden.api.problems import Problem

T = TypeVar("T")
_WATCH_AFTER_S = 0.03  # an answer that comes sooner is not worth a task beside it: nobody hangs up in time to save anything


async def answer_unless_gone(
    request: Request, future: "Future[T]", caller: Caller, on_gone: Callable[[], object]
) -> T:
    """The future's result. A client that goes away takes its work with it: what waits is dropped, what runs stops at its
    next stage, and the Problem raised here reaches nobody. It is noticed from `_WATCH_AFTER_S` on."""
    answer = asyncio.wrap_future(future)
    watches: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()
    start = loop.call_later(
        _WATCH_AFTER_S,
        lambda: watches.append(loop.create_task(_cancel_when_gone(request, answer, caller))),
    )
    try:
        return await answer
    except asyncio.CancelledError:
        if caller.gone():
            raise Problem(400, "client-gone", "The connection closed before the answer was there.") from None
        raise
    finally:
        start.cancel()
        for watch in watches:
            watch.cancel()
        if answer.cancelled():
            on_gone()
            caller.leave()


async def _cancel_when_gone(request: Request, answer: "asyncio.Future[T]", caller: Caller) -> None:
    """Gives the answer up when the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    if not answer.done():
        caller.leave()
        answer.cancel()
