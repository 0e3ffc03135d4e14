"""From the form of a batch to a committed job. Runs in a worker thread: it reads archives and writes to disk."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import ValidationError

from firewarden.api.auth import Principal
from firewarden.api.batch_uploads import BatchForm, save_parts
from firewarden.api.context import parse_context, unknown_field
from firewarden.api.ports import RulesPort
from firewarden.api.private_windows import masked_by_register
from firewarden.api.problems import Problem, invalid_fields, not_written
from firewarden.api.schemas_jobs import BatchFieldsIn
from firewarden.api.services import Services
from firewarden.bulk.archives import Limits
from firewarden.bulk.items import Facts, Item
from firewarden.bulk.manifests import Check
from firewarden.cctv.refusals import find_refusal
from firewarden.errors import DatasetError
from firewarden.jobs.intake import IntakePolicy, Refuse, TooManyItems, incoming_folder, take_in
from firewarden.jobs.records import JobContext, JobKind, NewItem, NewJob, printable
from firewarden.jobs.store import Created, Idempotency, IdempotencyConflict

_RATIO = (
    20  # less than `firewarden batch` allows: these archives are others', and all that comes out is stored
)


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A request for a batch, its body spooled."""

    kind: JobKind
    form: BatchForm
    sender: Principal
    idempotency_key: str | None


def create_batch(services: Services, asked: BatchRequest) -> Created:
    """Store the photos, then the job with its items; raises 413, 422 and 503 Problems."""
    context = parse_batch_fields(asked.form.fields, services.inspector.rules)
    now = datetime.now(UTC)
    policy = _policy(services, asked.kind, context)
    try:
        with incoming_folder(services.settings.data_dir / "incoming") as folder:
            uploads = save_parts(asked.form, folder)
            if asked.kind is JobKind.CCTV and uploads.manifest is None:
                told = "missing; send a table with the columns path, camera, time and, if wanted, venue and scene"
                raise invalid_fields([{"field": "manifest", "message": told}])
            try:
                items = take_in(uploads, services.blobs, policy, now)
            except DatasetError as error:  # the manifest as a whole
                raise invalid_fields([{"field": "manifest", "message": printable(str(error))}]) from error
    except TooManyItems as error:
        raise Problem(413, "too-many-items", str(error)) from error
    except OSError as error:
        raise not_written("upload") from error
    if not items:
        raise invalid_fields([{"field": "archive", "message": "holds no JPEG, PNG or WebP picture"}])
    job = NewJob(uuid4().hex, asked.sender.key_id, asked.kind, context, items, now)
    return commit_job(services, job, asked.idempotency_key)


def parse_batch_fields(fields: Sequence[tuple[str, str]], rules: RulesPort) -> JobContext:
    """What holds for every item; raises a 422 Problem that names every wrong field."""
    allowed = set(BatchFieldsIn.model_fields)
    unknown = sorted({name for name, _ in fields} - allowed)
    if unknown:
        raise invalid_fields([unknown_field(name, allowed) for name in unknown])
    numbers = [value for name, value in fields if name == "min_confidence" and value.strip()]
    photo = parse_context([(name, value) for name, value in fields if name != "min_confidence"], rules)
    return JobContext(photo.inspection, _confidence(numbers))


def _confidence(given: Sequence[str]) -> float | None:
    if len(given) > 1:
        raise invalid_fields([{"field": "min_confidence", "message": "given more than once, expected once"}])
    try:
        return BatchFieldsIn.model_validate({"min_confidence": next(iter(given), None)}).min_confidence
    except ValidationError as error:
        raise invalid_fields(
            [{"field": "min_confidence", "message": e["msg"]} for e in error.errors()]
        ) from error


def _policy(services: Services, kind: JobKind, context: JobContext) -> IntakePolicy:
    settings = services.settings
    members = 2 * settings.max_batch_items + 1000  # folders, and macOS packs a companion beside each photo
    limits = Limits(settings.max_body_bytes, _RATIO, members=members)
    check = _check_facts(services.inspector.rules)
    paint = masked_by_register(services.cctv.engine, max_pixels=settings.max_pixels)
    if kind is JobKind.PHOTOS:
        return IntakePolicy(limits, settings.max_batch_items, check=check, paint=paint)
    refuse = _refuse_places(context, services.inspector.rules)
    return IntakePolicy(limits, settings.max_batch_items, refuse, check, ("camera", "time"), paint)


def _check_facts(rules: RulesPort) -> Check:
    """A row of a manifest with a venue or scene that is none cannot be scored; it takes no photo from another row."""

    def check(item: Item) -> str | None:
        facts = item.facts
        for kind, value, known in (
            ("venue type", facts.venue, rules.venue_groups),
            ("scene", facts.scene, rules.scenes),
        ):
            if value and value not in known:
                return f"unknown {kind} {value!r}, expected one of {', '.join(sorted(known))}"
        return None

    return check


def _refuse_places(context: JobContext, rules: RulesPort) -> Refuse:
    """Frames of places where the law allows no camera are not kept."""

    def refuse(facts: Facts) -> str | None:
        venue = facts.venue or context.inspection.venue_type
        scene = facts.scene or context.inspection.scene or "unknown"
        groups = frozenset(rules.venue_groups.get(venue, ()))
        refused = find_refusal(facts.camera or "", scene, groups, rules.cctv.register)
        return None if refused is None else refused[1]

    return refuse


def commit_job(services: Services, job: NewJob, idempotency_key: str | None) -> Created:
    """Store a job, or find the one that the same key has made of the same request; raises the 422 Problem of another."""
    idempotency = None
    if idempotency_key is not None:
        idempotency = Idempotency(idempotency_key, _fingerprint(job.kind, job.context, job.items))
    try:
        return services.jobs.create(job, idempotency)
    except IdempotencyConflict as error:
        raise Problem(
            422,
            "idempotency-key",
            "This Idempotency-Key was used for another request; choose a new one for a new batch.",
        ) from error


def _fingerprint(kind: JobKind, context: JobContext, items: Iterable[NewItem]) -> str:
    """Equal for two requests with the same photos, names, facts and fields; not for their boundary or compression."""
    digest = hashlib.sha256(json.dumps(["batch", kind, context.to_json()], sort_keys=True).encode())
    for item in items:
        digest.update(json.dumps(asdict(item), sort_keys=True).encode())
    return digest.hexdigest()
