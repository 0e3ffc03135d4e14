"""`/v1/inspections`: photos in, verdicts out."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from fastapi import APIRouter, Request, Response, Security
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from firewarden.api.auth import Principal
from firewarden.api.context import parse_context
from firewarden.api.deadline import caller_of
from firewarden.api.dependencies import IdempotencyKeyDep, PrincipalDep, ServicesDep, require_principal
from firewarden.api.examples import INSPECTION
from firewarden.api.openapi import created_response, problem_responses, shown, upload_extra
from firewarden.api.problems import Problem
from firewarden.api.recorder import Reply, Submission, inspection_to_json
from firewarden.api.schemas import InspectionListOut, InspectionOut
from firewarden.api.services import Services
from firewarden.api.storage import InspectionRecord
from firewarden.api.tracing import Traced
from firewarden.api.uploads import read_upload
from firewarden.api.waiting import answer_unless_gone
from firewarden.findings import Text
from firewarden.inference.draw import annotated_jpeg
from firewarden.ledger.blobs import BlobDamaged, BlobStore

PREFIX = "/v1/inspections"
router = APIRouter(prefix=PREFIX, tags=["inspections"], dependencies=[Security(require_principal)])
_ID = re.compile(r"[0-9a-f]{32}")
_REQUEST_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_JPEG = {"description": "The photo with findings drawn in.", "content": {"image/jpeg": {}}}


@router.post(
    "",
    status_code=201,
    summary="Inspect one or several photos",
    responses={
        **created_response(InspectionOut | InspectionListOut),
        **problem_responses(400, 401, 408, 413, 415, 429, 503),
    },
    openapi_extra=upload_extra(),
)
async def post_inspections(
    request: Request, services: ServicesDep, sender: PrincipalDep, idempotency_key: IdempotencyKeyDep
) -> Response:
    """The answer is sent after photo and verdict are on disk. Send an `Idempotency-Key`, and a retry stores nothing twice."""
    return await answer_upload(request, services, sender, idempotency_key)


async def answer_upload(
    request: Request, services: Services, sender: Principal, idempotency_key: str | None
) -> Response:
    """The answer to photos in the body of a request that may send some; raises Problems."""
    began_ns = time.time_ns()
    caller = caller_of(request.headers)
    with services.budget.lease() as lease:
        with services.pool.upload(caller):
            upload = await read_upload(request, services.settings, lease)
        context = parse_context(upload.fields, services.inspector.rules)
        now = datetime.now(UTC)
        submission = Submission(upload.photos, upload.single, context, sender, now, idempotency_key)
        job = partial(services.recorder.record, submission, caller.gone)
        future = services.pool.start(job, caller, photos=len(upload.photos))
        reply = await answer_unless_gone(request, future, caller, services.metrics.observe_abandoned)
    request_id = _request_id(request.headers)
    services.tracer.record(Traced(request_id, began_ns, 201, reply.timings_ms, request.headers))
    return _created(reply, request_id)


@router.get(
    "/{inspection_id}",
    summary="Read an inspection",
    responses={
        200: {"model": InspectionOut, "content": {"application/json": {"example": shown(INSPECTION)}}},
        **problem_responses(401, 404, 503),
    },
)
def get_inspection(inspection_id: str, services: ServicesDep, viewer: PrincipalDep) -> Response:
    """The stored inspection, as it was answered when the photo came in."""
    record = _find_record(services, inspection_id, viewer)
    return JSONResponse(inspection_to_json(record, viewer), headers=_PRIVATE)


@router.get(
    "/{inspection_id}/annotated.jpg",
    summary="The photo with its findings drawn in",
    response_class=Response,
    responses={200: _JPEG, **problem_responses(401, 404, 429, 503)},
)
async def get_annotated(inspection_id: str, services: ServicesDep, viewer: PrincipalDep) -> Response:
    """A JPEG made from the stored original on each request; faces and plates are blurred."""
    record = await run_in_threadpool(_find_record, services, inspection_id, viewer)
    picture = await services.pool.run(
        partial(_draw, services.blobs, record, services.inspector.rules.drawn_names)
    )
    return Response(picture, media_type="image/jpeg", headers=_PRIVATE)


def _created(reply: Reply, request_id: str) -> Response:
    location = {"Location": reply.location} if reply.location else {}
    replayed = {"Idempotency-Replayed": "true"} if reply.replayed else {}
    headers = {**_PRIVATE, "X-Request-ID": request_id, **location, **replayed}
    return Response(reply.body, 201, headers, "application/json")


def _request_id(headers: Mapping[str, str]) -> str:
    """The client's own id where it is a plain one, else a new one."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


def _find_record(services: Services, inspection_id: str, viewer: Principal) -> InspectionRecord:
    """The record, or a 404 Problem that does not tell hidden from unknown."""
    known = _ID.fullmatch(inspection_id) and services.repository.inspections([inspection_id], viewer)
    record = known.get(inspection_id) if known else None
    if record is None:
        raise Problem(404, "not-found", "There is no inspection of this id for this key.")
    return record


def _draw(blobs: BlobStore, record: InspectionRecord, names: Mapping[str, Text]) -> bytes:
    try:
        return annotated_jpeg(blobs.get(record.image_sha256), record.result, names)
    except BlobDamaged as error:
        raise Problem(
            500, "photo-damaged", "The stored photo no longer matches its checksum; see the log."
        ) from error
