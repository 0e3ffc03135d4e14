"""`/v1/cctv`: events of cameras, their pictures, and the messages that tell of them. For owner keys alone."""

import logging
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any

import numpy as np
import simplejpeg
from fastapi import APIRouter, Query, Request, Response, Security
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from firewarden.api.camera_examples import DISMISS, EVENT
from firewarden.api.dependencies import ServicesDep
from firewarden.api.json_body import json_body, read_json
from firewarden.api.openapi import problem_responses, shown
from firewarden.api.problems import Problem, invalid_fields
from firewarden.api.routes_cameras import Limit, OwnerDep, next_page, require_owner
from firewarden.api.schemas_cameras import BacklogOut, DismissIn, EventListOut, EventOut, OutboxOut
from firewarden.api.services import Services
from firewarden.cctv.event_store import EventRecord, EventState
from firewarden.cctv.followed import Dismissal
from firewarden.cctv.masks import paint_out
from firewarden.findings import NOT_REVIEWED, InspectionContext
from firewarden.inference.image import decode_image
from firewarden.inference.release import blur_for_release
from firewarden.ledger.blobs import BlobDamaged

router = APIRouter(prefix="/v1/cctv", tags=["camera events"], dependencies=[Security(require_owner)])
_PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_LONGEST_DISMISSAL = timedelta(days=366)
_QUALITY = 86
_ONE: dict[str, Any] = {"model": EventOut, "content": {"application/json": {"example": shown(EVENT)}}}
_MANY: dict[str, Any] = {
    "model": EventListOut,
    "content": {"application/json": {"example": shown({"events": [EVENT], "next": None})}},
}
_JPEG: dict[str, Any] = {
    "description": "The picture, faces and plates blurred.",
    "content": {"image/jpeg": {}},
}
_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)  # who looked is told, though processes log warnings alone


@router.get("/events", summary="List events", responses={200: _MANY, **problem_responses(401, 403, 503)})
def list_events(
    services: ServicesDep,
    limit: Limit = 100,
    before: Annotated[
        str | None, Query(max_length=64, description="Id of the event the page begins behind.")
    ] = None,
    camera_id: Annotated[str | None, Query(max_length=64)] = None,
    hazard: Annotated[str | None, Query(max_length=64)] = None,
    state: EventState | None = None,
) -> Response:
    """Events, the newest first."""
    wanted: dict[str, Any] = {"camera_id": camera_id, "hazard": hazard, "state": state}
    try:
        page = services.cctv.events.page(limit=limit + 1, before=before, **wanted)
    except KeyError as error:
        raise invalid_fields([{"field": "before", "message": "no event of this id"}]) from error
    following = (
        {"limit": limit, "before": page[limit - 1].event["id"], **wanted} if len(page) > limit else None
    )
    listed = [event_to_json(record) for record in page[:limit]]
    return JSONResponse({"events": listed, "next": next_page("/v1/cctv/events", following)}, headers=_PRIVATE)


@router.get(
    "/events/{event_id}",
    summary="Read an event",
    responses={200: _ONE, **problem_responses(401, 403, 404, 503)},
)
def get_event(event_id: str, services: ServicesDep) -> Response:
    """One event as it stands now."""
    return JSONResponse(event_to_json(_find(services, event_id)), headers=_PRIVATE)


@router.get(
    "/events/{event_id}/frame.jpg",
    summary="The latest picture of an event",
    response_class=Response,
    responses={200: _JPEG, **problem_responses(401, 403, 404, 429, 503)},
)
async def get_frame(event_id: str, services: ServicesDep, viewer: OwnerDep) -> Response:
    """Private windows were painted out before it was stored; faces and plates are blurred on each request. 404 where the
    picture is no longer kept."""
    record = await run_in_threadpool(_find, services, event_id)
    picture = await services.pool.run(partial(_outward_jpeg, services, record))
    _log.info("picture of event %s shown to key %s", event_id, viewer.key_id)
    return Response(picture, media_type="image/jpeg", headers=_PRIVATE)


