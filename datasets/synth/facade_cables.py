"""What leads, or does not lead, from a house front to a parked e-bike: the settings of the cable axis."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from firewarden.datasets.synth.built import Built, Point
from firewarden.datasets.synth.cables import (
    build_charger,
    build_strip,
    hang_bundle,
    hang_cable,
    hang_clothes_line,
)
from firewarden.datasets.synth.facade_parts import pile_parts
from firewarden.datasets.synth.joining import port_of
from firewarden.datasets.synth.stage import Stage
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.walls import Wall


@dataclass(frozen=True, slots=True)
class Source:
    """Where a cord may come out of the house: window (or balcony) or door, its world point and storey from 0."""

    kind: str
    point: Point
    level: int


class Vehicle(Protocol):
    """A parked e-bike and its instance."""

    @property
    def built(self) -> Built: ...
    @property
    def number(self) -> int: ...


def put_cables(stage: Stage, seed: int, setting: str, wall: Wall, source: Source, target: Vehicle) -> None:
    """The cable axis: a flying cord, telecom wires and clothes lines, nothing, or a charging pile."""
    rng = stream(seed, f"cable:{setting}")
    stage.fact("cable_setting", setting)
    if setting == "flying":
        _fly(stage, rng, wall, source, target)
    elif setting == "telecom":
        _string_wires(stage, rng, wall, source)
    elif setting == "pile":
        _put_pile(stage, rng, wall, target)


def _fly(stage: Stage, rng: np.random.Generator, wall: Wall, source: Source, target: Vehicle) -> None:
    """A cord straight to the vehicle, over a strip on the ground, or by way of a strip that hangs on the wall."""
    way = (
        "direct"
        if source.kind == "door"
        else str(rng.choice(["direct", "strip", "hanging"], p=[0.5, 0.2, 0.3]))
    )
    stage.fact("cable_way", way)
    port = port_of(target.built)
    if way == "direct":
        cord = _cord(stage, rng, source.point, port, source=source.kind, sink="vehicle")
        stage.hazard("flying_charging_cable", [cord, target.number])
        return
    strip = _hanging_strip(stage, rng, wall, port) if way == "hanging" else _lying_strip(stage, rng, port)
    stage.label("power_strip", strip.things, name="hanging strip" if way == "hanging" else "strip")
    first = _cord(stage, rng, source.point, port_of(strip), source=source.kind, sink="charger")
    charger = _charger(stage, rng, target)
    start = port_of(strip)
    low = (start[0], start[1] - 0.05, max(0.04, start[2] - 0.2))
    second = _cord(
        stage,
        rng,
        low,
        port_of(charger) if charger else port,
        source="strip",
        sink="charger" if charger else "vehicle",
    )
    stage.hazard("flying_charging_cable", [first, target.number])
    stage.fact("cords", [first, second])


def _cord(stage: Stage, rng: np.random.Generator, start: Point, end: Point, *, source: str, sink: str) -> int:
    """A power cord, taut to very loose."""
    span = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    sag = span * float(rng.choice([0.04, 0.12, 0.3, 0.6])) * rng.uniform(0.7, 1.3)
    return hang_cable(stage, rng, start, end, kind="power", source=source, sink=sink, sag=sag)


def _hanging_strip(stage: Stage, rng: np.random.Generator, wall: Wall, port: Point) -> Built:
    """A strip on end at the wall, 0.7-1.7 m up, not far from the vehicle."""
    strip = build_strip(rng, hanging=True)
    at = wall.point(port[0] - wall.x + float(rng.uniform(-0.8, 0.8)), 0.03, rng.uniform(0.7, 1.6))
    stage.place(strip, at, wall.turn + np.pi, stands=False)
    return strip


def _lying_strip(stage: Stage, rng: np.random.Generator, port: Point) -> Built:
    """A strip on the ground beside the vehicle, on the camera's side."""
    strip = build_strip(rng)
    at = (port[0] + float(rng.choice([-1, 1])) * rng.uniform(0.5, 0.8), port[1] + rng.uniform(-0.6, 0.2), 0.0)
    stage.place(strip, at, float(rng.uniform(0, 6)), stands=False)
    return strip


def _charger(stage: Stage, rng: np.random.Generator, target: Vehicle) -> Built | None:
    """At times a charger brick on the ground next to the vehicle."""
    if rng.random() < 0.5:
        return None
    charger = build_charger(rng)
    x, y, _ = port_of(target.built)
    stage.place(
        charger,
        (x + float(rng.choice([-1, 1])) * rng.uniform(0.4, 0.6), y + rng.uniform(-0.5, 0.3), 0.0),
        float(rng.uniform(0, 6)),
        stands=False,
    )
    stage.label("power_strip", charger.things, name="charger")
    return charger


def _string_wires(stage: Stage, rng: np.random.Generator, wall: Wall, source: Source) -> None:
    """Telecom bundles along the wall, wires that drop from them, at times a clothes line or a hose."""
    numbers = []
    for k in range(int(rng.integers(1, 4))):
        z = rng.uniform(2.3, 3.6) + 0.35 * k
        hooks: list[Point] = []
        for along in np.arange(-wall.width / 2, wall.width / 2 + 0.1, rng.uniform(1.8, 3.2)):
            hooks.append(wall.point(float(along), 0.06, z + float(rng.normal(0, 0.06))))
        numbers.append(
            hang_bundle(stage, rng, hooks, strands=int(rng.integers(2, 8)), sag=rng.uniform(0.03, 0.2))
        )
        if rng.random() < 0.6:
            foot = wall.point(hooks[1][0] + float(rng.uniform(-2, 2)), 0.05, z)
            side = (foot[0] + float(rng.normal(0, 0.1)), foot[1], rng.uniform(0.3, 1.4))
            numbers.append(hang_bundle(stage, rng, [foot, side], strands=int(rng.integers(1, 4)), sag=0.02))
    stage.hard_negative("telecom_wires", numbers[:1])
    if rng.random() < 0.5:
        x, z = source.point[0], rng.uniform(1.9, 2.4)
        ends = [(x + s * rng.uniform(1.2, 2.0), -rng.uniform(0.5, 1.4), z) for s in (-1, 1)]
        hang_clothes_line(stage, rng, ends[0], ends[1], garments=int(rng.integers(2, 7)))


def _put_pile(stage: Stage, rng: np.random.Generator, wall: Wall, target: Vehicle) -> None:
    """A fixed charging point on the wall, its own lead in the vehicle."""
    port = port_of(target.built)
    along = port[0] - wall.x + float(rng.uniform(-0.5, 0.5))
    z = rng.uniform(1.0, 1.3)
    parts: list[Any] = pile_parts(rng)
    wall.hang(stage, parts, along, z)
    stage.things.extend(parts)
    outlet = wall.point(along + 0.1, 0.17, z + 0.1)
    hang_cable(
        stage, rng, outlet, port, kind="hose", source="wall", sink="vehicle", sag=rng.uniform(0.2, 0.6)
    )
    stage.fact("charging_pile", True)
