"""Building rectangular rooms: walls with holes, floor, ceiling, skirting. Metres, z up."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from firewarden.datasets.scene_parts import add_box, add_plate, make_material
from firewarden.datasets.synth.stage import Stage
from firewarden.datasets.synth.surfaces import ceiling_material, floor_material, wall_material
from firewarden.datasets.synth.walls import Hole, Room


def build_room(
    stage: Stage, room: Room, rng: np.random.Generator, holes: dict[str, list[Hole]]
) -> dict[str, Any]:
    """Floor, ceiling, walls with holes, skirting; returns the materials by part."""
    wall, floor, ceiling = wall_material(rng), floor_material(rng), ceiling_material(rng)
    w, d, h = room.width, room.depth, room.height
    stage.add(add_plate((-w / 2, 0, 0), (w, 0, 0), (0, d, 0), floor))
    stage.add(add_plate((-w / 2, d, h), (w, 0, 0), (0, -d, 0), ceiling))
    for name, side in room.walls.items():
        for thing in wall_panels(side.width, h, holes.get(name, []), wall):
            stage.add(thing)
            side.hang(stage, [thing], 0)
    if rng.random() < 0.7:
        _build_skirting(stage, room, rng, holes)
    return {"wall": wall, "floor": floor, "ceiling": ceiling}


def wall_panels(width: float, height: float, holes: Sequence[Hole], material: Any) -> list[Any]:
    """Plates of a wall in its own frame, leaving rectangular holes free; holes may not overlap along the wall."""
    plates = []

    def panel(u0: float, u1: float, z0: float, z1: float) -> None:
        if u1 - u0 > 1e-4 and z1 - z0 > 1e-4:
            plates.append(add_plate((u0, 0, z0), (u1 - u0, 0, 0), (0, 0, z1 - z0), material))

    edge = -width / 2
    for u0, u1, z0, z1 in sorted(holes):
        panel(edge, u0, 0, height)
        panel(u0, u1, 0, z0)
        panel(u0, u1, z1, height)
        edge = u1
    panel(edge, width / 2, 0, height)
    return plates


def _build_skirting(stage: Stage, room: Room, rng: np.random.Generator, holes: dict[str, list[Hole]]) -> None:
    """A strip along the foot of each wall, open where a hole reaches the floor."""
    v = rng.uniform(0.05, 0.3)
    material = make_material("skirting", (v, v * 0.9, v * 0.8), roughness=0.3)
    height = rng.uniform(0.07, 0.15)
    for name, wall in room.walls.items():
        edge = -wall.width / 2
        for u0, u1 in [
            *sorted((u0, u1) for u0, u1, z0, _ in holes.get(name, []) if z0 < 0.1),
            (wall.width / 2,) * 2,
        ]:
            if u0 - 0.06 - edge > 0.05:
                strip = add_box(
                    ((edge + u0 - 0.06) / 2, -0.006, height / 2),
                    (u0 - 0.06 - edge, 0.012, height),
                    material,
                    bevel=0,
                )
                stage.add(strip)
                wall.hang(stage, [strip], 0)
            edge = u1 + 0.06
