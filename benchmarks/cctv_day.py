"""Simulated days before one camera in a quiet corridor, played fast: what the time logic finds, how often, at what cost.

Drawn frames and a detector whose errors are independent say how the logic behaves, nothing about a real camera.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from firewarden.benchmarks.cctv_stage import Actor, Shares, Stage, at, play, watcher
from firewarden.benchmarks.stats import percentile, share_of
from firewarden.benchmarks.tables import table
from firewarden.cctv.events import ChangeKind, Event
from firewarden.cctv.tracker import iou
from firewarden.inference.rules import Rules

DAY_S = 24 * 3600
EVERY_S = 10.0
MISS, FALSE_ALARM = 0.2, 0.01  # of the fake detector: per thing, per picture
_HAZARDS = {"ebike": "indoor_ebike", "carton": "corridor_clutter"}
_PLACES: tuple[Shares, ...] = (
    (0.05, 0.5, 0.2, 0.85), (0.3, 0.45, 0.45, 0.8), (0.55, 0.5, 0.7, 0.9), (0.8, 0.55, 0.98, 0.95),
)  # fmt: skip
_SAME_PLACE_IOU = 0.3
_PAGE_SOURCE = "Written by `{command}`; do not edit. {date}, FireWarden {version}, {cpu}."
_PAGE_STAGE = (
    "A drawn corridor for 24 h, one frame every {every_s:g} s: 20 things left for 4 to 90 minutes, {people} people passing, lamps "
    "off at night, a cloud at noon. The rules, gate and trackers are those that serve; the detector is drawn too: it misses "
    "{miss:.0%} of things and sees one that is not there in {false_alarm:.0%} of pictures, independently from picture to picture. "
    "That says how the time logic behaves, nothing about a real camera."
)


@dataclass(frozen=True, slots=True)
class Day:
    """One played day. `found` are positions of staged things, one for each event that tells of one; `false` are events that
    tell of none; `delays_s` from a thing's arrival to its event."""

    seed: int
    staged: int
    found: tuple[int, ...]
    false: int
    delays_s: tuple[float, ...]
    frames: int
    looks: int
    cpu_s: float


def walk(start: float, x: float, speed: float) -> Callable[[float], Shares]:
    """The box of a person who crosses the picture."""

    def box(t: float) -> Shares:
        left = min(x + speed * (t - start), 0.85)
        return left, 0.3, left + 0.1, 0.9

    return box


def staged_day(seed: int) -> tuple[list[Actor], list[Actor]]:
    """Twenty things left in the corridor, 4 to 90 minutes each, and eighty people who pass in 20 to 60 s."""
    random = np.random.default_rng(seed)
    left = []
    for number in range(20):
        start = 1800 + number * 4050 + random.uniform(0, 900)
        name = ("ebike", "carton")[number % 2]
        place, shade = _PLACES[number % 4], 30 + 8 * (number % 4)
        left.append(Actor(name, place, start, start + random.uniform(240, 5400), shade))
    people = []
    for start in random.uniform(0, DAY_S, 80):
        x, speed = random.uniform(0, 0.3), random.uniform(0.005, 0.015)
        people.append(Actor("person", walk(start, x, speed), start, start + random.uniform(20, 60), 200))
    return left, people


def light(t: float) -> float:
    """Lamps off at night, on at six; a cloud at noon."""
    hour = t / 3600
    return 0.6 if hour < 6 or hour >= 22 else 0.85 if 12 <= hour < 12.5 else 1.0


def play_day(seed: int, rules: Rules) -> Day:
    """One day, a frame every 10 s, watched by the real watch with a fake detector."""
    left, people = staged_day(seed)
    stage = Stage([*left, *people], light, miss=MISS, false_alarm=FALSE_ALARM, seed=seed + 1)
    watch = watcher(stage, rules)
    began = time.process_time()
    opened = [
        (t, c.event) for t, c in play(stage, watch, DAY_S, every_s=EVERY_S) if c.kind is ChangeKind.OPENED
    ]
    cpu_s = time.process_time() - began
    told = [(t, told_of(event, left)) for t, event in opened]
    return Day(
        seed,
        len(left),
        tuple(number for _, numbers in told for number in numbers),
        sum(not numbers for _, numbers in told),
        tuple(t - left[number].start_s for t, numbers in told for number in numbers),
        watch.watch.health.frames,
        stage.looks,
        cpu_s,
    )  # fmt: skip


