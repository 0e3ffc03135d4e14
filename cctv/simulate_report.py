"""A rehearsal as files and on a terminal; figures carry their conditions."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from firewarden.cctv.runner import Effort
from firewarden.cctv.simulate import Rehearsal
from firewarden.cli_console import print_table
from firewarden.inference.inspector import Inspector
from firewarden.inference.machine import cpu_name, runtime_versions, usable_cores
from firewarden.inference.runtime_choice import RuntimeChoice

_HEAD = ("camera", "fault", "offered", "looked at", "dropped", "inferences", "p50 ms", "p95 ms", "problems")


def conditions(
    inspector: Inspector, effort: Effort, runtime: RuntimeChoice | None, began: datetime, threads: int
) -> dict[str, Any]:
    """What the figures depend on; without a `runtime` the network ran in the usual one."""
    manifest = inspector.detector.manifest
    return {
        "taken_at": began.astimezone(UTC).isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "usable_cores": usable_cores(),
        "versions": runtime_versions(),
        "model": manifest.id,
        "model_sha256": manifest.sha256,
        "input_size": manifest.input_size,
        "runtime": (runtime or RuntimeChoice(threads=threads)).to_json(),
        "rules": inspector.rules.version,
        "workers": effort.workers,
        "threads_per_run": threads,
        "cameras_per_process": effort.group_size,
    }


def write_files(folder: Path, rehearsal: Rehearsal, told: dict[str, Any]) -> tuple[Path, Path]:
    """Write `cctv-NxF.json` and `.md` into a folder; the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    faults = "".join(f"-{fault.value}" for fault in rehearsal.plan.faults)
    stem = folder / f"cctv-{rehearsal.plan.cameras}x{rehearsal.plan.fps:g}fps{faults}"
    page, data = stem.with_name(f"{stem.name}.md"), stem.with_name(f"{stem.name}.json")
    data.write_text(json.dumps({"conditions": told} | rehearsal.to_json(), indent=2) + "\n", encoding="utf-8")
    page.write_text(to_markdown(rehearsal, told), encoding="utf-8")
    return data, page


def to_markdown(rehearsal: Rehearsal, told: dict[str, Any]) -> str:
    """One page: what was played on what, the sums, a line a camera."""
    sums, runtime = rehearsal.to_json(), told["runtime"]
    rows = [_HEAD, tuple("---" for _ in _HEAD), *_rows(rehearsal)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        f"# {headline(rehearsal)}\n\n{told['cpu']}, {told['usable_cores']} cores, {told['workers']} workers, "
        f"model {told['model']} ({told['model_sha256'][:12]}) in {runtime['runtime']} {runtime['precision']}, "
        f"{told['taken_at']}.\n\n{summary(sums)}\n\n{table}\n"
    )


def headline(rehearsal: Rehearsal) -> str:
    plan = rehearsal.plan
    verdict = "keeps up" if rehearsal.keeps_up else "does not keep up"
    return (
        f"{plan.cameras} cameras of {plan.wh[0]}x{plan.wh[1]} px, a look every {1 / plan.fps:g} s, for "
        f"{rehearsal.seconds:.0f} s: {verdict}"
    )


def summary(sums: dict[str, Any]) -> str:
    delay, spent = sums["delay_ms"], sums["cpu_ms_a_frame"]
    return (
        f"{sums['offered']} pictures offered, {sums['frames']} looked at, {sums['dropped']} dropped, {sums['backlog']} "
        f"waiting at the end; {sums['inferences']} inferences; delay p50 {delay['p50']:.0f} ms, p95 {delay['p95']:.0f} ms; "
        f"{sums['cpu_cores']:.2f} cores used: of the processor, a picture took {spent['capture']:.1f} ms to receive and "
        f"decode, {spent['gate']:.2f} ms in masks and motion gate, {spent['rest']:.1f} ms in all else (network, events), on "
        "average. Counted once all had settled for 10 s. Looked at: by "
        "masks and motion gate; an inference is a run of the network, spent where the picture changed."
    )


def print_rehearsal(console: Console, rehearsal: Rehearsal) -> None:
    table = Table(*_HEAD, box=None, pad_edge=False)
    for row in _rows(rehearsal):
        table.add_row(*row)
    print_table(console, table)
    console.print(f"{headline(rehearsal)}\n{summary(rehearsal.to_json())}", highlight=False)


def _rows(rehearsal: Rehearsal) -> list[tuple[str, ...]]:
    rows = []
    for run in rehearsal.runs:
        status, delay = run.status, run.to_json()["delay_ms"]
        counts = (run.offered, run.frames, run.dropped, run.inferences)
        times = (f"{delay['p50']:.0f}", f"{delay['p95']:.0f}")
        fault = run.fault.value if run.fault else ""
        rows.append((status.camera_id, fault, *map(str, counts), *times, ", ".join(status.problems)))
    return rows
