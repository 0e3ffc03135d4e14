"""Electric scooters as built in China: the light step-through e-bike (简易款) and the larger moped with panels.

A vehicle's frame: nose to +y, z up, metres; wheels turn about x.
"""

from typing import Any

import numpy as np

from firewarden.datasets.scene_parts import add_box, add_tube
from firewarden.datasets.synth.scooter_extras import extra_parts
from firewarden.datasets.synth.scooter_frame import Frame, draw_frame
from firewarden.datasets.synth.shapes import add_ball, add_rod, add_shell
from firewarden.datasets.synth.vehicle_parts import Paints, add_fender, add_handlebar, add_wheel


def scooter_parts(rng: np.random.Generator, paints: Paints, *, heavy: bool) -> list[Any]:
    """All pieces of one scooter; `heavy` gives body panels and cast wheels, else the open light style."""
    frame = draw_frame(rng, heavy=heavy)
    parts = _front(rng, frame, paints, heavy=heavy) + _floor(rng, frame, paints)
    parts += (
        _panelled_tail(rng, frame, paints) if heavy or rng.random() < 0.35 else _open_tail(rng, frame, paints)
    )
    parts += _wheels(rng, frame, paints, heavy=heavy) + _seat(rng, frame, paints)
    return parts + extra_parts(rng, frame, paints, heavy=heavy)


def _wheels(rng: np.random.Generator, f: Frame, paints: Paints, *, heavy: bool) -> list[Any]:
    spokes = 0 if heavy or rng.random() < 0.75 else 24
    parts = add_wheel(f.front, f.radius, f.tyre, paints, spokes=spokes)
    parts += add_wheel(
        f.rear, f.radius, f.tyre * 1.08, paints, spokes=spokes, motor=f.radius * rng.uniform(0.45, 0.6)
    )
    parts.append(add_fender(f.front, f.radius + 0.035, f.tyre * 1.5, (25, 150), paints.body))
    parts.append(add_fender(f.rear, f.radius + 0.04, f.tyre * 1.5, (70, 195), paints.plastic))
    for side in (-1, 1):
        x = side * (f.tyre + 0.05)
        parts.append(
            add_rod((x, f.rear + 0.02, f.radius), (x, f.rear + 0.13, f.seat - 0.14), 0.022, paints.metal)
        )
        parts.append(add_rod((x, f.rear, f.radius), (x, -0.12, f.floor - 0.05), 0.017, paints.plastic))
    return parts


def _front(rng: np.random.Generator, f: Frame, paints: Paints, *, heavy: bool) -> list[Any]:
    """Fork, steering column, leg shield, headlamp housing and handlebar."""
    crown = (0, f.front - 0.1, f.radius * 2 + 0.09)
    parts = [add_rod(crown, (0, f.bar_y + 0.01, f.bar_z - 0.03), 0.026, paints.plastic)]
    for side in (-1, 1):
        x = side * (f.tyre + 0.035)
        parts.append(add_rod((x, f.front, f.radius), (x, crown[1], crown[2]), 0.017, paints.metal))
    parts.append(add_rod((-0.08, crown[1], crown[2]), (0.08, crown[1], crown[2]), 0.02, paints.plastic))
    parts += _leg_shield(rng, f, paints)
    parts += _head(rng, f, paints, heavy=heavy)
    return parts + add_handlebar(f.bar_y, f.bar_z, f.bar, paints, sweep=rng.uniform(0.06, 0.14))


def _leg_shield(rng: np.random.Generator, f: Frame, paints: Paints) -> list[Any]:
    """A curved shield before the knees, painted in front, black behind, pointed at the nose."""
    wide = 0.17 * f.girth * rng.uniform(0.95, 1.15)
    top, foot = f.bar_z - 0.16, f.floor + 0.02
    lean = f.front - 0.2 - f.bar_y
    path = [
        (f.front - 0.3, foot),
        (f.front - 0.24, foot + 0.1),
        (f.bar_y + 0.75 * lean, (top + foot) / 2),
        (f.bar_y + 0.45 * lean, top - 0.06),
        (f.bar_y + 0.3 * lean, top + 0.06),
    ]
    widths = [0.75 * wide, 0.92 * wide, wide, 1.05 * wide, 0.5 * wide]
    parts = [add_shell(path, widths, [0.014] * 5, paints.body, power=4, bow=0.09)]
    inner = [(y - 0.02, z) for y, z in path]
    parts.append(
        add_shell(inner, [0.96 * w for w in widths], [0.014] * 5, paints.plastic, power=4, bow=0.085)
    )
    nose = [(y + 0.03 * f.girth, z) for y, z in path[1:]]
    ridge = rng.uniform(0.3, 0.55)
    skin = paints.trim if rng.random() < 0.4 else paints.body
    parts.append(
        add_shell(nose, [ridge * w for w in widths[1:]], [0.02, 0.045, 0.04, 0.012], skin, power=2.2)
    )
    return parts


