"""Events in the database: a change, its picture and the messages that tell of it are stored together or not at all."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, select, tuple_, update

from firewarden.cctv.camera import Camera, Corners
from firewarden.cctv.camera_store import delete_camera, find_camera, find_private_mask
from firewarden.cctv.confirm import Confirming
from firewarden.cctv.events import ChangeKind, EventChange
from firewarden.cctv.followed import Dismissal as Dismissal  # noqa: PLC0414 - part of this interface
from firewarden.cctv.followed import FollowedStore, dismissal_of, last_seen_of, save_followed
from firewarden.cctv.masks import mask_frame
from firewarden.cctv.messages import DISMISSED, build_message
from firewarden.cctv.outbox import put_message
from firewarden.cctv.picture_store import PictureStore, frame_to_jpeg
from firewarden.cctv.retention import StoredFrame
from firewarden.cctv.sink import SinkUnavailable
from firewarden.ledger.blobs import BlobStore
from firewarden.ledger.database import DATABASE_AWAY, database_now, insert_if_new, write_transaction
from firewarden.ledger.tables import cctv_events, cctv_frames


class EventState(StrEnum):
    """A dismissed event is dismissed whether it lasts or not."""

    OPEN = "open"
    CLOSED = "closed"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class EventRecord:
    """A stored event: `event` is `Event.to_json()`, `picture` its latest picture, None once that was deleted."""

    event: Mapping[str, Any]
    revision: int
    dismissal: Dismissal | None
    picture: StoredFrame | None

    @property
    def state(self) -> EventState:
        if self.dismissal is not None:
            return EventState.DISMISSED
        return EventState.OPEN if self.event["ended_at"] is None else EventState.CLOSED


class EventStore:
    """All reads and writes of events; an `EventSink`. `destinations` are told of every change. Pictures of `file_cameras`
    are kept as their file says, as long as the register of the database has no camera of that id."""

    def __init__(
        self,
        engine: Engine,
        blobs: BlobStore,
        destinations: Sequence[str] = (),
        file_cameras: Iterable[Camera] = (),
    ) -> None:
        self._engine = engine
        self._file_days = {camera.id: camera.retention_days for camera in file_cameras}
        self.pictures = PictureStore(engine, blobs)
        self.followed = FollowedStore(engine)
        self._destinations = tuple(destinations)

    def write(self, change: EventChange) -> None:
        """Store one change. The same change written twice is stored and told once. Raises SinkUnavailable, with nothing
        stored: write it again."""
        self.save(change.event.camera_id, (change,))

    def save(
        self, camera_id: str, changes: Sequence[EventChange], followed: Confirming | None = None
    ) -> None:
        """Store what one look changed and what is followed after it, together; else as `write`."""
        try:
            self._save(camera_id, changes, followed)
        except OSError as error:
            raise SinkUnavailable(
                f"{self.pictures.blobs.root}: pictures cannot be written ({error.strerror}); make room or mend it"
            ) from error
        except DATABASE_AWAY as error:
            raise SinkUnavailable(
                f"the database did not take what camera {camera_id!r} saw; see the log of the database"
            ) from error

    def _save(self, camera_id: str, changes: Sequence[EventChange], followed: Confirming | None) -> None:
        with self._engine.connect() as connection:
            camera = find_camera(connection, camera_id)
        pictures = [self._put_picture(change, camera) for change in changes]
        with write_transaction(self._engine) as connection:
            for change, picture in zip(changes, pictures, strict=True):
                self._store(connection, change, camera)
                if picture is not None:
                    self.pictures.keep(connection, *picture)
            if followed is not None:
                save_followed(connection, camera_id, followed)

    def load_followed(self, camera_id: str) -> Confirming | None:
        """What a watch of this camera goes on with; None where nothing is known of it."""
        return self.followed.load(camera_id)

    def dismissals(self, camera_ids: Collection[str]) -> list[Dismissal]:
        """What people said about events of these cameras, as far as it is in force."""
        return self.followed.dismissals(camera_ids)

    def find(self, event_id: str) -> EventRecord | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(cctv_events).where(cctv_events.c.id == event_id)).one_or_none()
            return next(_records(connection, [row])) if row is not None else None

    def page(
        self,
        *,
        limit: int,
        before: str | None = None,
        camera_id: str | None = None,
        hazard: str | None = None,
        state: EventState | None = None,
    ) -> list[EventRecord]:
        """At most `limit` events, the newest first; those behind event `before`. Raises KeyError where it is unknown."""
        order = (cctv_events.c.opened_at, cctv_events.c.id)
        query = select(cctv_events).order_by(*(column.desc() for column in order)).limit(limit)
        wanted = {cctv_events.c.camera_id: camera_id, cctv_events.c.hazard: hazard}
        query = query.where(*(column == value for column, value in wanted.items() if value is not None))
        if state is not None:
            query = query.where(*_in_state(state))
        with self._engine.connect() as connection:
            if before is not None:
                mark = connection.execute(select(*order).where(cctv_events.c.id == before)).one_or_none()
                if mark is None:
                    raise KeyError(before)
                query = query.where(tuple_(*order) < tuple_(*mark))
            return list(_records(connection, connection.execute(query).all()))

    def dismiss(self, event_id: str, until: datetime, by: str, because: str) -> EventRecord | None:
        """Say that an event is none: it ends, and its place raises nothing until `until`. Told once; a repeat changes
        `until`, reason and who said so. None where there is no such event."""
        with write_transaction(self._engine) as connection:
            row = _locked(connection, event_id)
            if row is None:
                return None
            now, event = database_now(connection), row.event
            values: dict[str, Any] = {
                "dismissed_until": until,
                "dismissed_because": because,
                "dismissed_by": by,
            }
            if row.dismissed_at is None:
                event = {**event, "ended_at": event["ended_at"] or now.isoformat()}
                values |= {"dismissed_at": now, "ended_at": row.ended_at or now}
                self._tell(connection, DISMISSED, row, event, find_camera(connection, event["camera_id"]))
            connection.execute(update(cctv_events).where(cctv_events.c.id == event_id).values(**values))
        return self.find(event_id)

    def retire_camera(self, camera_id: str) -> bool:
        """Take a camera out of the register and end its events; False where there is none."""
        with write_transaction(self._engine) as connection:
            camera, seen_at = find_camera(connection, camera_id), last_seen_of(connection, camera_id)
            if not delete_camera(connection, camera_id):
                return False
            for row in _lasting(connection, cctv_events.c.camera_id == camera_id):
                self._end(connection, row, camera, seen_at.get(row.id))
        return True

    def end_forsaken(self, before: datetime) -> None:
        """End events that were seen last, told of or not, before a camera's days of keeping pictures (`before` where the
        register of the database has none of the id): the camera died, or a watch that heard late that it was taken out opened
        one."""
        with write_transaction(self._engine) as connection:
            now = database_now(connection)
            for row in _lasting(connection, cctv_events.c.opened_at <= before):
                camera = find_camera(connection, row.camera_id)
                bound = now - timedelta(days=camera.retention_days) if camera else before
                if datetime.fromisoformat(row.event["last_seen"]) > bound:
                    continue
                seen_at = last_seen_of(connection, row.camera_id).get(row.id)
                if seen_at is None or seen_at <= bound:
                    self._end(connection, row, camera, seen_at)

    def private_mask(self, camera_id: str) -> tuple[Corners, ...]:
        """Private windows as the register has them now, or had them last where the camera was taken out."""
        with self._engine.connect() as connection:
            return find_private_mask(connection, camera_id)

    def _put_picture(self, change: EventChange, camera: Camera | None) -> tuple[StoredFrame, bytes] | None:
        """The change's picture on the disk; masked again, as masks may have been added since the watch began."""
        if change.frame is None:
            return None
        jpeg = frame_to_jpeg(mask_frame(change.frame, self.private_mask(change.event.camera_id)))
        key, camera_id = self.pictures.blobs.put(jpeg), change.event.camera_id
        days = None if camera else self._file_days.get(camera_id)
        return StoredFrame(key, camera_id, change.event.id, change.frame.at, days), jpeg

    def _store(self, connection: Connection, change: EventChange, camera: Camera | None) -> None:
        event, seen = change.event.to_json(), change.event
        row = _locked(connection, seen.id) or _inserted(connection, seen.id, event, seen.opened_at)
        is_new = row.revision == 0
        event["opened_at"] = row.event["opened_at"]  # opened again after a restart: it began when it began
        if not is_new and row.event == event:
            return
        if row.dismissed_at is not None or (row.ended_at and seen.ended_at and not is_new):
            statement = update(cctv_events).where(cctv_events.c.id == seen.id)
            connection.execute(statement.values(event=event, ended_at=seen.ended_at or row.ended_at))
            return
        if not is_new and _is_past(row, change):
            return
        connection.execute(
            update(cctv_events).where(cctv_events.c.id == seen.id).values(ended_at=seen.ended_at)
        )
        again = change.kind is ChangeKind.OPENED and not is_new
        self._tell(connection, ChangeKind.UPDATED if again else change.kind, row, event, camera)

    def _end(
        self, connection: Connection, row: Row[Any], camera: Camera | None, seen_at: datetime | None = None
    ) -> None:
        """End an event when it was seen last: by what was told of it, or `seen_at` later, which was not."""
        told_at = datetime.fromisoformat(row.event["last_seen"])
        at = max(told_at, seen_at or told_at)
        statement = update(cctv_events).where(cctv_events.c.id == row.id)
        connection.execute(statement.values(ended_at=at))
        event = {**row.event, "last_seen": at.isoformat(), "ended_at": at.isoformat()}
        self._tell(connection, ChangeKind.CLOSED, row, event, camera)

    def _tell(
        self, connection: Connection, kind: str, row: Row[Any], event: dict[str, Any], camera: Camera | None
    ) -> None:
        """Store the event as its next revision, and a message of it for every destination."""
        now, revision = database_now(connection), row.revision + 1
        statement = update(cctv_events).where(cctv_events.c.id == row.id)
        connection.execute(statement.values(event=event, revision=revision))
        put_message(connection, build_message(kind, revision, event, camera, now), self._destinations, now)


