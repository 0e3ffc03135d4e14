"""A batch of photos that were inspected before: read where they are stored, scored again by the workers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from firewarden.api.auth import Principal
from firewarden.api.batches import commit_job, parse_batch_fields
from firewarden.api.problems import Problem
from firewarden.api.schemas_jobs import BatchFieldsIn, RescoreIn
from firewarden.api.services import Services
from firewarden.api.storage import InspectionRecord
from firewarden.bulk.items import Facts
from firewarden.findings import Source
from firewarden.jobs.records import JobKind, NewItem, NewJob
from firewarden.jobs.store import Created

_PAGE = 500  # databases bound the number of parameters


def create_rescoring(
    services: Services, asked: RescoreIn, sender: Principal, idempotency_key: str | None
) -> Created:
    """Store a job with an item for each inspection, in the order of the list; raises 413, 422 and 503 Problems."""
    fields = [(name, getattr(asked, name)) for name in BatchFieldsIn.model_fields]
    given = [(name, str(value)) for name, value in fields if value is not None]
    context = parse_batch_fields(given, services.inspector.rules)
    ids, most = list(dict.fromkeys(asked.inspection_ids)), services.settings.max_batch_items
    if len(ids) > most:
        raise Problem(
            413, "too-many-items", f"got {len(ids)} inspections, expected at most {most} in one batch"
        )
    known: dict[str, InspectionRecord] = {}
    for start in range(0, len(ids), _PAGE):
        known |= services.repository.inspections(ids[start : start + _PAGE], sender)
    items = tuple(_item(name, known.get(name), asked) for name in ids)
    job = NewJob(uuid4().hex, sender.key_id, JobKind.PHOTOS, context, items, datetime.now(UTC))
    return commit_job(services, job, idempotency_key)


def _item(inspection_id: str, record: InspectionRecord | None, asked: RescoreIn) -> NewItem:
    """The stored photo with what was said about it, as far as this request does not say otherwise."""
    if record is None:
        return NewItem(inspection_id, error="there is no inspection of this id for this key")
    context = record.result["context"]
    facts = Facts(
        time=record.captured_at.isoformat() if record.captured_at else None,
        venue=None if _is_given(asked.venue_type) else context["venue_type"],
        scene=None if _is_given(asked.scene) else _said_scene(context),
        scene_source=Source.PERSON,
    )
    return NewItem(inspection_id, facts, sha256=record.image_sha256)


def _is_given(name: str | None) -> bool:
    """Whether the request says it: an empty text says nothing, as in a form."""
    return bool(name and name.strip())


def _said_scene(context: Mapping[str, Any]) -> str | None:
    """The scene, where a person named it; a model's guess is made anew."""
    said = context["scene_source"] == Source.PERSON and context["scene"] != "unknown"
    return context["scene"] if said else None
