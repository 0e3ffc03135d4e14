"""`firewarden worker`: scores the batches that were sent to the service.

Exit codes: 0 told to stop, or with --until-done no batch is left; 2 no database where it was said to be, or a broken
installation.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from firewarden.cli_console import ERR
from firewarden.cli_options import ModelOption, RulesOption, model_named
from firewarden.cli_runtime import inspect_runtime


def worker(
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of photos and database that `firewarden serve` made.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Worker processes; they share every batch.")] = 1,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Pictures at once in a process (default: its share of the cores)."),
    ] = None,
    chunk: Annotated[int, typer.Option(min=1, help="Photos taken at a time.")] = 32,
    lease: Annotated[
        float, typer.Option(min=1, help="Seconds after which the photos of a dead worker are taken over.")
    ] = 60.0,
    stall: Annotated[
        float, typer.Option(min=1, help="Seconds without a row after which a worker is taken to hang.")
    ] = 300.0,
    attempts: Annotated[int, typer.Option(min=1, help="How often a photo is begun before it fails.")] = 3,
    until_done: Annotated[bool, typer.Option("--until-done", help="End when no batch is left.")] = False,
    model: ModelOption = None,
    rules: RulesOption = None,
) -> None:
    """Score the batches sent to the service. Start as many as you like, on any machine that sees database and photos."""
    from firewarden.api.settings import Settings, unknown_settings
    from firewarden.bulk.engine import Effort
    from firewarden.bulk.scorer import ScorerFactory
    from firewarden.inference.machine import usable_cores
    from firewarden.jobs.claims import Lease
    from firewarden.jobs.processes import Recipe, run_workers
    from firewarden.jobs.worker import Pace
    from firewarden.ledger.database import build_engine, check_exists

    chosen = {"data_dir": data_dir, "model": model, "rules": rules}
    settings = Settings(**{name: value for name, value in chosen.items() if value is not None})  # type: ignore[arg-type]
    for sentence in unknown_settings():
        ERR.print(sentence, highlight=False, markup=False)
    url = settings.resolved_database_url()
    check_exists(build_engine(url))
    settings.make_data_dir()
    used = model_named(settings.model)
    effort = Effort(workers=workers or max(1, usable_cores() // processes))
    runtime, cache_dir = inspect_runtime(used)
    if (
        runtime is not None
    ):  # the one `inspect` and `batch` would use, with one core for each run of the network
        runtime = replace(runtime, threads=1, streams=effort.workers)
    recipe = Recipe(
        url.render_as_string(hide_password=False),
        settings.data_dir,
        ScorerFactory(
            used,
            settings.rules,
            runtime=runtime,
            threads=1,
            cache_dir=cache_dir,
            max_pixels=settings.max_pixels,
        ),
        effort,
        Pace(chunk=chunk, stall_s=stall),
        Lease(lease, attempts),
        until_done,
        settings.job_retention_days,
    )
    told = "until no batch is left" if until_done else "until SIGTERM or Ctrl-C"
    ERR.print(f"FireWarden works on the batches of {url.render_as_string()} {told}", highlight=False)
    run_workers(recipe, processes)
