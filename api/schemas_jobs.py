"""Wire models of batches."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from firewarden.api.schemas import Wire
from firewarden.jobs.records import JobKind, JobState


class BatchFieldsIn(Wire):
    """Form fields that hold for every photo of a batch; venue and scene of a manifest row go before them."""

    venue_type: str | None = Field(
        None, description="Kind of place; `GET /v1/rules` lists them.", examples=["rental_housing"]
    )
    scene: str | None = Field(
        None, description="Where in the venue; `GET /v1/rules` lists them.", examples=["stairwell"]
    )
    facts: str | None = Field(
        None, description="Comma list of facts a person vouches for.", examples=["only_exit"]
    )
    closure_profile: str | None = Field(
        None, description="Region whose closing duties apply.", examples=["yunhe_zhejiang"]
    )
    min_confidence: float | None = Field(
        None, ge=0, le=1, allow_inf_nan=False, description="List detections down to this."
    )


class RescoreIn(BatchFieldsIn):
    """A batch of photos that were inspected before. Time, and venue and scene that are not given here, are taken from each
    inspection; facts and closing duties are those given here alone."""

    inspection_ids: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(
        min_length=1, description="Inspections this key may see; one listed twice counts once."
    )


class BatchLinksOut(Wire):
    self: str
    results: str
    errors: str
    cancel: str


class BatchSummaryOut(Wire):
    """A batch without its counts."""

    id: str
    links: BatchLinksOut
    kind: JobKind
    state: JobState
    created_at: datetime
    started_at: datetime | None = Field(description="When a worker took the first item.")
    ended_at: datetime | None = Field(description="When it was finished or cancelled.")
    items: int = Field(description="Inputs, those that could not be read included.")


class BatchProgressOut(Wire):
    open: int = Field(description="Waiting, or being worked on; in a cancelled batch: never begun.")
    done: int
    failed: int
    share: float = Field(ge=0, le=1, description="Of the items, how many have their row.")


class BatchErrorOut(Wire):
    number: int = Field(description="From 1, in the order sent.")
    path: str
    error: str
    attempts: int = Field(description="How often a worker began it; 0 where it was refused on arrival.")


class BatchOut(BatchSummaryOut):
    """A batch: how far it is, what was found so far, and what went wrong first."""

    progress: BatchProgressOut
    verdicts: dict[str, int] = Field(description="Scored photos by verdict.")
    risk_levels: dict[str, int] = Field(description="Scored photos by their highest risk level.")
    errors: list[BatchErrorOut] = Field(description="The first failed items; `links.errors` has all.")


class BatchListOut(Wire):
    batches: list[BatchSummaryOut]
    next: str | None = Field(description="Value of `before` for older ones; null at the end.")


class BatchErrorsOut(Wire):
    errors: list[BatchErrorOut]
    next: int | None = Field(description="Value of `after` for more; null at the end.")
