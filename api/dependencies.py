"""What routes ask FastAPI for: the services of their app and the principal behind the request."""

from typing import Annotated, cast

from fastapi import Depends, Header, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from firewarden.api.auth import LOCAL_OWNER, Principal, authenticate, key_id_of
from firewarden.api.problems import Problem
from firewarden.api.services import Services

_BEARER = HTTPBearer(auto_error=False, scheme_name="bearer", description="`Authorization: Bearer fw_...`")
_API_KEY = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="apiKey")
_MAX_KEY_CHARS = 255


async def services_of(request: Request) -> Services:
    """The services that `create_app` attached."""
    return cast(Services, request.app.state.services)


ServicesDep = Annotated[Services, Depends(services_of)]


async def require_principal(
    services: ServicesDep,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    api_key: Annotated[str | None, Security(_API_KEY)],
) -> Principal:
    """Who asks; a 401 Problem without a valid key. Runs before a body is read. No decision looks at the path."""
    if not services.settings.auth:
        return LOCAL_OWNER
    presented = bearer.credentials if bearer else api_key
    if services.keys.cached(key_id_of(presented)) is not None:
        return authenticate(services.keys, presented)  # nothing here waits: no thread is worth it
    return await run_in_threadpool(authenticate, services.keys, presented)


async def idempotency_key(
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
    if idempotency_key is not None and not (idempotency_key.isascii() and idempotency_key.isprintable()):
        raise Problem(
            422, "idempotency-key", "got an Idempotency-Key with other than printable ASCII characters"
        )
    return idempotency_key or None


PrincipalDep = Annotated[Principal, Security(require_principal)]
IdempotencyKeyDep = Annotated[str | None, Depends(idempotency_key)]
