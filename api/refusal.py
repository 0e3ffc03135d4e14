"""What the head of an upload alone decides under load: the 429 answer, made of bytes that lie ready."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from http import HTTPStatus
from uuid import uuid4

from firewarden.api.auth import key_id_of, principal_of
from firewarden.api.deadline import budget_s
from firewarden.api.dependencies import presented_key, read_idempotency_key
from firewarden.api.pool import overloaded
from firewarden.api.problems import Problem
from firewarden.api.routes_inspections import PREFIX
from firewarden.api.services import Services

Headers = Sequence[tuple[bytes, bytes]]  # names in lower case
Refuse = Callable[[Headers], tuple[bytes, bytes] | None]


def refusals(services: Services) -> Refuse:
    """Asked with the headers of an upload, it gives its refusal, counted as such: header lines and document of the 429
    answer. None where it may come in, or where more than the load decides."""
    return partial(_refuse, services)


def _refuse(services: Services, headers: Headers) -> tuple[bytes, bytes] | None:
    if not services.pool.is_full():
        return None
    start = time.perf_counter()
    if not may_be_turned_away(services, headers):
        return None
    retry_after_s = services.pool.turn_away()
    if retry_after_s is None:
        return None
    lines, before, after = _parts(retry_after_s)
    body = b"%burn:uuid:%b%b" % (before, str(uuid4()).encode(), after)
    status = HTTPStatus.TOO_MANY_REQUESTS.value
    services.metrics.observe_request("POST", PREFIX, status, time.perf_counter() - start)
    return lines, body


def may_be_turned_away(services: Services, headers: Headers) -> bool:
    """Whether nothing but the load decides: the key is known, no header is malformed, no deadline is given. All else is
    judged where it always is."""
    given: dict[str, str] = {}
    for name, value in headers:
        given.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    try:
        if services.settings.auth and not _key_is_good(services, given):
            return False
        read_idempotency_key(given)
        return budget_s(given) is None
    except Problem:
        return False


def _key_is_good(services: Services, headers: Mapping[str, str]) -> bool:
    """Without asking the database; raises the 401 Problem for a wrong secret."""
    presented = presented_key(headers)
    known = services.keys.cached(key_id_of(presented))
    return known is not None and bool(principal_of(known, presented))


@lru_cache(maxsize=128)
def _parts(retry_after_s: int) -> tuple[bytes, bytes, bytes]:
    """The header lines of the 429 answer, and its document before and after the `instance`, all of which have the same
    length."""
    problem = overloaded(retry_after_s)
    response = problem.response()
    before, _, after = bytes(response.body).partition(problem.instance.encode())
    return b"".join(b"%b: %b\r\n" % line for line in response.raw_headers), before, after
