"""Furniture left in corridors and standing in rooms: cupboards, shoe racks, tables, chairs, shelves, sofas, beds.

Metres, front to +y, standing on z = 0.
"""

from typing import Any

import numpy as np

from firewarden.datasets.scene_parts import add_box, make_material
from firewarden.datasets.synth.built import Point
from firewarden.datasets.synth.shapes import add_ball, add_rod, add_shell
from firewarden.datasets.synth.vehicle_parts import make_cloth

_WOODS: tuple[Point, ...] = (
    (0.36, 0.2, 0.1),
    (0.2, 0.1, 0.05),
    (0.55, 0.4, 0.24),
    (0.66, 0.64, 0.6),
    (0.08, 0.05, 0.035),
)


def furniture_parts(rng: np.random.Generator) -> list[Any]:
    """One random piece of furniture."""
    maker = [cupboard_parts, shoe_rack_parts, table_parts, chair_parts, shelf_parts, sofa_parts][
        int(rng.integers(6))
    ]
    return maker(rng)


def wood(rng: np.random.Generator) -> Any:
    """Varnished or painted board, at times worn."""
    tone = _WOODS[int(rng.integers(len(_WOODS)))]
    return make_material(
        "wood", tone, roughness=rng.uniform(0.3, 0.7), stains=float(rng.choice([0, 0.2, 0.4]))
    )


def _colour(rng: np.random.Generator, most: float) -> Point:
    """Any colour up to `most` a channel."""
    r, g, b = rng.uniform(0.02, most, 3)
    return float(r), float(g), float(b)


def cupboard_parts(rng: np.random.Generator) -> list[Any]:
    """A cupboard or wardrobe with two doors and, at times, drawers."""
    w, d, h = rng.uniform(0.6, 1.2), rng.uniform(0.35, 0.55), rng.uniform(0.75, 1.95)
    skin, knob = wood(rng), make_material("knob", (0.5, 0.5, 0.5), roughness=0.3, metallic=1)
    parts = [add_box((0, 0, h / 2), (w, d, h), skin, bevel=0.008)]
    drawers = h * 0.25 if rng.random() < 0.5 else 0.0
    for side in (-1, 1):
        parts.append(
            add_box(
                (side * w / 4, d / 2 + 0.01, (h + drawers) / 2),
                (w / 2 - 0.012, 0.02, h - drawers - 0.08),
                skin,
            )
        )
        parts.append(add_ball((side * 0.04, d / 2 + 0.03, h / 2), (0.012, 0.015, 0.05), knob))
        if drawers:
            parts.append(
                add_box(
                    (side * w / 4, d / 2 + 0.01, drawers / 2 + 0.03),
                    (w / 2 - 0.012, 0.02, drawers - 0.03),
                    skin,
                )
            )
    return parts


def shoe_rack_parts(rng: np.random.Generator) -> list[Any]:
    """Open boards with pairs of shoes."""
    w, d, levels = rng.uniform(0.55, 1.0), rng.uniform(0.26, 0.34), int(rng.integers(2, 5))
    skin = wood(rng)
    parts = [
        add_box((side * w / 2, 0, levels * 0.11 + 0.02), (0.02, d, levels * 0.22 + 0.04), skin)
        for side in (-1, 1)
    ]
    for level in range(levels):
        z = 0.06 + 0.22 * level
        parts.append(add_box((0, 0, z), (w, d, 0.015), skin))
        for x in np.arange(-w / 2 + 0.12, w / 2 - 0.1, 0.24):
            if rng.random() < 0.75:
                parts += _pair_of_shoes(rng, float(x), z + 0.01)
    return parts


def _pair_of_shoes(rng: np.random.Generator, x: float, z: float) -> list[Any]:
    colour = _colour(rng, 0.5 * float(rng.choice([0.15, 1.0])))
    skin = make_material("shoe", colour, roughness=0.5)
    path = [(0.13, z + 0.03), (0.06, z + 0.035), (-0.02, z + 0.045), (-0.12, z + 0.05)]
    return [
        add_shell(path, [0.03, 0.045, 0.038, 0.034], [0.02, 0.03, 0.045, 0.05], skin, x=x + s)
        for s in (-0.05, 0.05)
    ]


def table_parts(rng: np.random.Generator) -> list[Any]:
    """A table on four legs, with things on it at times."""
    w, d, h = rng.uniform(0.6, 1.3), rng.uniform(0.45, 0.75), rng.uniform(0.68, 0.78)
    skin = wood(rng)
    legs = [
        add_box((x, y, h / 2), (0.05, 0.05, h), skin)
        for x in (0.04 - w / 2, w / 2 - 0.04)
        for y in (0.04 - d / 2, d / 2 - 0.04)
    ]
    parts = [
        add_box((0, 0, h), (w, d, 0.03), skin),
        add_box((0, 0, h - 0.06), (w - 0.1, d - 0.1, 0.08), skin),
        *legs,
    ]
    for _ in range(int(rng.integers(0, 5))):
        tone = _colour(rng, 0.7)
        size = (rng.uniform(0.06, 0.3), rng.uniform(0.06, 0.22), rng.uniform(0.03, 0.25))
        at = (rng.uniform(-0.3, 0.3) * w, rng.uniform(-0.25, 0.25) * d, h + 0.015 + size[2] / 2)
        parts.append(
            add_box(at, size, make_material("thing", tone, roughness=0.5), turn=float(rng.uniform(0, 3)))
        )
    return parts


