"""Pictures of events: masked, stored once by content, deleted when no event needs them any more.

A file is put before the rows that name it are committed, and deleted after the last of them is gone. Both happen under
the lock of its row in `cctv_pictures`, so that one process cannot delete what another is about to name. A file whose rows
never came is deleted after a day.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import numpy as np
import simplejpeg
from sqlalchemy import ColumnElement, Connection, Engine, delete, exists, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from firewarden.cctv.camera import Camera
from firewarden.cctv.frame import Frame
from firewarden.cctv.retention import StoredFrame, frames_to_delete
from firewarden.ledger.blobs import BlobStore
from firewarden.ledger.database import database_now, insert_if_new, write_transaction
from firewarden.ledger.tables import cctv_events, cctv_frames, cctv_pictures, retired_masks

_QUALITY = 90
_BATCH = 500  # rows of one short transaction
_UNNAMED_S = 24 * 3600.0  # a file so long without a row: no transaction takes that long


def frame_to_jpeg(frame: Frame) -> bytes:
    """The picture as it is stored."""
    return bytes(
        simplejpeg.encode_jpeg(np.ascontiguousarray(frame.pixels), quality=_QUALITY, colorspace="BGR")
    )


class PictureStore:
    """Files in `blobs`, which holds nothing but these pictures, and their rows."""

    def __init__(self, engine: Engine, blobs: BlobStore) -> None:
        self._engine = engine
        self.blobs = blobs

    def keep(self, connection: Connection, picture: StoredFrame, jpeg: bytes) -> None:
        """Name a picture in a transaction of the caller's, who has put it before; `picture.key` is its sha256. Raises
        OSError where the file is gone and cannot be put again."""
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        named = dialect.insert(cctv_pictures).values(sha256=picture.key, stored_at=database_now(connection))
        connection.execute(
            named.on_conflict_do_update(
                index_elements=["sha256"],
                set_={"stored_at": named.excluded.stored_at, "orphaned_at": None},
            )
        )
        self.blobs.put(jpeg)  # under the lock: it may have been deleted since it was put first
        values = {
            "event_id": picture.event_id,
            "sha256": picture.key,
            "camera_id": picture.camera_id,
            "taken_at": picture.at,
            "retention_days": picture.days,
        }
        insert_if_new(connection, cctv_frames, values)

    def delete_old(self, cameras: Mapping[str, Camera], *, days_without_camera: int) -> int:
        """Delete pictures of closed events whose camera's retention is over, and those no event ever had; how many events'
        pictures. May be run by several processes, and again after a crash at any point."""
        with self._engine.connect() as connection:
            now = database_now(connection)
        shortest = min([days_without_camera, *(camera.retention_days for camera in cameras.values())])
        frames = self._older_than(now - timedelta(days=shortest))
        held = self._open_events({frame.event_id for frame in frames})
        over = frames_to_delete(
            frames, cameras, now, held_events=held, days_without_camera=days_without_camera
        )
        for start in range(0, len(over), _BATCH):
            self._forget(over[start : start + _BATCH])
        self._delete_orphans()
        self._sweep()
        return len(over)

    def _older_than(self, at: datetime) -> list[StoredFrame]:
        query = select(cctv_frames).where(cctv_frames.c.taken_at <= at)
        with self._engine.connect() as connection:
            return [
                StoredFrame(row.sha256, row.camera_id, row.event_id, row.taken_at, row.retention_days)
                for row in connection.execute(query)
            ]

    def _open_events(self, ids: Collection[str]) -> frozenset[str]:
        """Those of the events that still last."""
        listed, found = sorted(ids), set()
        with self._engine.connect() as connection:
            for start in range(0, len(listed), _BATCH):
                some = listed[start : start + _BATCH]
                query = select(cctv_events.c.id).where(
                    cctv_events.c.id.in_(some), cctv_events.c.ended_at.is_(None)
                )
                found |= set(connection.execute(query).scalars())
        return frozenset(found)

    def _forget(self, frames: tuple[StoredFrame, ...]) -> None:
        """Delete rows of events' pictures, and mark the files that no event has left."""
        keys = sorted({frame.key for frame in frames})
        with write_transaction(self._engine) as connection:
            list(
                connection.execute(
                    select(cctv_pictures.c.sha256)
                    .where(cctv_pictures.c.sha256.in_(keys))
                    .order_by(cctv_pictures.c.sha256)
                    .with_for_update()
                )
            )
            connection.execute(
                delete(cctv_frames).where(
                    tuple_(cctv_frames.c.event_id, cctv_frames.c.sha256).in_(
                        [(frame.event_id, frame.key) for frame in frames]
                    )
                )
            )
            connection.execute(
                update(cctv_pictures)
                .where(cctv_pictures.c.sha256.in_(keys), ~_is_named())
                .values(orphaned_at=database_now(connection))
            )

    def _delete_orphans(self) -> None:
        """Delete marked files and then their rows, one by one under their locks."""
        query = select(cctv_pictures.c.sha256).where(cctv_pictures.c.orphaned_at.is_not(None))
        with self._engine.connect() as connection:
            marked = list(connection.execute(query).scalars())
        for sha256 in marked:
            with write_transaction(self._engine) as connection:
                still = connection.execute(
                    query.where(cctv_pictures.c.sha256 == sha256, ~_is_named()).with_for_update()
                ).first()
                if still is not None:
                    self.blobs.remove(sha256)
                    connection.execute(delete(cctv_pictures).where(cctv_pictures.c.sha256 == sha256))

    def _sweep(self) -> None:
        """Delete files that no row names (a process died before it wrote one), and masks of taken-out cameras of which no
        picture is left."""
        names = sorted(self.blobs.names())
        for start in range(0, len(names), _BATCH):
            some = names[start : start + _BATCH]
            with self._engine.connect() as connection:
                query = select(cctv_pictures.c.sha256).where(cctv_pictures.c.sha256.in_(some))
                known = set(connection.execute(query).scalars())
            for name in some:
                if name not in known:
                    self.blobs.discard(name, unused_s=_UNNAMED_S)
        with self._engine.begin() as connection:
            pictured = exists().where(cctv_frames.c.camera_id == retired_masks.c.camera_id)
            connection.execute(delete(retired_masks).where(~pictured))


def _is_named() -> ColumnElement[bool]:
    """Whether an event has this picture."""
    return exists().where(cctv_frames.c.sha256 == cctv_pictures.c.sha256)
