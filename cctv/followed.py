"""What is followed at cameras, kept in the database: a watch that starts again knows what it has told of.

The memory is written now and then, events at once. Where the two differ, the events are right: an open one that the memory
lacks or has as ended is followed again, and one that has ended or was dismissed since is not opened anew.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from firewarden.cctv.confirm import Confirming, Track, dismiss, track_of
from firewarden.cctv.events import Event
from firewarden.cctv.memory import confirming_from_json, confirming_to_json
from firewarden.findings import RiskLevel, Text
from firewarden.ledger.database import database_now
from firewarden.ledger.tables import camera_states, cctv_events

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dismissal:
    """A person said that an event is none; its place raises nothing until `until`. `event` is as it was stored."""

    event_id: str
    camera_id: str
    at: datetime
    until: datetime
    by: str
    because: str
    event: Event = field(repr=False, compare=False)


class FollowedStore:
    """Memory of watches by camera, a `runner_memory.Memory`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self, camera_id: str) -> Confirming | None:
        """What was followed, put right by the stored events; None where there is neither. Raises SQLAlchemyError: a
        watch that starts without its memory would tell everything again."""
        with self._engine.connect() as connection:
            stored = _stored(connection, camera_id)
            state = _read(camera_id, stored)
            rows = _events_of(
                connection, camera_id, [track.event.id for track in state.tracks if track.event]
            )
        if stored is None and not rows:
            return None
        dismissals = self.dismissals([camera_id])
        muted = frozenset(dismissal.event_id for dismissal in dismissals)
        state = with_events(state, [event_from_json(row.event) for row in rows], muted)
        for dismissal in dismissals:
            state, _ = dismiss(state, dismissal.event_id, dismissal.at, dismissal.until)
        return state

    def save(self, camera_id: str, state: Confirming) -> None:
        """Replace what was kept; a database that is away leaves the old memory and is logged."""
        try:
            with self._engine.begin() as connection:
                save_followed(connection, camera_id, state)
        except SQLAlchemyError as error:
            _log.warning("camera %s: memory not kept (%s); that of a restart is older", camera_id, error)

    def dismissals(self, camera_ids: Collection[str]) -> list[Dismissal]:
        """Those in force. A running watch asks now and then and hands them to `Watcher.dismiss`; once more does no harm."""
        with self._engine.connect() as connection:
            query = select(cctv_events).where(
                cctv_events.c.camera_id.in_(camera_ids),
                cctv_events.c.dismissed_until > database_now(connection),
            )
            return [found for row in connection.execute(query) if (found := dismissal_of(row))]


def save_followed(connection: Connection, camera_id: str, state: Confirming) -> None:
    """Keep the memory of one camera in a transaction of the caller's; one writer a camera."""
    values = {"state": confirming_to_json(state), "saved_at": database_now(connection)}
    statement = update(camera_states).where(camera_states.c.camera_id == camera_id)
    if not connection.execute(statement.values(**values)).rowcount:
        connection.execute(insert(camera_states).values(camera_id=camera_id, **values))


def last_seen_of(connection: Connection, camera_id: str) -> dict[str, datetime]:
    """When the memory of a camera saw each of its events last."""
    state = _read(camera_id, _stored(connection, camera_id))
    return {track.event.id: track.last_seen for track in state.tracks if track.event is not None}


def with_events(
    state: Confirming, events: Iterable[Event], muted: frozenset[str] = frozenset()
) -> Confirming:
    """The state as stored events say: what ended is ended, what lasts is followed (its end may not have been stored), as is
    what was `muted` by a person; a candidate that has become an event since is that event, and an event that was never
    stored is a candidate. Pure."""
    stored = {event.id: event for event in events}
    tracks = [_put_right(track, stored) for track in state.tracks]
    known = {track.event.id for track in tracks if track.event is not None}
    lasting = [event for event in stored.values() if event.ended_at is None or event.id in muted]
    missing = [event for event in lasting if event.id not in known]
    become = {(event.hazard, event.first_seen) for event in missing}
    kept = [t for t in tracks if t.event is not None or (t.hazard, t.since) not in become]
    return Confirming((*kept, *map(track_of, missing)))


def event_from_json(value: Mapping[str, Any]) -> Event:
    """`Event.to_json()` back, as far as that is exact."""
    x0, y0, x1, y1 = value["xyxy"]
    return Event(
        **{name: value[name] for name in ("id", "camera_id", "hazard", "cell", "confidence")},
        first_seen=datetime.fromisoformat(value["first_seen"]),
        opened_at=datetime.fromisoformat(value["opened_at"]),
        last_seen=datetime.fromisoformat(value["last_seen"]),
        xyxy=(x0, y0, x1, y1),
        ended_at=datetime.fromisoformat(value["ended_at"]) if value["ended_at"] else None,
        risk_level=RiskLevel(value["risk_level"]) if value["risk_level"] else None,
        rule_ids=tuple(value["rule_ids"]),
        reason=Text(**value["reason"]),
    )


def dismissal_of(row: Row[Any]) -> Dismissal | None:
    """The dismissal of a row of `cctv_events`."""
    if row.dismissed_at is None:
        return None
    return Dismissal(
        row.id,
        row.camera_id,
        row.dismissed_at,
        row.dismissed_until,
        row.dismissed_by,
        row.dismissed_because,
        event_from_json(row.event),
    )


def _put_right(track: Track, stored: Mapping[str, Event]) -> Track:
    if track.event is None or track.muted_until is not None:
        return track
    event = stored.get(track.event.id)
    if event is not None and (event.ended_at is None) is track.is_open:
        return track
    known = replace(track.event, ended_at=event.ended_at) if event else None
    return replace(track, event=known, looks=(), misses=0, missed_since=None)


def _events_of(connection: Connection, camera_id: str, known: list[str]) -> list[Row[Any]]:
    """Events of a camera that are open or dismissed for now, and those of `known` ids."""
    muted = cctv_events.c.dismissed_until > database_now(connection)
    query = select(cctv_events).where(
        cctv_events.c.camera_id == camera_id,
        or_(cctv_events.c.ended_at.is_(None), cctv_events.c.id.in_(known), muted),
    )
    return list(connection.execute(query.order_by(cctv_events.c.opened_at)))


def _stored(connection: Connection, camera_id: str) -> dict[str, Any] | None:
    query = select(camera_states.c.state).where(camera_states.c.camera_id == camera_id)
    return connection.execute(query).scalar_one_or_none()


def _read(camera_id: str, stored: dict[str, Any] | None) -> Confirming:
    if stored is None:
        return Confirming()
    try:
        return confirming_from_json(stored)
    except (ValueError, KeyError, TypeError) as error:
        _log.warning("camera %s: kept memory cannot be used (%s); its events can", camera_id, error)
        return Confirming()
