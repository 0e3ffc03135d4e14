"""`firewarden cctv run` and `firewarden cctv simulate`.

Exit codes: 0 done, 1 a rehearsal did not keep up, 2 bad input, a recording that could not be read to its end, or a sink
that could not take what was seen.
"""

import importlib.util
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

from firewarden.cli_console import ERR, OUT, check_output, print_json
from firewarden.cli_options import DataDirOption, JsonOption, ModelOption, RulesOption, model_named
from firewarden.cli_runtime import inspect_runtime
from firewarden.cli_watch_options import (
    CamerasOption,
    EventsOption,
    FaultsOption,
    ForOption,
    FpsOption,
    GroupOption,
    HoldOption,
    LeaseOption,
    MaxCamerasOption,
    MetricsHostOption,
    MetricsPortOption,
    OnlyOption,
    PicturesArgument,
    RegisterArgument,
    ReplayOption,
    ReportOption,
    SecondsOption,
    SizeOption,
    StateOption,
    StatusesOption,
    StreamFpsOption,
    WorkersOption,
)
from firewarden.errors import HazardError


def run(
    register: RegisterArgument = None,
    events: EventsOption = None,
    state: StateOption = None,
    data_dir: DataDirOption = None,
    metrics_port: MetricsPortOption = None,
    metrics_host: MetricsHostOption = "127.0.0.1",
    replay: ReplayOption = False,
    seconds: ForOption = None,
    only: OnlyOption = None,
    max_cameras: MaxCamerasOption = None,
    lease: LeaseOption = 30.0,
    workers: WorkersOption = None,
    group_size: GroupOption = 8,
    model: ModelOption = None,
    rules: RulesOption = None,
    as_json: StatusesOption = False,
) -> None:
    """Watch the cameras of a register. Ends on SIGTERM; with a register file, also when all are recordings and have
    ended."""
    _check_video()
    from firewarden.cctv.console_run import Watching, run_cameras

    inspector, effort, _ = _open(model, rules, workers, group_size)
    metrics = (metrics_host, metrics_port) if metrics_port is not None else None
    if register is None:
        cameras = _shared_register(data_dir, replay, only or (), lease, max_cameras)
    elif max_cameras is not None:
        raise HazardError("--max-cameras goes with the register of the database; leave the file out")
    else:
        cameras = _cameras(register, inspector.rules, only or ())
    sink, memory, report = _keeping(events, state, data_dir, () if register is None else cameras)
    watching = Watching(effort, replay, memory, seconds, metrics, report)
    if not as_json:
        _say_start(cameras, events)
    statuses = run_cameras(cameras, inspector, sink, watching)
    raise typer.Exit(_say_end(statuses, as_json))


