"""Small JSON bodies, read after the key was checked and never beyond a bound: FastAPI would read them first and whole."""

import json
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from firewarden.api.problems import Problem, invalid_fields, plain

MAX_JSON_BYTES = 256 * 1024
_JSON = "application/json"
T = TypeVar("T", bound=BaseModel)


async def read_json(request: Request, model: type[T]) -> T:
    """The body as a wire model; raises a 400, 413, 415 or 422 Problem."""
    kind = _kind(request)
    if kind != _JSON:
        raise Problem(415, "not-json", f"got {kind[:80]!r}, expected {_JSON}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_JSON_BYTES:
            raise Problem(413, "too-large", f"got more than {MAX_JSON_BYTES} bytes of JSON, expected less")
    try:
        return model.model_validate(json.loads(body))
    except ValidationError as error:
        raise invalid_fields(
            [
                {"field": ".".join(map(str, e["loc"])) or "body", "message": plain(e["msg"])}
                for e in error.errors(include_input=False, include_url=False)
            ]
        ) from error
    except (ValueError, RecursionError) as error:
        raise Problem(400, "invalid-json", f"The body is no valid JSON{_why(error)}.") from error


def _why(error: Exception) -> str:
    """Where it ends to be JSON, without repeating any of it."""
    if isinstance(error, json.JSONDecodeError):
        return f": {error.msg}, line {error.lineno}, column {error.colno}"
    return ": it is not in UTF-8" if isinstance(error, UnicodeDecodeError) else ""


def is_json(request: Request) -> bool:
    """Whether the request says that its body is JSON."""
    return "content-type" in request.headers and _kind(request) == _JSON


def _kind(request: Request) -> str:
    return request.headers.get("content-type", _JSON).partition(";")[0].strip().lower()


def json_body(model: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI entry of such a body."""
    schema = model.model_json_schema()
    schema = _inlined(schema, schema.pop("$defs", {}))
    return {"requestBody": {"required": True, "content": {_JSON: {"schema": schema, "example": example}}}}


def _inlined(schema: Any, parts: dict[str, Any]) -> Any:
    """A schema with its parts in place: FastAPI lists only those of bodies that it reads itself."""
    if isinstance(schema, list):
        return [_inlined(item, parts) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(parts[schema["$ref"].rpartition("/")[2]], parts)
    return {key: _inlined(value, parts) for key, value in schema.items()}
