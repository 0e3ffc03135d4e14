"""Electric three-wheelers: cargo trikes with a sheet-metal bed, and leisure trikes with a bench or a roof.

A vehicle's frame: nose to +y, z up, metres; wheels turn about x.
"""

from typing import Any

import numpy as np

from firewarden.datasets.scene_parts import add_box, add_tube, make_material
from firewarden.datasets.synth.shapes import add_ball, add_basket, add_disc, add_rod, add_shell
from firewarden.datasets.synth.vehicle_parts import (
    Paints,
    add_fender,
    add_front_basket,
    add_handlebar,
    add_mirrors,
    add_wheel,
    add_wind_blanket,
)


def trike_parts(rng: np.random.Generator, paints: Paints) -> list[Any]:
    """All pieces of one trike: one front wheel, two rear wheels, a seat, and a bed or a bench behind it."""
    cargo = bool(rng.random() < 0.6)
    length = rng.uniform(1.0, 1.25) if cargo else rng.uniform(0.55, 0.7)
    half, radius = rng.uniform(0.34, 0.42), rng.uniform(0.2, 0.24)
    front, rear = 0.75, -0.35 - length / 2
    parts = _front(rng, front, radius, paints)
    for side in (-1, 1):
        parts += add_wheel(rear, radius, 0.042, paints, x=side * (half - 0.03))
        arch = add_fender(rear, radius + 0.04, 0.07, (20, 160), paints.plastic)
        arch.location[0] = side * (half - 0.03)
        parts.append(arch)
    parts.append(add_rod((-half, rear, radius), (half, rear, radius), 0.025, paints.plastic))
    parts.append(add_disc((0, rear, radius), 0.09, 0.16, paints.plastic))
    parts += _chassis(rear, radius, paints)
    build = _bed if cargo else _bench
    return parts + build(rng, -0.35 - length, -0.35, half, radius, paints)


def _front(rng: np.random.Generator, front: float, radius: float, paints: Paints) -> list[Any]:
    """Front wheel, fork, shield, lamp, handlebar and driver's seat."""
    parts = add_wheel(front, radius, 0.036, paints) + [
        add_fender(front, radius + 0.035, 0.055, (20, 160), paints.body)
    ]
    for side in (-1, 1):
        parts.append(
            add_rod((side * 0.075, front, radius), (side * 0.07, front - 0.12, 0.55), 0.018, paints.metal)
        )
    bar_y, bar_z = front - 0.26, 0.98
    parts.append(add_rod((0, front - 0.1, 0.5), (0, bar_y, bar_z), 0.024, paints.plastic))
    path = [(front - 0.2, 0.3), (front - 0.14, 0.5), (front - 0.17, 0.7), (front - 0.22, 0.86)]
    parts.append(add_shell(path, [0.13, 0.19, 0.21, 0.15], [0.016] * 4, paints.body, power=4, bow=0.08))
    parts.append(add_ball((0, front - 0.07, 0.8), (0.08, 0.07, 0.08), paints.plastic))
    parts.append(add_ball((0, front - 0.035, 0.8), (0.07, 0.05, 0.07), paints.lamp))
    parts += add_handlebar(bar_y, bar_z, 0.33, paints, sweep=0.14)
    if rng.random() < 0.6:
        parts += add_mirrors(bar_y - 0.03, bar_z + 0.03, 0.33, paints, rng)
    if rng.random() < 0.35:
        parts += add_front_basket(front, 0.72, paints, rng)
    elif rng.random() < 0.35:
        parts += add_wind_blanket(bar_y, bar_z, 0.4, rng)
    seat = [(0.02, 0.66), (-0.12, 0.69), (-0.28, 0.69)]
    parts.append(add_shell(seat, [0.09, 0.15, 0.15], [0.03, 0.045, 0.04], paints.leather, power=3))
    back = [(-0.3, 0.74), (-0.32, 0.86), (-0.34, 0.96)]
    return [*parts, add_shell(back, [0.14, 0.17, 0.13], [0.025] * 3, paints.leather, power=3)]