def told_of(event: Event, left: Sequence[Actor]) -> list[int]:
    """Positions of the staged things an event tells of: its hazard, in its place, begun while it stood there."""
    return [
        number
        for number, actor in enumerate(left)
        if event.hazard == _HAZARDS[actor.name]
        and iou(event.xyxy, actor.box_at(0)) > _SAME_PLACE_IOU
        and at(actor.start_s) <= event.first_seen <= at(actor.end_s)
    ]


def summary_of(days: Sequence[Day]) -> dict[str, Any]:
    """All days together; the bound of false events is the one-sided 95 % Poisson bound where there were none."""
    found, false = sum(len(set(day.found)) for day in days), sum(day.false for day in days)
    delays = [delay for day in days for delay in day.delays_s]
    return {
        "days": len(days),
        "recall": share_of(found, sum(day.staged for day in days)).to_json(),
        "false_per_camera_day": round(false / len(days), 4),
        "false_per_camera_day_below": round(-math.log(0.05) / len(days), 4) if not false else None,
        "duplicates": sum(len(day.found) - len(set(day.found)) for day in days),
        "looked_at": round(sum(day.looks for day in days) / sum(day.frames for day in days), 4),
        "delay_p50_s": percentile(delays, 50) if delays else None,
        "delay_p95_s": percentile(delays, 95) if delays else None,
        "cpu_s_per_day_max": round(max(day.cpu_s for day in days), 2),
    }


def measure_days(seeds: Iterable[int], rules: Rules, on_step: Callable[[str], None]) -> dict[str, Any]:
    """Play the days of `seeds`: `summary` and one row for each day. Raises ValueError without seeds."""
    days = []
    for seed in seeds:
        on_step(f"day {seed}")
        days.append(play_day(seed, rules))
    if not days:
        raise ValueError("got no seeds; give at least one day to play")
    return {
        "summary": summary_of(days),
        "staged": {"every_s": EVERY_S, "miss": MISS, "false_alarm": FALSE_ALARM, "people": 80},
        "rows": [_row(day) for day in days],
    }


def _row(day: Day) -> dict[str, Any]:
    return {
        "seed": day.seed,
        "staged": day.staged,
        "found": len(set(day.found)),
        "missed": sorted(set(range(day.staged)) - set(day.found)),
        "duplicates": len(day.found) - len(set(day.found)),
        "false": day.false,
        "looked_at": round(day.looks / day.frames, 4),
        "cpu_s": round(day.cpu_s, 2),
    }


def day_page(told: Mapping[str, Any]) -> str:
    """The result as a Markdown page."""
    conditions, staged, rows = told["conditions"], told["staged"], told["rows"]
    lines = [
        "# Simulated days before a camera",
        "",
        _PAGE_SOURCE.format(
            command=conditions["command"],
            date=conditions["date"][:10],
            version=conditions["versions"]["firewarden"],
            cpu=conditions["cpu"],
        ),
        "",
        _PAGE_STAGE.format(**staged),
        "",
        *table(["measured", "value", "asked for"], _summary_rows(told["summary"])),
        "",
        "Processor time holds drawing the frames and everything but a network; it depends on how busy the machine was.",
        "",
        *table(list(rows[0]), [list(row.values()) for row in rows]),
        "",
    ]
    return "\n".join(lines)


def _summary_rows(sums: Mapping[str, Any]) -> list[list[Any]]:
    recall, bound = sums["recall"], sums["false_per_camera_day_below"]
    interval = f"{recall['value']:.4f}, 95 % interval {recall['low']:.3f} to {recall['high']:.3f}"
    below = f" (below {bound:g} with 95 % confidence)" if bound else ""
    delays = f"half within {sums['delay_p50_s']:.0f} s, 95 % within {sums['delay_p95_s']:.0f} s"
    return [
        ["events found", f"{recall['hits']} of {recall['n']} ({interval})", ">= 0.95"],
        ["false events per camera and day", f"{sums['false_per_camera_day']:g}{below}", "<= 0.2"],
        ["second events of one happening", sums["duplicates"], "0"],
        ["frames looked at", f"{sums['looked_at']:.1%}", "<= 20 %"],
        ["from arrival to event", delays, None],
    ]
