"""The way in for uploads, past routing and dependency injection: they are most of the requests, and for a small photo that
machinery takes longer than all else the server adds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from uuid import uuid4

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firewarden.api.auth import authenticate, key_id_of
from firewarden.api.deadline import budget_s
from firewarden.api.dependencies import presented_key, principal_behind, read_idempotency_key
from firewarden.api.pool import overloaded
from firewarden.api.problems import EXPECTED, Problem, answer_problem
from firewarden.api.routes_inspections import PREFIX, answer_upload
from firewarden.api.services import Services


@dataclass(frozen=True, slots=True)
class _Route:
    """What metrics call the address."""

    path: str


class UploadDoor:
    """ASGI middleware that answers `POST /v1/inspections` as its route does, and hands all else on. What is not expected to
    go wrong passes through it too.

    At twice the capacity every other request is a refusal, and what it costs is taken from photos that were let in. So one
    that the headers alone decide is answered before anything else is made of the request, from bytes made once.
    """

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services
        self._route = _Route(PREFIX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != PREFIX:
            await self._app(scope, receive, send)
            return
        scope["route"] = self._route
        if self._services.pool.is_full() and may_be_turned_away(self._services, scope):
            retry_after_s = self._services.pool.turn_away()
            if retry_after_s is not None:
                await _send_refusal(send, retry_after_s)
                return
        request = Request(scope, receive)
        try:
            sender = await principal_behind(self._services, request.headers)
            key = read_idempotency_key(request.headers)
            response = await answer_upload(request, self._services, sender, key)
        except EXPECTED as error:
            response = await answer_problem(request, error)
        await response(scope, receive, send)


def may_be_turned_away(services: Services, scope: Scope) -> bool:
    """Whether nothing but the load decides: the key is known, no header is malformed, no deadline is given. All else is
    judged where it always is."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    try:
        if services.settings.auth and not _key_is_good(services, headers):
            return False
        read_idempotency_key(headers)
        return budget_s(headers) is None
    except Problem:
        return False


def _key_is_good(services: Services, headers: Mapping[str, str]) -> bool:
    """Without asking the database; raises the 401 Problem for a wrong secret."""
    presented = presented_key(headers)
    if services.keys.cached(key_id_of(presented)) is None:
        return False
    authenticate(services.keys, presented)
    return True


async def _send_refusal(send: Send, retry_after_s: int) -> None:
    start, before, after = _refusal_parts(retry_after_s)
    await send(start)
    await send(
        {"type": "http.response.body", "body": b"%burn:uuid:%b%b" % (before, str(uuid4()).encode(), after)}
    )


@lru_cache(maxsize=128)
def _refusal_parts(retry_after_s: int) -> tuple[Message, bytes, bytes]:
    """The head of the 429 answer, and its document before and after the `instance`, all of which have the same length."""
    problem = overloaded(retry_after_s)
    response = problem.response()
    before, _, after = bytes(response.body).partition(problem.instance.encode())
    return (
        {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers},
        before,
        after,
    )
