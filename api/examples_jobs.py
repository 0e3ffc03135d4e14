"""Examples and body of the batch routes in the OpenAPI document. Tests hold them to the wire models."""

from typing import Any

from firewarden.api.json_body import json_body
from firewarden.api.schemas_jobs import BatchFieldsIn, RescoreIn
from firewarden.api.uploads import MULTIPART
from firewarden.jobs.records import JobKind

_ID = "7d1f0a52c3e94b6f8a1b2c3d4e5f6071"
_SUMMARY: dict[str, Any] = {
    "id": _ID,
    "links": {
        "self": f"/v1/batches/{_ID}",
        "results": f"/v1/batches/{_ID}/results",
        "errors": f"/v1/batches/{_ID}/errors",
        "cancel": f"/v1/batches/{_ID}/cancel",
    },
    "kind": "photos",
    "state": "running",
    "created_at": "2026-11-20T01:30:04+00:00",
    "started_at": "2026-11-20T01:30:05+00:00",
    "ended_at": None,
    "items": 250,
}
_ERROR: dict[str, Any] = {
    "number": 7,
    "path": "may.zip!stairs-7.jpg",
    "error": "got 512 bytes that are no picture, expected JPEG, PNG or WebP",
    "attempts": 1,
}
BATCH: dict[str, Any] = {
    **_SUMMARY,
    "progress": {"open": 130, "done": 119, "failed": 1, "share": 0.48},
    "verdicts": {"hazard": 31, "no_finding": 88},
    "risk_levels": {"general": 28, "elevated": 3},
    "errors": [_ERROR],
}
BATCH_LIST: dict[str, Any] = {"batches": [_SUMMARY], "next": None}
ERRORS: dict[str, Any] = {"errors": [_ERROR], "next": None}
RESCORE: dict[str, Any] = {"inspection_ids": ["0a52c3e94b6f8a1b2c3d4e5f60717d1f"], "min_confidence": 0.3}
_BINARY = {"type": "string", "format": "binary"}
_FILES = {"type": "array", "items": _BINARY}
_MANIFEST = {
    JobKind.PHOTOS: "CSV, or Parquet where the server reads it: path, and if wanted camera, time, venue, scene. Lists photos of this upload by filename or by name "
    "in the archive.",
    JobKind.CCTV: "CSV, or Parquet where the server reads it: path, camera, time, and if wanted venue and scene. Lists frames of this upload.",
}


def batch_body(kind: JobKind) -> dict[str, Any]:
    """The multipart body of a batch."""
    schema = BatchFieldsIn.model_json_schema(ref_template="#/components/schemas/{model}")
    properties = {
        "photo": {**_FILES, "description": "Each photo as one part with a filename."},
        "archive": {**_FILES, "description": "zip or tar (gz, bz2, xz) with photos."},
        "manifest": {**_BINARY, "description": _MANIFEST[kind]},
        **schema["properties"],
    }
    needed = ["manifest"] if kind is JobKind.CCTV else []
    example = {"archive": ["may.zip"], "manifest": "may.csv", "venue_type": "rental_housing"}
    form = {"schema": {"type": "object", "required": needed, "properties": properties}, "example": example}
    content: dict[str, Any] = {MULTIPART: form}
    if kind is JobKind.PHOTOS:
        content |= json_body(RescoreIn, RESCORE)["requestBody"]["content"]
    return {"requestBody": {"required": True, "content": content}}
