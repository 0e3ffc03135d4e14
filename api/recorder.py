"""Upload -> inspect -> store -> answer. What is answered has been committed; what was not committed is not answered."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from firewarden.api.auth import Principal, Role
from firewarden.api.context import PhotoContext
from firewarden.api.metrics import Metrics
from firewarden.api.ports import InspectorPort
from firewarden.api.problems import Problem, problem_from
from firewarden.api.storage import Answer, IdempotencyRow, InspectionRecord, Repository, Write
from firewarden.api.vault import Vault
from firewarden.errors import InvalidImage
from firewarden.inference.batcher import Abandoned
from firewarden.inspection import InspectionResult
from firewarden.ledger.json_text import JsonText, json_text, with_members


@dataclass(frozen=True, slots=True)
class Submission:
    """One write request, read and checked."""

    photos: tuple[bytes, ...]
    single: bool
    context: PhotoContext
    sender: Principal
    received_at: datetime
    idempotency_key: str | None

    def sha256(self, photo_shas: Sequence[str]) -> str:
        """What makes two requests the same: photos and context, not the boundary or order of the form fields."""
        digest = hashlib.sha256(json.dumps(asdict(self.context), sort_keys=True, default=str).encode())
        for sha256 in photo_shas:
            digest.update(bytes.fromhex(sha256))
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Reply:
    """The body to send, and whether an earlier request made it. `location` is the address of a single inspection."""

    body: bytes
    location: str | None
    replayed: bool
    timings_ms: Mapping[str, float] = field(default_factory=dict)


class Recorder:
    """The write path of one request. `record` runs in a worker thread; photos reach the disk while the network looks at
    them, rows and answer come from the vault's thread, or from the same one while `nobody_waits()` for it."""

    def __init__(
        self,
        inspector: InspectorPort,
        repository: Repository,
        vault: Vault,
        metrics: Metrics,
        nobody_waits: Callable[[], bool] = lambda: False,
    ) -> None:
        self._inspector = inspector
        self._repository = repository
        self._vault = vault
        self._metrics = metrics
        self._nobody_waits = nobody_waits

    def record(self, submission: Submission, gone: Callable[[], bool]) -> "Future[Reply]":
        """Inspect and store all photos of a submission; the same idempotency key gives the same reply, stored once.

        A photo that cannot be read fails alone among several; if none can be read, the Problem of all is raised.
        Once `gone()` holds, work stops between two stages and nothing is stored.
        """
        shas = [hashlib.sha256(photo).hexdigest() for photo in submission.photos]
        fingerprint = ""
        if submission.idempotency_key is not None:
            fingerprint = submission.sha256(shas)
            replay = self._find_replay(submission.sender, submission.idempotency_key, fingerprint)
            if replay is not None:
                return _done(replay)
        kept: list[Future[None]] = []
        outcomes = [
            self._inspect_one(photo, sha256, submission.context, kept, gone)
            for photo, sha256 in zip(submission.photos, shas, strict=True)
        ]
        _check_any_readable(outcomes, submission.single)
        return self._store(submission, outcomes, kept, fingerprint)

    def _inspect_one(
        self,
        photo: bytes,
        sha256: str,
        context: PhotoContext,
        kept: "list[Future[None]]",
        gone: Callable[[], bool],
    ) -> InspectionResult | Problem:
        """The result; a readable photo is on its way to the disk from then on."""
        if gone():
            raise Abandoned
        try:
            return self._inspector.inspect(
                photo,
                context.inspection,
                sha256=sha256,
                on_decoded=lambda: kept.append(self._vault.keep_photo(sha256, photo)),
                cancelled=gone,
            )
        except InvalidImage as error:
            return problem_from(error)

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
        ids = [item["id"] for item in row.answer.items if "id" in item]
        records = self._repository.inspections(ids, sender)
        return Reply(*_body_and_location(row.answer, records, sender), replayed=True)

    def _store(
        self,
        submission: Submission,
        outcomes: list[InspectionResult | Problem],
        kept: "list[Future[None]]",
        fingerprint: str,
    ) -> "Future[Reply]":
        start = time.perf_counter()
        made = [
            outcome if isinstance(outcome, Problem) else _record(submission, len(photo), outcome)
            for photo, outcome in zip(submission.photos, outcomes, strict=True)
        ]
        items = [{"problem": m.to_json()} if isinstance(m, Problem) else {"id": m.id} for m in made]
        answer = Answer(submission.single, tuple(items))
        records = {m.id: m for m in made if isinstance(m, InspectionRecord)}
        row = _idempotency_row(submission, fingerprint, answer)
        body, location = _body_and_location(answer, records, submission.sender)

        def reply(is_new: bool) -> Reply:
            if not is_new and row is not None:
                return self._twin(submission.sender, row)
            store_s = time.perf_counter() - start
            self._metrics.observe_stage("store", store_s)
            for record in records.values():
                self._metrics.observe_result(record.result)
            return Reply(body, location, replayed=False, timings_ms=_sum_timings(outcomes, store_s))

        write = Write(tuple(records.values()), row)
        return self._vault.commit(write, kept, reply, here=self._nobody_waits())

    def _twin(self, sender: Principal, row: IdempotencyRow) -> Reply:
        """The reply of the same request that came in beside this one and was stored first."""
        reply = self._find_replay(sender, row.idempotency_key, row.request_sha256)
        assert reply is not None, "a unique key was taken but holds no row"
        return reply