def _chassis(rear: float, radius: float, paints: Paints) -> list[Any]:
    """Foot board, battery box under the driver's seat and two frame rails."""
    floor = add_shell(
        [(0.5, 0.3), (0.3, 0.28), (0.05, 0.28)], [0.15, 0.18, 0.18], [0.015] * 3, paints.rubber, power=6
    )
    box = add_shell(
        [(-0.13, 0.28), (-0.13, 0.45), (-0.12, 0.62)], [0.15] * 3, [0.15, 0.15, 0.13], paints.body, power=6
    )
    rails = [
        add_rod((x, 0.45, 0.27), (x, rear - 0.3, radius + 0.1), 0.022, paints.plastic) for x in (-0.12, 0.12)
    ]
    return [floor, box, *rails]


def _bed(
    rng: np.random.Generator, back: float, front: float, half: float, radius: float, paints: Paints
) -> list[Any]:
    """An open steel box with ribbed walls, or a closed one; at times loaded."""
    z, tall = radius * 2 + 0.07, rng.uniform(0.22, 0.36)
    skin = (
        paints.body
        if rng.random() < 0.6
        else make_material("zinc", (0.42, 0.43, 0.44), roughness=0.45, metallic=0.6)
    )
    long, middle = front - back, (front + back) / 2
    if rng.random() < 0.2:  # closed delivery box
        return [add_box((0, middle, z + 0.4), (2 * half, long, 0.8), skin, bevel=0.02)]
    parts = [add_box((0, middle, z), (2 * half, long, 0.02), skin)]
    for side in (-1, 1):
        parts.append(add_box((side * half, middle, z + tall / 2), (0.015, long, tall), skin))
        for k in range(5):
            y = back + long * (k + 0.5) / 5
            parts.append(add_box((side * (half + 0.012), y, z + tall / 2), (0.025, 0.035, tall), skin))
    for y in (back, front):
        parts.append(add_box((0, y, z + tall / 2), (2 * half, 0.015, tall), skin))
    for side in (-1, 1):
        parts.append(
            add_box(
                (side * (half - 0.07), back - 0.015, z - 0.05),
                (0.1, 0.03, 0.06),
                paints.red_lamp,
                bevel=0.008,
            )
        )
    if rng.random() < 0.4:
        card = make_material("load", (0.35, 0.22, 0.12), roughness=0.9, stains=0.3)
        parts.append(add_box((0.05, middle, z + 0.2), (1.3 * half, 0.55 * long, 0.4), card, bevel=0.01))
    return parts


def _bench(
    rng: np.random.Generator, back: float, front: float, half: float, radius: float, paints: Paints
) -> list[Any]:
    """A passenger bench with rails and a basket behind it, at times under a roof."""
    y, z = (front + back) / 2, radius * 2 + 0.14
    seat = [(front - 0.06, z + 0.1), (y, z + 0.11), (back + 0.12, z + 0.1)]
    rest = [(back + 0.1, z + 0.15), (back + 0.06, z + 0.32), (back + 0.03, z + 0.5)]
    parts = [
        add_box((0, y, z), (2 * half - 0.1, front - back - 0.05, 0.18), paints.body, bevel=0.02),
        add_shell(seat, [half - 0.07] * 3, [0.035, 0.05, 0.04], paints.leather, power=6),
        add_shell(rest, [half - 0.08, half - 0.06, half - 0.1], [0.03, 0.045, 0.03], paints.leather, power=6),
        add_basket((0, back - 0.12, z), (1.5 * half, 0.26, 0.26), paints.plastic),
    ]
    for side in (-1, 1):
        x = side * (half - 0.03)
        parts.append(
            add_tube(
                [(x, front, z), (x, front, z + 0.28), (x, y, z + 0.32), (x, back + 0.05, z + 0.3)],
                0.013,
                paints.metal,
            )
        )
    if rng.random() < 0.3:
        parts += _roof(back, half, paints)
    return parts


def _roof(back: float, half: float, paints: Paints) -> list[Any]:
    """Four posts and an arched awning."""
    parts = [
        add_rod((x, y, 0.45), (x, y, 1.68), 0.012, paints.metal) for x in (-half, half) for y in (back, 0.6)
    ]
    path = [(0.72, 1.66), (0.3, 1.74), (-0.4, 1.75), (back - 0.05, 1.68)]
    return [*parts, add_shell(path, [half + 0.02] * 4, [0.01] * 4, paints.trim, power=6, bow=-0.05)]
