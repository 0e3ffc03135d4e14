"""Prams and wheelchairs: what a lift camera takes for an e-bike. Nose to +y, z up, metres."""

from typing import Any

import numpy as np

from firewarden.datasets.scene_parts import add_tube, make_material
from firewarden.datasets.synth.shapes import add_ball, add_rod, add_shell, add_spokes, add_tyre
from firewarden.datasets.synth.vehicle_parts import Paints, add_wheel, make_cloth


def pram_parts(rng: np.random.Generator, paints: Paints) -> list[Any]:
    """A folding pram: four small double wheels, seat tub, hood, push bar, tray below."""
    cloth = make_cloth(rng)
    half, wheel = rng.uniform(0.22, 0.27), rng.uniform(0.07, 0.12)
    parts: list[Any] = []
    for y, radius in ((0.34, wheel), (-0.3, wheel * rng.uniform(1.0, 1.3))):
        for side in (-1, 1):
            parts += add_wheel(y, radius, 0.017, paints, spokes=0, x=side * half)
    for side in (-1, 1):
        x = side * half
        parts.append(
            add_tube(
                [(x, 0.34, wheel), (x, 0.1, 0.45), (x, -0.3, 0.9), (x, -0.46, 1.02)], 0.013, paints.metal
            )
        )
        parts.append(add_tube([(x, -0.3, wheel), (x, -0.05, 0.4), (x, 0.15, 0.62)], 0.013, paints.metal))
    parts.append(add_tube([(-half, -0.46, 1.02), (0, -0.5, 1.04), (half, -0.46, 1.02)], 0.016, paints.rubber))
    tub = [(0.34, 0.36), (0.22, 0.4), (0.05, 0.42), (-0.1, 0.5), (-0.2, 0.68), (-0.27, 0.86)]
    parts.append(
        add_shell(tub, [half * 0.7, *([half * 0.92] * 4), half * 0.8], [0.035] * 6, cloth, power=4, bow=0.09)
    )
    parts.append(
        add_shell(
            [(0.2, 0.2), (0, 0.18), (-0.25, 0.2)],
            [half * 0.85] * 3,
            [0.02] * 3,
            paints.plastic,
            power=5,
            bow=0.06,
        )
    )
    if rng.random() < 0.8:
        parts.append(add_ball((0, -0.12, 0.72), (half, 0.3, 0.28), cloth, tilt=(0.35, 0, 0), cut=0.1))
    parts.append(add_tube([(-half, 0.12, 0.62), (0, 0.28, 0.66), (half, 0.12, 0.62)], 0.018, paints.plastic))
    return parts


def wheelchair_parts(rng: np.random.Generator, paints: Paints) -> list[Any]:
    """A folding wheelchair; at times electric (small fat rear wheels, joystick, battery box)."""
    cloth = make_material(
        "cloth", (0.02, 0.02, 0.03) if rng.random() < 0.6 else (0.02, 0.05, 0.2), roughness=0.8
    )
    electric = bool(rng.random() < 0.35)
    half, radius = 0.25, 0.17 if electric else 0.3
    parts: list[Any] = []
    for side in (-1, 1):
        x = side * (half + 0.045)
        parts.append(add_tyre((x, -0.15, radius), radius, 0.03 if electric else 0.016, paints.rubber))
        parts.append(add_spokes((x, -0.15, radius), 0.03, radius - 0.03, 20, 0.004, paints.metal))
        if not electric:
            parts.append(add_tyre((x + side * 0.03, -0.15, radius), radius - 0.03, 0.009, paints.metal))
        parts += add_wheel(0.36, 0.09, 0.018, paints, x=side * half)
        parts += _side_frame(side * half, paints)
    parts.append(
        add_shell([(0.27, 0.5), (0, 0.49), (-0.2, 0.49)], [half - 0.02] * 3, [0.025] * 3, cloth, power=6)
    )
    parts.append(
        add_shell([(-0.2, 0.52), (-0.22, 0.7), (-0.25, 0.9)], [half - 0.02] * 3, [0.02] * 3, cloth, power=6)
    )
    for side in (-1, 1):
        parts.append(
            add_shell(
                [(0.52, 0.13), (0.6, 0.15), (0.68, 0.17)],
                [0.08] * 3,
                [0.008] * 3,
                paints.plastic,
                x=side * 0.12,
            )
        )
    if electric:
        parts.append(
            add_shell([(0.1, 0.28), (0, 0.28), (-0.2, 0.28)], [0.18] * 3, [0.08] * 3, paints.plastic, power=6)
        )
        parts.append(add_ball((half, 0.25, 0.76), (0.03, 0.06, 0.04), paints.plastic))
        parts.append(add_rod((half, 0.25, 0.76), (half, 0.25, 0.84), 0.008, paints.plastic))
    return parts


def _side_frame(x: float, paints: Paints) -> list[Any]:
    """Tubes of one side: back post with handle, arm rest, seat rail, leg rest."""
    parts = [
        add_tube([(x, -0.18, 0.28), (x, -0.2, 0.6), (x, -0.25, 0.93), (x, -0.36, 0.95)], 0.012, paints.metal),
        add_tube([(x, -0.2, 0.72), (x, 0.22, 0.72), (x, 0.28, 0.5)], 0.012, paints.metal),
        add_tube(
            [(x, -0.18, 0.46), (x, 0.28, 0.47), (x * 0.8, 0.4, 0.4), (x * 0.6, 0.52, 0.13)],
            0.012,
            paints.metal,
        ),
        add_tube([(x, -0.18, 0.3), (x, 0.3, 0.3), (x, 0.36, 0.1)], 0.011, paints.metal),
        add_rod((x, -0.36, 0.95), (x, -0.27, 0.935), 0.017, paints.rubber),
    ]
    parts.append(
        add_shell([(0.2, 0.735), (0, 0.74), (-0.15, 0.735)], [0.03] * 3, [0.015] * 3, paints.plastic, x=x)
    )
    return parts
