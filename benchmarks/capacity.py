"""From measured parts to a county, a province and a nation: cores, memory, disk and line, by arithmetic that is shown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from firewarden.benchmarks.load_plan import OURS
from firewarden.benchmarks.model_note import Model, record_note
from firewarden.benchmarks.tables import Results, runtime_text, table

PHOTO = "phone-12mp"
_GB, _MBIT = 1e9, 1e6


@dataclass(frozen=True, slots=True)
class Habits:
    """How people use it. Assumptions, not measurements: replace them by your own. `busiest_hour` is that hour's share of a
    day's photos, `burst` the peak within it over its mean, `utilisation` the share of a core that is planned to be busy."""

    photos_per_worker_day: float = 20.0
    busiest_hour: float = 0.2
    burst: float = 3.0
    utilisation: float = 0.6
    working_days: int = 250


@dataclass(frozen=True, slots=True)
class Parts:
    """What was measured for one 12 MP photo: processor seconds of the server, bytes of the photo, the most memory of one
    serving process (MiB) and the load under which it took that, and the cores it had."""

    core_s: float
    photo_bytes: int
    process_mb: float
    cores: int
    memory_of: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """What a number of workers needs."""

    photos_per_day: float
    peak_per_s: float
    cores: int
    memory_gb: float
    disk_gb_per_year: float
    line_mbit_s: float


PLACES: Mapping[str, int] = {
    "one county: 2,000 grid workers": 2_000,
    "a province of 90 counties": 90 * 2_000,
    "the nation, 2,800 counties": 2_800 * 2_000,
}


def need_of(workers: int, parts: Parts, habits: Habits) -> Need:
    """The arithmetic: each line of the page's list is one line here."""
    per_day = workers * habits.photos_per_worker_day
    peak_per_s = per_day * habits.busiest_hour / 3600 * habits.burst
    cores = math.ceil(peak_per_s * parts.core_s / habits.utilisation)
    return Need(
        photos_per_day=per_day,
        peak_per_s=peak_per_s,
        cores=cores,
        memory_gb=math.ceil(cores / parts.cores) * parts.process_mb * 2**20 / _GB,
        disk_gb_per_year=per_day * habits.working_days * parts.photo_bytes / _GB,
        line_mbit_s=peak_per_s * parts.photo_bytes * 8 / _MBIT,
    )


def parts_of(results: Results) -> Parts | None:
    """The parts from an HTTP run, at the load with most photos a second; None where there is none for the 12 MP photo."""
    http = results.get("http")
    loads = [row for row in (http or {}).get("loads", ()) if row["photo"] == PHOTO]
    rows = [row for row in loads if row["loop"] == "closed" and row["goodput"] and row["server_cores"]]
    if http is None or not rows:
        return None
    best = max(rows, key=lambda row: float(row["goodput"]))
    photo = next(photo for photo in http["conditions"]["photos"] if photo["name"] == PHOTO)
    cores = http["conditions"]["cores"]
    memory, memory_of = _memory(_loads_on(cores, results), results.get("memory"))
    return Parts(best["server_cores"] / best["goodput"], photo["bytes"], memory, cores, memory_of)


def _loads_on(cores: int, results: Results) -> list[tuple[str, Mapping[str, Any]]]:
    """Every load of 12 MP photos on one of our servers with so many cores, and the name of its record."""
    alone, beside = results.get("http", {}).get("loads", ()), results.get("peers", {}).get("servers", ())
    told = [
        *(("http", {"name": OURS, **row}) for row in alone),
        *(("peers", row) for row in beside if str(row["name"]).startswith(OURS)),
    ]
    return [
        (record, row)
        for record, row in told
        if row["photo"] == PHOTO and results[record]["conditions"]["cores"] == cores
    ]


def _memory(
    loads: Sequence[tuple[str, Mapping[str, Any]]], watched: Mapping[str, Any] | None
) -> tuple[float, str]:
    """The most MiB that one of the loads took, and which; 0.0 where nothing tells. Records taken before peaks were know
    what was held after the load alone. Without any the run that watches memory stands in, whose photos are its own."""
    told = [(float(_peak_of(row)), record, row) for record, row in loads if _peak_of(row)]
    if told:
        most, record, row = max(told, key=lambda entry: entry[0])
        who = f"{row['clients']} clients" if row.get("clients") else f"{row['rate']:.0f} a second"
        load = f"a load of 12 MP photos from {who}: {row['name']}, {record}.json"
        if row.get("peak_resident_mb"):
            return most, f"the peak seen during {load}"
        return most, f"seen once, after {load}; during the load it may have been more"
    if watched is None:
        return 0.0, "memory was not measured"
    names = ", ".join(photo["name"] for photo in watched["conditions"]["photos"])
    return watched["peak_mb"], f"with photos of another kind ({names}): 12 MP photos take more"