def _head(rng: np.random.Generator, f: Frame, paints: Paints, *, heavy: bool) -> list[Any]:
    """Headlamp and instrument housing on the handlebar: round, angular or slit-eyed."""
    y, z = f.bar_y + 0.04, f.bar_z + 0.0
    wide = 0.12 * f.girth
    shell = [(y - 0.1, z + 0.02), (y - 0.04, z + 0.01), (y + 0.04, z - 0.01), (y + 0.1, z - 0.05)]
    parts = [
        add_shell(
            shell,
            [0.7 * wide, wide, 0.95 * wide, 0.6 * wide],
            [0.02, 0.06, 0.075, 0.05],
            paints.body,
            power=2.6,
        )
    ]
    parts.append(add_box((0, y - 0.11, z + 0.045), (1.1 * wide, 0.05, 0.05), paints.plastic, bevel=0.015))
    style = rng.integers(3)
    front = y + 0.085
    if style == 0:
        big = rng.uniform(0.06, 0.085)
        parts.append(add_ball((0, front, z - 0.04), (big, 0.05, big), paints.lamp))
        parts.append(add_ball((0, front - 0.012, z - 0.04), (big * 1.15, 0.045, big * 1.15), paints.metal))
    elif style == 1:
        parts.append(add_box((0, front, z - 0.045), (1.2 * wide, 0.05, 0.07), paints.lamp, bevel=0.02))
    else:
        for side in (-1, 1):
            parts.append(
                add_ball(
                    (side * 0.06, front, z - 0.04), (0.05, 0.04, 0.025), paints.lamp, tilt=(0, side * 0.5, 0)
                )
            )
    for side in (-1, 1):
        low = f.bar_z - (0.2 if heavy else 0.08)
        parts.append(add_ball((side * 0.13 * f.girth, y + 0.05, low), (0.03, 0.025, 0.02), paints.lamp))
    return parts


def _floor(rng: np.random.Generator, f: Frame, paints: Paints) -> list[Any]:
    """Foot board with the battery box below it and side skirts."""
    wide = 0.14 * f.girth
    front, back = f.front - 0.28, f.rear + 0.38
    path = [(front, f.floor), ((front + back) / 2, f.floor - 0.01), (back, f.floor)]
    parts = [add_shell(path, [wide, wide * 1.06, wide], [0.018] * 3, paints.rubber, power=5)]
    under = [(y, z - 0.075) for y, z in path]
    parts.append(
        add_shell(under, [0.8 * wide, 0.95 * wide, 0.9 * wide], [0.045, 0.06, 0.05], paints.plastic, power=4)
    )
    skin = paints.body if rng.random() < 0.6 else paints.trim
    for side in (-1, 1):
        rail = [
            (front + 0.02, f.floor - 0.02),
            ((front + back) / 2, f.floor - 0.045),
            (back - 0.02, f.floor - 0.01),
        ]
        parts.append(add_shell(rail, [0.014] * 3, [0.025, 0.035, 0.04], skin, x=side * wide, power=2.5))
    leg = -0.02 if rng.random() < 0.5 else 0.04
    parts.append(
        add_tube(
            [(-0.1, leg, f.floor - 0.1), (-0.17, leg - 0.06, 0.012), (-0.2, leg - 0.06, 0.01)],
            0.011,
            paints.metal,
        )
    )
    return parts


