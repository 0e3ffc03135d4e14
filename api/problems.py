"""Every error as `application/problem+json` (RFC 9457), made in one place."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from firewarden.errors import HazardError, InvalidImage, ModelMismatch
from firewarden.ledger.database import DATABASE_AWAY

MEDIA_TYPE = "application/problem+json"
_MAX_FIELD_ERRORS = 8
_CURES = {
    404: "Nothing lives at this address; GET /openapi.json lists all addresses.",
    405: "This address does not take that method; see the Allow header.",
}
_MEANT = ("deadline", "draining", "not-ready")  # nothing is broken, or it is logged where it is judged
_log = logging.getLogger(__name__)


class Problem(Exception):
    """An answer that is not a success. `slug` names the kind for machines, `detail` says got, expected and cure.

    `extra` members go into the document as they are, e.g. `errors`.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        self.instance = f"urn:uuid:{uuid4()}"

    def to_json(self) -> dict[str, Any]:
        """The problem document. `instance` is this one occurrence; server errors are logged under it."""
        return {
            "type": f"urn:firewarden:problem:{self.slug}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": self.instance,
            **self.extra,
        }

    def response(self) -> JSONResponse:
        return JSONResponse(self.to_json(), self.status, self.headers, MEDIA_TYPE)


EXPECTED = (Problem, HazardError, HTTPException, *DATABASE_AWAY)
"""What ends a request without the program being wrong."""


def not_written(what: str) -> Problem:
    """The 503 of a disk that is full or away."""
    told = f"The {what} could not be written to disk; nothing was stored. Send the request again later."
    return Problem(503, "storage-unavailable", told, headers={"Retry-After": "30"})


def invalid_fields(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """422 for request fields. Each error holds `field`, `message` and, for closed sets, `allowed`; the first few are told,
    so that a small request cannot ask for a huge answer."""
    errors = errors[:_MAX_FIELD_ERRORS]
    detail = "; ".join(f"{error['field']}: {error['message']}" for error in errors)
    return Problem(422, "invalid-field", detail, extra={"errors": list(errors)})


def plain(message: str) -> str:
    """What a check of ours said, without what pydantic puts before it."""
    return message.removeprefix("Value error, ")


def problem_from(error: Exception) -> Problem:
    """The problem that fits an exception. Messages of unexpected errors stay inside."""
    match error:
        case Problem():
            return error
        case InvalidImage(status=status):
            return Problem(status, "invalid-image", str(error))
        case ModelMismatch():
            return Problem(
                503, "model-unavailable", "The model and its manifest disagree; see the server log."
            )
        case HazardError():
            return Problem(500, "misconfigured", "The server's own files are damaged; see the server log.")
        case _ if isinstance(error, DATABASE_AWAY):
            return Problem(
                503,
                "storage-unavailable",
                "The database did not answer in time; nothing was stored. Send the request again.",
                headers={"Retry-After": "2"},
            )
        case DataError() if "NUL" in str(error.orig):  # SQLite takes it, PostgreSQL does not
            told = "got a NUL character in a name or an id, expected none; leave it out"
            return Problem(422, "invalid-field", told)
        case RequestValidationError():
            return invalid_fields(
                [{"field": ".".join(map(str, e["loc"][1:])), "message": e["msg"]} for e in error.errors()]
            )
        case HTTPException(status_code=status):
            slug = HTTPStatus(status).phrase.lower().replace(" ", "-")
            return Problem(status, slug, _CURES.get(status, str(error.detail)), headers=error.headers)
    return Problem(500, "internal-error", "The server failed on this request; it is logged under `instance`.")


async def answer_problem(request: Request, error: Exception) -> JSONResponse:
    """The answer to a request that ended in `error`; what is the server's fault is logged."""
    problem = problem_from(error)
    if problem.status >= 500:
        _log_fault(problem, request, error)
    return problem.response()


def _log_fault(problem: Problem, request: Request, error: Exception) -> None:
    """A traceback for what nobody foresaw, one line for a part that does not work, nothing above INFO for what the server
    means to answer: load that is turned away is counted, and a change of readiness is logged where it is judged."""
    level = logging.INFO if problem.slug in _MEANT else logging.ERROR
    cause = error.__cause__ or getattr(error, "orig", None) or error
    told = (problem.instance, request.method, request.scope["path"], type(cause).__name__, cause)
    _log.log(level, "%s %s %s: %s: %s", *told, exc_info=None if isinstance(error, EXPECTED) else error)


def add_problem_handlers(app: FastAPI) -> None:
    """One handler for all errors, raised by us, by FastAPI or by accident."""
    for kind in (*EXPECTED, DataError, RequestValidationError, Exception):
        app.add_exception_handler(kind, answer_problem)
