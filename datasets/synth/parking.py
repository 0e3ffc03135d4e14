"""Vehicles standing in rooms: parked along walls without touching anything, with what each means for the rules."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firewarden.datasets.synth.built import Built
from firewarden.datasets.synth.footprint import Footprint
from firewarden.datasets.synth.goods import take_away
from firewarden.datasets.synth.stage import NoRoom, Stage
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.two_wheelers import build_two_wheeler
from firewarden.datasets.synth.walls import Room

_EGRESS = ("evacuation_corridor", "exit_door_area", "stairwell")
_ELECTRIC = ("ebike", "moped", "etricycle")


@dataclass(frozen=True, slots=True)
class Parked:
    """A vehicle that stands: its instance, body and floor area."""

    number: int
    built: Built
    area: Footprint

    @property
    def class_name(self) -> str:
        return self.built.class_name


def vehicle_kind(rng: np.random.Generator, setting: str) -> str | None:
    """What stands for a setting of the vehicle axis: e-bikes are light, heavy or, seldom, three-wheeled."""
    if setting == "ebike":
        return str(rng.choice(_ELECTRIC, p=[0.6, 0.35, 0.05]))
    if setting == "pram":
        return "pram" if rng.random() < 0.75 else "wheelchair"
    return None if setting == "none" else setting


def park_vehicle(
    stage: Stage,
    seed: int,
    room: Room,
    spots: Sequence[Footprint],
    setting: str,
    *,
    turns: str = "along",
    must: bool = False,
    part: str = "vehicle",
) -> Parked | None:
    """Park the vehicle of `setting` with its middle in the first of `spots` that has room; None where nothing stands.

    Raises NoRoom where a vehicle that `must` stand does not fit.

    `turns` is along (the y axis), square (x or y) or any. Position and direction come from a stream of their own, so
    every setting stands in about the same place."""
    kind = vehicle_kind(stream(seed, f"{part}:kind"), setting)
    if kind is None:
        return None
    built = build_two_wheeler(stream(seed, f"{part}:shape:{setting}"), kind)
    where = stream(seed, f"{part}:where")
    for spot in [spot for spot in spots for _ in range(120)]:
        x = spot.x + (where.random() - 0.5) * spot.width
        y = spot.y + (where.random() - 0.5) * spot.length
        turn = _turn(where, turns)
        area = Footprint(x, y, built.size[0], built.size[1], turn)
        if room.contains(area) and stage.fits(area, 0.02):
            placed = stage.place(built, (x, y, 0.0), turn)
            number = stage.label(built.class_name, built.things, name=kind)
            expect_vehicle(stage, number, kind)
            return Parked(number, built, placed)
    take_away(built.things)
    if must:
        raise NoRoom(f"no room for the {kind} of {part}")
    stage.fact(f"{part}_skipped", kind)
    return None


def _turn(rng: np.random.Generator, turns: str) -> float:
    if turns == "any":
        return float(rng.uniform(-math.pi, math.pi))
    quarter = math.pi / 2 if turns == "square" and rng.random() < 0.5 else 0.0
    return float(rng.choice([0.0, math.pi])) + float(rng.normal(0, 0.12)) + quarter


def expect_vehicle(stage: Stage, number: int, kind: str) -> None:
    """What a vehicle inside a building raises, by the rule scene of the stage."""
    escape = stage.rule_scene in _EGRESS
    if kind in _ELECTRIC:
        stage.hazard("indoor_ebike", [number])
        if escape:
            stage.optional_hazard("corridor_clutter", [number])
        return
    if kind == "bicycle":
        stage.hard_negative("pedal_bicycle_indoors", [number])
    else:
        stage.hard_negative("pram_indoors", [number])
    if escape and kind != "wheelchair":
        stage.hazard("corridor_clutter", [number], min_area=0.015)
    elif escape:
        stage.optional_hazard("corridor_clutter", [number])
