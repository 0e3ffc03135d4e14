"""Waiting for an answer as long as there is somebody to give it to."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from fastapi import Request

from firewarden.api.pool import Caller
from firewarden.api.problems import Problem

T = TypeVar("T")


async def answer_unless_gone(
    request: Request, future: "Future[T]", caller: Caller, on_gone: Callable[[], object]
) -> T:
    """The future's result. A client that goes away takes its work with it: what waits is dropped, what runs stops at its
    next stage, and the Problem raised here reaches nobody."""
    answer = asyncio.wrap_future(future)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        raise Problem(400, "client-gone", "The connection closed before the answer was there.")
    finally:
        gone.cancel()
        if not answer.done():
            on_gone()
            caller.leave()
            answer.cancel()


async def _disconnected(request: Request) -> None:
    """Returns when the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