def _panelled_tail(rng: np.random.Generator, f: Frame, paints: Paints) -> list[Any]:
    """Closed bodywork from the foot board up to a pointed tail."""
    wide, z = 0.125 * f.girth, f.seat - 0.06
    tail = f.rear - rng.uniform(0.16, 0.26)
    path = [
        (f.rear + 0.46, f.floor + 0.06),
        (f.rear + 0.4, (f.floor + z) / 2),
        (f.rear + 0.26, z - 0.09),
        (f.rear + 0.05, z - 0.04),
        (tail + 0.08, z + 0.02),
        (tail, z + 0.05),
    ]
    deep = [0.07, 0.13, 0.14, 0.1, 0.06, 0.02]
    parts = [
        add_shell(path, [0.9 * wide, wide, 1.05 * wide, wide, 0.7 * wide, 0.3 * wide], deep, paints.body)
    ]
    stripe = [(y + 0.01, q - 0.05) for y, q in path[1:5]]
    skin = paints.trim if rng.random() < 0.6 else paints.plastic
    parts.append(
        add_shell(
            stripe, [1.03 * wide, 1.1 * wide, 1.04 * wide, 0.72 * wide], [0.05, 0.055, 0.045, 0.015], skin
        )
    )
    parts.append(add_ball((0, tail + 0.02, z + 0.02), (0.55 * wide, 0.06, 0.032), paints.red_lamp))
    return parts


def _open_tail(rng: np.random.Generator, f: Frame, paints: Paints) -> list[Any]:
    """Seat post with a battery case under the seat, frame tubes and a plain rear lamp: the light style."""
    y = f.rear + 0.36
    case = [(y + 0.02, f.floor + 0.02), (y - 0.01, f.floor + 0.2), (y - 0.05, f.seat - 0.1)]
    wide = 0.085 * f.girth
    skin = paints.body if rng.random() < 0.5 else paints.plastic
    parts = [add_shell(case, [wide, wide * 1.05, wide], [0.1, 0.11, 0.1], skin, power=5)]
    for side in (-1, 1):
        x = side * 0.085
        tube = [
            (x, y + 0.1, f.floor),
            (x, y, f.seat - 0.12),
            (x, f.rear - 0.02, f.seat - 0.1),
            (x, f.rear - 0.16, f.seat - 0.06),
        ]
        parts.append(add_tube(tube, 0.014, paints.plastic))
    parts.append(
        add_box((0, f.rear - 0.18, f.seat - 0.11), (0.16, 0.04, 0.055), paints.red_lamp, bevel=0.012)
    )
    return parts


def _seat(rng: np.random.Generator, f: Frame, paints: Paints) -> list[Any]:
    """A long bench, or a saddle and a pillion pad; at times a backrest."""
    front, wide = f.rear + 0.48, 0.125 * f.girth
    if rng.random() < 0.6:
        path = [
            (front, f.seat - 0.03),
            (front - 0.14, f.seat),
            (front - 0.34, f.seat),
            (front - 0.46, f.seat + 0.03),
            (front - 0.66, f.seat + 0.04),
        ]
        widths = [0.55 * wide, 0.85 * wide, 1.05 * wide, wide, 0.7 * wide]
        parts = [add_shell(path, widths, [0.03, 0.05, 0.05, 0.05, 0.025], paints.leather, power=3)]
    else:
        saddle = [(front, f.seat), (front - 0.15, f.seat + 0.02), (front - 0.3, f.seat + 0.03)]
        parts = [
            add_shell(saddle, [0.5 * wide, 0.9 * wide, wide], [0.03, 0.045, 0.04], paints.leather, power=3)
        ]
        pad = [(front - 0.36, f.seat - 0.02), (front - 0.5, f.seat), (front - 0.66, f.seat - 0.01)]
        parts.append(
            add_shell(
                pad, [0.75 * wide, 0.9 * wide, 0.75 * wide], [0.025, 0.035, 0.025], paints.leather, power=4
            )
        )
    if rng.random() < 0.3:
        back = [(f.rear - 0.2, f.seat + 0.05), (f.rear - 0.23, f.seat + 0.17), (f.rear - 0.26, f.seat + 0.28)]
        parts.append(add_shell(back, [0.11, 0.13, 0.1], [0.025, 0.035, 0.025], paints.leather, power=3))
    return parts
