"""`firewarden cctv`: the camera register, and watching the cameras in it.

Exit codes: 0 all well, 2 a register with faults. Each subcommand imports what it needs when it runs.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from firewarden.cli_cameras import add_camera_commands
from firewarden.cli_console import ERR, OUT, print_json, print_table
from firewarden.cli_options import DataDirOption, JsonOption, RegisterFile, RulesOption
from firewarden.cli_watch import run, simulate

cctv_app = typer.Typer(no_args_is_help=True, help="Fixed cameras.")
cameras_app = typer.Typer(no_args_is_help=True, help="The camera register.")
cctv_app.add_typer(cameras_app, name="cameras")
cctv_app.command()(run)
cctv_app.command()(simulate)
add_camera_commands(cctv_app, cameras_app)


@cameras_app.command("validate")
def validate(file: RegisterFile, rules: RulesOption = None, as_json: JsonOption = False) -> None:
    """Check a register: every fault with its line, every camera that may not stand where it is said to."""
    register = _read(file, rules)
    if as_json:
        problems = [
            {"line": p.line, "camera_id": p.camera_id, "message": p.message, "refused": p.refused}
            for p in register.problems
        ]
        print_json({"cameras": len(register.cameras), "problems": problems})
    else:
        _print_problems(file, register)
        OUT.print(
            f"{len(register.cameras)} cameras in order, {len(register.problems)} problems", highlight=False
        )
    raise typer.Exit(2 if register.problems else 0)


@cameras_app.command("list")
def list_cameras(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Register: .yaml, .json or .csv; none: that of the database.", exists=True, dir_okay=False
        ),
    ] = None,
    rules: RulesOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the cameras of a register; those of a file with faults are left out and told on stderr."""
    if file is None:
        register = _stored(data_dir)
    else:
        register = _read(file, rules)
        _print_problems(file, register)
    if as_json:
        print_json(register.to_json())
    else:
        table = Table(
            "id", "name", "venue", "scene", "every s", "keep days", "expected", box=None, pad_edge=False
        )
        for camera in register.cameras:
            expected = ", ".join(f"{count} {name}" for name, count in camera.expected.items())
            cells = (camera.id, camera.name, camera.venue, camera.scene, f"{camera.sample_every_s:g}")
            table.add_row(*map(escape, cells), str(camera.retention_days), expected)
        print_table(OUT, table)
    raise typer.Exit(2 if register.problems else 0)


def _read(file: Path, rules: Path | None) -> Any:
    """The register of the file; its type is not named here, so that nothing is imported before a command runs."""
    from firewarden.cctv.register import read_register
    from firewarden.inference.rules_file import load_rules

    return read_register(file, load_rules(rules))


def _stored(data_dir: Path | None) -> Any:
    """The register of the database, which holds no fault."""
    from firewarden.api.cctv_stores import open_cctv
    from firewarden.api.settings import Settings
    from firewarden.cctv.register import Register

    settings = Settings(data_dir=data_dir) if data_dir is not None else Settings()
    return Register(open_cctv(settings, make=False).cameras.load_all(), ())


def _print_problems(file: Path, register: Any) -> None:
    for problem in register.problems:
        ERR.print(escape(f"{file}:{problem}"), highlight=False)
