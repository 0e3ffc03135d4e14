"""Between the threads that receive pictures and those that look at them: one picture of each camera, the newest."""

import threading
from collections import deque
from dataclasses import dataclass

from firewarden.cctv.frame import Pixels
from firewarden.cctv.video_messages import Picture


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """A picture that has come, with its pixels."""

    picture: Picture
    pixels: Pixels


class Mailbox:
    """Never holds more than one picture a camera, so nothing piles up; cameras are served in turn, each by one thread at
    a time."""

    def __init__(self) -> None:
        self._waiting: dict[str, Arrival] = {}
        self._turns: deque[str] = deque()
        self._busy: set[str] = set()
        self._dropped: dict[str, int] = {}
        self._changed = threading.Condition()
        self._closed = False

    def put(self, arrival: Arrival, *, wait: bool) -> None:
        """Take in a picture. One that is still there is dropped and counted, or with `wait` waited for. Once closed,
        nothing is taken in."""
        camera_id = arrival.picture.camera_id
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._closed or camera_id not in self._waiting)
            if self._closed:
                return
            if camera_id in self._waiting:
                self._dropped[camera_id] = self._dropped.get(camera_id, 0) + 1
            elif camera_id not in self._busy:
                self._turns.append(camera_id)
            self._waiting[camera_id] = arrival
            self._changed.notify_all()

    def take(self) -> Arrival | None:
        """The next picture, whose camera is busy until `done`; None once closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._turns or (self._closed and not self._waiting))
            if not self._turns:
                return None
            camera_id = self._turns.popleft()
            self._busy.add(camera_id)
            arrival = self._waiting.pop(camera_id)
            self._changed.notify_all()
            return arrival

    def done(self, camera_id: str) -> None:
        with self._changed:
            self._busy.discard(camera_id)
            if camera_id in self._waiting:
                self._turns.append(camera_id)
            self._changed.notify_all()

    def close(self) -> None:
        """Take in nothing more; what waits is still handed out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def is_idle(self) -> bool:
        with self._changed:
            return not self._waiting and not self._busy

    def backlog(self, camera_id: str) -> int:
        """Pictures of a camera that wait: 0 or 1."""
        with self._changed:
            return int(camera_id in self._waiting)

    def dropped(self, camera_id: str) -> int:
        with self._changed:
            return self._dropped.get(camera_id, 0)
