"""docs/how-fast.md and its charts from the result files. A part that was not measured says so, with its command."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from firewarden.benchmarks.batch_page import batch_section
from firewarden.benchmarks.capacity import capacity_page
from firewarden.benchmarks.charts import Bar, bar_chart
from firewarden.benchmarks.results import load_results
from firewarden.benchmarks.tables import Results, conditions_text, ratio_text, table

CHART_FOLDER = "charts"
_INTRO = """# How fast is it

Written by `firewarden bench report` from `benchmarks/results/*.json`; do not edit.

- Photos are made from the packaged sample by a fixed seed: a 12 MP phone photo, a 1080p frame, a 640 px thumbnail.
- Every request carries another body (a number after the JPEG's end), so that nothing is answered from a cache.
- The load comes from a process of its own on the same machine; what it uses of the cores is in the tables.
- *Closed loop*: each client waits for its answer before it asks again, and as long as `Retry-After` says. *Open loop*: photos
  arrive at a constant rate whatever the server does, and latency counts from the time a photo was meant to be sent.
- *Goodput* is photos answered with success a second. A 429 or 503 is *shed*, not an error; *lost* is a connection that broke,
  *stuck* an answer that did not come in time.
- Contenders take turns, round by round. A ratio is the geometric mean over rounds, with its 95 % interval.
"""
_Section = Callable[[Mapping[str, Any]], list[str]]


def write_pages(results_folder: Path, docs: Path) -> list[Path]:
    """Write both pages and the charts; returns what was written."""
    results = load_results(results_folder)
    written = {docs / "how-fast.md": how_fast_page(results), docs / "capacity.md": capacity_page(results)}
    written |= {docs / CHART_FOLDER / name: svg for name, svg in charts_of(results).items()}
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(written)


def how_fast_page(results: Results) -> str:
    """The page as Markdown."""
    sections: tuple[tuple[str, str, str, _Section], ...] = (
        ("Side by side with what one would use instead", "peers", "peers --venvs DIR", _peers),
        ("The server under load", "http", "http", _http),
        ("Batches", "batch", "batch --ray", batch_section),
        ("Memory over many requests", "memory", "http --requests 20000 --watch-memory", _memory),
        ("Bare loops", "throughput", "throughput", _throughput),
        ("One photo alone, by stage", "latency", "latency", _latency),
        ("Decoding", "decode", "decode", _decode),
    )
    lines = [_INTRO]
    for title, kind, command, section in sections:
        lines += [f"## {title}", ""]
        if kind in results:
            lines += [*section(results[kind]), "", *conditions_text(results[kind]["conditions"]), ""]
        else:
            lines += [f"Not measured yet: `firewarden bench {command}`.", ""]
    return "\n".join(lines)


def charts_of(results: Results) -> dict[str, str]:
    """SVG texts by file name."""
    found = {}
    peers = results.get("peers", {})
    for photo in _photos(peers.get("servers", ())):
        rows = [row for row in peers["servers"] if row["photo"] == photo]
        clients = max(row["clients"] for row in rows)
        bars = [
            Bar(
                f"{row['name']} ({_computes_in(peers, row['name']).split()[-1]})",
                row["goodput"],
                min(row["rounds"]),
                max(row["rounds"]),
                row["name"] == peers["ours"],
            )
            for row in rows
            if row["clients"] == clients
        ]
        bars += [
            Bar(f"bare: {row['loop']}", row["per_second"], min(row["rounds"]), max(row["rounds"]))
            for row in peers["loops"]
            if row["photo"] == photo
        ]
        bars.sort(key=lambda bar: -bar.value)
        unit = f"photos a second, {clients} clients; line: slowest to fastest round"
        found[f"peers-{photo}.svg"] = bar_chart(photo, unit, bars)
    return found


def _peers(told: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for photo in _photos(told["servers"]):
        lines += [f"![photos a second]({CHART_FOLDER}/peers-{photo}.svg)", ""]
    names = [
        "photo", "clients", "server", "network in", "goodput/s", "ours / it", "p50 ms", "p95 ms", "p99 ms", "shed", "errors", "lost",
        "stuck", "MiB", "ready s",
    ]  # fmt: skip
    columns = (
        "p50_ms",
        "p95_ms",
        "p99_ms",
        "shed",
        "errors",
        "lost",
        "stuck",
        "resident_mb",
        "start_to_ready_s",
    )
    ordered = sorted(told["servers"], key=lambda row: (row["photo"], row["clients"], -row["goodput"]))
    lines += table(
        names,
        [
            [row["photo"], row["clients"], row["name"], _computes_in(told, row["name"])]
            + [row["goodput"], ratio_text(row["ours_over_it"])]
            + [row[column] for column in columns]
            for row in ordered
        ],
    )
    lines += [
        "",
        *_unequal_precision(told),
        "The floor, loops without a server; our server's goodput over it, by number of clients:",
        "",
    ]
    lines += table(
        ["photo", "loop", "photos/s", "ours / it"],
        [
            [row["photo"], row["loop"], row["per_second"], _by_clients(row["ours_over_it"])]
            for row in sorted(told["loops"], key=lambda row: (row["photo"], -row["per_second"]))
        ],
    )
    lines += [
        "",
        "A loop may use a runtime that `doctor --tune` refuses here because its answers differ too much.",
    ]
    lines += [*_not_run(told["not_run"]), ""]
    return [*lines, *(f"- {peer}: {', '.join(pins)}" for peer, pins in told["pinned"].items())]


def _computes_in(told: Mapping[str, Any], name: str) -> str:
    """Runtime and precision of a contender's network. Records before it was noted: ours stands in the conditions, and peers
    were never given anything but model.onnx, for which their packages take ONNX Runtime."""
    if "computes_in" in told:
        return str(told["computes_in"][name])
    runtime = told["conditions"]["runtime"]
    return f"{runtime['runtime']} {runtime['precision']}" if name == told["ours"] else "onnxruntime fp32"


def _unequal_precision(told: Mapping[str, Any]) -> list[str]:
    """What to keep in mind where ours computes otherwise than the peers; nothing where all compute alike."""
    ours = _computes_in(told, told["ours"])
    if ours == "onnxruntime fp32":
        return []
    lines = [
        f"**Precisions differ**: {told['ours']} computes in {ours}, which the peers were not given; the ratios are of both together."
    ]
    for photo in _photos(told["loops"]):
        rates = {row["loop"]: row["per_second"] for row in told["loops"] if row["photo"] == photo}
        same, exact = (f"{key}, scaled decode" for key in (ours.replace(" ", "-"), "onnxruntime-fp32"))
        if rates.get(same) and rates.get(exact):
            share = rates[same] / rates[exact]
            lines.append(f"Of the bare loop of {photo}, precision alone makes {share:.2f} times the pace.")
    names = {row["name"] for row in told["servers"]}
    if not any(name.endswith(", default") for name in names):
        lines.append("The server as shipped, in fp32, did not run beside them in this record.")
    return [" ".join(lines), ""]


def _http(told: Mapping[str, Any]) -> list[str]:
    names = [
        "photo", "load", "goodput/s", "of peak", "p50 ms", "p95 ms", "p99 ms", "shed", "errors", "lost", "stuck",
        "server cores", "generator cores", "MiB",
    ]  # fmt: skip
    columns = (
        "p50_ms", "p95_ms", "p99_ms", "shed", "errors", "lost", "stuck", "server_cores", "generator_cores", "resident_mb",
    )  # fmt: skip
    rows = [
        [row["photo"], _load_text(row), row["goodput"], row.get("goodput_of_best")]
        + [row[column] for column in columns]
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
            f"What the server adds for one client, storing included, {_rounds(told['overhead'])}:",
            "",
        ]
        overhead = [
            [row[name] for name in ("photo", "http_p50_ms", "bare_p50_ms", "added_ms")]
            for row in told["overhead"]
        ]
        lines += table(["photo", "over HTTP, ms", "decode + network, ms", "added, ms"], overhead)
    return lines


def _rounds(overhead: Sequence[Mapping[str, Any]]) -> str:
    """How often and for how long both were measured; records before windows had a length of their own do not say."""
    first = overhead[0]
    if "window_s" not in first:
        return "medians"
    return f"medians of {len(first['rounds'])} rounds, {first['window_s']:g} s each in turns"


def _overload(loads: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence a photo that was offered both half and twice the peak."""
    lines = []
    for photo in _photos(loads):
        opened = {row.get("share_of_best"): row for row in loads if row["photo"] == photo}
        half, twice = opened.get(0.5), opened.get(2.0)
        if half and twice and half["p50_ms"] and twice["p99_ms"]:
            lines.append(
                f"{photo}, offered twice the peak: goodput {twice['goodput_of_best']:.2f} of the peak, p99 of accepted "
                f"{twice['p99_ms'] / half['p50_ms']:.1f} times the p50 at half the peak."
            )
    return [*lines, ""] if lines else []


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
    return [*table(["photo", "loop", "photos/s", "of the fastest"], rows), *_not_run(told["not_run"])]


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
    return [*table(["photo", "decoder", "p50 ms", "p95 ms", "times ours"], rows), *_not_run(told["not_run"])]


def _cells(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[list[Any]]:
    return [[row[column] for column in columns] for row in rows]


def _photos(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(row["photo"]) for row in rows))


def _load_text(row: Mapping[str, Any]) -> str:
    if row["loop"] == "closed":
        return f"{row['clients']} clients"
    return f"{row['rate']:.1f}/s, {row['share_of_best']:g} x peak"


def _by_clients(ratios: Mapping[str, Any]) -> str:
    return "; ".join(f"{clients}: {ratio_text(ratio)}" for clients, ratio in ratios.items()) or "-"


def _not_run(reasons: Mapping[str, str]) -> list[str]:
    if not reasons:
        return []
    shown = [[name, f"not run: {reason.splitlines()[0]}"] for name, reason in reasons.items()]
    return ["", *table(["", ""], shown)]
