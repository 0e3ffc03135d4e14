"""Events: one for each real-world happening, and what changes about them."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from firewarden.cctv.frame import Frame
from firewarden.findings import Box, RiskLevel, Text


@dataclass(frozen=True, slots=True)
class Event:
    """A hazard at one camera from `first_seen` on. `xyxy` are shares of the picture, latest place; `cell` is where it
    began; `ended_at` is when it was seen last, None while it lasts. Level, rules, reason and confidence are those of
    its gravest sighting."""

    id: str
    camera_id: str
    hazard: str
    cell: str
    xyxy: Box
    first_seen: datetime
    opened_at: datetime
    last_seen: datetime
    ended_at: datetime | None
    confidence: float
    risk_level: RiskLevel | None
    rule_ids: tuple[str, ...]
    reason: Text

    def to_json(self) -> dict[str, Any]:
        """The wire form; times are ISO 8601 with their offset."""
        return {
            "id": self.id,
            "camera_id": self.camera_id,
            "hazard": self.hazard,
            "cell": self.cell,
            "xyxy": [round(value, 4) for value in self.xyxy],
            "first_seen": self.first_seen.isoformat(),
            "opened_at": self.opened_at.isoformat(),
            "last_seen": self.last_seen.isoformat(),
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
            "confidence": round(self.confidence, 4),
            "risk_level": self.risk_level.value if self.risk_level else None,
            "rule_ids": list(self.rule_ids),
            "reason": self.reason.to_json(),
        }


class ChangeKind(StrEnum):
    """`updated`: the level rose, or the same thing came back before repeats are news again."""

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class EventChange:
    """What became of an event. `frame` is the picture that shows it, masked; None once it is gone."""

    kind: ChangeKind
    event: Event
    frame: Frame | None = None


def event_id(camera_id: str, hazard: str, cell: str, first_seen: datetime) -> str:
    """The same happening has the same id wherever and whenever it is worked out."""
    text = "|".join((camera_id, hazard, cell, first_seen.astimezone(UTC).isoformat()))
    return hashlib.sha256(text.encode()).hexdigest()[:24]
