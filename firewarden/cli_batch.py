"""`firewarden batch`: many pictures to one file of rows, resumable.

Exit codes: 0 done, 1 a finding reached --fail-on, 2 an input could not be scored or the batch could not go on.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from firewarden.cli_console import ERR, OUT, print_json
from firewarden.cli_options import (
    CLOSURE_PROFILE,
    ClosureProfileOption,
    FailOnOption,
    MinConfidenceOption,
    ModelOption,
    RulesOption,
    model_named,
)
from firewarden.cli_runtime import inspect_runtime
from firewarden.errors import DatasetError
from firewarden.findings import Fact, InspectionContext, RiskLevel, Source


def batch(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Folders, pictures, globs, tar and zip files, CSV or Parquet manifests, s3:// URLs."
        ),
    ],
    out: Annotated[Path, typer.Option(help="File to write: .jsonl or .parquet.")],
    report: Annotated[Path | None, typer.Option(help="HTML summary with blurred thumbnails.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many inputs.")] = None,
    min_level: Annotated[
        RiskLevel | None, typer.Option(help="Leave pictures below this level out of the file; errors stay.")
    ] = None,
    fail_on: FailOnOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew; drop what is there.")] = False,
    engine: Annotated[str, typer.Option(help="local, or ray: a process for each worker.")] = "local",
    ray_address: Annotated[
        str | None, typer.Option(help="With --engine ray: auto or HOST:PORT of a running cluster.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Pictures at once (default: all cores).")] = None,
    readers: Annotated[
        int, typer.Option(min=1, help="Threads that read (of each Ray worker); more for object stores.")
    ] = 4,
    min_confidence: MinConfidenceOption = None,
    venue_type: Annotated[str, typer.Option(help="Kind of venue where a manifest names none.")] = "unknown",
    scene: Annotated[str | None, typer.Option(help="Kind of place where a manifest names none.")] = None,
    fact: Annotated[list[str] | None, typer.Option(help="A fact you vouch for; repeatable.")] = None,
    closure_profile: ClosureProfileOption = CLOSURE_PROFILE,
    model: ModelOption = None,
    rules: RulesOption = None,
) -> None:
    """Score many pictures into one file: one row each, failures included. Run it again to continue."""
    from firewarden.bulk.console import print_batch, shown_progress
    from firewarden.bulk.engine import Effort, EngineName, RayCluster
    from firewarden.bulk.job import Job, check_job, run_job
    from firewarden.bulk.scorer import ScorerFactory
    from firewarden.inference.machine import usable_cores

    if engine not in list(EngineName):
        raise DatasetError(f"got --engine {engine!r}, expected one of {', '.join(EngineName)}")
    named = model_named(model)
    on_ray = engine == EngineName.RAY
    if ray_address is not None and not on_ray:
        raise DatasetError(f"got --ray-address with --engine {engine}, expected it with --engine ray")
    effort = Effort(readers, workers or (0 if ray_address else usable_cores()))
    runtime, cache_dir = inspect_runtime(named)
    if runtime is not None:  # the one `inspect` would use, with one core for each run of the network
        runtime = replace(runtime, threads=1, streams=1 if on_ray else effort.workers)
    on_gpu = runtime is not None and runtime.runtime in ("cuda", "tensorrt")
    cluster = RayCluster(ray_address, gpus=1 if on_gpu else 0)
    facts = tuple(Fact(name, Source.PERSON) for name in fact or [])
    context = InspectionContext(venue_type, scene=scene, facts=facts, closure_profile=closure_profile)
    factory = ScorerFactory(named, rules, context, min_confidence, runtime, 1, cache_dir)
    job = Job(
        tuple(sources), out, factory, report, limit, min_level, overwrite, EngineName(engine), effort, cluster
    )
    with shown_progress(ERR, check_job(job), quiet=as_json) as on_progress:
        result = run_job(job, on_progress)
    if as_json:
        print_json({"out": str(out), **result.to_json()})
    else:
        print_batch(OUT, result, out)
    reached = fail_on is not None and result.summary.reaches(fail_on)
    raise typer.Exit(1 if reached else 2 if result.summary.failed else 0)
