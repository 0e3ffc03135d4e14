"""Between the threads that capture and the pipe: one picture of each camera at most, the newest."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

from firewarden.cctv.video_frames import Sample
from firewarden.cctv.video_messages import Beat, Picture
from firewarden.cctv.video_source import Capture, Source

BEAT_S = 0.5


class Outbox:
    """Live pictures replace the one before, which is counted as dropped; those of files wait for their turn."""

    def __init__(self, counts: Mapping[str, Capture]) -> None:
        self._counts = counts
        self._waiting: dict[str, Sample] = {}
        self._turns: deque[str] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def post(self, source: Source, sample: Sample) -> None:
        camera_id = source.camera_id
        with self._changed:
            if not source.is_live:
                self._changed.wait_for(lambda: self._closed or camera_id not in self._waiting)
            if camera_id in self._waiting:
                self._counts[camera_id].dropped += 1
            else:
                self._turns.append(camera_id)
            self._waiting[camera_id] = sample
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing more is posted; what waits is still sent."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def send_all(
        self, send_picture: Callable[[Picture, Sample], None], send_beat: Callable[[Beat], None]
    ) -> None:
        """Send pictures in turn, and a beat every BEAT_S between them, until closed and empty."""
        beat_at = time.monotonic() + BEAT_S
        while True:
            camera_id, sample, closed = self._next(beat_at - time.monotonic())
            if camera_id is not None and sample is not None:
                hw = (sample.pixels.shape[0], sample.pixels.shape[1])
                send_picture(Picture(camera_id, hw, sample.at, sample.received_s), sample)
            last = closed and sample is None
            if last or time.monotonic() >= beat_at:
                send_beat(Beat(tuple(replace(counts) for counts in self._counts.values()), last))
                beat_at = time.monotonic() + BEAT_S
            if last:
                return

    def _next(self, patience_s: float) -> tuple[str | None, Sample | None, bool]:
        """The picture whose turn it is, None where none comes in time; and whether the box is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._turns or self._closed, timeout=max(0.0, patience_s))
            camera_id = self._turns.popleft() if self._turns else None
            sample = self._waiting.pop(camera_id) if camera_id is not None else None
            self._changed.notify_all()
            return camera_id, sample, self._closed
