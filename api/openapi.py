"""The parts of the OpenAPI document that FastAPI cannot read from signatures: bodies that stream, and problems."""

from typing import Any

from firewarden.api import examples
from firewarden.api.deadline import HEADER
from firewarden.api.problems import MEDIA_TYPE
from firewarden.api.schemas import ContextIn
from firewarden.api.uploads import IMAGE_TYPES, MULTIPART, PHOTO_PART

DESCRIPTION = """\
Finds fire hazards in photos, says why they are hazards, and grades them by written rules
(堵塞安全出口、飞线充电、电动自行车进楼入户、灭火器缺失). The machine proposes, a person confirms.

Every request but `/` and the health checks carries an API key: `Authorization: Bearer fw_...` or `X-API-Key: fw_...`.
Every error is a problem document (RFC 9457). A `201` means that photo and verdict are on disk.
"""

_DEADLINE_HEADERS = [
    {
        "name": "Prefer",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": "`wait=SECONDS` (RFC 7240): how long the client waits for its answer. Work that would end later is "
        "not begun: 503.",
        "example": "wait=10",
    },
    {
        "name": HEADER,
        "in": "header",
        "required": False,
        "schema": {"type": "integer", "minimum": 1},
        "description": "The same in milliseconds; the shorter one counts.",
    },
]
_BINARY = {"type": "string", "format": "binary"}
_NULL = "\0null"
_PROBLEMS = {
    400: "The body is empty, cut off or no valid multipart.",
    401: "No valid API key.",
    403: "The key has the wrong role.",
    404: "Nothing of this id for this key.",
    408: "The upload was too slow.",
    409: "The batch has not ended yet, or there is a camera of this id.",
    413: "Too many bytes, pixels or photos.",
    415: "Not a JPEG, PNG or WebP photo, or a Content-Encoding.",
    422: "A context field is unknown or wrong, the photo is damaged, or the Idempotency-Key was used for another request.",
    429: "The server is busy; see Retry-After.",
    501: "The server lacks an optional package.",
    503: "A part of the server does not work, or the deadline of the request cannot be met; nothing was stored.",
}


def shown(example: Any) -> Any:
    """An example with a mark in place of each null: FastAPI leaves every null out of its document, and most examples would
    then lack keys that their schema asks for. `with_nulls` puts them back."""
    return _replaced(example, None, _NULL)


def with_nulls(document: dict[str, Any]) -> dict[str, Any]:
    """The document with nulls where `shown` put its mark."""
    restored: dict[str, Any] = _replaced(document, _NULL, None)
    return restored


def _replaced(value: Any, old: object, new: object) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, old, new) for item in value]
    return new if value == old else value


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Documented problems of a route. 422 is always among them, or FastAPI would document a form of its own."""
    schema = {"$ref": "#/components/schemas/ProblemOut"}
    return {
        status: {
            "description": _PROBLEMS[status],
            "content": {MEDIA_TYPE: {"schema": schema, "example": _example(status)}},
        }
        for status in sorted({*statuses, 422})
    }


def created_response(model: Any) -> dict[int | str, dict[str, Any]]:
    """201 with both forms of the answer."""
    both = {
        "one_photo": {"summary": "One photo", "value": shown(examples.INSPECTION)},
        "several_photos": {"summary": "Two photos, one unreadable", "value": shown(examples.INSPECTION_LIST)},
    }
    return {
        201: {
            "model": model,
            "description": "Stored: one inspection, or a list in the order of several photos.",
            "content": {"application/json": {"examples": both}},
            "headers": {
                "Location": {"schema": {"type": "string"}, "description": "Address of a single inspection."},
                "Idempotency-Replayed": {
                    "schema": {"type": "string"},
                    "description": "`true` on a repeated answer.",
                },
            },
        }
    }


def upload_extra() -> dict[str, Any]:
    """Parameters and both kinds of body of `POST /v1/inspections`; the fields come from one wire model."""
    schema = ContextIn.model_json_schema(ref_template="#/components/schemas/{model}")
    fields: dict[str, Any] = schema["properties"]
    return {
        "parameters": [
            *(_query_parameter(name, field) for name, field in fields.items()),
            *_DEADLINE_HEADERS,
        ],
        "requestBody": {
            "required": True,
            "description": "One raw photo with its context in the query, or a form with one or several photos.",
            "content": {
                **{media_type: {"schema": _BINARY} for media_type in IMAGE_TYPES},
                MULTIPART: _form(fields),
            },
        },
    }


def _query_parameter(name: str, field: dict[str, Any]) -> dict[str, Any]:
    example = {"example": examples.CONTEXT[name]} if name in examples.CONTEXT else {}
    description = field.get("description", "")
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": field,
        "description": description,
        **example,
    }


def _form(fields: dict[str, Any]) -> dict[str, Any]:
    photos = {"type": "array", "items": _BINARY, "description": "Each photo as one part with a filename."}
    return {
        "schema": {"type": "object", "required": [PHOTO_PART], "properties": {PHOTO_PART: photos, **fields}},
        "example": {PHOTO_PART: ["stairs-1.jpg", "stairs-2.jpg"], **examples.CONTEXT},
    }


def _example(status: int) -> dict[str, Any]:
    known = {415: examples.PROBLEM, 422: examples.FIELD_PROBLEM, 401: examples.KEY_PROBLEM}
    return known.get(status, examples.problem(status, _PROBLEMS[status]))
