"""The section about peers on the page of speeds."""

from collections.abc import Mapping
from typing import Any

from firewarden.benchmarks.load_plan import PEER_CLIENTS
from firewarden.benchmarks.photos import RECIPES
from firewarden.benchmarks.tables import not_run_table, photos_of, ratio_text, table
from firewarden.benchmarks.windows import LEAST_IN_WORK, TOO_SHORT, is_too_short, with_marks

CHART_FOLDER = "charts"


def peers_section(told: Mapping[str, Any]) -> list[str]:
    """Every server by photo and clients, the loops as the floor, and what was not run."""
    lines: list[str] = []
    told = with_marks(told)
    for photo in photos_of(told["servers"]):
        lines += [f"![photos a second]({CHART_FOLDER}/peers-{photo}.svg)", ""]
    names = [
        "photo", "clients", "server", "network in", "goodput/s", "ours / it", "p50 ms", "p95 ms", "p99 ms", "shed", "errors", "lost",
        "stuck", "peak MiB", "MiB after", "ready s",
    ]  # fmt: skip
    columns = (
        "p50_ms",
        "p95_ms",
        "p99_ms",
        "shed",
        "errors",
        "lost",
        "stuck",
        "peak_resident_mb",
        "resident_mb",
        "start_to_ready_s",
    )
    ordered = sorted(
        told["servers"],
        key=lambda row: (row["photo"], row["clients"], is_too_short(row), -row["goodput"]),
    )
    lines += table(
        names,
        [
            [row["photo"], row["clients"], row["name"], computes_in(told, row["name"])]
            + [TOO_SHORT if is_too_short(row) else row["goodput"], ratio_text(row["ours_over_it"])]
            + [row.get(column) for column in columns]
            for row in ordered
        ],
    )
    lines += [
        "",
        *_short_windows(told),
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
    lines += [*not_run_table({**loads_not_run(told), **told["not_run"]}), ""]
    return [*lines, *(f"- {peer}: {', '.join(pins)}" for peer, pins in told["pinned"].items())]


def loads_not_run(told: Mapping[str, Any]) -> dict[str, str]:
    """Loads that the record lacks and the command that puts them on all contenders, by words for them: of the made photos, by
    the numbers of clients that `bench peers` takes by itself or that the record has for another photo."""
    ran = {(row["photo"], row["clients"]) for row in told["servers"]}
    made, own = [recipe.name for recipe in RECIPES], photos_of(told["servers"])
    numbers = sorted({*PEER_CLIENTS, *(clients for _, clients in ran)})
    found = {}
    for photo in made if set(made) & set(own) else own:
        absent = [clients for clients in numbers if (photo, clients) not in ran]
        if absent:
            options = " ".join(f"--clients {clients}" for clients in absent)
            words = f"{photo}, clients {', '.join(map(str, absent))}"
            found[words] = (
                f"left out of this record; `firewarden bench peers --venvs DIR --photo {photo} {options}`"
            )
    return found


def computes_in(told: Mapping[str, Any], name: str) -> str:
    """Runtime and precision of a contender's network. Records before it was noted: ours stands in the conditions, and peers
    were never given anything but model.onnx, for which their packages take ONNX Runtime."""
    if "computes_in" in told:
        return str(told["computes_in"][name])
    runtime = told["conditions"]["runtime"]
    return f"{runtime['runtime']} {runtime['precision']}" if name == told["ours"] else "onnxruntime fp32"


def _unequal_precision(told: Mapping[str, Any]) -> list[str]:
    """What to keep in mind where ours computes otherwise than the peers; nothing where all compute alike."""
    ours = computes_in(told, told["ours"])
    if ours == "onnxruntime fp32":
        return []
    lines = [
        f"**Precisions differ**: {told['ours']} computes in {ours}, which the peers were not given; the ratios are of both together."
    ]
    for photo in photos_of(told["loops"]):
        rates = {row["loop"]: row["per_second"] for row in told["loops"] if row["photo"] == photo}
        same, exact = (f"{key}, scaled decode" for key in (ours.replace(" ", "-"), "onnxruntime-fp32"))
        if rates.get(same) and rates.get(exact):
            share = rates[same] / rates[exact]
            lines.append(f"Of the bare loop of {photo}, precision alone makes {share:.2f} times the pace.")
    names = {row["name"] for row in told["servers"]}
    if not any(name.endswith(", default") for name in names):
        lines.append("The server as shipped, in fp32, did not run beside them in this record.")
    return [" ".join(lines), ""]


def _short_windows(told: Mapping[str, Any]) -> list[str]:
    """What rows without a figure lack; nothing where all were watched for long enough."""
    if not any(is_too_short(row) for row in told["servers"]):
        return []
    return [
        (
            "*Window too short*: photos answered a second times the seconds of one answer must come near the number of clients. "
            f"Here they make less than {LEAST_IN_WORK:g} of it (by the mean; in records without it by p50, which may mark one too many) though nothing was "
            "refused or broke. A window no longer than the answers misses most of them, so such a row gets no figure, no ratio and "
            "no bar; what it tells of latency and memory was seen. Measure it again with `firewarden bench peers`, which gives slow "
            "answers a longer window."
        ),
        "",
    ]


def _by_clients(ratios: Mapping[str, Any]) -> str:
    return "; ".join(f"{clients}: {ratio_text(ratio)}" for clients, ratio in ratios.items()) or "-"
