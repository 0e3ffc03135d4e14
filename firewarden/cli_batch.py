"""`firewarden batch`: many pictures to one file of rows, resumable.

Exit codes: 0 done, 1 a finding reached --fail-on, 2 an input could not be scored or the batch could not go on.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from firewarden.cli_batch_options import (
    EngineOption,
    FactOption,
    LimitOption,
    MinLevelOption,
    OutOption,
    OverwriteOption,
    RayAddressOption,
    ReadersOption,
    ReportOption,
    SceneOption,
    SourcesArgument,
    SummaryJsonOption,
    VenueOption,
    WorkersOption,
)
from firewarden.cli_console import ERR, OUT, check_output, print_json
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
from firewarden.findings import Fact, InspectionContext, Source


def batch(
    sources: SourcesArgument,
    out: OutOption,
    report: ReportOption = None,
    as_json: SummaryJsonOption = False,
    limit: LimitOption = None,
    min_level: MinLevelOption = None,
    fail_on: FailOnOption = None,
    overwrite: OverwriteOption = False,
    engine: EngineOption = "local",
    ray_address: RayAddressOption = None,
    workers: WorkersOption = None,
    readers: ReadersOption = 4,
    min_confidence: MinConfidenceOption = None,
    venue_type: VenueOption = "unknown",
    scene: SceneOption = None,
    fact: FactOption = None,
    closure_profile: ClosureProfileOption = CLOSURE_PROFILE,
    model: ModelOption = None,
    rules: RulesOption = None,
) -> None:
    """Score many pictures into one file: one row each, failures included. Run it again, without --overwrite, to continue."""
    from firewarden.bulk.console import print_batch, shown_progress
    from firewarden.bulk.engine import EngineName
    from firewarden.bulk.job import Job, check_job, run_job
    from firewarden.bulk.scorer import ScorerFactory

    if report is not None:
        check_output(report)
    named = model_named(model)
    effort, cluster, runtime, cache_dir = _effort(named, engine, ray_address, workers, readers)
    facts = tuple(Fact(name, Source.PERSON) for name in fact or [])
    context = InspectionContext(venue_type, scene=scene, facts=facts, closure_profile=closure_profile)
    factory = ScorerFactory(named, rules, context, min_confidence, runtime, 1, cache_dir)
    job = Job(
        tuple(sources), out, factory, report, limit, min_level, overwrite, EngineName(engine), effort, cluster
    )
    with shown_progress(ERR, check_job(job)) as on_progress:
        result = run_job(job, on_progress)
    if as_json:
        print_json({"out": str(out), **result.to_json()})
    else:
        print_batch(OUT, result, out)
    reached = fail_on is not None and result.summary.reaches(fail_on)
    raise typer.Exit(1 if reached else 2 if result.summary.failed else 0)


def _effort(
    model: str | Path | None, engine: str, ray_address: str | None, workers: int | None, readers: int
) -> Any:
    """Effort, cluster, the runtime `inspect` would use with one core for each run of the network, and its cache; raises
    DatasetError for an engine that is none."""
    from firewarden.bulk.engine import Effort, EngineName, RayCluster
    from firewarden.inference.machine import usable_cores

    if engine not in list(EngineName):
        raise DatasetError(f"got --engine {engine!r}, expected one of {', '.join(EngineName)}")
    on_ray = engine == EngineName.RAY
    if ray_address is not None and not on_ray:
        raise DatasetError(f"got --ray-address with --engine {engine}, expected it with --engine ray")
    effort = Effort(readers, workers or (0 if ray_address else usable_cores()))
    runtime, cache_dir = inspect_runtime(model)
    if runtime is not None:
        runtime = replace(runtime, threads=1, streams=1 if on_ray else effort.workers)
    on_gpu = runtime is not None and runtime.runtime in ("cuda", "tensorrt")
    return effort, RayCluster(ray_address, gpus=1 if on_gpu else 0), runtime, cache_dir
