"""Cameras by the ten thousand and archives by the billion: nodes, delays, what breaks first, by simulation."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from firewarden.benchmarks.model_note import shipped_model
from firewarden.benchmarks.queue_sim import Cluster, NodeLoad, makespan_over_ideal, most_cameras, play_node
from firewarden.benchmarks.scale_inputs import Quantity

MOST_DELAY_S = 10.0
_NODE_CORES = (4, 8, 16)
_BURST_CAMERAS, _BURST_LOOKS = (
    0.6,
    0.9,
)  # shift change: so many cameras see people, so many of their pictures differ
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Fleet:
    """Cameras and what is assumed of them. `events_per_day` of one camera, each with `changes` to write and send and
    `pictures` to store; the busiest hour has `peak` times the mean."""

    cameras: int = 10_000
    every_s: float = 10.0
    events_per_day: float = 5.0
    changes: int = 3
    pictures: int = 2
    peak: float = 10.0


@dataclass(frozen=True, slots=True)
class Intake:
    """How pictures come: what one camera costs on the line, and whether its stream is held open."""

    name: str
    mbit_s: float
    held_open: bool


INTAKES = (
    Intake("a stream of 2 Mbit/s held open", 2.0, True),
    Intake("a snapshot of 250 kB every 10 s", 0.2, False),
)


@dataclass(frozen=True, slots=True)
class Archive:
    """Frames in an object store. `slow_share` of workers take `slow_factor` times as long, each is lost `losses_per_hour`."""

    frames: float = 1e9
    frame_bytes: float = 250e3
    row_bytes: float = 1000.0
    node_cores: int = 16
    efficiency: float = 0.9
    requests_per_s: float = 5500.0  # GET a second and prefix, documented for S3
    shard_frames: int = 4000  # 1 GB of frames in one tar
    slow_share: float = 0.05
    slow_factor: float = 3.0
    losses_per_hour: float = 0.05
    restart_s: float = 60.0


def measure_scale(
    quantities: Mapping[str, Quantity], fleet: Fleet, archive: Archive, on_step: Callable[[str], None]
) -> dict[str, Any]:
    """Everything the page shows."""
    values = {name: quantity.value for name, quantity in quantities.items()}
    return {
        "shipped_model": shipped_model(),
        "quantities": {name: quantity.to_json() for name, quantity in quantities.items()},
        "fleet": {name: getattr(fleet, name) for name in fleet.__slots__},
        "archive_of": {name: getattr(archive, name) for name in archive.__slots__},
        "burst": {"cameras": _BURST_CAMERAS, "looks": _BURST_LOOKS, "look_share": burst_looks(values)},
        "nodes": [
            row
            for intake in INTAKES
            for cores in _NODE_CORES
            for row in [_node_row(values, fleet, intake, cores, on_step)]
        ],
        "limits": limits(values, fleet),
        "archive": [archive_row(values, archive, nodes) for nodes in (10, 100, 1000)],
        "stragglers": stragglers(values, archive),
    }


def burst_looks(values: Mapping[str, float]) -> float:
    """Share of all pictures looked at while shifts change."""
    return _BURST_CAMERAS * _BURST_LOOKS + (1 - _BURST_CAMERAS) * values["looked_at"]


def load_of(
    values: Mapping[str, float], fleet: Fleet, intake: Intake, cores: int, look_share: float
) -> Callable[[int], NodeLoad]:
    """The load of a node by its number of cameras."""
    frame_ms, look_ms = values["decode_ms"] + values["gate_ms"], values["infer_ms"] + values["rules_ms"]
    receive = values["receive_ms"] if intake.held_open else 0.0
    return lambda cameras: NodeLoad(cameras, cores, fleet.every_s, frame_ms, look_ms, look_share, receive)


def _node_row(
    values: Mapping[str, float], fleet: Fleet, intake: Intake, cores: int, on_step: Callable[[str], None]
) -> dict[str, Any]:
    """Nodes of one size: as many as a usual day needs, as a shift change needs, and what happens to too few."""
    on_step(f"{intake.name}, {cores} cores")
    usual = load_of(values, fleet, intake, cores, values["looked_at"])
    burst = load_of(values, fleet, intake, cores, burst_looks(values))
    held, held_in_burst = (most_cameras(load, most_delay_s=MOST_DELAY_S) for load in (usual, burst))
    nodes, nodes_for_burst = (_nodes(fleet.cameras, most) for most in (held, held_in_burst))
    return {
        "intake": intake.name,
        "cores": cores,
        "cameras_a_node": held,
        "nodes": nodes,
        "cameras_a_node_in_burst": held_in_burst,
        "nodes_for_burst": nodes_for_burst,
        "usual_on_nodes": _played(usual, fleet, nodes),
        "burst_on_nodes": _played(burst, fleet, nodes),
        "usual_on_burst_nodes": _played(usual, fleet, nodes_for_burst),
        "burst_less_one": _played(burst, fleet, nodes_for_burst and nodes_for_burst - 1),
    }


def _nodes(cameras: int, most: int) -> int | None:
    return math.ceil(cameras / most) if most else None


def _played(load: Callable[[int], NodeLoad], fleet: Fleet, nodes: int | None) -> dict[str, Any] | None:
    """One of `nodes` with its share of the cameras; None without nodes."""
    if not nodes:
        return None
    node = load(math.ceil(fleet.cameras / nodes))
    played = play_node(node)
    return {
        "cameras": node.cameras,
        "utilisation": round(node.utilisation, 3),
        "p50_s": _finite(played.p50_s),
        "p99_s": _finite(played.p99_s),
        "dropped": round(played.dropped, 4),
    }


def _finite(seconds: float) -> float | None:
    return round(seconds, 2) if math.isfinite(seconds) else None


def limits(values: Mapping[str, float], fleet: Fleet) -> list[dict[str, Any]]:
    """Each shared part with its load at the busiest hour over what it can take, the fullest first. `holds_cameras`: how many
    cameras fill it."""
    changes = fleet.cameras * fleet.events_per_day * fleet.changes / _DAY_S * fleet.peak
    pictures = fleet.cameras * fleet.events_per_day * fleet.pictures / _DAY_S * fleet.peak
    parts = [
        ("line of 10 Gbit/s, streams held open", fleet.cameras * INTAKES[0].mbit_s / 1000, 10.0, "Gbit/s"),
        ("line of 10 Gbit/s, snapshots", fleet.cameras * INTAKES[1].mbit_s / 1000, 10.0, "Gbit/s"),
        ("one webhook receiver, one sender", changes, 1000 / values["webhook_ms"], "messages/s"),
        ("database, one SQLite file", changes, values["database_changes_per_s"], "changes/s"),
        ("object store, one prefix, PUT", pictures, 3500.0, "requests/s"),  # documented for S3
    ]
    rows = [
        {
            "part": name,
            "load": round(load, 3),
            "limit": round(limit, 3),
            "unit": unit,
            "used": round(load / limit, 4),
            "holds_cameras": math.floor(fleet.cameras * limit / load),
        }
        for name, load, limit, unit in parts
    ]
    return sorted(rows, key=lambda row: -float(str(row["used"])))


def frame_core_s(values: Mapping[str, float]) -> float:
    """Seconds of one core for a frame of an archive: every one is looked at."""
    return (values["decode_ms"] + values["infer_ms"] + values["rules_ms"]) / 1000


def archive_row(values: Mapping[str, float], archive: Archive, nodes: int) -> dict[str, Any]:
    """The archive on so many nodes, if nothing but their cores held them up, and the rates that asks of everything else."""
    per_s = nodes * archive.node_cores * archive.efficiency / frame_core_s(values)
    seconds = archive.frames / per_s
    return {
        "nodes": nodes,
        "frames_per_s": round(per_s),
        "days": round(seconds / _DAY_S, 2),
        "node_hours": round(nodes * seconds / 3600),
        "gbit_per_s": round(per_s * archive.frame_bytes * 8 / 1e9, 2),
        "gbit_per_s_a_node": round(per_s * archive.frame_bytes * 8 / 1e9 / nodes, 3),
        "get_per_s": round(per_s),
        "prefixes": math.ceil(per_s / archive.requests_per_s),
        "drivers": math.ceil(per_s / values["driver_rows_per_s"]),
        "terabytes_in": round(archive.frames * archive.frame_bytes / 1e12, 1),
        "terabytes_out": round(archive.frames * archive.row_bytes / 1e12, 2),
        "requests_single": round(archive.frames),
        "requests_shards": math.ceil(archive.frames / archive.shard_frames),
        "days_one_driver": round(archive.frames / values["driver_rows_per_s"] / _DAY_S, 2),
    }


def stragglers(values: Mapping[str, float], archive: Archive) -> list[dict[str, Any]]:
    """How much longer than the ideal a part of the archive takes, by size of a task and by who hands out the work."""
    workers, frames_each = 160, 80_000
    cluster = Cluster(
        workers, archive.slow_share, archive.slow_factor, archive.losses_per_hour, archive.restart_s
    )
    rows = []
    for frames in (160, 4_000, 40_000):
        tasks, task_s = workers * frames_each // frames, frames * frame_core_s(values)
        ratios = {
            name: makespan_over_ideal(cluster, tasks=tasks, task_s=task_s, pulled=pulled)
            for name, pulled in (("pulled", True), ("shared_out", False))
        }
        rows.append(
            {"task_frames": frames, "task_s": round(task_s, 1), "workers": workers, "tasks": tasks}
            | {name: round(ratio, 3) for name, ratio in ratios.items()}
        )
    return rows
