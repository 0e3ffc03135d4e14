"""Stores of an empty database and made-up events for the tests of stored and delivered events."""

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import make_url, select

from firewarden.cctv.camera import Camera
from firewarden.cctv.camera_store import CameraStore
from firewarden.cctv.event_store import EventStore
from firewarden.cctv.events import ChangeKind, Event, EventChange
from firewarden.cctv.frame import Frame
from firewarden.cctv.outbox import DeliveryPolicy, Outbox
from firewarden.findings import RiskLevel, Text
from firewarden.ledger.blobs import BlobStore
from firewarden.ledger.database import build_engine, prepare
from firewarden.ledger.tables import cctv_outbox

NOW = datetime.now(UTC).replace(microsecond=0)


class Stores:
    """What the service joins, with an address for a second process."""

    def __init__(self, url: str, folder: Path, destinations=("webhook",), **policy) -> None:
        self.url, self.folder = url, folder
        self.engine = build_engine(make_url(url))
        prepare(self.engine)
        self.blobs = BlobStore(folder / "frames")
        self.blobs.open()
        self.cameras = CameraStore(self.engine)
        self.events = EventStore(self.engine, self.blobs, destinations)
        self.outbox = Outbox(self.engine, DeliveryPolicy(**policy))

    def messages(self) -> list[dict]:
        """Bodies of all messages, as they were queued."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(cctv_outbox.c.body).order_by(cctv_outbox.c.id)).scalars()
            return [json.loads(body) for body in rows]


def stored_urls(request, tmp_path: Path) -> str:
    """The database that a parametrised fixture asks for."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path / 'firewarden.db'}"


def camera(camera_id: str = "cam-1", **changes) -> Camera:
    values = {
        "id": camera_id, "name": "corridor", "venue": "v-1", "venue_type": "rental_housing",
        "scene": "evacuation_corridor", "sample_every_s": 10.0, "retention_days": 30,
    }  # fmt: skip
    return Camera(**(values | changes))


def change(
    kind: str = "opened",
    event_id: str = "e1",
    camera_id: str = "cam-1",
    *,
    opened: datetime = NOW,
    seen: datetime | None = None,
    shade: int | None = None,
) -> EventChange:
    """A change of an event; with `shade`, its picture is all of one grey. `closed` ends it when it was seen last."""
    seen = seen or opened
    event = Event(
        id=event_id, camera_id=camera_id, hazard="indoor_ebike", cell="c3r4", xyxy=(0.4, 0.5, 0.6, 0.9),
        first_seen=opened - timedelta(seconds=20), opened_at=opened, last_seen=seen,
        ended_at=seen if kind == "closed" else None, confidence=0.88, risk_level=RiskLevel.GENERAL,
        rule_ids=("EB-B3",), reason=Text("停放电动自行车", "an e-bike"),
    )  # fmt: skip
    frame = None if shade is None else Frame(camera_id, np.full((64, 96, 3), shade, np.uint8), seen)
    return EventChange(ChangeKind(kind), event, frame)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
