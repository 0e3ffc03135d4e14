"""The camera register in the database. Rows hold what a register file holds: an address is a reference, never itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from firewarden.cctv.camera import ZONE_KINDS, Camera, Corners, Zones, parse_window
from firewarden.ledger.database import database_now, insert_if_new, write_transaction
from firewarden.ledger.tables import (
    camera_claims,
    camera_health,
    camera_states,
    cameras,
    idempotency_keys,
    retired_masks,
)

_PLAIN = ("id", "name", "venue", "venue_type", "scene", "sample_every_s", "retention_days")


@dataclass(frozen=True, slots=True)
class Imported:
    """Ids by what became of them."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A client's own key for one write, the hash of what it sent with it, and the answer to give again."""

    key_id: str
    idempotency_key: str
    request_sha256: str
    answer: Mapping[str, Any]


class CameraStore:
    """Reads and writes of the register, one short transaction each. Cameras come in checked
    (`firewarden.cctv.register.build_camera`)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, camera_id: str) -> Camera | None:
        with self._engine.connect() as connection:
            return find_camera(connection, camera_id)

    def page(self, *, limit: int, after: str | None = None, venue: str | None = None) -> tuple[Camera, ...]:
        """At most `limit` cameras in the order of their ids, those behind `after`."""
        query = select(cameras.c.definition).order_by(cameras.c.id).limit(limit)
        if after is not None:
            query = query.where(cameras.c.id > after)
        if venue is not None:
            query = query.where(cameras.c.venue == venue)
        with self._engine.connect() as connection:
            return tuple(camera_from_json(row.definition) for row in connection.execute(query))

    def load_all(self) -> tuple[Camera, ...]:
        """The whole register, in the order of ids."""
        query = select(cameras.c.definition).order_by(cameras.c.id)
        with self._engine.connect() as connection:
            return tuple(camera_from_json(row.definition) for row in connection.execute(query))

    def marks(self) -> dict[str, datetime]:
        """When each camera was changed last; differs from what it was where the register has changed."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(cameras.c.id, cameras.c.updated_at))
            return {row.id: row.updated_at for row in rows}

    def add(self, camera: Camera, receipt: Receipt | None = None) -> bool:
        """Register a camera, its receipt with it; False, with nothing written, where the id or the key is taken."""
        with self._engine.connect() as connection:  # closed without a commit, it leaves nothing behind
            now = database_now(connection)
            values = {**_row(camera), "created_at": now, "updated_at": now}
            is_new = insert_if_new(connection, cameras, values)
            if is_new and receipt is not None:
                row = {name: getattr(receipt, name) for name in receipt.__slots__}
                is_new = insert_if_new(connection, idempotency_keys, {**row, "created_at": now})
            if is_new:
                connection.commit()
        return is_new

    def put(self, camera: Camera) -> bool:
        """Replace a camera; False where there is none of this id."""
        with write_transaction(self._engine) as connection:
            return _replace(connection, camera, database_now(connection))

    def put_all(self, listed: Iterable[Camera]) -> Imported:
        """Add or replace cameras, all or none. Others stay as they are."""
        added, changed, unchanged = [], [], []
        rows = list(listed)
        with write_transaction(self._engine) as connection:
            now, known = database_now(connection), _lock(connection, [camera.id for camera in rows])
            for camera in rows:
                if camera.id not in known:
                    added.append({**_row(camera), "created_at": now, "updated_at": now})
                elif known[camera.id] == camera.to_json():
                    unchanged.append(camera.id)
                else:
                    _replace(connection, camera, now)
                    changed.append(camera.id)
            if added:
                connection.execute(insert(cameras), added)
        return Imported(tuple(row["id"] for row in added), tuple(changed), tuple(unchanged))


def find_camera(connection: Connection, camera_id: str) -> Camera | None:
    """The camera of an id, in a transaction of the caller's."""
    definition = connection.execute(
        select(cameras.c.definition).where(cameras.c.id == camera_id)
    ).scalar_one_or_none()
    return camera_from_json(definition) if definition is not None else None


def find_private_mask(connection: Connection, camera_id: str) -> tuple[Corners, ...]:
    """The private windows of a camera; the last ones of one that was taken out, while pictures of it are kept."""
    camera = find_camera(connection, camera_id)
    if camera is not None:
        return camera.zones.private_mask
    query = select(retired_masks.c.private_mask).where(retired_masks.c.camera_id == camera_id)
    return _polygons(connection.execute(query).scalar_one_or_none() or ())


def find_named_mask(connection: Connection, name: str) -> tuple[Corners, ...]:
    """The private windows of the camera that someone calls `name`. Where none has, or had, exactly that id, those of all
    whose ids differ from it in case alone (of ASCII letters, on SQLite)."""
    ids = {
        found
        for column in (cameras.c.id, retired_masks.c.camera_id)
        for found in connection.scalars(select(column).where(func.lower(column) == name.lower()))
    }
    meant = [name] if name in ids else sorted(ids)
    return tuple(polygon for found in meant for polygon in find_private_mask(connection, found))


def delete_camera(connection: Connection, camera_id: str) -> bool:
    """Take a camera, what is followed at it, how it did and who watches it out; False where there is none. Its private
    windows stay for the pictures of it that are kept."""
    camera = find_camera(connection, camera_id)
    if camera is None:
        return False
    for table in (camera_states, camera_health, camera_claims, retired_masks):
        connection.execute(delete(table).where(table.c.camera_id == camera_id))
    if camera.zones.private_mask:
        mask = camera.to_json()["zones"]["private_mask"]
        insert_if_new(connection, retired_masks, {"camera_id": camera_id, "private_mask": mask})
    return bool(connection.execute(delete(cameras).where(cameras.c.id == camera_id)).rowcount)


def camera_from_json(row: Mapping[str, Any]) -> Camera:
    """`Camera.to_json()` back. The row was checked when it was stored: rules may have changed since."""
    zones = {kind: _polygons(row["zones"].get(kind, ())) for kind in ZONE_KINDS}
    hours, minutes = row["utc_offset"][1:].split(":")
    offset_min = int(hours) * 60 + int(minutes)
    return Camera(
        **{name: row[name] for name in _PLAIN},
        zones=Zones(**zones),
        schedule=tuple(parse_window(text) for text in row["schedule"]),
        utc_offset_min=-offset_min if row["utc_offset"][0] == "-" else offset_min,
        expected=dict(row["expected"]),
        url=row.get("url"),
    )


def _polygons(listed: Iterable[Any]) -> tuple[Corners, ...]:
    return tuple(tuple((x, y) for x, y in polygon) for polygon in listed)


def _row(camera: Camera) -> dict[str, Any]:
    return {"id": camera.id, "venue": camera.venue, "definition": camera.to_json()}


def _replace(connection: Connection, camera: Camera, now: datetime) -> bool:
    statement = update(cameras).where(cameras.c.id == camera.id).values(**_row(camera), updated_at=now)
    return bool(connection.execute(statement).rowcount)


def _lock(connection: Connection, ids: list[str]) -> dict[str, Any]:
    """Definitions of those that exist, by id; nobody else changes them until the transaction ends."""
    found: dict[str, Any] = {}
    for start in range(0, len(ids), 500):  # databases bound the number of parameters
        query = select(cameras.c.id, cameras.c.definition).where(cameras.c.id.in_(ids[start : start + 500]))
        found |= {row.id: row.definition for row in connection.execute(query.with_for_update())}
    return found
