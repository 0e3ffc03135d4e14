"""What a capture process is told about a camera, and what it tells about it."""

from dataclasses import dataclass, field
from enum import StrEnum

from firewarden.cctv.stream_address import Address, Transport


@dataclass(frozen=True, slots=True)
class Source:
    """One camera to take a picture from every `every_s`. A file is read as fast as its pictures are taken and then ends;
    with `replay` it plays like a live camera, at its own speed, over and over, from `offset_s` of the clip, its first
    picture `phase_s` after the start."""

    camera_id: str
    address: Address
    every_s: float
    replay: bool = False
    offset_s: float = 0.0
    phase_s: float = 0.0

    @property
    def is_live(self) -> bool:
        """Whether pictures that are late are dropped, and an end is an interruption."""
        return self.replay or self.address.is_live

    @property
    def is_stream(self) -> bool:
        return self.address.transport is not Transport.FILE


class CaptureState(StrEnum):
    """`finished` and `failed` are for files, which end; `waiting` is the pause before the next try."""

    CONNECTING = "connecting"
    READING = "reading"
    WAITING = "waiting"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(slots=True)
class Capture:
    """Counts of one camera in its capture process. `taken` pictures were decoded for the watch, `dropped` of them were
    overtaken by newer ones before they could be handed over. `errors`: packets that could not be decoded, `corrupt`:
    damaged pictures left out, and lists of streams that damage made up, `clock_off`: pictures whose own time was too far
    off, or in a file stepped back, to be used, `reconnects`: openings after the first, `failures`: tries that did not open.
    Monotonic s: `error_at` is when damage was met last, `step_at` when the reader entered the step it is in, None between
    steps."""

    camera_id: str
    state: CaptureState = CaptureState.CONNECTING
    taken: int = 0
    dropped: int = 0
    errors: int = 0
    corrupt: int = 0
    clock_off: int = 0
    opened: int = 0
    failures: int = 0
    last_error: str | None = None
    error_at: float | None = None
    step_at: float | None = field(default=None, repr=False)

    @property
    def reconnects(self) -> int:
        return max(0, self.opened - 1)
