"""`/v1/batches`: many photos in one request, scored by `firewarden worker`, read when they are ready."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response, Security
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from firewarden.api.auth import Principal, Role
from firewarden.api.batch_uploads import read_batch_form
from firewarden.api.batches import BatchRequest, create_batch
from firewarden.api.dependencies import IdempotencyKeyDep, PrincipalDep, ServicesDep, require_principal
from firewarden.api.examples_jobs import BATCH, BATCH_LIST, ERRORS, batch_body
from firewarden.api.json_body import is_json, read_json
from firewarden.api.openapi import problem_responses, shown
from firewarden.api.pool import overloaded
from firewarden.api.problems import Problem, not_written
from firewarden.api.rescoring import create_rescoring
from firewarden.api.schemas_jobs import BatchErrorsOut, BatchListOut, BatchOut, RescoreIn
from firewarden.api.services import Services
from firewarden.bulk.items import BatchStopped
from firewarden.bulk.output import check_target, write_rows
from firewarden.errors import DatasetError
from firewarden.jobs.records import OPEN_JOBS, JobKind, JobRecord
from firewarden.jobs.store import Created

router = APIRouter(prefix="/v1", tags=["batches"], dependencies=[Security(require_principal)])
_ID = re.compile(r"[0-9a-f]{32}")
_PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_FIRST_ERRORS = 20
_BUSY_S = 5
_LAST_ITEM = 2**31 - 1  # as far as numbers of items go in any database
_ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "model": BatchOut,
        "description": "Every photo is on disk and the batch in the database; workers score it from now on.",
        "content": {"application/json": {"example": shown(BATCH)}},
        "headers": {
            "Location": {"schema": {"type": "string"}, "description": "Address of the batch."},
            "Idempotency-Replayed": {
                "schema": {"type": "string"},
                "description": "`true` on a repeated answer.",
            },
        },
    },
    **problem_responses(400, 401, 408, 413, 415, 429, 503),
}
_ROWS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One row an item, in the order sent; `X-Batch-State` says whether more may come.",
        "content": {"application/x-ndjson": {}, "application/vnd.apache.parquet": {}},
    },
    **problem_responses(401, 404, 409, 501, 503),
}


def _shown(model: Any, example: Any) -> dict[int | str, dict[str, Any]]:
    answer = {"model": model, "content": {"application/json": {"example": shown(example)}}}
    return {200: answer, **problem_responses(401, 404, 503)}


@router.post(
    "/batches", status_code=202, summary="Score many photos", responses=_ACCEPTED,
    openapi_extra=batch_body(JobKind.PHOTOS),
)  # fmt: skip
async def post_batch(
    request: Request, services: ServicesDep, sender: PrincipalDep, idempotency_key: IdempotencyKeyDep
) -> Response:
    """Photos, zip or tar archives, and if wanted a CSV manifest that says which photos to score and what is known of each.
    As JSON: `inspection_ids`, whose stored photos are scored again."""
    if is_json(request):
        asked = await read_json(request, RescoreIn)
        created = await run_in_threadpool(create_rescoring, services, asked, sender, idempotency_key)
        return await run_in_threadpool(_accepted, services, created, sender)
    return await _accept(request, services, sender, idempotency_key, JobKind.PHOTOS)


@router.post(
    "/cctv/batches", status_code=202, summary="Score many camera frames", responses=_ACCEPTED,
    openapi_extra=batch_body(JobKind.CCTV),
)  # fmt: skip
async def post_cctv_batch(
    request: Request, services: ServicesDep, sender: PrincipalDep, idempotency_key: IdempotencyKeyDep
) -> Response:
    """Frames with camera and time, from the manifest, kept in its order. Each is graded by itself, as a photo is; frames of
    places where the law allows no camera are refused and not kept, and private windows of registered cameras are painted out
    before anything is kept."""
    return await _accept(request, services, sender, idempotency_key, JobKind.CCTV)


@router.get("/batches", summary="List batches", responses=_shown(BatchListOut, BATCH_LIST))
def get_batches(
    services: ServicesDep,
    viewer: PrincipalDep,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(description="Id of the last batch already seen.")] = None,
) -> Response:
    """The newest first: an owner sees all, other keys their own."""
    last = None
    if before is not None:
        seen = _find(services, before, viewer)
        last = (seen.created_at, seen.id)
    found = services.jobs.jobs(_scope(viewer), limit=limit + 1, before=last)
    older = found[limit - 1].id if len(found) > limit else None
    return _json({"batches": [_summary(job) for job in found[:limit]], "next": older})


@router.get("/batches/{batch_id}", summary="How far is a batch?", responses=_shown(BatchOut, BATCH))
def get_batch(batch_id: str, services: ServicesDep, viewer: PrincipalDep) -> Response:
    """State, counts, and the first items that failed."""
    return _json(_batch(services, _find(services, batch_id, viewer)))


@router.get("/batches/{batch_id}/errors", summary="What failed?", responses=_shown(BatchErrorsOut, ERRORS))
def get_errors(
    batch_id: str,
    services: ServicesDep,
    viewer: PrincipalDep,
    after: Annotated[
        int, Query(ge=0, le=_LAST_ITEM, description="Number of the last item already seen.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Items that could not be scored, in order, each with its reason."""
    job = _find(services, batch_id, viewer)
    found = services.jobs.errors(job.id, after=after, limit=limit + 1)
    more = found[limit - 1].number if len(found) > limit else None
    return _json({"errors": [_error(error) for error in found[:limit]], "next": more})