@router.post(
    "/events/{event_id}/dismiss",
    summary="Say that an event is none",
    responses={200: _ONE, **problem_responses(400, 401, 403, 404, 413, 415, 503)},
    openapi_extra=json_body(DismissIn, DISMISS),
)
async def dismiss_event(event_id: str, request: Request, services: ServicesDep, person: OwnerDep) -> Response:
    """It ends, and its place raises nothing until `until`. A repeat changes `until`, reason and who said so, and tells
    nobody; `at` stays that of the first."""
    body, now = await read_json(request, DismissIn), datetime.now(UTC)
    if not now < body.until <= now + _LONGEST_DISMISSAL:
        raise invalid_fields(
            [
                {
                    "field": "until",
                    "message": f"expected a time from now on, at most {_LONGEST_DISMISSAL.days} days",
                }
            ]
        )
    record = await run_in_threadpool(
        services.cctv.events.dismiss, event_id, body.until, person.key_id, body.because
    )
    if record is None:
        raise _unknown()
    return JSONResponse(event_to_json(record), headers=_PRIVATE)


@router.get("/outbox", summary="Messages on their way out", responses=problem_responses(401, 403, 503))
def get_outbox(services: ServicesDep) -> OutboxOut:
    """How many messages wait for each destination, and how many were given up."""
    return OutboxOut(
        destinations={
            name: BacklogOut(waiting=log.waiting, dead=log.dead, oldest_s=log.oldest_s)
            for name, log in services.cctv.outbox.backlogs(services.settings.destinations).items()
        }
    )


def event_to_json(record: EventRecord) -> dict[str, Any]:
    """The wire form of a stored event."""
    path = f"/v1/cctv/events/{record.event['id']}"
    return {
        **record.event,
        "state": record.state.value,
        "revision": record.revision,
        "dismissal": _dismissal_to_json(record.dismissal) if record.dismissal else None,
        "notice": NOT_REVIEWED.to_json(),
        "frame_taken_at": record.picture.at.isoformat() if record.picture else None,
        "links": {
            "self": path,
            "camera": f"/v1/cameras/{record.event['camera_id']}",
            "frame": f"{path}/frame.jpg" if record.picture else None,
        },
    }


def _dismissal_to_json(dismissal: Dismissal) -> dict[str, Any]:
    return {
        "at": dismissal.at.isoformat(),
        "until": dismissal.until.isoformat(),
        "by": dismissal.by,
        "because": dismissal.because,
    }


def _outward_jpeg(services: Services, record: EventRecord) -> bytes:
    """The latest picture, looked at again for people and vehicles, blurred, and masked as the register says now or said last."""
    if record.picture is None:
        raise Problem(404, "no-picture", "This event has no picture, or its time of keeping is over.")
    sha256 = record.picture.key
    try:
        data = services.cctv.events.pictures.blobs.get(sha256)
    except BlobDamaged as error:
        if services.cctv.events.find(record.event["id"]) != record:
            raise Problem(404, "no-picture", "The picture was deleted just now.") from error
        raise Problem(
            500, "picture-damaged", "The stored picture no longer matches its checksum; see the log."
        ) from error
    camera = services.cctv.cameras.find(record.event["camera_id"])
    result = services.inspector.inspect(
        data,
        camera.context() if camera else InspectionContext(),
        sha256=sha256,
        on_decoded=lambda: None,
        cancelled=lambda: False,
    )
    private = services.cctv.events.private_mask(record.event["camera_id"])
    pixels = paint_out(decode_image(data, min_long_side=0).pixels, private)
    blurred = blur_for_release(pixels, result.to_json())
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(blurred), quality=_QUALITY, colorspace="BGR"))


def _find(services: Services, event_id: str) -> EventRecord:
    record = services.cctv.events.find(event_id)
    if record is None:
        raise _unknown()
    return record


def _unknown() -> Problem:
    return Problem(404, "not-found", "There is no event of this id.")
