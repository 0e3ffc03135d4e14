"""docs/how-fast.md and its charts from the result files. A part that was not measured says so, with its command."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from firewarden.benchmarks.batch_page import batch_section
from firewarden.benchmarks.capacity import capacity_page
from firewarden.benchmarks.charts import Bar, bar_chart
from firewarden.benchmarks.load_plan import WATCH_EVERY_S
from firewarden.benchmarks.model_note import Model, record_note, shipped_model
from firewarden.benchmarks.peers_page import CHART_FOLDER, computes_in, peers_section
from firewarden.benchmarks.results import load_results
from firewarden.benchmarks.tables import (
    Results,
    conditions_text,
    not_run_table,
    photos_of,
    ratio_text,
    table,
)
from firewarden.benchmarks.windows import is_too_short

_INTRO = """# How fast is it

Written by `firewarden bench report` from the records of `firewarden bench`; do not edit.

- Photos are made from the packaged sample by a fixed seed: a 12 MP phone photo, a 1080p frame, a 640 px thumbnail.
- Every request carries another body (a number after the JPEG's end), so that nothing is answered from a cache.
- The load comes from a process of its own on the same machine; what it uses of the cores is in the tables.
- *Closed loop*: each client waits for its answer before it asks again, and as long as `Retry-After` says. *Open loop*: photos
  arrive at a constant rate whatever the server does, and latency counts from the time a photo was meant to be sent.
- *Goodput* is photos answered with success a second. A 429 or 503 is *shed*, not an error; *lost* is a connection that broke,
  *stuck* an answer that did not come in time.
- *Peak MiB* is the most memory that all processes of a server were seen to hold during the load and its warm-up, looked at
  every {watch_every_s:g} s, *MiB after* what they hold once it has ended; pages that processes share count more than once. A dash: the
  record was taken before peaks were.
- Contenders take turns, round by round. A ratio is the geometric mean over rounds, with its 95 % interval.
"""
_Section = Callable[[Mapping[str, Any]], list[str]]


def write_pages(results_folder: Path, docs: Path) -> list[Path]:
    """Write both pages and the charts; returns what was written."""
    results = load_results(results_folder)
    shipped = shipped_model()
    written = {
        docs / "how-fast.md": how_fast_page(results, shipped),
        docs / "capacity.md": capacity_page(results, shipped=shipped),
    }
    written |= {docs / CHART_FOLDER / name: svg for name, svg in charts_of(results).items()}
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(written)


def how_fast_page(results: Results, shipped: Model | None = None) -> str:
    """The page as Markdown. With `shipped` each section says so where it was measured with another model."""
    sections: tuple[tuple[str, str, str, _Section], ...] = (
        ("Side by side with what one would use instead", "peers", "peers --venvs DIR", peers_section),
        ("The server under load", "http", "http", _http),
        ("Batches", "batch", "batch --ray", batch_section),
        ("Memory over many requests", "memory", "http --requests 20000 --watch-memory", _memory),
        ("Bare loops", "throughput", "throughput", _throughput),
        ("One photo alone, by stage", "latency", "latency", _latency),
        ("Decoding", "decode", "decode", _decode),
    )
    lines = [_INTRO.format(watch_every_s=WATCH_EVERY_S)]
    for title, kind, command, section in sections:
        lines += [f"## {title}", ""]
        if kind in results:
            lines += [*section(results[kind]), "", *conditions_text(results[kind]["conditions"]), ""]
            note = record_note(results[kind], shipped) if shipped else ""
            lines += [note, ""] if note else []
        else:
            lines += [f"Not measured yet: `firewarden bench {command}`.", ""]
    return "\n".join(lines)


def charts_of(results: Results) -> dict[str, str]:
    """SVG texts by file name."""
    found = {}
    peers = results.get("peers", {})
    for photo in photos_of(peers.get("servers", ())):
        clients = max(row["clients"] for row in peers["servers"] if row["photo"] == photo)
        rows = [row for row in peers["servers"] if (row["photo"], row["clients"]) == (photo, clients)]
        measured = [row for row in rows if not is_too_short(row)]
        bars = [
            Bar(
                f"{row['name']} ({computes_in(peers, row['name']).split()[-1]})",
                row["goodput"],
                min(row["rounds"]),
                max(row["rounds"]),
                row["name"] == peers["ours"],
            )
            for row in measured
        ]
        bars += [
            Bar(f"bare: {row['loop']}", row["per_second"], min(row["rounds"]), max(row["rounds"]))
            for row in peers["loops"]
            if row["photo"] == photo
        ]
        bars.sort(key=lambda bar: -bar.value)
        unit = f"photos a second, {clients} clients; line: slowest to fastest round"
        if len(measured) < len(rows):
            unit += f"; {len(rows) - len(measured)} without a bar: window too short"
        found[f"peers-{photo}.svg"] = bar_chart(photo, unit, bars)
    return found


def _http(told: Mapping[str, Any]) -> list[str]:
    names = [
        "photo", "load", "goodput/s", "of peak", "p50 ms", "p95 ms", "p99 ms", "shed", "errors", "lost", "stuck",
        "server cores", "generator cores", "peak MiB", "MiB after",
    ]  # fmt: skip
    columns = (
        "p50_ms", "p95_ms", "p99_ms", "shed", "errors", "lost", "stuck", "server_cores", "generator_cores", "peak_resident_mb", "resident_mb",
    )  # fmt: skip
    rows = [
        [row["photo"], _load_text(row), row["goodput"], row.get("goodput_of_best")]
        + [row.get(column) for column in columns]
        for row in told["loads"]
    ]
    lines = [*table(names, rows), "", *_overload(told["loads"])]
    starts = ", ".join(f"{seconds:.2f}" for seconds in told["start_to_ready_s"])
    lines += [
        f"Start to ready, s: {starts or 'not measured'} (the first on an empty data folder, on {told['filesystem']})."
    ]
    if told["overhead"]:
        lines += [
            "",
            f"What the server adds for one client, storing included{_threads(told['overhead'])}, {_rounds(told['overhead'])}:",
            "",
        ]
        overhead = [
            [row[name] for name in ("photo", "http_p50_ms", "bare_p50_ms", "added_ms")]
            for row in told["overhead"]
        ]
        lines += table(["photo", "over HTTP, ms", "decode + network, ms", "added, ms"], overhead)
    return lines


def _threads(overhead: Sequence[Mapping[str, Any]]) -> str:
    threads = overhead[0].get("threads", 1)
    return f", both on {threads} threads, as a photo that comes alone" if threads > 1 else ""


def _rounds(overhead: Sequence[Mapping[str, Any]]) -> str:
    """How often and for how long both were measured; records before windows had a length of their own do not say."""
    first = overhead[0]
    if "window_s" not in first:
        return "medians"
    return f"medians of {len(first['rounds'])} rounds, {first['window_s']:g} s each in turns"


def _overload(loads: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence a photo that was offered both half and twice the peak."""
    lines = []
    for photo in photos_of(loads):
        opened = {row.get("share_of_best"): row for row in loads if row["photo"] == photo}
        half, twice = opened.get(0.5), opened.get(2.0)
        if half and twice and half["p50_ms"] and twice["p99_ms"]:
            tail = twice.get("p99_of_half_p50") or twice["p99_ms"] / half["p50_ms"]
            lines.append(
                f"{photo}, offered twice the peak: goodput {_of_peak(twice)} of the peak, p99 of accepted "
                f"{tail:.1f} times the p50 at half the peak."
            )
    return [*lines, ""] if lines else []


def _of_peak(row: Mapping[str, Any]) -> str:
    """With its interval, where the peak was measured beside it; older records have one peak for all."""
    of_peak = row.get("of_peak")
    if not of_peak or of_peak["low"] is None:
        return f"{row['goodput_of_best']:.2f}"
    return f"{of_peak['value']:.2f} ({of_peak['low']:.2f}-{of_peak['high']:.2f}, {of_peak['rounds']} rounds)"


def _memory(told: Mapping[str, Any]) -> list[str]:
    return [
        (
            f"{told['requests']:,} requests, {told['workers']} worker: at most {told['peak_mb']} MiB, {told['last_mb']} MiB at the "
            f"end, {told['mb_per_1000_requests']:+} MiB per 1,000 requests after the first quarter; {told['errors']} errors, "
            f"{told['lost']} lost, {told['stuck']} stuck."
        )
    ]


def _throughput(told: Mapping[str, Any]) -> list[str]:
    rows = [
        [row["photo"], row["loop"], row["per_second"], ratio_text(row["of_fastest"])] for row in told["rows"]
    ]
    return [*table(["photo", "loop", "photos/s", "of the fastest"], rows), *not_run_table(told["not_run"])]


def _latency(told: Mapping[str, Any]) -> list[str]:
    columns = ("photo", "stage", "n", "p50_ms", "p95_ms", "p99_ms", "max_ms")
    return table(
        ["photo", "stage", "n", "p50 ms", "p95 ms", "p99 ms", "max ms"], _cells(told["rows"], columns)
    )


def _decode(told: Mapping[str, Any]) -> list[str]:
    rows = [
        [row["photo"], row["decoder"], row["p50_ms"], row["p95_ms"], ratio_text(row["of_ours"])]
        for row in told["rows"]
    ]
    return [
        *table(["photo", "decoder", "p50 ms", "p95 ms", "times ours"], rows),
        *not_run_table(told["not_run"]),
    ]


def _cells(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[list[Any]]:
    return [[row[column] for column in columns] for row in rows]


def _load_text(row: Mapping[str, Any]) -> str:
    if row["loop"] == "closed":
        return f"{row['clients']} clients"
    return f"{row['rate']:.1f}/s, {row['share_of_best']:g} x peak"
