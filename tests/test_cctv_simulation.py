"""A day before one camera in a quiet corridor, played fast: what is found, how often, and at what cost."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from cctv_stage import Actor, Stage, at, play, watcher

from firewarden.cctv.events import ChangeKind
from firewarden.cctv.tracker import iou

DAY_S = 24 * 3600
PLACES = [(0.05, 0.5, 0.2, 0.85), (0.3, 0.45, 0.45, 0.8), (0.55, 0.5, 0.7, 0.9), (0.8, 0.55, 0.98, 0.95)]


def walk(start: float, x: float, speed: float):
    """The box of a person who crosses the picture."""

    def box(t: float) -> tuple[float, float, float, float]:
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
        left.append(
            Actor(name, PLACES[number % 4], start, start + random.uniform(240, 5400), 30 + 8 * (number % 4))
        )
    people = []
    for start in random.uniform(0, DAY_S, 80):
        x, speed = random.uniform(0, 0.3), random.uniform(0.005, 0.015)
        people.append(Actor("person", walk(start, x, speed), start, start + random.uniform(20, 60), 200))
    return left, people


def light(t: float) -> float:
    """Lamps off at night, on at six; a cloud at noon."""
    hour = t / 3600
    return 0.6 if hour < 6 or hour >= 22 else 0.85 if 12 <= hour < 12.5 else 1.0


def test_a_day_with_twenty_things_left_in_a_corridor(rules):
    left, people = staged_day(seed=1)
    stage = Stage([*left, *people], light, miss=0.2, false_alarm=0.01, seed=2)
    watch = watcher(stage, rules)
    opened = [c.event for _, c in play(stage, watch, DAY_S) if c.kind is ChangeKind.OPENED]
    hazards = {"ebike": "indoor_ebike", "carton": "corridor_clutter"}
    told = {
        event.id: [
            number
            for number, actor in enumerate(left)
            if event.hazard == hazards[actor.name] and iou(event.xyxy, actor.box_at(0)) > 0.3
            and at(actor.start_s) <= event.first_seen <= at(actor.end_s)
        ]
        for event in opened
    }  # fmt: skip
    found = [number for numbers in told.values() for number in numbers]
    assert len(set(found)) >= 0.95 * len(left)
    assert len(found) == len(set(found)), "one event for each happening"
    assert [event for event in opened if not told[event.id]] == []  # 0.2 a day leave none for one day
    health = watch.watch.health
    assert health.frames == DAY_S / 10 == health.inferences + health.skipped
    assert health.inferences == stage.looks
    assert health.inferences <= 0.2 * health.frames
