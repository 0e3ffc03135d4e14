"""What makes a room lived in: notices, pipes, trunking, switches, meters, sprinklers. None of it is labelled."""

from typing import Any

import numpy as np

from firewarden.datasets.scene_parts import add_box, add_tube, add_turned, make_material
from firewarden.datasets.synth.fire_signs import build_notice
from firewarden.datasets.synth.stage import Stage
from firewarden.datasets.synth.surfaces import hsv
from firewarden.datasets.synth.walls import Room, Wall

Taken = dict[str, list[tuple[float, float]]]  # wall name -> intervals along it that are in use


def free_spot(
    rng: np.random.Generator, wall: Wall, taken: list[tuple[float, float]], width: float
) -> float | None:
    """A place for something `width` wide that touches no taken interval, or None after a dozen tries; claims it."""
    for _ in range(12):
        along = rng.uniform(-wall.width / 2 + width / 2 + 0.05, wall.width / 2 - width / 2 - 0.05)
        if all(along + width / 2 < a or along - width / 2 > b for a, b in taken):
            taken.append((along - width / 2, along + width / 2))
            return float(along)
    return None


def dress_room(stage: Stage, room: Room, rng: np.random.Generator, taken: Taken) -> None:
    """Random small things on walls and ceiling, none over what hangs there already."""
    walls = room.walls
    for _ in range(int(rng.integers(0, 6))):
        name = str(rng.choice(["left", "right", "end"], p=[0.4, 0.4, 0.2]))
        along = free_spot(rng, walls[name], taken[name], 0.75)
        if along is not None:
            things = build_notice(rng)
            _hang(stage, walls[name], things, along, rng.uniform(1.25, 1.75))
    for _ in range(int(rng.integers(0, 4))):
        name = str(rng.choice(["left", "right"]))
        along = free_spot(rng, walls[name], taken[name], 0.3)
        if along is not None:
            _hang(stage, walls[name], [_small_box(rng)], along, rng.uniform(0.3, 1.6))
    if rng.random() < 0.5:
        _ceiling_pipe(stage, room, rng)
    if rng.random() < 0.5:
        _trunking(stage, room, rng)
    for _ in range(int(rng.integers(0, 3))):
        plastic = make_material("detector", (0.8, 0.8, 0.78), roughness=0.35)
        at = (rng.uniform(-0.3, 0.3) * room.width, rng.uniform(0.3, 0.95) * room.depth, room.height - 0.05)
        stage.add(add_turned(at, [(0.0, 0.0), (0.035, 0.004), (0.05, 0.02), (0.052, 0.05)], plastic))


def _hang(stage: Stage, wall: Wall, things: list[Any], along: float, z: float) -> None:
    wall.hang(stage, things, along, z)
    stage.things.extend(things)


def _small_box(rng: np.random.Generator) -> Any:
    """A switch, socket, meter box or letter box."""
    w, h, d = [(0.086, 0.086, 0.012), (0.12, 0.2, 0.08), (0.3, 0.4, 0.12), (0.25, 0.3, 0.1)][
        int(rng.integers(4))
    ]
    tint = hsv(rng.random(), rng.choice([0.02, 0.05, 0.4]), rng.uniform(0.3, 0.85))
    return add_box(
        (0, -d / 2, 0),
        (w, d, h),
        make_material("box", tint, roughness=0.4, metallic=float(rng.random() < 0.2)),
    )


def _ceiling_pipe(stage: Stage, room: Room, rng: np.random.Generator) -> None:
    """A sprinkler main or drain along the corridor, red, white or bare."""
    tint = ((0.42, 0.03, 0.025), (0.7, 0.7, 0.7), (0.3, 0.3, 0.32), (0.6, 0.5, 0.1))[int(rng.integers(4))]
    pipe = make_material("pipe", tint, roughness=0.35)
    x = float(rng.choice([-1, 1])) * (room.width / 2 - rng.uniform(0.1, 0.4))
    z = room.height - rng.uniform(0.1, 0.3)
    radius = rng.uniform(0.02, 0.06)
    stage.add(add_tube([(x, 0.05, z), (x, room.depth / 2, z), (x, room.depth - 0.02, z)], radius, pipe))


def _trunking(stage: Stage, room: Room, rng: np.random.Generator) -> None:
    plastic = make_material("trunking", (rng.uniform(0.5, 0.8),) * 3, roughness=0.4)
    side = float(rng.choice([-1, 1]))
    z = room.height - rng.uniform(0.1, 0.5)
    stage.add(
        add_box((side * (room.width / 2 - 0.02), room.depth / 2, z), (0.04, room.depth - 0.02, 0.06), plastic)
    )
