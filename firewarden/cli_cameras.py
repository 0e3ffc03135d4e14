"""Commands of `firewarden cctv` that use the database: import cameras, tell how they do, list events, send them out,
delete old pictures.

Where the database and the receivers are is said by the environment (`FIREWARDEN_*`), as for the service. Exit codes: 0 done,
1 cameras that are not well or messages that could not be sent, 2 a register with faults or settings that are not safe.
"""

import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from firewarden.cli_console import ERR, OUT, print_json, print_table
from firewarden.cli_options import DataDirOption, JsonOption, RegisterFile, RulesOption

events_app = typer.Typer(no_args_is_help=True, help="What happened at cameras.")


def add_camera_commands(cctv_app: typer.Typer, cameras_app: typer.Typer) -> None:
    """Hang the commands below `firewarden cctv`."""
    cameras_app.command("import")(import_cameras)
    cctv_app.command("status")(show_status)
    cctv_app.add_typer(events_app, name="events")
    cctv_app.command("deliver")(deliver)
    cctv_app.command("retain")(retain)


def import_cameras(
    file: RegisterFile,
    rules: RulesOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take all cameras of a register into the database, or none: one fault or refusal stops it."""
    from firewarden.api.cctv_stores import open_cctv
    from firewarden.cctv.register import read_register
    from firewarden.inference.rules_file import load_rules

    register = read_register(file, load_rules(rules))
    for problem in register.problems:
        ERR.print(escape(f"{file}:{problem}"), highlight=False)
    if register.problems:
        ERR.print("nothing was imported", highlight=False)
        raise typer.Exit(2)
    done = open_cctv(_settings(data_dir)).cameras.put_all(register.cameras)
    if as_json:
        print_json({name: list(getattr(done, name)) for name in ("added", "changed", "unchanged")})
    else:
        OUT.print(
            f"{len(done.added)} added, {len(done.changed)} changed, {len(done.unchanged)} as before",
            highlight=False,
        )


def show_status(
    problems: Annotated[bool, typer.Option("--problems", help="Only cameras that are not well.")] = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """How each camera does, as its run told last. Exit 1 when any is not well: silent, frozen, black, disconnected,
    unreadable, failed, or watched by nobody."""
    from firewarden.api.cctv_stores import open_cctv
    from firewarden.cctv.console_status import all_told, print_told, summary

    stores = open_cctv(_settings(data_dir), make=False)
    cameras = all_told((camera.id for camera in stores.cameras.load_all()), stores.health.load())
    shown = [one for one in cameras if one.problems or not problems]
    if as_json:
        print_json({"cameras": [one.to_json() for one in shown]})
    else:
        print_told(OUT, shown)
        OUT.print(summary(cameras), highlight=False)
    raise typer.Exit(1 if any(one.problems for one in cameras) else 0)


@events_app.command("list")
def list_events(
    camera: Annotated[str | None, typer.Option(help="Those of one camera.")] = None,
    hazard: Annotated[str | None, typer.Option(help="Those of one hazard, e.g. indoor_ebike.")] = None,
    state: Annotated[str | None, typer.Option(help="open, closed or dismissed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 50,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List events, the newest first."""
    from firewarden.api.cctv_stores import open_cctv
    from firewarden.api.routes_events import event_to_json
    from firewarden.cctv.event_store import EventState

    if state is not None and state not in list(EventState):
        raise typer.BadParameter(f"got {state!r}, expected one of {', '.join(EventState)}")
    records = open_cctv(_settings(data_dir), make=False).events.page(
        limit=limit, camera_id=camera, hazard=hazard, state=EventState(state) if state else None
    )
    if as_json:
        for record in records:
            print_json(event_to_json(record))
        return
    whole = Column("id", no_wrap=True, min_width=24)  # to be copied into an address of the service
    head = ("camera", "hazard", "level", "opened, UTC", "ended, UTC", "state")
    table = Table(whole, *head, box=None, pad_edge=False)
    for record in records:
        cells = (str(record.event[name] or "-") for name in ("id", "camera_id", "hazard", "risk_level"))
        times = (_minute(record.event[name]) for name in ("opened_at", "ended_at"))
        table.add_row(*map(escape, cells), *times, record.state.value)
    print_table(OUT, table)


def _minute(at: str | None) -> str:
    """A stored time as `2026-11-22 17:49`, in UTC."""
    return f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d %H:%M}" if at else "-"


def deliver(
    once: Annotated[
        bool,
        typer.Option("--once", help="Try what is due now once, then end; exit 1 where some of it failed."),
    ] = False,
    revive: Annotated[
        bool, typer.Option("--revive", help="First give messages that were given up their attempts again.")
    ] = False,
    rules: RulesOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Send events to the webhook and the MQTT broker of the environment, and delete old pictures every hour."""
    from firewarden.api.cctv_stores import build_deliverer, build_senders, open_cctv
    from firewarden.inference.rules_file import load_rules

    settings, register_rules = _settings(data_dir), load_rules(rules).cctv.register
    senders = build_senders(settings)
    stores = open_cctv(settings, make=False)
    _warn_of_orphans(stores, settings)
    if revive:
        ERR.print(f"{stores.outbox.revive()} messages get their attempts again", highlight=False)
    if once:
        _send_once(stores.outbox, senders)
        return
    deliverer = build_deliverer(stores, settings, chores=lambda: stores.tidy(register_rules))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: deliverer.stop())
    ERR.print(f"sending to {', '.join(settings.destinations) or 'nobody'}", highlight=False)
    deliverer.run()


def _send_once(outbox: Any, senders: Any) -> None:
    """One try of each message that is due by now; what a slow receiver makes due meanwhile is left to the next command."""
    from firewarden.cctv.delivery import send_due

    now = outbox.now()
    tallies = {s.destination: send_due(outbox, s, threading.Event(), due_by=now) for s in senders}
    for sender in senders:
        sender.close()
    print_json({name: {to: getattr(one, name) for to, one in tallies.items()} for name in ("sent", "failed")})
    raise typer.Exit(1 if any(one.failed for one in tallies.values()) else 0)


def retain(rules: RulesOption = None, data_dir: DataDirOption = None) -> None:
    """Delete pictures of ended events, batches that have ended and inspections whose time of keeping is over; photos that
    nothing names."""
    from firewarden.api.cctv_stores import open_cctv
    from firewarden.inference.rules_file import load_rules
    from firewarden.jobs.inspection_retention import forget_old_inspections

    settings, register_rules = _settings(data_dir), load_rules(rules).cctv.register
    stores = open_cctv(settings, make=False)
    inspections = forget_old_inspections(stores.engine, stores.photos, days=settings.keep_inspections_days)
    deleted = stores.tidy(register_rules, sweep=True)
    OUT.print(
        f"{deleted.pictures} pictures, {deleted.jobs} batches, {inspections} inspections, {deleted.photos} photos that "
        "nothing names deleted",
        highlight=False,
    )


def _warn_of_orphans(stores: Any, settings: Any) -> None:
    """Messages for a destination that is no longer set up wait for ever; say so."""
    for name, backlog in stores.outbox.backlogs().items():
        if backlog.waiting and name not in settings.destinations:
            ERR.print(f"{backlog.waiting} messages wait for {name}, which is not set up", highlight=False)


def _settings(data_dir: Path | None) -> Any:
    from firewarden.api.settings import Settings

    return Settings(data_dir=data_dir) if data_dir is not None else Settings()
