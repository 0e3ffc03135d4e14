"""How long pictures of an event are kept. Pure; whoever stores them deletes what is listed here."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from firewarden.cctv.camera import Camera


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """One kept picture: its key in the store, and the event it belongs to. `days` to keep it are those of a register file;
    None where the register of the database says."""

    key: str
    camera_id: str
    event_id: str
    at: datetime
    days: int | None = None


def frames_to_delete(
    frames: Iterable[StoredFrame],
    cameras: Mapping[str, Camera],
    now: datetime,
    *,
    held_events: Collection[str] = (),
    days_without_camera: int,
) -> tuple[StoredFrame, ...]:
    """Pictures whose camera's retention is over. Those of `held_events` (still open) stay; a camera that is in no register
    keeps its pictures for `days_without_camera`."""

    def is_over(frame: StoredFrame) -> bool:
        camera = cameras.get(frame.camera_id)
        days = camera.retention_days if camera else frame.days or days_without_camera
        return frame.event_id not in held_events and now - frame.at >= timedelta(days=days)

    return tuple(frame for frame in frames if is_over(frame))
