"""A rehearsal: clips played as so many cameras through the same processes, threads and network as a real run, to see
whether a machine keeps up."""

import threading
import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from firewarden.cctv.camera import Camera
from firewarden.cctv.events import EventChange
from firewarden.cctv.runner import Effort, Runner
from firewarden.cctv.runner_status import CameraStatus, Pace
from firewarden.cctv.simulate_clips import ClipPlan, damage, drawn_corridor, held, still_pictures, write_clip
from firewarden.cctv.simulate_costs import Cpu, cpu_of, percentiles_ms
from firewarden.cctv.stream_address import parse_address
from firewarden.cctv.video_source import Source
from firewarden.errors import DatasetError, HazardError
from firewarden.inference.inspector import Inspector

_CLIP_FRAMES = 240
_STILLS = 8
_DEAD = "rtsp://127.0.0.1:9/nobody"  # the discard port: refused at once
_SETTLE_S = (
    10.0  # counted from then on: processes start, and the first picture of a camera always costs looks
)
_ENOUGH = 0.95  # of the pictures offered


class Fault(StrEnum):
    """`dead`: nobody answers; `corrupt`: a damaged stream; `frozen`: the same picture for ever."""

    DEAD = "dead"
    CORRUPT = "corrupt"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Plan:
    """`cameras` with a look at every 1/`fps` s for `seconds`, each a stream of `stream_fps`, a new picture every
    `hold_s`; the last cameras have the `faults`, one each."""

    cameras: int
    fps: float
    seconds: float
    folder: Path | None = None
    faults: tuple[Fault, ...] = ()
    wh: tuple[int, int] = (1920, 1080)
    stream_fps: float | None = None
    hold_s: float = 20.0

    def __post_init__(self) -> None:
        if len(self.faults) >= self.cameras:
            raise DatasetError(
                f"{len(self.faults)} faults for {self.cameras} cameras, expected at least one camera without; take "
                "more cameras or fewer faults"
            )


@dataclass(frozen=True, slots=True)
class CameraRun:
    """What became of one camera once it had settled. `offered`: pictures that fell due; `gates_s`: processor time of the
    motion gate, for those it let nobody look at; `status` is of the whole run."""

    status: CameraStatus
    fault: Fault | None
    offered: int
    frames: int
    dropped: int
    inferences: int
    delays_s: tuple[float, ...] = field(repr=False)
    gates_s: tuple[float, ...] = field(default=(), repr=False)

    def to_json(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in ("offered", "frames", "dropped", "inferences")}
        told = {"fault": self.fault.value if self.fault else None, "delay_ms": percentiles_ms(self.delays_s)}
        return {"camera_id": self.status.camera_id} | told | counts | {"whole_run": self.status.to_json()}


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The whole of it: `seconds` are those counted; `cpu` that of all processes in them."""

    plan: Plan
    runs: tuple[CameraRun, ...]
    seconds: float
    cpu: Cpu
    events: int

    @property
    def healthy(self) -> tuple[CameraRun, ...]:
        return tuple(run for run in self.runs if run.fault is None)

    @property
    def keeps_up(self) -> bool:
        """Whether every healthy camera had its pictures looked at, before the next one came."""
        return all(
            run.frames >= _ENOUGH * run.offered
            and run.dropped == 0
            and percentiles_ms(run.delays_s)["p95"] <= 1000 / self.plan.fps
            for run in self.healthy
        )

    def to_json(self) -> dict[str, Any]:
        delays = [delay for run in self.healthy for delay in run.delays_s]
        frames = sum(run.frames for run in self.runs)
        gates = [gate for run in self.runs for gate in run.gates_s]
        return {
            "cameras": self.plan.cameras,
            "fps": self.plan.fps,
            "stream_fps": self.plan.stream_fps or self.plan.fps,
            "picture": list(self.plan.wh),
            "new_picture_every_s": self.plan.hold_s,
            "faults": [fault.value for fault in self.plan.faults],
            "seconds": round(self.seconds, 1),
            "offered": sum(run.offered for run in self.runs),
            "taken": sum(run.frames + run.dropped for run in self.runs),
            "frames": frames,
            "dropped": sum(run.dropped for run in self.runs),
            "inferences": sum(run.inferences for run in self.runs),
            "backlog": sum(run.status.backlog for run in self.runs),
            "events": self.events,
            "delay_ms": percentiles_ms(delays),
            "cpu_s": round(self.cpu.total_s, 1),
            "cpu_cores": round(self.cpu.total_s / self.seconds, 2),
            "cpu_ms_a_frame": self.cpu.a_frame_ms(frames, gates),
            "keeps_up": self.keeps_up,
            "per_camera": [run.to_json() for run in self.runs],
        }


class _Counting:
    """A sink that counts."""

    def __init__(self) -> None:
        self.changes = 0
        self._lock = threading.Lock()

    def write(self, change: EventChange) -> None:
        with self._lock:
            self.changes += 1


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where everything stood at one moment."""

    at_s: float
    cpu: Cpu
    statuses: dict[str, CameraStatus]


