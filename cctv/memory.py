"""What is followed at a camera, as JSON and back: kept over a restart, so that what stands there is no news."""

from datetime import datetime
from typing import Any

from firewarden.cctv.confirm import Confirming, Track
from firewarden.cctv.events import Event
from firewarden.cctv.sightings import Sighting
from firewarden.findings import Box, RiskLevel, Text

SCHEMA = "firewarden-watch/1"


def confirming_to_json(state: Confirming) -> dict[str, Any]:
    """All tracks, candidates included; exact, so that reading it back gives an equal state."""
    return {"schema": SCHEMA, "tracks": [_track_to_json(track) for track in state.tracks]}


def confirming_from_json(value: dict[str, Any]) -> Confirming:
    """The state that was written; raises ValueError for any other schema."""
    if value.get("schema") != SCHEMA:
        raise ValueError(
            f"schema is {value.get('schema')!r}, expected {SCHEMA!r}. Start without the kept state."
        )
    return Confirming(tuple(_track_from_json(track) for track in value["tracks"]))


def _track_to_json(track: Track) -> dict[str, Any]:
    return {
        "key": track.key,
        "hazard": track.hazard,
        "xyxy": list(track.xyxy),
        "since": track.since.isoformat(),
        "last_seen": track.last_seen.isoformat(),
        "gravest": _values(track.gravest),
        "looks": [[at.isoformat(), seen] for at, seen in track.looks],
        "misses": track.misses,
        "missed_since": track.missed_since.isoformat() if track.missed_since else None,
        "event": _values(track.event) if track.event else None,
        "muted_until": track.muted_until.isoformat() if track.muted_until else None,
        "strayed": list(track.strayed) if track.strayed else None,
        "strays": track.strays,
    }


def _track_from_json(value: dict[str, Any]) -> Track:
    return Track(
        key=value["key"],
        hazard=value["hazard"],
        xyxy=_box(value["xyxy"]),
        since=datetime.fromisoformat(value["since"]),
        last_seen=datetime.fromisoformat(value["last_seen"]),
        gravest=Sighting(**_restored(value["gravest"])),
        looks=tuple((datetime.fromisoformat(at), bool(seen)) for at, seen in value["looks"]),
        misses=value["misses"],
        missed_since=_time(value["missed_since"]),
        event=Event(**_restored(value["event"])) if value["event"] else None,
        muted_until=_time(value["muted_until"]),
        strayed=_box(value["strayed"]) if value.get("strayed") else None,  # older states have none
        strays=value.get("strays", 0),
    )


def _values(row: Sighting | Event) -> dict[str, Any]:
    """Fields of a sighting or event as JSON, exact."""
    return {name: _plain(getattr(row, name)) for name in row.__slots__}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Text):
        return value.to_json()
    return list(value) if isinstance(value, tuple) else value


def _restored(value: dict[str, Any]) -> dict[str, Any]:
    times = {
        name: _time(value[name])
        for name in ("first_seen", "opened_at", "last_seen", "ended_at")
        if name in value
    }
    return value | times | {
        "xyxy": _box(value["xyxy"]),
        "risk_level": RiskLevel(value["risk_level"]) if value["risk_level"] else None,
        "rule_ids": tuple(value["rule_ids"]),
        "reason": Text(**value["reason"]),
    }  # fmt: skip


def _box(value: list[float]) -> Box:
    x0, y0, x1, y1 = value
    return x0, y0, x1, y1


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
