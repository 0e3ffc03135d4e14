"""The simulated parts of docs/scale.md."""

from collections.abc import Mapping
from typing import Any

from firewarden.benchmarks.model_note import file_text, model_note
from firewarden.benchmarks.scale_inputs import ASSUMED
from firewarden.benchmarks.tables import table


def scale_blocks(told: Mapping[str, Any]) -> dict[str, str]:
    """Text of each block of the page by its name."""
    blocks = {
        "inputs": inputs_block(told),
        "nodes": _nodes(told),
        "loss": _loss(told),
        "limits": _limits(told),
        "archive": _archive(told),
        "stragglers": _stragglers(told),
    }
    return {name: "\n".join(lines) for name, lines in blocks.items()}


def inputs_block(told: Mapping[str, Any]) -> list[str]:
    """Lines of what the simulation starts from and where each number comes from."""
    quantities, conditions = told["quantities"], told["conditions"]
    assumed = sum(quantity["source"] == ASSUMED for quantity in quantities.values())
    lines = [f"Simulated {conditions['date'][:10]} by `{conditions['command']}`."]
    if assumed:
        lines[0] += (
            f" **{assumed} of {len(quantities)} inputs are assumptions**: they show how to count, not how many to buy."
        )
    rows = [
        [
            name,
            quantity["meaning"],
            f"{quantity['value']:g} {quantity['unit']}",
            _source(name, quantity),
            "; ".join(_record(record) for record in quantity.get("records", ())) or None,
        ]
        for name, quantity in quantities.items()
    ]
    fleet, burst = told["fleet"], told["burst"]
    fleet_text = (
        f"{fleet['cameras']:,} cameras, a picture every {fleet['every_s']:g} s. Assumed: {fleet['events_per_day']:g} events a camera "
        f"and day, each of {fleet['changes']} changes and {fleet['pictures']} stored pictures, the busiest hour {fleet['peak']:g} times the "
        f"mean; in a shift change {burst['looks']:.0%} of the pictures of {burst['cameras']:.0%} of the cameras open the gate, "
        f"{burst['look_share']:.0%} of all."
    )
    columns = ["input", "what", "value", "from", "record"]
    return [*lines, "", *table(columns, rows), "", *_models(told), fleet_text]


def _source(name: str, quantity: Mapping[str, Any]) -> str:
    if quantity["source"] != ASSUMED:
        note = quantity.get("note")
        return f"{quantity['source']}, {note}" if note else str(quantity["source"])
    if quantity["measure_with"]:
        return f"**assumed**; to be measured with: {quantity['measure_with']}"
    return f"**assumed**; no command measures it: give your own as --{name.replace('_', '-')}"


def _record(record: Mapping[str, Any]) -> str:
    model = f"model `{record['model']['sha256'][:12]}`" if record["model"] else "no model in it"
    runtime = record["runtime"] or "runtime not noted"
    file = file_text(record["model"], runtime.replace(" ", "-")) if record["model"] else ""
    of_model = [model, runtime, *([file] if file else [])] if record["model"] else [model]
    return f"{record['name']}: " + ", ".join([*of_model, record["machine"], record["date"]])


def _models(told: Mapping[str, Any]) -> list[str]:
    """A sentence for each record that was not measured with the model shipped at the time of the simulation."""
    records = {
        record["name"]: record
        for quantity in told["quantities"].values()
        for record in quantity.get("records", ())
        if record["model"]
    }
    notes = [
        model_note(record["model"], told["shipped_model"], f"{name} was measured")
        for name, record in records.items()
        if "shipped_model" in told
    ]
    said = [note for note in notes if note]
    return [" ".join(said), ""] if said else []


def _nodes(told: Mapping[str, Any]) -> list[str]:
    names = ["pictures come as", "cores a node", "cameras a node, usual", "nodes, usual", "cameras a node, shift change",
             "nodes, shift change", "with one spare"]  # fmt: skip
    rows = [
        [
            row["intake"],
            row["cores"],
            row["cameras_a_node"],
            row["nodes"],
            row["cameras_a_node_in_burst"],
            row["nodes_for_burst"],
            row["nodes_for_burst"] and row["nodes_for_burst"] + 1,
        ]
        for row in told["nodes"]
    ]
    return table(names, rows)


_SHOWN_CORES = 8  # other sizes behave alike; the result file has them
_STATES = {
    "usual_on_burst_nodes": "sized for the shift change, usual hour",
    "usual_on_nodes": "sized for the usual hour, usual hour",
    "burst_on_nodes": "sized for the usual hour, shift change",
    "burst_less_one": "sized for the shift change without a spare, one node lost in it",
}


def _loss(told: Mapping[str, Any]) -> list[str]:
    names = [
        "pictures come as",
        "when",
        "cameras a node",
        "cores in use",
        "p50 s",
        "p99 s",
        "pictures dropped",
    ]
    rows = [
        [row["intake"], words, played["cameras"], f"{min(1, played['utilisation']):.0%}", played["p50_s"],
         played["p99_s"], f"{played['dropped']:.1%}"]
        for row in told["nodes"]
        if row["cores"] == _SHOWN_CORES
        for state, words in _STATES.items()
        if (played := row[state]) is not None
    ]  # fmt: skip
    return table(names, rows)


def _limits(told: Mapping[str, Any]) -> list[str]:
    rows = [
        [row["part"], f"{row['load']:g} {row['unit']}", f"{row['limit']:g} {row['unit']}", f"{row['used']:.1%}", f"{row['holds_cameras']:,}"]
        for row in told["limits"]
    ]  # fmt: skip
    return table(["part", "load, busiest hour", "can take", "used", "full at so many cameras"], rows)


def _archive(told: Mapping[str, Any]) -> list[str]:
    archive = told["archive_of"]
    names = ["nodes", "frames/s", "days", "node-hours", "Gbit/s in all", "Gbit/s a node", "prefixes for one GET a frame",
             "drivers"]  # fmt: skip
    keys = (
        "nodes",
        "frames_per_s",
        "days",
        "node_hours",
        "gbit_per_s",
        "gbit_per_s_a_node",
        "prefixes",
        "drivers",
    )
    first = told["archive"][0]
    text = (
        f"{archive['frames']:.0e} frames of {archive['frame_bytes'] / 1000:.0f} kB, {first['terabytes_in']:g} TB in, "
        f"{first['terabytes_out']:g} TB of rows out; nodes of {archive['node_cores']} cores, {archive['efficiency']:.0%} of them at work. "
        f"One object a frame is {first['requests_single']:,} GET, shards of {archive['shard_frames']:,} frames are "
        f"{first['requests_shards']:,}. One driver alone would need {first['days_one_driver']:g} days to write the rows."
    )
    return [text, "", *table(names, [[row[key] for key in keys] for row in told["archive"]])]


def _stragglers(told: Mapping[str, Any]) -> list[str]:
    archive, rows = told["archive_of"], told["stragglers"]
    text = (
        f"{rows[0]['workers']} workers, {archive['slow_share']:.0%} of them {archive['slow_factor']:g} times as slow, each lost "
        f"{archive['losses_per_hour']:g} times an hour and back after {archive['restart_s']:g} s. Time to the last frame over the time "
        "without waits and losses:"
    )
    names = [
        "frames a task",
        "seconds a task",
        "free workers take the next task",
        "equal shares from the start",
    ]
    return [text, "", *table(names, [[row["task_frames"], row["task_s"], row["pulled"], row["shared_out"]] for row in rows])]  # fmt: skip
