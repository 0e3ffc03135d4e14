"""One batch from its sources to its files: score, write the final file, count, report. Continues where it was cut off."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from firewarden.bulk.engine import Effort, EngineName, OnProgress, RayCluster, Tally, check_engine, run
from firewarden.bulk.items import Item
from firewarden.bulk.ledger import Ledger
from firewarden.bulk.output import check_target, write_rows, write_text
from firewarden.bulk.report_page import batch_page
from firewarden.bulk.scorer import ScorerFactory
from firewarden.bulk.sources import check_sources, source_items
from firewarden.bulk.summary import Summary, reaches
from firewarden.bulk.thumbnails import read_thumbnails
from firewarden.errors import DatasetError, PolicyError
from firewarden.findings import RiskLevel
from firewarden.inference.context import check_context
from firewarden.inference.rules_file import load_rules


@dataclass(frozen=True, slots=True)
class Job:
    """What to score and where to. `min_level` leaves scored pictures below it out of `out`; errors always stay."""

    sources: tuple[str, ...]
    out: Path
    factory: ScorerFactory = field(default_factory=ScorerFactory)
    report: Path | None = None
    limit: int | None = None
    min_level: RiskLevel | None = None
    overwrite: bool = False
    engine: EngineName = EngineName.LOCAL
    effort: Effort = field(default_factory=Effort)
    cluster: RayCluster = field(default_factory=RayCluster)

    @property
    def state(self) -> Path:
        """The folder beside the output that lets a cut-off batch continue; gone when nothing is left to do."""
        return self.out.with_name(f"{self.out.name}.state")

    def items(self) -> Iterator[Item]:
        """The inputs, listed anew. Raises PolicyError where the rules cannot be read."""
        rules, context = load_rules(self.factory.rules), self.factory.context

        def check(item: Item) -> str | None:
            try:
                check_context(item.context(context), rules)
            except PolicyError as error:
                return str(error)
            return None

        return islice(source_items(self.sources, check), self.limit)


@dataclass(frozen=True, slots=True)
class JobResult:
    """`summary` counts every row of the batch, `tally` what this run did."""

    summary: Summary
    tally: Tally

    def to_json(self) -> dict[str, Any]:
        tally = self.tally
        return {
            **self.summary.to_json(),
            "scored_now": tally.scored,
            "skipped": tally.skipped,
            "overlaps": tally.overlaps,
            "unread": tally.unread,
        }


def check_job(job: Job) -> int | None:
    """How many inputs there will be, None where that is not known. Raises HazardError for a job that cannot be meant, or
    whose output is finished; touches nothing."""
    check_engine(job.engine)
    check_target(job.out)
    if job.report is not None and job.report.resolve() == job.out.resolve():
        raise DatasetError(f"got {job.out} for --out and for --report, expected two files")
    if job.out.exists() and not job.state.is_dir() and not job.overwrite:
        raise DatasetError(f"{job.out} is finished; choose another --out, or --overwrite to begin anew")
    count = check_sources(job.sources)
    if count == 0:
        raise _nothing_in(job)
    return count if count is None or job.limit is None else min(count, job.limit)


def run_job(job: Job, on_progress: OnProgress = lambda tally: None) -> JobResult:
    """Run a job that has been checked; raises BatchStopped where the disk gives out. The state stays until every input was
    read, and where `limit` left some."""
    ledger = Ledger(job.state, anew=job.overwrite)
    try:
        tally = run(
            job.items(), job.factory, ledger,
            engine=job.engine, effort=job.effort, cluster=job.cluster, on_progress=on_progress,
        )  # fmt: skip
        if not tally.done:
            raise _nothing_in(job)
        summary = _write_out(job, ledger)
    finally:
        ledger.close()
        if ledger.is_empty:
            _drop_state(job)
    if job.report is not None:
        write_report(job, summary)
    if not tally.unread and job.limit is None:
        _drop_state(job)
    return JobResult(summary, tally)


def _drop_state(job: Job) -> None:
    """Delete the state under another name, so that a run killed meanwhile leaves no half of it."""
    gone = job.state.with_name(f"{job.state.name}.gone")
    shutil.rmtree(gone, ignore_errors=True)
    job.state.rename(gone)
    shutil.rmtree(gone)


def write_report(job: Job, summary: Summary) -> None:
    """Write the HTML summary to `job.report`; the worst pictures are read again for it."""
    names = {code: hazard.name for code, hazard in load_rules(job.factory.rules).hazards.items()}
    thumbnails = read_thumbnails(job.items(), summary.worst)
    assert job.report is not None
    write_text(job.report, batch_page(summary, names, thumbnails, job.out.name))


def _nothing_in(job: Job) -> DatasetError:
    return DatasetError(f"no JPEG, PNG or WebP picture in {', '.join(job.sources)}; check the path")


def _write_out(job: Job, ledger: Ledger) -> Summary:
    """Write the final file and count in the same pass."""
    summary = Summary()

    def counted() -> Iterator[bytes]:
        for line in ledger.lines():
            row = json.loads(line)
            summary.add(row)
            if job.min_level is None or "error" in row or reaches(row, job.min_level):
                yield line

    write_rows(job.out, counted())
    return summary
