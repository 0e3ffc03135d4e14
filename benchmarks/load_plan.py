"""What a load generator is told and what it tells: plain values that travel as JSON between two processes."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

LOST = 0  # the connection broke before the answer
STUCK = -1  # no answer within the time limit
OURS = "firewarden"  # names of our own contenders begin with it
PEER_CLIENTS = (1, 8, 64)  # of `bench peers`, unless others are named
WATCH_EVERY_S = 0.25  # between looks at a server's memory; one takes about a millisecond of a core
BodyKind = Literal["raw", "multipart"]


@dataclass(frozen=True, slots=True)
class Target:
    """Where photos go and how they are wrapped: as they are, or as the multipart field
    `field_name`."""

    host: str
    port: int
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: BodyKind = "raw"
    field_name: str = "image"


@dataclass(frozen=True, slots=True)
class Load:
    """`clients` ask one photo after the other (closed loop), or `rate` photos a second arrive whatever the server does
    (open loop). `seconds` are measured after `warm_up_s` of the same load; with `requests` the closed loop ends after
    so many instead. `distinct` different bodies are sent of each photo (0: never the same twice)."""

    clients: int = 0
    rate: float = 0.0
    seconds: float = 10.0
    warm_up_s: float = 5.0
    requests: int = 0
    timeout_s: float = 60.0
    distinct: int = 0

    def __post_init__(self) -> None:
        if (self.clients > 0) == (self.rate > 0):
            raise ValueError(f"got {self.clients} clients and rate {self.rate}, expected exactly one above 0")

    @property
    def is_open(self) -> bool:
        return self.rate > 0


@dataclass(frozen=True, slots=True)
class Samples:
    """One column a field, one row a request, in seconds from the start of the load. `intended_s` is when it should have
    been sent, `sent_s` when it was, `done_s` when its answer was complete. `status` is the HTTP status, LOST or STUCK.
    `cpu_s` and `wall_s` are those of the generator itself."""

    intended_s: list[float]
    sent_s: list[float]
    done_s: list[float]
    status: list[int]
    cpu_s: float
    wall_s: float


def arrivals(load: Load) -> list[float]:
    """Times at which an open loop sends, s from its start: constant distance, warm-up included."""
    return [k / load.rate for k in range(round(load.rate * (load.warm_up_s + load.seconds)))]


def job_to_json(target: Target, load: Load, photos: list[str]) -> dict[str, Any]:
    """`photos` are paths of files."""
    return {"target": asdict(target), "load": asdict(load), "photos": photos}
