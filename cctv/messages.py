"""What is told of an event to the outside: one JSON document for each change. No picture and no address is in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from firewarden.cctv.camera import Camera
from firewarden.findings import NOT_REVIEWED

SCHEMA = "firewarden-camera-event/1"
DISMISSED = "dismissed"  # beside opened, updated and closed: a person said that it is none
_TOLD = ("id", "name", "venue", "venue_type", "scene")


@dataclass(frozen=True, slots=True)
class Message:
    """One change to be told. `revision` counts the changes of its event from 1; `id` is the same however often it is
    sent; `body` is the text that is sent and signed."""

    id: str
    event_id: str
    revision: int
    camera_id: str
    body: str


def build_message(
    kind: str, revision: int, event: Mapping[str, Any], camera: Camera | None, at: datetime
) -> Message:
    """The message of a change, made of `Event.to_json()`. `camera` is None where the register does not know it."""
    message_id, path = f"{event['id']}-{revision}", f"/v1/cctv/events/{event['id']}"
    body = {
        "schema": SCHEMA,
        "id": message_id,
        "kind": kind,
        "revision": revision,
        "told_at": at.isoformat(),
        "event": dict(event),
        "camera": {name: getattr(camera, name) for name in _TOLD} if camera else None,
        "links": {"event": path, "frame": f"{path}/frame.jpg"},
        "notice": NOT_REVIEWED.to_json(),
    }
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Message(message_id, event["id"], revision, event["camera_id"], text)
