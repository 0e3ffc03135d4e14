"""What a job is: who asked for what, its items, and what has become of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from firewarden.bulk.items import Facts
from firewarden.findings import Fact, InspectionContext, Source
from firewarden.inspection import context_to_json


class JobKind(StrEnum):
    """What the items are: photos of people, or frames of cameras with their time."""

    PHOTOS = "photos"
    CCTV = "cctv"


class JobState(StrEnum):
    """`queued` until a worker takes the first item; `finished` when every item has a row; `cancelled` keeps its rows."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class ItemState(StrEnum):
    """`open` items wait or are being worked on; the others have their one row."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"


OPEN_JOBS = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class JobContext:
    """What holds for every item of a job, as the options of `firewarden batch` do."""

    inspection: InspectionContext = field(default_factory=InspectionContext)
    min_confidence: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {"inspection": context_to_json(self.inspection), "min_confidence": self.min_confidence}


def context_from_json(told: Mapping[str, Any]) -> JobContext:
    """The inverse of `JobContext.to_json`."""
    kept = told["inspection"]
    inspection = InspectionContext(
        venue_type=kept["venue_type"],
        venue_groups=tuple(kept["venue_groups"]),
        scene=kept["scene"],
        scene_source=Source(kept["scene_source"]),
        facts=tuple(Fact(fact["name"], Source(fact["source"])) for fact in kept["facts"]),
        counts=kept["counts"],
        closure_profile=kept["closure_profile"],
        single_frame=kept["single_frame"],
    )
    return JobContext(inspection, told["min_confidence"])


@dataclass(frozen=True, slots=True)
class NewItem:
    """One input: a photo that is stored under `sha256`, or an `error` that says why there is none."""

    path: str
    facts: Facts = field(default_factory=Facts)
    place: str = ""
    sha256: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be stored. `key_id` is the API key that asked for it."""

    id: str
    key_id: str
    kind: JobKind
    context: JobContext
    items: tuple[NewItem, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A stored job. Times are UTC; `ended_at` is set once it is finished or cancelled."""

    id: str
    key_id: str
    kind: JobKind
    state: JobState
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    items: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How many items are `open`, `done`, `failed`; of the done ones, how many by verdict and by risk level."""

    open: int
    done: int
    failed: int
    verdicts: Mapping[str, int]
    risk_levels: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ItemError:
    """An item that could not be scored, and why; `number` counts from 1 in the order sent."""

    number: int
    path: str
    error: str
    attempts: int


def printable(text: str) -> str:
    """Text that any database takes: control characters and bytes that were no UTF-8 as escapes."""
    safe = "".join(c if c >= " " else f"\\x{ord(c):02x}" for c in text)
    return safe.encode(errors="backslashreplace").decode()
