"""Wire models of the camera register and of camera events."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StrictInt, StringConstraints

from firewarden.api.schemas import IsoTime, TextOut, Wire
from firewarden.cctv.event_store import EventState
from firewarden.findings import RiskLevel

Polygon = Annotated[
    list[list[float]], Field(max_length=200, description="Corners [x, y] as shares of the picture.")
]
Polygons = Annotated[list[Polygon], Field(max_length=50)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f]+$", max_length=200)]


class ZonesIn(Wire):
    """Polygons by meaning; `private_mask` is painted out before anything is stored."""

    egress: Polygons = Field(default_factory=list)
    fire_lane: Polygons = Field(default_factory=list)
    ignore: Polygons = Field(default_factory=list)
    private_mask: Polygons = Field(default_factory=list)


class CameraIn(Wire):
    """One camera, as a row of a register file."""

    id: str = Field(description="Letters, digits, `. _ -`, at most 64.")
    name: str = Field(description="Where it stands, in words.")
    venue: str
    venue_type: str = Field(description="`GET /v1/rules` lists them.")
    scene: str = Field(description="`GET /v1/rules` lists them.")
    sample_every_s: float | None = Field(
        None, strict=True, description="Seconds between pictures that are looked at."
    )
    retention_days: int | None = Field(
        None, strict=True, description="How long pictures of ended events are kept."
    )
    zones: ZonesIn = Field(default_factory=ZonesIn)
    schedule: Annotated[list[str], Field(max_length=100)] = Field(
        default_factory=list, description="Windows such as `mon-fri 07:00-22:00`; none: always."
    )
    utc_offset: str | None = Field(None, description="Of the schedule, e.g. `+08:00`.")
    expected: dict[str, StrictInt] = Field(
        default_factory=dict, description="Objects that shall be in view, e.g. two extinguishers."
    )
    url: str | None = Field(
        None,
        description="`env:NAME`: the variable of the machine that reads the stream, which holds its address. An address "
        "itself is refused.",
    )

    def to_values(self) -> dict[str, Any]:
        """What the register's own check takes: given values alone."""
        values = self.model_dump(exclude_none=True)
        zones = {kind: polygons for kind, polygons in values.pop("zones").items() if polygons}
        return values | ({"zones": zones} if zones else {})


class CameraLinksOut(Wire):
    self: str
    events: str


class CameraOut(Wire):
    id: str
    name: str
    venue: str
    venue_type: str
    scene: str
    sample_every_s: float
    retention_days: int
    zones: dict[str, list[list[list[float]]]]
    schedule: list[str]
    utc_offset: str
    expected: dict[str, int]
    url: str | None = Field(
        description="A reference, never an address. `file:` hides the path on the server."
    )
    links: CameraLinksOut


class CameraListOut(Wire):
    cameras: list[CameraOut]
    next: str | None = Field(description="Address of the next page; null on the last one.")


class DismissIn(Wire):
    """A person says that an event is none."""

    until: IsoTime = Field(description="Until when nothing is raised in its place, at most 366 days ahead.")
    because: Reason = Field(description="Why, for those who read it later.")


class DismissalOut(Wire):
    at: datetime
    until: datetime
    by: str = Field(description="Id of the key.")
    because: str


class EventLinksOut(Wire):
    self: str
    camera: str
    frame: str | None = Field(description="Null where the event has no picture, or none any more.")


class EventOut(Wire):
    """One happening at one camera."""

    id: str
    camera_id: str
    hazard: str
    cell: str = Field(description="Cell of the picture in which it began.")
    xyxy: list[float] = Field(description="Latest place, as shares of the picture.")
    first_seen: datetime
    opened_at: datetime
    last_seen: datetime
    ended_at: datetime | None
    confidence: float
    risk_level: RiskLevel | None
    rule_ids: list[str]
    reason: TextOut
    state: EventState
    revision: int = Field(description="Changes that were told.")
    dismissal: DismissalOut | None
    notice: TextOut = Field(description="What an event is not: goes wherever it goes.")
    frame_taken_at: datetime | None
    links: EventLinksOut


class EventListOut(Wire):
    events: list[EventOut]
    next: str | None = Field(description="Address of the next page; null on the last one.")


class BacklogOut(Wire):
    waiting: int
    dead: int = Field(description="Given up; `firewarden cctv deliver --revive` tries them again.")
    oldest_s: float = Field(description="Age of the oldest message that waits.")


class OutboxOut(Wire):
    destinations: dict[str, BacklogOut]
