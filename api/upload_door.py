"""The way in for uploads, past routing and dependency injection: they are most of the requests, and for a small photo that
machinery takes longer than all else the server adds."""

from dataclasses import dataclass

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from firewarden.api.dependencies import principal_behind, read_idempotency_key
from firewarden.api.problems import EXPECTED, answer_problem
from firewarden.api.routes_inspections import PREFIX, answer_upload
from firewarden.api.services import Services


@dataclass(frozen=True, slots=True)
class _Route:
    """What metrics call the address."""

    path: str


class UploadDoor:
    """ASGI middleware that answers `POST /v1/inspections` as its route does, and hands all else on. What is not expected to
    go wrong passes through it too."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services
        self._route = _Route(PREFIX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != PREFIX:
            await self._app(scope, receive, send)
            return
        scope["route"] = self._route
        request = Request(scope, receive)
        try:
            sender = await principal_behind(self._services, request.headers)
            key = read_idempotency_key(request.headers)
            response = await answer_upload(request, self._services, sender, key)
        except EXPECTED as error:
            response = await answer_problem(request, error)
        await response(scope, receive, send)