def _lasting(connection: Connection, which: ColumnElement[bool]) -> Sequence[Row[Any]]:
    """Those of the events that have not ended, for this transaction alone."""
    lasting = select(cctv_events).where(cctv_events.c.ended_at.is_(None), which)
    return connection.execute(lasting.with_for_update()).all()


def _locked(connection: Connection, event_id: str) -> Row[Any] | None:
    return connection.execute(
        select(cctv_events).where(cctv_events.c.id == event_id).with_for_update()
    ).one_or_none()


def _inserted(
    connection: Connection, event_id: str, event: Mapping[str, Any], opened_at: datetime
) -> Row[Any]:
    """A new row of revision 0, or the one that another process wrote just now."""
    values = {"id": event_id, "camera_id": event["camera_id"], "hazard": event["hazard"]}
    values |= {"opened_at": opened_at, "revision": 0, "event": event}
    insert_if_new(connection, cctv_events, values)
    row = _locked(connection, event_id)
    assert row is not None, "a row that was inserted is not there"
    return row


def _is_past(row: Row[Any], change: EventChange) -> bool:
    """Whether a change opens an event that was seen later already: its recording is played again."""
    opens = change.kind is ChangeKind.OPENED or (row.ended_at is not None and change.event.ended_at is None)
    return opens and change.event.last_seen <= datetime.fromisoformat(row.event["last_seen"])


def _in_state(state: EventState) -> Iterator[Any]:
    dismissed, ended = cctv_events.c.dismissed_at, cctv_events.c.ended_at
    yield dismissed.is_not(None) if state is EventState.DISMISSED else dismissed.is_(None)
    if state is not EventState.DISMISSED:
        yield ended.is_(None) if state is EventState.OPEN else ended.is_not(None)


def _records(connection: Connection, rows: Sequence[Row[Any]]) -> Iterator[EventRecord]:
    """Rows with their latest pictures."""
    query = select(cctv_frames).where(cctv_frames.c.event_id.in_([row.id for row in rows]))
    latest = {
        frame.event_id: StoredFrame(frame.sha256, frame.camera_id, frame.event_id, frame.taken_at)
        for frame in connection.execute(query.order_by(cctv_frames.c.taken_at))
    }
    for row in rows:
        yield EventRecord(row.event, row.revision, dismissal_of(row), latest.get(row.id))
