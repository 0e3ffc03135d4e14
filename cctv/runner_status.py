"""How each camera is doing: what was captured, looked at, dropped, and what is wrong."""

import time
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from firewarden.cctv.health import Health
from firewarden.cctv.video_source import Capture, CaptureState

_RATE_S = 60.0
_UNREADABLE_S = 60.0  # damage is told for so long after it was met
_DELAYS = 4096  # enough for an hour at one picture a second


@dataclass(slots=True)
class Pace:
    """When pictures of one camera came, and how long each took from its receipt to the end of its look, monotonic s;
    processor seconds of those that the motion gate was the end of."""

    began_s: float
    first_s: float | None = None  # receipt of the first picture
    came_s: deque[float] = field(default_factory=lambda: deque(maxlen=512))
    delays_s: deque[float] = field(default_factory=lambda: deque(maxlen=_DELAYS))

    gates_s: deque[float] = field(default_factory=lambda: deque(maxlen=_DELAYS))

    def note(self, received_s: float, now: float, gate_s: float | None = None) -> None:
        self.first_s = received_s if self.first_s is None else self.first_s
        self.came_s.append(now)
        self.delays_s.append(max(0.0, now - received_s))
        if gate_s is not None:
            self.gates_s.append(gate_s)

    def fps(self, now: float) -> float:
        """Pictures a second over the last minute."""
        span_s = min(_RATE_S, now - self.began_s)
        recent = sum(1 for came in tuple(self.came_s) if now - came <= _RATE_S)
        return recent / span_s if span_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """One camera at one moment. `dropped` pictures were overtaken by newer ones; `failed_looks` raised an error that is
    no fault of the camera."""

    camera_id: str
    state: CaptureState
    problems: tuple[str, ...]
    fps: float
    backlog: int
    taken: int
    dropped: int
    errors: int
    corrupt: int
    clock_off: int
    reconnects: int
    failures: int
    restarts: int
    failed_looks: int
    health: Health
    last_frame_at: datetime | None
    last_frame_age_s: float | None
    last_error: str | None

    def to_json(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__slots__}
        age_s, at = self.last_frame_age_s, self.last_frame_at
        return values | {
            "state": self.state.value,
            "problems": list(self.problems),
            "fps": round(self.fps, 3),
            "health": self.health.to_json(),
            "last_frame_at": at.isoformat() if at else None,
            "last_frame_age_s": round(age_s, 3) if age_s is not None else None,
        }


def judged(capture: Capture, health: Health) -> Capture:
    """The capture as the watch sees it: a recording that was read, but whose pictures all had wrong times, has failed."""
    wrong = health.late + health.ahead
    if capture.state is not CaptureState.FINISHED or not wrong or wrong < health.frames:
        return capture
    told = (
        f"none of its {wrong} pictures was looked at: got times that have not come yet or were passed already, expected "
        "the time of recording; set the clock of this machine right, or the file's time of change (touch -d)"
    )
    return replace(capture, state=CaptureState.FAILED, last_error=told)


def find_problems(watched: tuple[str, ...], capture: Capture) -> tuple[str, ...]:
    """What is wrong with a camera: what its pictures tell (silent, frozen, black), `disconnected` between connections,
    `unreadable` for a minute after damage, `failed` for a file that could not be read to its end."""
    if capture.state is CaptureState.FINISHED:
        return tuple(name for name in watched if name != "silent")
    damaged = capture.errors + capture.corrupt > 0 and capture.error_at is not None
    recent = damaged and time.monotonic() - (capture.error_at or 0) < _UNREADABLE_S
    told = {
        "failed": capture.state is CaptureState.FAILED,
        "disconnected": capture.state is CaptureState.WAITING
        or (capture.state is CaptureState.CONNECTING and capture.failures > 0),
        "unreadable": recent,
    }
    return watched + tuple(name for name, applies in told.items() if applies)
