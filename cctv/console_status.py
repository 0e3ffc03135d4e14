"""How the cameras of a database do, as told by the runs that watch them: for a person to read."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from firewarden.cctv.health_store import ToldHealth
from firewarden.cli_console import print_table

_TOLD_WITHIN_S = 60.0  # runs tell of their cameras every 15 s
_HEAD = ("camera", "state", "problems", "last picture", "a second", "dropped", "reconnects", "told")


@dataclass(frozen=True, slots=True)
class Told:
    """One camera: what was told of it last, `CameraStatus.to_json()`, and how long ago; None: never."""

    camera_id: str
    status: Mapping[str, Any] | None = None
    age_s: float | None = None

    @property
    def is_watched(self) -> bool:
        return self.age_s is not None and self.age_s <= _TOLD_WITHIN_S

    @property
    def problems(self) -> tuple[str, ...]:
        """`unwatched` where no run tells of it now, whatever was told before."""
        return tuple((self.status or {}).get("problems", ())) if self.is_watched else ("unwatched",)

    @property
    def last_frame_age_s(self) -> float | None:
        told = (self.status or {}).get("last_frame_age_s")
        return None if told is None or self.age_s is None else told + self.age_s

    def to_json(self) -> dict[str, Any]:
        named = {"camera_id": self.camera_id, "watched": self.is_watched, "problems": list(self.problems)}
        ages = {"told_age_s": self.age_s, "last_frame_age_s": self.last_frame_age_s}
        return (
            named | {n: None if s is None else round(s, 1) for n, s in ages.items()} | {"told": self.status}
        )


def all_told(registered: Iterable[str], told: Iterable[ToldHealth]) -> list[Told]:
    """Cameras of the register, and those of a register in a file that a run tells of now; by id."""
    known = {health.camera_id: Told(health.camera_id, health.status, health.age_s) for health in told}
    listed = {camera_id: known.get(camera_id, Told(camera_id)) for camera_id in registered}
    watched = {name: one for name, one in known.items() if one.is_watched}
    return sorted((watched | listed).values(), key=lambda one: one.camera_id)


def print_told(console: Console, cameras: Sequence[Told]) -> None:
    """A line for each camera, the last error of those that are not well, and the sums."""
    table = Table(*_HEAD, box=None, pad_edge=False)
    for one in cameras:
        status = one.status or {}
        counts = (str(status.get(name, "-")) for name in ("dropped", "reconnects"))
        rate = f"{status['fps']:.2f}" if "fps" in status else "-"
        state = status.get("state", "-") if one.is_watched else "-"
        words = (one.camera_id, state, ", ".join(one.problems))
        table.add_row(*map(escape, words), _ago(one.last_frame_age_s), rate, *counts, _ago(one.age_s))
    print_table(console, table)
    for one in cameras:
        error = (one.status or {}).get("last_error")
        if error and one.problems:
            console.print(escape(f"{one.camera_id}: {error}"), highlight=False, soft_wrap=True)


def summary(cameras: Sequence[Told]) -> str:
    """`3 cameras, 1 well; 1 silent, 2 unwatched`: a camera may have several problems."""
    problems = Counter(name for one in cameras for name in one.problems)
    well = sum(not one.problems for one in cameras)
    told = ", ".join(f"{count} {name}" for name, count in sorted(problems.items()))
    return f"{len(cameras)} cameras, {well} well" + (f"; {told}" if told else "")


def _ago(seconds: float | None) -> str:
    """`45 s ago`, `12 min ago`, `3 h ago`, `5 d ago`."""
    if seconds is None:
        return "-"
    for unit, length_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
