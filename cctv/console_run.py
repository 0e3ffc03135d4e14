"""What `firewarden cctv run` and `simulate` do: join register, model, sinks and signals."""

import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from firewarden.cctv.camera import Camera
from firewarden.cctv.live_register import LiveRegister, source_of
from firewarden.cctv.metrics import serve_metrics
from firewarden.cctv.runner import Effort, Runner, Watched
from firewarden.cctv.runner_memory import Memory
from firewarden.cctv.runner_status import CameraStatus
from firewarden.cctv.sink import EventSink
from firewarden.cctv.video_source import CaptureState
from firewarden.cli_console import print_table
from firewarden.inference.inspector import Inspector


@dataclass(frozen=True, slots=True)
class Watching:
    """How cameras are watched. `replay`: files play as live cameras do."""

    effort: Effort
    replay: bool = False
    memory: Memory | None = None
    for_s: float | None = None
    metrics: tuple[str, int] | None = None  # host, port
    report: Callable[[Iterable[CameraStatus]], None] | None = None


def run_cameras(
    cameras: Sequence[Camera] | LiveRegister, inspector: Inspector, sink: EventSink, watching: Watching
) -> tuple[CameraStatus, ...]:
    """Watch until SIGTERM, SIGINT, the time or the end of all files; how the cameras were then. Those of a register in
    the database are followed while it changes, and have no end. Raises HazardError."""
    register = cameras if isinstance(cameras, LiveRegister) else None
    runner = Runner(
        cameras.read() if isinstance(cameras, LiveRegister) else _joined(cameras, watching.replay),
        inspector, sink,
        effort=watching.effort, memory=watching.memory, register=register, report=watching.report,
    )  # fmt: skip
    served = serve_metrics(runner.statuses, *watching.metrics) if watching.metrics else nullcontext()
    with served, stopped_by_signals() as stop:
        runner.run(stop, for_s=watching.for_s)
    return tuple(runner.statuses())


def _joined(cameras: Sequence[Camera], replay: bool) -> Watched:
    return [(camera, source_of(camera, replay=replay)) for camera in cameras]


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; a second signal is handled as ever."""
    stop = threading.Event()
    before: dict[signal.Signals, object] = {}

    def note(number: int, frame: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        before[number] = signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


def failed_recordings(statuses: Iterable[CameraStatus]) -> list[str]:
    """A line for each recording that could not be read to its end: camera and cause."""
    return [
        f"camera {status.camera_id}: the recording failed: {status.last_error or 'cause unknown'}"
        for status in statuses
        if status.state is CaptureState.FAILED
    ]


def print_statuses(console: Console, statuses: Sequence[CameraStatus]) -> None:
    """One line a camera. Not looked at were pictures whose time was not after the one before (`late`) or has not come yet
    (`ahead`). Below, what went wrong last with each."""
    head = ("camera", "state", "frames", "inferences", "skipped", "late", "ahead", "dropped", "reconnects")
    table = Table(*head, "problems", box=None)
    for status in statuses:
        health = status.health
        seen = (health.frames, health.inferences, health.skipped, health.late, health.ahead)
        counts = (*seen, status.dropped, status.reconnects)
        table.add_row(status.camera_id, status.state.value, *map(str, counts), ", ".join(status.problems))
    print_table(console, table)
    for status in statuses:
        if status.last_error and status.state is not CaptureState.FAILED:  # those are told by themselves
            console.print(escape(f"{status.camera_id}: {status.last_error}"), highlight=False, soft_wrap=True)


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder for clips, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="firewarden-") as folder:
        yield Path(folder)