def chair_parts(rng: np.random.Generator) -> list[Any]:
    """A kitchen chair, plastic stool or office chair on castors."""
    style = int(rng.integers(3))
    if style == 0:
        skin, w = wood(rng), 0.4
        parts = [
            add_box((x, y, 0.22), (0.04, 0.04, 0.44), skin) for x in (-0.17, 0.17) for y in (-0.17, 0.17)
        ]
        parts += [
            add_box((0, 0, 0.45), (w, 0.4, 0.03), skin),
            add_box((0, -0.19, 0.85), (w, 0.025, 0.14), skin),
        ]
        return parts + [add_rod((x, -0.18, 0.4), (x, -0.2, 0.92), 0.016, skin) for x in (-0.17, 0, 0.17)]
    if style == 1:
        tone: Point = [(0.5, 0.03, 0.03), (0.03, 0.15, 0.5), (0.6, 0.6, 0.62)][int(rng.integers(3))]
        skin = make_material("plastic", tone, roughness=0.35)
        legs = [
            add_rod((x * 1.25, y * 1.25, 0), (x, y, 0.44), 0.022, skin)
            for x in (-0.12, 0.12)
            for y in (-0.12, 0.12)
        ]
        return [*legs, add_box((0, 0, 0.45), (0.32, 0.32, 0.035), skin, bevel=0.012)]
    black = make_material("office", (0.02,) * 3, roughness=0.6)
    cloth = make_cloth(rng) if rng.random() < 0.4 else black
    parts = [add_rod((0, 0, 0.1), (0, 0, 0.46), 0.028, black)]
    for k in range(5):
        x, y = 0.29 * float(np.cos(1.257 * k)), 0.29 * float(np.sin(1.257 * k))
        parts += [
            add_rod((0, 0, 0.12), (x, y, 0.08), 0.02, black),
            add_ball((x, y, 0.035), (0.03, 0.03, 0.035), black),
        ]
    parts.append(
        add_shell(
            [(0.23, 0.49), (0, 0.5), (-0.22, 0.5)], [0.2, 0.25, 0.23], [0.03, 0.045, 0.04], cloth, power=4
        )
    )
    back = [(-0.25, 0.62), (-0.28, 0.85), (-0.32, 1.08)]
    return [*parts, add_shell(back, [0.2, 0.24, 0.18], [0.03, 0.04, 0.025], cloth, power=4)]


def shelf_parts(rng: np.random.Generator) -> list[Any]:
    """A steel or wooden rack, boxes and cans on its boards."""
    w, d, h, levels = (
        rng.uniform(0.7, 1.3),
        rng.uniform(0.3, 0.45),
        rng.uniform(1.2, 1.95),
        int(rng.integers(3, 6)),
    )
    skin = (
        wood(rng)
        if rng.random() < 0.5
        else make_material("steel", (0.4, 0.41, 0.42), roughness=0.4, metallic=0.6)
    )
    parts = [add_box((x, y, h / 2), (0.03, 0.03, h), skin) for x in (-w / 2, w / 2) for y in (-d / 2, d / 2)]
    for level in range(levels):
        z = 0.08 + (h - 0.1) * level / (levels - 1)
        parts.append(add_box((0, 0, z), (w, d, 0.02), skin))
        for x in np.arange(-w / 2 + 0.15, w / 2 - 0.1, 0.25):
            if rng.random() < 0.6:
                size = (rng.uniform(0.1, 0.22), rng.uniform(0.1, d * 0.8), rng.uniform(0.08, 0.25))
                tone = _colour(rng, 0.6)
                parts.append(
                    add_box((float(x), 0, z + 0.01 + size[2] / 2), size, make_material("goods", tone))
                )
    return parts


def sofa_parts(rng: np.random.Generator) -> list[Any]:
    """An old sofa of one or two seats."""
    w, cloth = rng.uniform(0.75, 1.5), make_cloth(rng)
    parts = [
        add_box((0, 0, 0.2), (w, 0.75, 0.3), cloth, bevel=0.04),
        add_box((0, 0.05, 0.4), (w - 0.3, 0.62, 0.14), cloth, bevel=0.05),
        add_box((0, -0.3, 0.55), (w, 0.18, 0.6), cloth, bevel=0.06),
    ]
    return parts + [
        add_box((side * (w / 2 - 0.08), 0, 0.42), (0.16, 0.75, 0.3), cloth, bevel=0.05) for side in (-1, 1)
    ]


def bed_parts(rng: np.random.Generator) -> list[Any]:
    """A single bed with mattress, quilt and pillow, its head to -y."""
    skin, sheet = wood(rng), make_cloth(rng)
    pale = make_material("sheet", (0.65, 0.63, 0.6), roughness=0.9)
    w, d = rng.uniform(0.95, 1.4), 2.0
    parts = [
        add_box((0, 0, 0.22), (w, d, 0.1), skin),
        add_box((0, 0, 0.36), (w - 0.03, d - 0.05, 0.2), pale, bevel=0.05),
        add_box((0, -d / 2, 0.45), (w, 0.04, 0.9), skin, bevel=0.01),
        add_shell(
            [(0.98, 0.42), (0.6, 0.49), (0, 0.49), (-0.35, 0.47)],
            [w / 2 + 0.03] * 4,
            [0.06, 0.04, 0.05, 0.06],
            sheet,
            power=5,
            bow=-0.05,
        ),
        add_ball((0, -0.72, 0.5), (w * 0.33, 0.2, 0.08), pale),
    ]
    return parts + [
        add_box((x, y, 0.1), (0.06, 0.06, 0.2), skin)
        for x in (-w / 2 + 0.05, w / 2 - 0.05)
        for y in (-0.9, 0.9)
    ]
