"""`/v1/cameras`: the camera register. For owner keys alone; streams are named by reference."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response, Security
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from firewarden.api.auth import Principal, Role
from firewarden.api.camera_examples import CAMERA, CAMERA_IN
from firewarden.api.dependencies import IdempotencyKeyDep, PrincipalDep, ServicesDep
from firewarden.api.json_body import json_body, read_json
from firewarden.api.openapi import problem_responses, shown
from firewarden.api.problems import Problem, invalid_fields
from firewarden.api.schemas_cameras import CameraIn, CameraListOut, CameraOut
from firewarden.api.services import Services
from firewarden.cctv.camera import Camera
from firewarden.cctv.camera_store import Receipt
from firewarden.cctv.register import build_camera
from firewarden.inference.rules import Rules


async def require_owner(principal: PrincipalDep) -> Principal:
    """The principal, if it is an owner; a 403 Problem else."""
    if principal.role is not Role.OWNER:
        raise Problem(403, "forbidden", "Got the key of a worker; cameras and their events need an owner's.")
    return principal


OwnerDep = Annotated[Principal, Security(require_owner)]
router = APIRouter(prefix="/v1/cameras", tags=["cameras"], dependencies=[Security(require_owner)])
_NO_STORE = {"Cache-Control": "no-store"}
_ONE: dict[str, Any] = {"model": CameraOut, "content": {"application/json": {"example": shown(CAMERA)}}}
_MANY: dict[str, Any] = {
    "model": CameraListOut,
    "content": {"application/json": {"example": shown({"cameras": [CAMERA], "next": None})}},
}
Limit = Annotated[int, Query(ge=1, le=500, description="Rows of one page.")]


@router.get("", summary="List cameras", responses={200: _MANY, **problem_responses(401, 403, 503)})
def list_cameras(
    services: ServicesDep,
    limit: Limit = 100,
    after: Annotated[str | None, Query(max_length=64, description="Id the page begins behind.")] = None,
    venue: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Cameras in the order of their ids."""
    page = services.cctv.cameras.page(limit=limit + 1, after=after, venue=venue)
    following = {"limit": limit, "after": page[limit - 1].id, "venue": venue} if len(page) > limit else None
    listed = [camera_to_json(camera) for camera in page[:limit]]
    return JSONResponse({"cameras": listed, "next": next_page("/v1/cameras", following)}, headers=_NO_STORE)


@router.post(
    "",
    status_code=201,
    summary="Register a camera",
    responses={
        201: {**_ONE, "description": "Registered."},
        **problem_responses(400, 401, 403, 409, 413, 415, 503),
    },
    openapi_extra=json_body(CameraIn, CAMERA_IN),
)
async def post_camera(
    request: Request, services: ServicesDep, sender: PrincipalDep, idempotency_key: IdempotencyKeyDep
) -> Response:
    """A camera for a guest or dormitory room, a changing room or the like is refused (422), with the law in `law`."""
    body = await read_json(request, CameraIn)
    return await run_in_threadpool(_register, services, sender, body, idempotency_key)


@router.get(
    "/{camera_id}", summary="Read a camera", responses={200: _ONE, **problem_responses(401, 403, 404, 503)}
)
def get_camera(camera_id: str, services: ServicesDep) -> Response:
    """One row of the register."""
    camera = services.cctv.cameras.find(camera_id)
    if camera is None:
        raise _unknown()
    return JSONResponse(camera_to_json(camera), headers=_NO_STORE)


@router.put(
    "/{camera_id}",
    summary="Replace a camera",
    responses={200: _ONE, **problem_responses(400, 401, 403, 404, 413, 415, 503)},
    openapi_extra=json_body(CameraIn, CAMERA_IN),
)
async def put_camera(camera_id: str, request: Request, services: ServicesDep) -> Response:
    """All of the camera anew: what is left out takes its default. Refused like a new one."""
    body = await read_json(request, CameraIn)
    if body.id != camera_id:
        raise invalid_fields([{"field": "id", "message": "is another than in the address; ids stay"}])
    return await run_in_threadpool(_replace, services, body)


