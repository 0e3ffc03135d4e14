"""A ground-floor lobby: wide, with a glass or double exit door, letter boxes and a lift landing door."""

from typing import Any

import numpy as np

from firewarden.datasets.scene_parts import add_box, make_material
from firewarden.datasets.synth.passage import Passage, build_passage
from firewarden.datasets.synth.stage import Stage, Variant
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.surfaces import hsv, metal_panel
from firewarden.datasets.synth.walls import Room, Wall

_EXITS = {"glass_double": 0.45, "steel_double": 0.25, "glass": 0.15, "steel": 0.15}


def build(stage: Stage, seed: int, variant: Variant) -> None:
    """Fill the stage; `variant` sets its axis, everything else comes from the streams of `seed`."""
    rng = stream(seed, "room")
    room = Room(rng.uniform(4.0, 7.5), rng.uniform(5.5, 8.5), rng.uniform(2.8, 4.0))
    lift = int(rng.choice([-1, 1]))
    lift_wall, other = ("left", "right") if lift < 0 else ("right", "left")
    _lift_landing(stage, stream(seed, "lift"), room.walls[lift_wall])
    if rng.random() < 0.6:
        _letter_boxes(stage, stream(seed, "letters"), room.walls[lift_wall])
    lane = (-room.width / 2, room.width / 2)
    build_passage(stage, seed, variant, Passage(room, lane, dict(_EXITS), (other,), side_doors=2, signed=0.8))


def _lift_landing(stage: Stage, rng: np.random.Generator, wall: Wall) -> None:
    """Two metal leaves in a frame with a call button; people differ on whether it is a door, so it is ignored."""
    metal = metal_panel(rng)
    frame = make_material("landing", (rng.uniform(0.1, 0.5),) * 3, roughness=0.3, metallic=1.0)
    w, h = rng.uniform(0.8, 1.1), 2.1
    along = (1 if wall.x < 0 else -1) * wall.width * rng.uniform(0.05, 0.25)
    things: list[Any] = [
        add_box((s * w / 4, -0.005, h / 2), (w / 2 - 0.004, 0.03, h), metal) for s in (-1, 1)
    ]
    things += [
        add_box((s * (w / 2 + 0.06), -0.02, (h + 0.1) / 2), (0.12, 0.06, h + 0.1), frame) for s in (-1, 1)
    ]
    things.append(add_box((0, -0.02, h + 0.1), (w + 0.24, 0.06, 0.2), frame))
    button = add_box((w / 2 + 0.3, -0.01, 1.15), (0.08, 0.02, 0.2), frame)
    wall.hang(stage, [*things, button], along)
    stage.label("door", things, name="lift landing", ignored=True)
    stage.add(button)


def _letter_boxes(stage: Stage, rng: np.random.Generator, wall: Wall) -> None:
    """A bank of small metal doors."""
    paint = make_material(
        "letter box",
        hsv(float(rng.choice([0.1, 0.35, 0.6])), rng.choice([0.03, 0.5]), rng.uniform(0.2, 0.7)),
        roughness=0.4,
    )
    gap = make_material("letter slot", (0.02, 0.02, 0.02), roughness=0.6)
    rows, columns = int(rng.integers(2, 5)), int(rng.integers(3, 8))
    along = (-1 if wall.x < 0 else 1) * wall.width * rng.uniform(0.05, 0.2)
    things: list[Any] = []
    for r in range(rows):
        for c in range(columns):
            u, z = (c - (columns - 1) / 2) * 0.27, 0.8 + r * 0.22
            things.append(add_box((u, -0.06, z), (0.26, 0.12, 0.21), paint))
            things.append(add_box((u, -0.121, z + 0.05), (0.16, 0.004, 0.015), gap, bevel=0))
    wall.hang(stage, things, along)
    stage.things.extend(things)
    stage.claim(wall.floor(along, columns * 0.27, 0.15))
