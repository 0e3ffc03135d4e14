"""Upload -> inspect -> store -> answer. What is answered has been committed; what was not committed is not answered."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from starlette.concurrency import run_in_threadpool

from firewarden.api.auth import Principal, Role
from firewarden.api.blobs import BlobStore
from firewarden.api.context import PhotoContext
from firewarden.api.metrics import Metrics
from firewarden.api.pool import WorkPool
from firewarden.api.ports import InspectorPort
from firewarden.api.problems import Problem, problem_from
from firewarden.api.storage import Answer, IdempotencyRow, InspectionRecord, Repository
from firewarden.errors import InvalidImage
from firewarden.findings import InspectionResult


@dataclass(frozen=True, slots=True)
class Submission:
    """One write request, read and checked."""

    photos: tuple[bytes, ...]
    single: bool
    context: PhotoContext
    sender: Principal
    received_at: datetime
    idempotency_key: str | None

    def sha256(self) -> str:
        """What makes two requests the same: photos and context, not the boundary or order of the form fields."""
        digest = hashlib.sha256(json.dumps(asdict(self.context), sort_keys=True, default=str).encode())
        for photo in self.photos:
            digest.update(hashlib.sha256(photo).digest())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Reply:
    """The body to send, and whether an earlier request made it."""

    content: Mapping[str, Any]
    replayed: bool


class Recorder:
    """The write path. CPU work runs in the bounded pool, waiting for the disk in other threads."""

    def __init__(
        self,
        inspector: InspectorPort,
        repository: Repository,
        blobs: BlobStore,
        pool: WorkPool,
        metrics: Metrics,
    ) -> None:
        self._inspector = inspector
        self._repository = repository
        self._blobs = blobs
        self._pool = pool
        self._metrics = metrics

    async def record(self, submission: Submission) -> Reply:
        """Inspect and store all photos of a submission; the same idempotency key gives the same reply, stored once.

        A photo that cannot be read fails alone among several; if none can be read, the Problem of all is raised.
        """
        fingerprint = ""
        if submission.idempotency_key is not None:
            fingerprint = await run_in_threadpool(submission.sha256)
            replay = await run_in_threadpool(
                self._find_replay, submission.sender, submission.idempotency_key, fingerprint
            )
            if replay is not None:
                return replay
        outcomes = await self._pool.run(partial(self._inspect_all, submission))
        return await run_in_threadpool(self._store, submission, outcomes, fingerprint)

    def _find_replay(self, sender: Principal, key: str, fingerprint: str) -> Reply | None:
        row = self._repository.idempotency(sender.key_id, key)
        if row is None:
            return None
        if row.request_sha256 != fingerprint:
            raise Problem(
                422,
                "idempotency-key-reused",
                "This Idempotency-Key was used with other photos or another context; use a new key for a new request.",
            )
        return Reply(self._content(row.answer, sender), replayed=True)

    def _inspect_all(self, submission: Submission) -> list[InspectionResult | Problem]:
        outcomes = [self._inspect_one(photo, submission.context) for photo in submission.photos]
        problems = [outcome for outcome in outcomes if isinstance(outcome, Problem)]
        if submission.single and problems:
            raise problems[0]
        if len(problems) == len(outcomes):
            items = [problem.to_json() for problem in problems]
            raise Problem(
                422, "no-photo-readable", "None of the photos could be read.", extra={"inspections": items}
            )
        return outcomes

    def _inspect_one(self, photo: bytes, context: PhotoContext) -> InspectionResult | Problem:
        try:
            return self._inspector.inspect(photo, context.inspection)
        except InvalidImage as error:
            return problem_from(error)

    def _store(
        self, submission: Submission, outcomes: list[InspectionResult | Problem], fingerprint: str
    ) -> Reply:
        start = time.perf_counter()
        records: list[InspectionRecord] = []
        items: list[dict[str, Any]] = []
        for photo, outcome in zip(submission.photos, outcomes, strict=True):
            if isinstance(outcome, Problem):
                items.append({"problem": outcome.to_json()})
                continue
            record = _record(submission, self._put(photo), len(photo), outcome)
            records.append(record)
            items.append({"id": record.id})
        answer = Answer(submission.single, tuple(items))
        row = _idempotency_row(submission, fingerprint, answer)
        if not self._repository.save(records, row) and row is not None:
            return self._twin(submission.sender, row)
        self._metrics.observe_stage("store", time.perf_counter() - start)
        for record in records:
            self._metrics.observe_result(record.result)
        return Reply(self._content(answer, submission.sender), replayed=False)

    def _twin(self, sender: Principal, row: IdempotencyRow) -> Reply:
        """The reply of the same request that came in beside this one and was stored first."""
        reply = self._find_replay(sender, row.idempotency_key, row.request_sha256)
        assert reply is not None, "a unique key was taken but holds no row"
        return reply

    def _put(self, photo: bytes) -> str:
        try:
            return self._blobs.put(photo)
        except OSError as error:
            raise Problem(
                503,
                "storage-unavailable",
                "The photo could not be written to disk; nothing was stored. Send the request again later.",
                headers={"Retry-After": "30"},
            ) from error

    def _content(self, answer: Answer, viewer: Principal) -> Mapping[str, Any]:
        ids = [item["id"] for item in answer.items if "id" in item]
        records = self._repository.inspections(ids, viewer)
        contents = [
            inspection_to_json(records[item["id"]], viewer) if "id" in item else item["problem"]
            for item in answer.items
        ]
        return contents[0] if answer.single else {"inspections": contents}


def inspection_to_json(record: InspectionRecord, viewer: Principal) -> dict[str, Any]:
    """The wire form of a stored inspection; `position` appears for the owner role alone."""
    path = f"/v1/inspections/{record.id}"
    position = {"position": record.position} if viewer.role is Role.OWNER else {}
    return {
        "id": record.id,
        "links": {"self": path, "annotated": f"{path}/annotated.jpg"},
        "received_at": record.received_at.isoformat(),
        "captured_at": record.captured_at.isoformat() if record.captured_at else None,
        "clock_suspect": record.clock_suspect,
        "source": record.source,
        "venue_code": record.venue_code,
        **position,
        **record.result,
    }


def _record(submission: Submission, sha256: str, n_bytes: int, result: InspectionResult) -> InspectionRecord:
    context = submission.context
    return InspectionRecord(
        id=uuid4().hex,
        key_id=submission.sender.key_id,
        image_sha256=sha256,
        image_bytes=n_bytes,
        received_at=submission.received_at,
        captured_at=context.captured_at,
        clock_suspect=context.clock_suspect(submission.received_at),
        source=context.source,
        venue_code=context.venue_code,
        position=context.position.to_json() if context.position else None,
        result=result.to_json(),
    )


def _idempotency_row(submission: Submission, fingerprint: str, answer: Answer) -> IdempotencyRow | None:
    if submission.idempotency_key is None:
        return None
    return IdempotencyRow(
        submission.sender.key_id, submission.idempotency_key, fingerprint, answer, submission.received_at
    )
