"""The foot of a staircase: a flight with railing along one side, the way to the exit door beside it."""

from typing import Any

import numpy as np

from firewarden.datasets.scene_parts import add_box, add_tube, make_material
from firewarden.datasets.synth.footprint import Footprint
from firewarden.datasets.synth.passage import Passage, build_passage
from firewarden.datasets.synth.stage import Stage, Variant
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.surfaces import floor_material, hsv
from firewarden.datasets.synth.walls import Room

_EXITS = {"steel": 0.6, "wood": 0.2, "glass": 0.2}


def build(stage: Stage, seed: int, variant: Variant) -> None:
    """Fill the stage; `variant` sets its axis, everything else comes from the streams of `seed`."""
    rng = stream(seed, "room")
    flight = rng.uniform(1.1, 1.4)
    room = Room(flight + rng.uniform(1.5, 2.4), rng.uniform(4.8, 6.5), rng.uniform(2.7, 3.3))
    side = int(rng.choice([-1, 1]))
    edge = side * (room.width / 2 - flight)  # x of the open side of the flight
    build_flight(stage, stream(seed, "stairs"), room, side, flight, start=rng.uniform(1.6, 2.4))
    lane = (min(edge, -side * room.width / 2), max(edge, -side * room.width / 2))
    name = "left" if side > 0 else "right"
    build_passage(stage, seed, variant, Passage(room, lane, dict(_EXITS), (name,), side_doors=2, signed=0.7))


def build_flight(
    stage: Stage, rng: np.random.Generator, room: Room, side: int, width: float, *, start: float
) -> None:
    """Steps that rise from y = `start` towards the end wall, with a railing at their open side; claims their floor."""
    rise, tread = rng.uniform(0.15, 0.175), rng.uniform(0.26, 0.3)
    material = floor_material(rng)
    x = side * (room.width / 2 - width / 2)
    count = min(int((room.depth - start) / tread), int((room.height - 0.4) / rise))
    steps: list[Any] = []
    for k in range(count):
        y0 = start + k * tread
        depth = room.depth - y0 if k == count - 1 else tread  # the last one is the landing
        steps.append(
            add_box(
                (x, y0 + depth / 2, (k + 1) * rise / 2), (width, depth, (k + 1) * rise), material, bevel=0.006
            )
        )
    if rng.random() < 0.4:
        nosing = make_material(
            "nosing", hsv(0.13, rng.choice([0.0, 0.8]), rng.uniform(0.1, 0.7)), roughness=0.5
        )
        steps += [
            add_box(
                (x, start + k * tread + 0.02, (k + 1) * rise + 0.002), (width, 0.04, 0.006), nosing, bevel=0
            )
            for k in range(count)
        ]
    stage.things.extend(steps)
    _railing(stage, rng, x - side * (width / 2 - 0.05), start, rise, tread, count)
    stage.claim(Footprint(x, (start + room.depth) / 2 - 0.1, width + 0.04, room.depth - start + 0.2))


def _railing(
    stage: Stage, rng: np.random.Generator, x: float, start: float, rise: float, tread: float, count: int
) -> None:
    """Posts and a handrail, wood, steel or painted."""
    kind = int(rng.integers(3))
    paint = make_material(
        "rail",
        ((0.2, 0.09, 0.04), (0.6, 0.6, 0.6), (0.03, 0.08, 0.05))[kind],
        roughness=0.35,
        metallic=float(kind == 1),
    )
    top = [(x, start + k * tread, (k + 1) * rise + 0.9) for k in (0, count // 2, count - 1)]
    stage.add(add_tube(top, 0.025, paint))
    for k in range(count):
        z = (k + 1) * rise
        y = start + (k + 0.5) * tread
        stage.add(add_box((x, y, z + 0.44), (0.016, 0.016, 0.9), paint, bevel=0))
