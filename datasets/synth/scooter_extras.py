"""What owners add to a scooter, each by its own chance: mirrors, tail box, basket, wind blanket, helmet, pedals.

A vehicle's frame: nose to +y, z up, metres.
"""

import math
from typing import Any

import numpy as np

from firewarden.datasets.scene_parts import add_box, add_tube
from firewarden.datasets.synth.scooter_frame import Frame
from firewarden.datasets.synth.shapes import add_disc, add_rod
from firewarden.datasets.synth.vehicle_parts import (
    Paints,
    add_front_basket,
    add_helmet,
    add_mirrors,
    add_number_plate,
    add_top_box,
    add_wind_blanket,
)


def extra_parts(rng: np.random.Generator, f: Frame, paints: Paints, *, heavy: bool) -> list[Any]:
    """Mirrors, plate, rack, tail box, basket, wind blanket, helmet, small pedals: each by its own chance."""
    parts = add_mirrors(f.bar_y - 0.04, f.bar_z + 0.03, f.bar, paints, rng) if rng.random() < 0.85 else []
    tail = f.rear - 0.24
    parts += add_number_plate(tail - 0.02, f.seat - 0.27, rng)
    parts.append(add_rod((0, tail, f.seat - 0.2), (0, f.rear - 0.06, f.seat - 0.1), 0.02, paints.plastic))
    chance = rng.random()
    if chance < 0.45:
        parts += _rack(f, paints)
        parts += add_top_box(tail - 0.02, f.seat + 0.05, paints, rng)
    elif chance < 0.75:
        parts += _rack(f, paints)
    if not heavy and rng.random() < 0.6:
        parts += add_front_basket(f.front - 0.02, f.bar_z - 0.26, paints, rng)
    if rng.random() < 0.25:
        parts += add_wind_blanket(f.bar_y - 0.02, f.bar_z, f.floor + 0.08, rng)
    if rng.random() < 0.3:
        side = float(rng.choice([-1, 1]))
        parts += add_helmet((side * f.bar * 0.8, f.bar_y - 0.02, f.bar_z + 0.12), rng)
    if not heavy and rng.random() < 0.35:
        parts += _pedals(f, paints)
    return parts


def _rack(f: Frame, paints: Paints) -> list[Any]:
    """A tube rack or grab rail round the tail."""
    z, tail = f.seat + 0.03, f.rear - 0.34
    loop = [
        (-0.11, f.rear - 0.02, z - 0.05),
        (-0.13, f.rear - 0.12, z),
        (-0.1, tail, z + 0.02),
        (0.1, tail, z + 0.02),
        (0.13, f.rear - 0.12, z),
        (0.11, f.rear - 0.02, z - 0.05),
    ]
    return [add_tube(loop, 0.011, paints.metal)] + [
        add_rod((x, f.rear - 0.04, z - 0.02), (x, tail + 0.03, z + 0.01), 0.008, paints.metal)
        for x in (-0.05, 0, 0.05)
    ]


def _pedals(f: Frame, paints: Paints) -> list[Any]:
    """The small pedals the old standard asked for."""
    z, parts = f.floor - 0.06, []
    for side in (-1, 1):
        x, angle = side * 0.16, 0.4 if side > 0 else 0.4 + math.pi
        tip = (x, -0.08 + 0.13 * math.cos(angle), z + 0.13 * math.sin(angle))
        parts += [add_rod((x, -0.08, z), tip, 0.009, paints.metal)]
        parts += [add_box((x + side * 0.05, tip[1], tip[2]), (0.09, 0.07, 0.02), paints.plastic, bevel=0.005)]
    return [*parts, add_disc((0.13, -0.08, z), 0.05, 0.01, paints.plastic, bevel=0.002)]