def simulate(
    folder: PicturesArgument = None,
    cameras: CamerasOption = 16,
    fps: FpsOption = 1.0,
    seconds: SecondsOption = 60.0,
    faults: FaultsOption = "",
    size: SizeOption = "1920x1080",
    stream_fps: StreamFpsOption = None,
    hold: HoldOption = 20.0,
    out: ReportOption = None,
    workers: WorkersOption = None,
    group_size: GroupOption = 8,
    model: ModelOption = None,
    rules: RulesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rehearse: play pictures as so many cameras through the real processes and network. Exit 1: it does not keep up."""
    _check_video()
    from firewarden.cctv.console_run import now, stopped_by_signals, work_folder
    from firewarden.cctv.simulate import Fault, Plan, rehearse
    from firewarden.cctv.simulate_report import conditions, print_rehearsal, write_files

    kinds = [name for name in faults.split(",") if name]
    if not set(kinds) <= set(Fault):
        raise HazardError(f"got --faults {faults!r}, expected some of {','.join(Fault)}")
    if out is not None:
        check_output(out / "cctv.json")  # it gets another name, in this folder
    chosen = tuple(Fault(name) for name in kinds)
    plan = Plan(cameras, fps, seconds, folder, chosen, _wh(size), stream_fps, hold)
    inspector, effort, runtime = _open(model, rules, workers, group_size)
    began = now()
    with work_folder() as work, stopped_by_signals() as stop:
        rehearsal = rehearse(plan, inspector, effort, work, stop)
    told = conditions(inspector, effort, runtime, began, threads=1)
    if as_json:
        print_json({"conditions": told} | rehearsal.to_json())
    else:
        print_rehearsal(OUT, rehearsal)
    for path in write_files(out, rehearsal, told) if out is not None else ():
        ERR.print(f"report: {path}", highlight=False)
    raise typer.Exit(0 if rehearsal.keeps_up else 1)


def _check_video() -> None:
    """Raises HazardError where PyAV is missing. Called before anything of `firewarden.cctv` that imports it."""
    if importlib.util.find_spec("av") is None:
        raise HazardError(
            "video needs PyAV, which is not installed: pip install -e '.[video]' in the checkout"
        )


def _say_start(cameras: Any, events: Path | None) -> None:
    """What begins now, on stderr: nothing else is printed before the end."""
    who = f"{len(cameras)} cameras" if isinstance(cameras, list | tuple) else "the register of the database"
    where = str(events) if events is not None else "the database"
    ERR.print(f"watching {who} (Ctrl-C or SIGTERM ends it); events go to {escape(where)}", highlight=False)


def _say_end(statuses: Any, as_json: bool) -> int:
    """How the cameras were, recordings that failed on stderr; the exit code."""
    from firewarden.cctv.console_run import failed_recordings, print_statuses

    if as_json:
        print_json({"cameras": [status.to_json() for status in statuses]})
    else:
        print_statuses(OUT, statuses)
    failed = failed_recordings(statuses)
    for line in failed:
        ERR.print(escape(line), highlight=False, soft_wrap=True)
    return 2 if failed else 0


def _keeping(events: Path | None, state: Path | None, data_dir: Path | None, listed: Sequence[Any]) -> Any:
    """Sink, memory and who is told how cameras do: a file and a folder, or the database of the service,
    which keeps pictures of the cameras that a file has `listed` as that says."""
    if events is None:
        if state is not None:
            raise HazardError("--state goes with --events; without it the database keeps what is followed")
        from firewarden.cctv.runner_memory import StoreMemory

        stores = _stores(data_dir, listed)
        return stores.events, StoreMemory(stores.events), stores.health.save
    from firewarden.cctv.runner_state import StateFolder
    from firewarden.cctv.sink import JsonLinesSink

    return JsonLinesSink(events), StateFolder(state) if state is not None else None, None


def _shared_register(
    data_dir: Path | None, replay: bool, only: Collection[str], lease_s: float, most: int | None
) -> Any:
    """The register of the database; each of its cameras is watched by one process."""
    from firewarden.cctv.camera_claims import CameraClaims
    from firewarden.cctv.live_register import LiveRegister

    stores = _stores(data_dir)
    claims = CameraClaims(stores.engine, lease_s=lease_s, most=most)
    return LiveRegister(stores.cameras, claims=claims, only=only, replay=replay)


def _cameras(register: Path, rules: Any, only: Collection[str]) -> Any:
    """The cameras of a file."""
    from firewarden.cctv.live_register import chosen_cameras
    from firewarden.cctv.register import load_cameras

    listed = load_cameras(register, rules)
    if not listed:
        raise HazardError(
            f"{register}: no cameras in it, expected at least one; add an entry below 'cameras'"
        )
    chosen = chosen_cameras(listed, only)
    if only and not chosen:
        raise HazardError(f"{register}: no camera fits --only {' '.join(only)}; patterns are of ids")
    return chosen


def _stores(data_dir: Path | None, listed: Sequence[Any] = ()) -> Any:
    from firewarden.api.cctv_stores import open_cctv
    from firewarden.api.settings import Settings

    settings = Settings(data_dir=data_dir) if data_dir is not None else Settings()
    return open_cctv(settings, file_cameras=listed)


def _open(model: str | None, rules: Path | None, workers: int | None, group_size: int) -> Any:
    """The inspector, the effort and the runtime that was chosen, if any: one core for each run of the network, as many runs
    at once as there are workers."""
    from dataclasses import replace

    from firewarden.cctv.runner import Effort
    from firewarden.inference.inspector import open_inspector
    from firewarden.inference.machine import usable_cores

    named = model_named(model)
    effort = Effort(workers or usable_cores(), group_size)
    runtime, cache_dir = inspect_runtime(named)
    if runtime is not None:
        runtime = replace(runtime, threads=1, streams=effort.workers)
    inspector = open_inspector(named, rules, threads=1, runtime=runtime, cache_dir=cache_dir)
    return inspector, effort, runtime


def _wh(size: str) -> tuple[int, int]:
    width, _, height = size.partition("x")
    if not (width.isdecimal() and height.isdecimal() and min(int(width), int(height)) >= 64):
        raise HazardError(f"got --size {size!r}, expected width and height in pixels, e.g. 1920x1080")
    return int(width) // 2 * 2, int(height) // 2 * 2  # H.264 halves the colour planes
