"""`firewarden worker`: scores the batches that were sent to the service.

Exit codes: 0 told to stop, or with --until-done no batch is left; 2 no database or photos where they were said to be, or a
broken installation.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from firewarden.cli_console import ERR
from firewarden.cli_options import ModelOption, RulesOption, model_named
from firewarden.errors import HazardError


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
    from firewarden.inference.tuned import CACHE_FOLDER, stored_choice
    from firewarden.jobs.claims import Lease
    from firewarden.jobs.processes import Recipe, run_workers
    from firewarden.jobs.worker import Pace
    from firewarden.ledger.database import build_engine, check_exists
    from firewarden.models.registry import find_manifest

    chosen = {"data_dir": data_dir, "model": model, "rules": rules}
    settings = Settings(**{name: value for name, value in chosen.items() if value is not None})  # type: ignore[arg-type]
    for sentence in unknown_settings():
        ERR.print(sentence, highlight=False, markup=False)
    url = settings.resolved_database_url()
    check_exists(build_engine(url))
    if settings.database_url is not None:  # else it lies beside the photos
        _check_photos(settings.data_dir / "blobs")
    settings.make_data_dir()
    used = model_named(settings.model)
    effort = Effort(workers=workers or max(1, usable_cores() // processes))
    runtime = stored_choice(settings.data_dir, find_manifest(used), "inspect")
    if runtime is not None:  # with one core for each run of the network
        runtime = replace(runtime, threads=1, streams=effort.workers)
    recipe = Recipe(
        url.render_as_string(hide_password=False),
        settings.data_dir,
        ScorerFactory(
            used,
            settings.rules,
            runtime=runtime,
            threads=1,
            cache_dir=settings.data_dir / CACHE_FOLDER,
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


def _check_photos(photos: Path) -> None:
    """Raises HazardError where no service keeps photos: every one would fail."""
    if not photos.is_dir():
        raise HazardError(
            f"there are no photos at {photos}. Give the folder of the service with --data-dir; if it never ran, start it first."
        )