def _check_any_readable(outcomes: Sequence[InspectionResult | Problem], single: bool) -> None:
    problems = [outcome for outcome in outcomes if isinstance(outcome, Problem)]
    if single and problems:
        raise problems[0]
    if len(problems) == len(outcomes):
        items = [problem.to_json() for problem in problems]
        raise Problem(
            422, "no-photo-readable", "None of the photos could be read.", extra={"inspections": items}
        )


def _body_and_location(
    answer: Answer, records: Mapping[str, InspectionRecord], viewer: Principal
) -> tuple[bytes, str | None]:
    contents = [
        _inspection_text(records[item["id"]], viewer) if "id" in item else json_text(item["problem"])
        for item in answer.items
    ]
    if not answer.single:
        return f'{{"inspections":[{",".join(contents)}]}}'.encode(), None
    return contents[0].encode(), _path(answer.items[0]["id"])


def _sum_timings(outcomes: Sequence[InspectionResult | Problem], store_s: float) -> dict[str, float]:
    """Milliseconds by stage over all photos, in the order of the stages."""
    totals: dict[str, float] = {}
    for outcome in outcomes:
        if isinstance(outcome, InspectionResult):
            for stage, milliseconds in outcome.timings_ms.items():
                totals[stage] = totals.get(stage, 0.0) + milliseconds
    totals.pop("total", None)
    return {**totals, "store": store_s * 1000}


def _done(reply: Reply) -> "Future[Reply]":
    future: Future[Reply] = Future()
    future.set_result(reply)
    return future


def inspection_to_json(record: InspectionRecord, viewer: Principal) -> dict[str, Any]:
    """The wire form of a stored inspection; `position` appears for the owner role alone."""
    return {**_shell(record, viewer), **record.result}


def _inspection_text(record: InspectionRecord, viewer: Principal) -> JsonText:
    """The wire form as text."""
    return with_members(record.result_text or json_text(record.result), _shell(record, viewer))


def _shell(record: InspectionRecord, viewer: Principal) -> dict[str, Any]:
    """What stands round the result."""
    path = _path(record.id)
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
    }


def _path(inspection_id: str) -> str:
    return f"/v1/inspections/{inspection_id}"


def _record(submission: Submission, n_bytes: int, result: InspectionResult) -> InspectionRecord:
    context = submission.context
    wire = result.to_json()
    return InspectionRecord(
        id=uuid4().hex,
        key_id=submission.sender.key_id,
        image_sha256=result.image_sha256,
        image_bytes=n_bytes,
        received_at=submission.received_at,
        captured_at=context.captured_at,
        clock_suspect=context.clock_suspect(submission.received_at),
        source=context.source,
        venue_code=context.venue_code,
        position=context.position.to_json() if context.position else None,
        result=wire,
        result_text=json_text(wire),
    )


def _idempotency_row(submission: Submission, fingerprint: str, answer: Answer) -> IdempotencyRow | None:
    if submission.idempotency_key is None:
        return None
    return IdempotencyRow(
        submission.sender.key_id, submission.idempotency_key, fingerprint, answer, submission.received_at
    )
