"""What routes ask FastAPI for: the services of their app and the principal behind the request. FastAPI describes the
headers; what they say is read here, as uploads come in without it."""

from collections.abc import Mapping
from typing import Annotated, cast

from fastapi import Depends, Header, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from firewarden.api.auth import LOCAL_OWNER, Principal, authenticate, key_id_of, principal_of
from firewarden.api.problems import Problem, invalid_fields
from firewarden.api.services import Services

_BEARER = HTTPBearer(auto_error=False, scheme_name="bearer", description="`Authorization: Bearer fw_...`")
_API_KEY = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="apiKey")
_MAX_KEY_CHARS = 255


async def services_of(request: Request) -> Services:
    """The services that `create_app` attached."""
    return cast(Services, request.app.state.services)


ServicesDep = Annotated[Services, Depends(services_of)]


async def require_principal(
    request: Request,
    services: ServicesDep,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    api_key: Annotated[str | None, Security(_API_KEY)],
) -> Principal:
    """Who asks; a 401 Problem without a valid key. Runs before a body is read. No decision looks at the path."""
    return await principal_behind(services, request.headers)


async def principal_behind(services: Services, headers: Mapping[str, str]) -> Principal:
    """Who sent these headers; raises the 401 Problem."""
    if not services.settings.auth:
        return LOCAL_OWNER
    presented = presented_key(headers)
    known = services.keys.cached(key_id_of(presented))
    if known is not None:
        return principal_of(known, presented)  # nothing here waits: no thread is worth it
    return await run_in_threadpool(authenticate, services.keys, presented)


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The API key of a request: that of `Authorization: Bearer`, else that of `X-API-Key`."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    bearer = credentials.strip() if scheme.lower() == "bearer" else ""
    return bearer or headers.get("x-api-key")


async def idempotency_key(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="A key of the client's choice, e.g. a UUID made when the photo is taken. The same key with the same "
            "request gives the same stored answer; with another request, 422.",
            max_length=_MAX_KEY_CHARS,
        ),
    ] = None,
) -> str | None:
    """The `Idempotency-Key` header, None where absent."""
    return read_idempotency_key(request.headers)


def read_idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The header's value, None where it is absent or empty; raises a 422 Problem."""
    key = headers.get("idempotency-key")
    if not key:
        return None
    if len(key) > _MAX_KEY_CHARS:
        message = f"got {len(key)} characters, expected at most {_MAX_KEY_CHARS}"
        raise invalid_fields([{"field": "Idempotency-Key", "message": message}])
    if not (key.isascii() and key.isprintable()):
        raise Problem(
            422, "idempotency-key", "got an Idempotency-Key with other than printable ASCII characters"
        )
    return key


PrincipalDep = Annotated[Principal, Security(require_principal)]
IdempotencyKeyDep = Annotated[str | None, Depends(idempotency_key)]
