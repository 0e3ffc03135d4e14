"""Charging cords inside buildings: from a strip on the wall, from above or from under a door to an e-bike."""

import numpy as np

from firewarden.datasets.synth.built import Built, Point
from firewarden.datasets.synth.cables import build_charger, build_strip, hang_bundle, hang_cable
from firewarden.datasets.synth.joining import port_of
from firewarden.datasets.synth.parking import Parked
from firewarden.datasets.synth.stage import Stage
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.walls import Room, Wall

CABLE_SETTINGS = ("flying", "telecom", "absent")


def put_indoor_cable(stage: Stage, seed: int, room: Room, parked: Parked, setting: str) -> None:
    """The cable axis beside a parked e-bike; each setting has its own stream."""
    if setting not in CABLE_SETTINGS:
        raise ValueError(f"cable setting {setting!r}, expected one of {CABLE_SETTINGS}")
    rng = stream(seed, f"cable:{setting}")
    stage.fact("cable_setting", setting)
    port = port_of(parked.built)
    wall, along = nearest_wall(room, port)
    if setting == "flying":
        _fly(stage, rng, room, wall, along, parked, port)
    elif setting == "telecom":
        _string(stage, rng, room, wall, along)


def nearest_wall(room: Room, point: Point) -> tuple[Wall, float]:
    """The side or end wall nearest to a point, and where along it the point lies."""
    x, y, _ = point
    name = min(
        ("left", x + room.width / 2),
        ("right", room.width / 2 - x),
        ("end", room.depth - y),
        key=lambda p: p[1],
    )[0]
    wall = room.walls[name]
    along = {"left": y - wall.y, "right": wall.y - y, "end": x}[name]
    return wall, along


def _fly(
    stage: Stage, rng: np.random.Generator, room: Room, wall: Wall, along: float, parked: Parked, port: Point
) -> None:
    """A cord to the vehicle or to its charger on the floor."""
    way = str(rng.choice(["strip", "above", "door"], p=[0.5, 0.3, 0.2]))
    stage.fact("cable_way", way)
    edge = wall.width / 2 - 0.15
    near = float(np.clip(along + rng.uniform(-0.9, 0.9), -edge, edge))
    end, sink = port, "vehicle"
    if rng.random() < 0.35:
        charger = _put_charger(stage, rng, room, parked)
        end, sink = port_of(charger), "charger"
    needs = [parked.number]
    if way == "strip":
        strip = build_strip(rng, hanging=True)
        stage.place(strip, wall.point(near, 0.02, rng.uniform(0.8, 1.6)), wall.turn + np.pi, stands=False)
        needs.append(stage.label("power_strip", strip.things, name="hanging strip"))
        top = port_of(strip)
        start = (top[0], top[1], max(0.1, top[2] - 0.25))
    elif way == "above":
        start = wall.point(near, rng.uniform(0.02, 0.3), room.height - rng.uniform(0.02, 0.5))
    else:
        start = wall.point(near, 0.01, 0.01)
    span = float(np.linalg.norm(np.subtract(start, end)))
    sag = span * float(rng.choice([0.05, 0.15, 0.35])) * rng.uniform(0.7, 1.3)
    source = {"strip": "strip", "above": "above", "door": "door"}[way]
    cord = hang_cable(stage, rng, start, end, kind="power", source=source, sink=sink, sag=sag)
    if way == "door":  # along the floor it is a charging cord, but not a flying one for certain
        stage.optional_hazard("flying_charging_cable", [cord])
    else:
        stage.hazard("flying_charging_cable", [cord, *needs])


def _put_charger(stage: Stage, rng: np.random.Generator, room: Room, parked: Parked) -> Built:
    """A charger brick on the floor beside the vehicle, its second cord left out of sight."""
    charger = build_charger(rng)
    x, y, _ = port_of(parked.built)
    side = -1.0 if x > 0 else 1.0
    at = (
        float(np.clip(x + side * rng.uniform(0.35, 0.5), -room.width / 2 + 0.1, room.width / 2 - 0.1)),
        y - 0.2,
        0.0,
    )
    stage.place(charger, at, float(rng.uniform(0, 6)), stands=False)
    stage.label("power_strip", charger.things, name="charger")
    return charger


def _string(stage: Stage, rng: np.random.Generator, room: Room, wall: Wall, along: float) -> None:
    """Telecom wires along the top of the wall, one bunch dropping to a box."""
    z = room.height - rng.uniform(0.15, 0.6)
    edge = wall.width / 2 - 0.1
    hooks = [
        wall.point(float(u), 0.04, z + float(rng.normal(0, 0.03)))
        for u in np.arange(-edge, edge, rng.uniform(0.8, 1.6))
    ]
    numbers = []
    if len(hooks) >= 2:
        numbers.append(
            hang_bundle(stage, rng, hooks, strands=int(rng.integers(1, 5)), sag=rng.uniform(0.02, 0.15))
        )
    drop = float(np.clip(along + rng.uniform(-1, 1), -edge, edge))
    ends = [
        wall.point(drop, 0.04, z),
        wall.point(drop + float(rng.normal(0, 0.05)), 0.04, rng.uniform(0.9, 1.5)),
    ]
    numbers.append(hang_bundle(stage, rng, ends, strands=int(rng.integers(1, 3)), sag=0.02))
    for number in numbers:
        stage.hard_negative("telecom_wires", [number])
