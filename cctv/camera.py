"""A registered camera: where it looks, what its zones mean, when it is looked at, how long its pictures are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from firewarden.findings import InspectionContext, Source

Corners = tuple[tuple[float, float], ...]  # (x, y) as shares of the picture, each in [0, 1]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ZONE_KINDS = ("egress", "fire_lane", "ignore", "private_mask")
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Zones:
    """Polygons by meaning. `private_mask` is painted out before anything else sees the picture."""

    egress: tuple[Corners, ...] = ()
    fire_lane: tuple[Corners, ...] = ()
    ignore: tuple[Corners, ...] = ()
    private_mask: tuple[Corners, ...] = ()

    def to_json(self) -> dict[str, Any]:
        kinds = {kind: getattr(self, kind) for kind in ZONE_KINDS}
        return {
            kind: [[list(c) for c in polygon] for polygon in kinds[kind]] for kind in kinds if kinds[kind]
        }


@dataclass(frozen=True, slots=True)
class Window:
    """Days (0 is Monday) and minutes of the day. An end not after the start is on the next day."""

    days: tuple[int, ...]
    start_min: int
    end_min: int

    def covers(self, local: datetime) -> bool:
        minute, today = local.hour * 60 + local.minute, local.weekday()
        if self.start_min < self.end_min:
            return today in self.days and self.start_min <= minute < self.end_min
        return (today in self.days and minute >= self.start_min) or (
            (today - 1) % 7 in self.days and minute < self.end_min
        )

    def __str__(self) -> str:
        days = ",".join(DAYS[day] for day in self.days)
        return f"{days} {_clock(self.start_min)}-{_clock(self.end_min)}"


def parse_window(text: str) -> Window:
    """A window from `mon-fri 07:00-22:00` or `sat,sun 22:00-06:00`; raises ValueError."""
    try:
        days, hours = text.split()
        start, end = (_minutes(part) for part in hours.split("-"))
        window = Window(tuple(sorted({day for part in days.split(",") for day in _days(part)})), start, end)
    except ValueError as error:
        raise ValueError(f"got {text!r}, expected days and hours as in 'mon-fri 07:00-22:00'") from error
    if start in (end, _DAY_MINUTES):
        raise ValueError(f"got {text!r}, expected hours that begin before they end")
    return window


def _days(text: str) -> list[int]:
    first, _, last = text.partition("-")
    start, end = DAYS.index(first), DAYS.index(last or first)
    return [(start + step) % 7 for step in range((end - start) % 7 + 1)]


def _minutes(text: str) -> int:
    hour, minute = (int(part) for part in text.split(":"))
    total = hour * 60 + minute
    if not (0 <= minute < 60 and 0 <= total <= _DAY_MINUTES):
        raise ValueError(text)
    return total


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


@dataclass(frozen=True, slots=True)
class Camera:
    """One row of the register. `url` refers to a secret (`env:NAME` or `file:/path`) and is never the address itself;
    an empty schedule means always; `expected` counts objects by evidence class."""

    id: str
    name: str
    venue: str
    venue_type: str
    scene: str
    sample_every_s: float
    retention_days: int
    zones: Zones = Zones()
    schedule: tuple[Window, ...] = ()
    utc_offset_min: int = 8 * 60
    expected: Mapping[str, int] = field(default_factory=dict)
    url: str | None = field(default=None, repr=False)

    def is_on(self, at: datetime) -> bool:
        """Whether the schedule has frames of this moment looked at."""
        local = at.astimezone(timezone(timedelta(minutes=self.utc_offset_min)))
        return not self.schedule or any(window.covers(local) for window in self.schedule)

    def context(self) -> InspectionContext:
        """What the register says about its pictures. Time stands in for the second photo, so none is asked for."""
        return InspectionContext(
            self.venue_type, scene=self.scene, scene_source=Source.REGISTER, single_frame=False
        )

    def to_json(self) -> dict[str, Any]:
        """The row as the register reads it."""
        sign, minutes = ("-" if self.utc_offset_min < 0 else "+"), abs(self.utc_offset_min)
        row: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("id", "name", "venue", "venue_type", "scene", "sample_every_s", "retention_days")
        }
        row |= {
            "zones": self.zones.to_json(),
            "schedule": [str(window) for window in self.schedule],
            "utc_offset": f"{sign}{_clock(minutes)}",
            "expected": dict(self.expected),
        }
        return row | ({"url": self.url} if self.url else {})
