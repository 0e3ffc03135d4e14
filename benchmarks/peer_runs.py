"""All contenders in one run: interleaved rounds, the same photos, ratios with their intervals."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from firewarden.benchmarks.load_generator import ServedLoad, put_load
from firewarden.benchmarks.load_plan import PEER_CLIENTS, Load
from firewarden.benchmarks.peer_servers import Contender
from firewarden.benchmarks.photos import BenchPhoto
from firewarden.benchmarks.stats import ratio_of_rounds
from firewarden.benchmarks.throughput import BareLoop, photos_per_second
from firewarden.benchmarks.windows import is_too_short, longer_load, with_marks
from firewarden.errors import HazardError

LoadKey = tuple[str, int]  # photo, clients
Rows = dict[str, dict[LoadKey, list[dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class PeerPlan:
    """`rounds` times all contenders one after the other; each is started afresh, asked by each number of `clients` for
    `seconds` after `warm_up_s`, and ended. Where answers take longer than a third of that it is asked again, for longer."""

    clients: Sequence[int] = PEER_CLIENTS
    rounds: int = 5
    seconds: float = 15.0
    warm_up_s: float = 5.0
    on_step: Callable[[str], object] = lambda text: None


@dataclass(slots=True)
class PeerMeasures:
    """What came out: loads by contender, bare loops' photos a second by loop and photo, and who did not run and why."""

    loads: Rows = field(default_factory=dict)
    loops: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)


def measure_peers(
    plan: PeerPlan, contenders: Sequence[Contender], loops: Sequence[BareLoop], photos: Sequence[BenchPhoto]
) -> PeerMeasures:
    """Rounds of all; a contender that fails once is left out of the rest, with the reason."""
    measures = PeerMeasures()
    with tempfile.TemporaryDirectory(prefix="firewarden-bench-") as folder:
        for number in range(plan.rounds):
            for contender in contenders:
                if contender.name not in measures.not_run:
                    plan.on_step(f"round {number + 1} of {plan.rounds}: {contender.name}")
                    _measure_server(plan, contender, photos, Path(folder), measures)
            for loop in loops:
                plan.on_step(f"round {number + 1} of {plan.rounds}: bare loop, {loop.name}")
                _measure_loop(plan, loop, photos, measures)
    return measures


def _measure_server(
    plan: PeerPlan, contender: Contender, photos: Sequence[BenchPhoto], work: Path, measures: PeerMeasures
) -> None:
    try:
        with contender.start(work) as server:
            target = contender.target(server)
            for photo in photos:
                put = partial(put_load, server, target, photos=[photo], work=work)
                for clients in plan.clients:
                    load = Load(clients, seconds=plan.seconds, warm_up_s=plan.warm_up_s)
                    told = measure_load(put, load, photo.name)
                    rows = measures.loads.setdefault(contender.name, {})
                    rows.setdefault((photo.name, clients), []).append(
                        {**told, "start_to_ready_s": round(server.start_to_ready_s, 2)}
                    )
    except HazardError as error:
        measures.not_run[contender.name] = str(error)
        measures.loads.pop(contender.name, None)


def measure_load(put: Callable[[Load], ServedLoad], load: Load, photo: str) -> dict[str, Any]:
    """What a load gave, put again with a longer window where answers are slow. A window without any answer is a result;
    raises HazardError where there were answers and none was a success."""
    told = put(load).to_json()
    longer = longer_load(load, told)
    if longer is not None:
        load, told = longer, put(longer).to_json()
    if not told["goodput"] and (told["shed"] or told["errors"] or told["lost"]):
        raise HazardError(f"it answered no {photo} with success at {load.clients} clients")
    return {**told, "window_s": round(load.seconds, 1)}


def _measure_loop(
    plan: PeerPlan, loop: BareLoop, photos: Sequence[BenchPhoto], measures: PeerMeasures
) -> None:
    for photo in photos:
        photos_per_second(loop.work, photo.data, seconds=1.0)
        rate = photos_per_second(loop.work, photo.data, seconds=plan.seconds)
        measures.loops.setdefault(loop.name, {}).setdefault(photo.name, []).append(rate)


def peer_rows(measures: PeerMeasures, ours: str) -> dict[str, Any]:
    """The result file's tables: one row for each contender, photo and number of clients, with our ratio to it."""
    told = {
        "ours": ours,
        "servers": [
            _server_row(name, key, rounds, None if name == ours else measures.loads.get(ours, {}).get(key))
            for name, loads in measures.loads.items()
            for key, rounds in loads.items()
        ],
        "loops": [
            {
                "loop": name,
                "photo": photo,
                "per_second": round(median(rates), 2),
                "rounds": [round(rate, 2) for rate in rates],
                "ours_over_it": _over_loop(measures.loads.get(ours, {}), photo, rates),
            }
            for name, by_photo in measures.loops.items()
            for photo, rates in by_photo.items()
        ],
        "not_run": measures.not_run,
    }
    return with_marks(told)


def _server_row(
    name: str, key: LoadKey, rounds: Sequence[Mapping[str, Any]], ours: Sequence[Mapping[str, Any]] | None
) -> dict[str, Any]:
    goodput = [row["goodput"] for row in rounds]
    return {
        "name": name,
        "photo": key[0],
        "clients": key[1],
        "goodput": round(median(goodput), 2),
        **{column: _median([row.get(column) for row in rounds]) for column in _MEDIANS},
        "peak_resident_mb": max(row["peak_resident_mb"] for row in rounds),
        **{column: sum(row[column] for row in rounds) for column in ("shed", "errors", "lost", "stuck")},
        "rounds": goodput,
        "window_too_short": any(is_too_short({"clients": key[1], **row}) for row in rounds),
        "ours_over_it": _ratio([row["goodput"] for row in ours], goodput) if ours else None,
    }


_MEDIANS = (
    "mean_ms",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "server_cores",
    "generator_cores",
    "resident_mb",
    "start_to_ready_s",
    "window_s",
)


def _median(values: Sequence[float | None]) -> float | None:
    """Of those that were measured; None where none was."""
    known = [value for value in values if value is not None]
    return round(median(known), 3) if known else None


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, Any] | None:
    """None where one of them answered nothing in a round."""
    return ratio_of_rounds(ours, theirs).to_json() if min(*ours, *theirs) > 0 else None


def _over_loop(
    ours: Mapping[LoadKey, Sequence[Mapping[str, Any]]], photo: str, rates: Sequence[float]
) -> dict[str, Any]:
    """Our goodput over a bare loop's photos a second, by number of clients."""
    return {
        str(clients): _ratio([row["goodput"] for row in rounds], rates)
        for (name, clients), rounds in ours.items()
        if name == photo
    }
