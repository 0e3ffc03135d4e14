"""The `firewarden` command. Each subcommand imports what it needs when it runs.

Exit codes: 0 done, 1 a finding reached --fail-on, 2 bad input or a broken installation.
"""

import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from firewarden import __version__
from firewarden.cli_batch import batch
from firewarden.cli_bench import bench_app
from firewarden.cli_cctv import cctv_app
from firewarden.cli_console import (
    OUT,
    end_output,
    fail,
    leave_output,
    no_home,
    print_all_names,
    print_json,
    wrong_setting,
)
from firewarden.cli_data import data_app
from firewarden.cli_inspect import evaluate, inspect
from firewarden.cli_keys import keys_app
from firewarden.cli_models import average, export, models, promote, remeasure
from firewarden.cli_options import JsonOption, ModelOption, RulesOption, model_named
from firewarden.cli_runtime import quantise, run_tune
from firewarden.cli_train import train
from firewarden.cli_worker import worker
from firewarden.errors import HazardError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(data_app, name="data")
app.add_typer(bench_app, name="bench")
app.add_typer(cctv_app, name="cctv")
app.add_typer(keys_app, name="keys")

_TRAINING_STACK = frozenset({"torch", "torchvision", "ultralytics", "albumentations", "cv2", "onnx"})


def main() -> None:
    """Run the command; known errors become one line on stderr and exit code 2."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    print_all_names()
    try:
        try:
            app()
        finally:
            end_output()
    except HazardError as error:
        fail(str(error))
    except BrokenPipeError:
        leave_output()
    except OSError as error:
        fail(f"{error.filename or 'input or output'}: {error.strerror or error}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in _TRAINING_STACK:
            raise
        fail(
            f"{error.name} is not installed; this command needs the training stack: pip install -e '.[train]' in the checkout"
        )
    except Exception as error:
        if (told := wrong_setting(error) or no_home(error)) is not None:
            fail(told)
        if not _is_of_database(error):
            raise
        said = getattr(error, "orig", error)
        fail(f"the database cannot be used: {said}. See that it runs and that this user may write to it.")


def _is_of_database(error: Exception) -> bool:
    """Whether a database driver said so. SQLAlchemy is not imported to ask: most commands have no database."""
    return any(
        kind.__module__ == "sqlalchemy.exc" and kind.__name__ == "DBAPIError" for kind in type(error).__mro__
    )


def _version(wanted: bool) -> None:
    if wanted:
        OUT.print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """FireWarden 消防隐患巡检: finds fire hazards in photos, says why, grades the risk by written rules."""


app.command()(inspect)
app.command()(evaluate)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: a free one.")] = 8000,
    data_dir: Annotated[Path | None, typer.Option(help="Folder for photos and database.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that share the address.")] = None,
    model: ModelOption = None,
    rules: RulesOption = None,
) -> None:
    """Start the HTTP service. The first start prints an API key."""
    from firewarden.api.serve import serve as run
    from firewarden.api.settings import Settings

    chosen = {"data_dir": data_dir, "workers": workers, "model": model, "rules": rules}
    settings = Settings(**{name: value for name, value in chosen.items() if value is not None})  # type: ignore[arg-type]
    run(settings, host, port)


for command in (batch, worker, train, quantise, average, export, remeasure, promote, models):
    app.command()(command)


@app.command()
def doctor(
    as_json: JsonOption = False,
    model: ModelOption = None,
    rules: RulesOption = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Measure runtimes here; keep the best for serve.")
    ] = False,
    data_dir: Annotated[Path | None, typer.Option(help="With --tune: folder of the service's data.")] = None,
    photos: Annotated[Path | None, typer.Option(help="With --tune: photos to compare on as well.")] = None,
    accept_int8: Annotated[
        bool, typer.Option("--accept-int8", help="With --tune: int8 may win, by its accuracy on record.")
    ] = False,
) -> None:
    """Check the installation: packages, runtimes, model, rules, typeface, and a built-in photo end to end."""
    from firewarden.inference.doctor import run_checks

    given = {"--data-dir": data_dir, "--photos": photos, "--accept-int8": accept_int8 or None}
    if not tune and (names := [name for name, value in given.items() if value is not None]):
        raise HazardError(
            f"got {' and '.join(names)} without --tune, expected both. Add --tune, or leave it out."
        )
    if tune:
        run_tune(
            model_named(model),
            rules,
            data_dir=data_dir,
            photos=photos,
            accept_int8=accept_int8,
            as_json=as_json,
        )
        return
    checks = run_checks(model_named(model), rules)
    if as_json:
        print_json([{"name": check.name, "ok": check.ok, "detail": check.detail} for check in checks])
    for check in () if as_json else checks:
        OUT.print(
            f"{'[green]ok  [/]' if check.ok else '[red]FAIL[/]'} {check.name}: {escape(check.detail)}",
            highlight=False,
        )
    raise typer.Exit(0 if all(check.ok for check in checks) else 2)