@router.post("/batches/{batch_id}/cancel", summary="Cancel a batch", responses=_shown(BatchOut, BATCH))
def cancel_batch(batch_id: str, services: ServicesDep, viewer: PrincipalDep) -> Response:
    """No further item is begun; rows that are there stay. Said twice, or of a batch that has ended, it changes nothing."""
    job = _find(services, batch_id, viewer)
    services.jobs.cancel(job.id)
    return _json(_batch(services, _find(services, batch_id, viewer)))


@router.get(
    "/batches/{batch_id}/results", summary="Download the rows", response_class=Response, responses=_ROWS
)
def get_results(
    batch_id: str,
    services: ServicesDep,
    viewer: PrincipalDep,
    format: Annotated[Literal["jsonl", "parquet"], Query()] = "jsonl",
    partial: Annotated[bool, Query(description="Rows so far, of a batch that has not ended.")] = False,
) -> Response:
    """The rows that `firewarden batch` would write, one an item, failures included. 409 while the batch has not ended,
    unless `partial` is true."""
    job = _find(services, batch_id, viewer)
    if job.state in OPEN_JOBS and not partial:
        raise Problem(
            409, "batch-unfinished", f"The batch is {job.state}; wait for it, or ask with partial=true."
        )
    headers = {
        **_PRIVATE,
        "X-Batch-State": job.state.value,
        "Content-Disposition": f'attachment; filename="{job.id}.{format}"',
    }
    lines = services.jobs.lines(job.id)
    if format == "jsonl":
        return StreamingResponse(lines, media_type="application/x-ndjson", headers=headers)
    path = _write_parquet(services.settings.data_dir / "incoming", lines)
    gone = BackgroundTask(path.unlink, missing_ok=True)
    return FileResponse(path, media_type="application/vnd.apache.parquet", headers=headers, background=gone)


async def _accept(
    request: Request, services: Services, sender: Principal, idempotency_key: str | None, kind: JobKind
) -> Response:
    with _slot(services):
        read = await read_batch_form(request, services.settings)
        try:
            asked = BatchRequest(kind, read, sender, idempotency_key)
            created = await run_in_threadpool(create_batch, services, asked)
        finally:
            await read.form.close()
        return await run_in_threadpool(_accepted, services, created, sender)


def _accepted(services: Services, created: Created, sender: Principal) -> Response:
    content = _batch(services, _find(services, created.job_id, sender))
    replayed = {"Idempotency-Replayed": "true"} if created.replayed else {}
    return JSONResponse(content, 202, {**_PRIVATE, "Location": content["links"]["self"], **replayed})


@contextmanager
def _slot(services: Services) -> Iterator[None]:
    """Around one upload; raises the 429 Problem where enough others come in already."""
    if not services.batch_slots.acquire(blocking=False):
        services.metrics.observe_shed("batches")
        raise overloaded(retry_after_s=_BUSY_S)
    try:
        yield
    finally:
        services.batch_slots.release()


def _find(services: Services, batch_id: str, viewer: Principal) -> JobRecord:
    """The batch, or a 404 Problem that does not tell hidden from unknown."""
    job = services.jobs.job(batch_id, _scope(viewer)) if _ID.fullmatch(batch_id) else None
    if job is None:
        raise Problem(404, "not-found", "There is no batch of this id for this key.")
    return job


def _scope(viewer: Principal) -> str | None:
    return None if viewer.role is Role.OWNER else viewer.key_id


def _json(content: Any) -> JSONResponse:
    return JSONResponse(content, headers=_PRIVATE)


def _summary(job: JobRecord) -> dict[str, Any]:
    address = f"/v1/batches/{job.id}"
    times = {name: getattr(job, name) for name in ("created_at", "started_at", "ended_at")}
    return {
        "id": job.id,
        "links": {"self": address, **{name: f"{address}/{name}" for name in ("results", "errors", "cancel")}},
        "kind": job.kind.value,
        "state": job.state.value,
        **{name: moment and moment.isoformat() for name, moment in times.items()},
        "items": job.items,
    }


def _batch(services: Services, job: JobRecord) -> dict[str, Any]:
    counted = services.jobs.progress(job.id)
    written = counted.done + counted.failed
    share = round(written / job.items, 4)
    errors = services.jobs.errors(job.id, limit=_FIRST_ERRORS)
    return {
        **_summary(job),
        "progress": {"open": counted.open, "done": counted.done, "failed": counted.failed, "share": share},
        "verdicts": dict(counted.verdicts),
        "risk_levels": dict(counted.risk_levels),
        "errors": [_error(error) for error in errors],
    }


def _error(error: Any) -> dict[str, Any]:
    return {name: getattr(error, name) for name in error.__slots__}


def _write_parquet(folder: Path, lines: Iterator[bytes]) -> Path:
    """A file of its own for one download."""
    try:
        check_target(Path("rows.parquet"))
    except DatasetError as error:
        raise Problem(501, "parquet-unavailable", f"The server has no pyarrow: {error}") from error
    path = folder / f"{uuid4().hex}.parquet"
    try:
        write_rows(path, lines)
    except BatchStopped as error:
        raise not_written("table") from error
    return path