@router.delete(
    "/{camera_id}",
    status_code=204,
    response_class=Response,
    summary="Take a camera out",
    responses=problem_responses(401, 403, 404, 503),
)
def delete_camera(camera_id: str, services: ServicesDep) -> Response:
    """Its open events end; events stay, and pictures for as long as the rules keep those of unknown cameras."""
    if not services.cctv.events.retire_camera(camera_id):
        raise _unknown()
    return Response(status_code=204)


def camera_to_json(camera: Camera) -> dict[str, Any]:
    """The wire form. Of a stream, only which variable holds its address; paths of the server are kept back."""
    url = camera.url if camera.url is None or camera.url.startswith("env:") else "file:"
    links = {
        "self": f"/v1/cameras/{camera.id}",
        "events": f"/v1/cctv/events?{urlencode({'camera_id': camera.id})}",
    }
    return {**camera.to_json(), "url": url, "links": links}


def next_page(path: str, query: Mapping[str, Any] | None) -> str | None:
    """The address of a following page."""
    if query is None:
        return None
    return f"{path}?{urlencode({name: value for name, value in query.items() if value is not None})}"


def _replace(services: Services, body: CameraIn) -> Response:
    camera = _checked(body, services)
    if not services.cctv.cameras.put(camera):
        raise _unknown()
    return JSONResponse(camera_to_json(camera), headers=_NO_STORE)


def _register(services: Services, sender: Principal, body: CameraIn, key: str | None) -> Response:
    values = body.to_values()
    sha256 = hashlib.sha256(json.dumps(["camera", values], sort_keys=True).encode()).hexdigest()
    if (replay := _replay(services, sender, key, sha256)) is not None:
        return replay
    camera = _checked(body, services)
    answer = camera_to_json(camera)
    receipt = Receipt(sender.key_id, key, sha256, {"single": True, "items": [answer]}) if key else None
    if services.cctv.cameras.add(camera, receipt):
        return _created(answer, {})
    if (replay := _replay(services, sender, key, sha256)) is not None:
        return replay
    raise Problem(409, "camera-exists", "There is a camera of this id; PUT replaces it.")


def _replay(services: Services, sender: Principal, key: str | None, sha256: str) -> Response | None:
    """The answer that this key got before; raises a 422 Problem where it stood for another request."""
    row = services.repository.idempotency(sender.key_id, key) if key else None
    if row is None:
        return None
    if row.request_sha256 != sha256:
        raise Problem(
            422,
            "idempotency-key-reused",
            "This Idempotency-Key was used with another request; use a new key for a new request.",
        )
    return _created(row.answer.items[0], {"Idempotency-Replayed": "true"})


def _created(answer: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    location = {"Location": answer["links"]["self"]}
    return JSONResponse(dict(answer), 201, {**_NO_STORE, **location, **headers})


def _checked(body: CameraIn, services: Services) -> Camera:
    """The camera, as the register's own check takes it; raises a 422 Problem."""
    rules = cast(Rules, services.inspector.rules)  # the port names less than the file holds
    camera, problems = build_camera(body.to_values(), rules)
    if body.url is not None and body.url.startswith("file:"):
        problems = [*problems, ("url", "a path on the server comes in by the command line alone", False)]
    errors = [{"field": key or "body", "message": message} for key, message, _ in problems]
    if any(refused for *_, refused in problems):
        refusals = [message for _, message, refused in problems if refused]
        law = rules.cctv.register.law.to_json()
        raise Problem(422, "camera-refused", refusals[0], extra={"errors": errors, "law": law})
    if errors or camera is None:
        raise invalid_fields(errors)
    return camera


def _unknown() -> Problem:
    return Problem(404, "not-found", "There is no camera of this id.")