def rehearse(
    plan: Plan, inspector: Inspector, effort: Effort, work: Path, stop: threading.Event
) -> Rehearsal:
    """Make the clips in the folder `work`, play them, count for `plan.seconds`. `stop` ends it early."""
    sources, sink = prepare(plan, work), _Counting()
    runner = Runner([(_camera(source, plan), source) for source in sources], inspector, sink, effort=effort)
    marks: list[_Mark] = []
    settled = threading.Timer(_SETTLE_S, _note, (runner, marks))
    over = threading.Timer(_SETTLE_S + plan.seconds, _note, (runner, marks, stop))
    for timer in (settled, over):
        timer.daemon = True
        timer.start()
    runner.run(stop)
    for timer in (settled, over):
        timer.cancel()
    if len(marks) < 2:
        raise HazardError(
            f"stopped before the {_SETTLE_S + plan.seconds:g} s were over; nothing was measured"
        )
    first, last = marks
    runs = tuple(
        _camera_run(plan, fault, first, last, runner.pace(source.camera_id), source.camera_id)
        for source, fault in zip(sources, faults_of(plan), strict=True)
    )
    return Rehearsal(plan, runs, last.at_s - first.at_s, last.cpu - first.cpu, sink.changes)


def _note(runner: Runner, marks: list[_Mark], stop: threading.Event | None = None) -> None:
    """Add where everything stands; then `stop`."""
    statuses = {status.camera_id: status for status in runner.statuses()}
    pids = {pid for pid in runner.pids().values() if pid is not None}
    marks.append(_Mark(time.monotonic(), cpu_of(pids), statuses))
    if stop is not None:
        stop.set()


def _camera_run(
    plan: Plan, fault: Fault | None, first: _Mark, last: _Mark, pace: Pace, camera_id: str
) -> CameraRun:
    before, after = first.statuses[camera_id], last.statuses[camera_id]
    frames = after.health.frames - before.health.frames
    skipped = after.health.skipped - before.health.skipped
    silent_s = first.at_s if fault is None else last.at_s  # from when on a camera without a picture owes them
    since = max(first.at_s, pace.first_s) if pace.first_s is not None else silent_s
    return CameraRun(
        after,
        fault,
        offered=int((last.at_s - since) * plan.fps),
        frames=frames,
        dropped=after.dropped - before.dropped,
        inferences=after.health.inferences - before.health.inferences,
        delays_s=tuple(pace.delays_s)[-frames:] if frames else (),
        gates_s=tuple(pace.gates_s)[-skipped:] if skipped else (),
    )


def prepare(plan: Plan, work: Path) -> list[Source]:
    """Write the clips; a source for each camera, no two at the same place of the clip or in step."""
    fps = plan.stream_fps or plan.fps
    seconds = min(max(plan.hold_s * 2, _CLIP_FRAMES / fps), _CLIP_FRAMES / min(fps, 1.0))
    clip_plan = ClipPlan(
        plan.wh, fps, plan.hold_s, max(2, round(min(seconds, plan.seconds + _SETTLE_S) * fps))
    )
    stills = still_pictures(plan.folder, plan.wh, _STILLS) if plan.folder else drawn_corridor(plan.wh)
    if not stills:
        raise DatasetError(f"no JPEG, PNG or WebP picture in {plan.folder}; name another folder, or none")
    clip = work / "clip.ts"
    write_clip(clip, held(stills, clip_plan), clip_plan)
    if Fault.FROZEN in plan.faults:
        still = ClipPlan(plan.wh, fps, plan.hold_s, max(2, round(10 * fps)), key_s=0.0)
        write_clip(work / "frozen.ts", [stills[0]] * still.frames, still)
    if Fault.CORRUPT in plan.faults:
        damage(clip, work / "corrupt.ts", hits=clip_plan.frames // 2)
    length_s = clip_plan.frames / fps
    return [_source(plan, number, fault, work, length_s) for number, fault in enumerate(faults_of(plan))]


def faults_of(plan: Plan) -> list[Fault | None]:
    """The fault of each camera, in order."""
    return [None] * (plan.cameras - len(plan.faults)) + list(plan.faults)


def _source(plan: Plan, number: int, fault: Fault | None, work: Path, length_s: float) -> Source:
    share = number / plan.cameras
    address = (
        _DEAD if fault is Fault.DEAD else str((work / f"{fault.value if fault else 'clip'}.ts").resolve())
    )
    return Source(
        f"cam-{number + 1:02d}",
        parse_address(address, told="the simulation"),
        1 / plan.fps,
        replay=fault is not Fault.DEAD,
        offset_s=0.0 if fault else share * length_s,
        phase_s=share / plan.fps,
    )


def _camera(source: Source, plan: Plan) -> Camera:
    return Camera(
        source.camera_id, "corridor", "simulation", "office", "evacuation_corridor", 1 / plan.fps, 30
    )