def _peak_of(row: Mapping[str, Any]) -> Any:
    return row.get("peak_resident_mb") or row.get("resident_mb")


def capacity_page(results: Results, habits: Habits | None = None, shipped: Model | None = None) -> str:
    """docs/capacity.md. With `shipped` it says so where another model was measured."""
    habits, parts = habits or Habits(), parts_of(results)
    lines = [
        "# Capacity",
        "",
        "Written by `firewarden bench report`; do not edit.",
        "",
        *_assumptions(habits),
        "",
    ]
    if parts is None:
        return "\n".join(
            [*lines, "Not measured yet on an idle machine: `firewarden bench http`, then `report`.", ""]
        )
    lines += [
        "## What was measured",
        "",
        (
            f"- One 12 MP photo ({parts.photo_bytes / 1e6:.1f} MB) takes the server {parts.core_s * 1000:.0f} ms of a core, from "
            f"request to stored answer: {1 / parts.core_s:.1f} photos a second and core."
        ),
        f"- One serving process with {parts.cores} cores takes {parts.process_mb:.0f} MiB ({parts.memory_of}).",
        f"- Machine: {results['http']['conditions']['cpu']}. Its cores ran the network in {runtime_text(results['http']['conditions'])}.",
        *_models_measured(results, shipped),
        "- A GPU: not measured. It would take the network off the cores; decoding, rules and storing stay on them.",
        "",
        "## What follows",
        "",
        *_needs(parts, habits),
        "",
        *_how_to_read(),
    ]
    return "\n".join([*lines, ""])


def _models_measured(results: Results, shipped: Model | None) -> list[str]:
    kinds = [kind for kind in ("http", "peers") if kind in results] if shipped else []
    notes = [record_note(results[kind], shipped or {}, f"{kind}.json was measured") for kind in kinds]
    return [f"- {note}" for note in notes if note]


def _assumptions(habits: Habits) -> list[str]:
    return [
        "## What is assumed",
        "",
        f"- A worker takes {habits.photos_per_worker_day:g} photos on a working day, {habits.working_days} days a year.",
        f"- The busiest hour brings {habits.busiest_hour:.0%} of them, its peak {habits.burst:g} times its mean.",
        f"- Cores are planned to be busy {habits.utilisation:.0%} of the peak.",
        (
            "- All photos are 12 MP originals and all are kept, as without `FIREWARDEN_KEEP_INSPECTIONS_DAYS` "
            f"([serving.md](serving.md#keeping)). With N days there, up to a year, N / {habits.working_days} of the yearly disk is "
            "enough, and never more than all of it."
        ),
        "",
        (
            "photos a day = workers x photos of one; peak = photos a day x busiest hour / 3,600 x burst; "
            "cores = peak x core seconds of one photo / utilisation; memory = processes x memory of one; "
            "disk = photos x bytes; line = peak x bytes x 8."
        ),
    ]


def _needs(parts: Parts, habits: Habits) -> list[str]:
    rows: list[list[Any]] = []
    for name, workers in PLACES.items():
        need = need_of(workers, parts, habits)
        rows.append(
            [
                name,
                f"{need.photos_per_day:,.0f}",
                f"{need.peak_per_s:,.1f}",
                f"{need.cores:,}",
                f"{need.memory_gb:,.1f}",
                f"{need.disk_gb_per_year / 1000:,.1f}",
                f"{need.line_mbit_s:,.0f}",
            ]
        )
    names = ["", "photos a day", "peak photos/s", "cores", "memory, GB", "disk, TB a year", "line, Mbit/s"]
    return table(names, rows)


def _how_to_read() -> list[str]:
    return [
        (
            "Counties share nothing, so a province is that many small machines or a few large ones behind a load balancer that "
            "sends a county always to the same database. Measure your own machine before buying: cores of another kind differ by "
            "a factor of two and more."
        ),
    ]
