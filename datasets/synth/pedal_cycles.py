"""Bicycles and e-bikes in bicycle shape: tube frames on large wheels, with or without battery and hub motor.

A vehicle's frame: nose to +y, z up, metres; wheels turn about x.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from firewarden.datasets.scene_parts import add_box, add_tube
from firewarden.datasets.synth.built import Point
from firewarden.datasets.synth.shapes import add_ball, add_disc, add_rod, add_shell, add_tyre
from firewarden.datasets.synth.vehicle_parts import (
    Paints,
    add_fender,
    add_front_basket,
    add_handlebar,
    add_helmet,
    add_mirrors,
    add_number_plate,
    add_top_box,
    add_wheel,
)


@dataclass(frozen=True, slots=True)
class Frame:
    """Main points of a cycle: axles on the ground line, crank, seat and head of the frame (x = 0)."""

    radius: float
    tyre: float  # half width of the tyres
    front: float
    rear: float
    crank: Point
    seat: Point
    head: Point
    tube: float  # radius of the frame tubes


def draw_frame(rng: np.random.Generator, *, electric: bool) -> Frame:
    """A 24-28 inch pedal bicycle, or a stouter 16-26 inch electric one."""
    radius = rng.uniform(0.24, 0.33) if electric else rng.uniform(0.29, 0.355)
    base = 0.98 + (radius - 0.3) * 0.8 + rng.uniform(0, 0.08)
    rear = -base / 2
    return Frame(
        radius=radius,
        tyre=rng.uniform(0.024, 0.034) if electric else rng.uniform(0.012, 0.024),
        front=base / 2,
        rear=rear,
        crank=(0, rear + 0.44, max(0.25, radius - 0.05)),
        seat=(0, rear + 0.27, rng.uniform(0.72, 0.8)),
        head=(0, base / 2 - 0.17, radius * 2 + rng.uniform(0.14, 0.2)),
        tube=rng.uniform(0.02, 0.026) if electric else rng.uniform(0.013, 0.018),
    )


def cycle_parts(rng: np.random.Generator, paints: Paints, *, electric: bool) -> list[Any]:
    """All pieces of a pedal bicycle, or of an electric one with battery, hub motor and lamp."""
    f = draw_frame(rng, electric=electric)
    step_through = bool(rng.random() < (0.8 if electric else 0.55))
    parts = _wheels(rng, f, paints, electric=electric)
    parts += _tubes(f, paints, step_through=step_through) + _crank(f, paints)
    parts += add_handlebar(
        f.head[1] - 0.05, f.head[2] + 0.2, rng.uniform(0.27, 0.33), paints, sweep=rng.uniform(0, 0.16)
    )
    parts += _saddle(f, paints) + _extras(rng, f, paints)
    return parts + (_electrics(rng, f, paints, step_through=step_through) if electric else [])


def _wheels(rng: np.random.Generator, f: Frame, paints: Paints, *, electric: bool) -> list[Any]:
    cast = electric and rng.random() < 0.4
    spokes = 0 if cast else 32
    parts = add_wheel(f.front, f.radius, f.tyre, paints, spokes=spokes)
    parts += add_wheel(
        f.rear, f.radius, f.tyre, paints, spokes=spokes, motor=rng.uniform(0.08, 0.11) if electric else 0
    )
    if electric or rng.random() < 0.65:
        parts.append(add_fender(f.front, f.radius + 0.02, f.tyre * 1.6, (55, 175), paints.plastic))
        parts.append(add_fender(f.rear, f.radius + 0.02, f.tyre * 1.6, (60, 190), paints.plastic))
    return parts


def _tubes(f: Frame, paints: Paints, *, step_through: bool) -> list[Any]:
    """Frame and fork; a step-through frame has its top tube swung down to the crank."""
    axle_f, axle_r = (0.0, f.front, f.radius), (0.0, f.rear, f.radius)
    low_head = (0.0, f.head[1] + 0.03, f.head[2] - 0.12)
    top = (0.0, f.seat[1] + 0.01, f.seat[2] - 0.12)
    thick = f.tube
    parts = [
        add_rod((0, f.head[1] - 0.05, f.head[2] + 0.19), low_head, thick * 0.9, paints.metal),
        add_rod((0, f.head[1] - 0.012, f.head[2] + 0.03), low_head, thick * 1.25, paints.body),
        add_rod(f.crank, top, thick, paints.body),
        add_rod(top, (0, f.seat[1] - 0.02, f.seat[2]), 0.013, paints.metal),
    ]
    if step_through:
        mid = (0, (f.head[1] + f.crank[1]) / 2, f.crank[2] + 0.1)
        parts.append(
            add_tube(
                [low_head, (0, f.head[1] - 0.1, f.head[2] - 0.24), mid, f.crank], thick * 1.2, paints.body
            )
        )
        high = (0, f.seat[1] + 0.06, f.seat[2] - 0.32)
        parts.append(
            add_tube(
                [(0, f.head[1], f.head[2] - 0.04), (0, mid[1] + 0.06, mid[2] + 0.12), high],
                thick,
                paints.body,
            )
        )
    else:
        parts.append(add_rod(low_head, f.crank, thick * 1.15, paints.body))
        parts.append(
            add_rod((0, f.head[1], f.head[2]), (0, f.seat[1] + 0.02, f.seat[2] - 0.18), thick, paints.body)
        )
    for side in (-1, 1):
        spread = side * (f.tyre + 0.03)
        parts.append(
            add_rod(
                (spread, axle_f[1], axle_f[2]), (spread, low_head[1], low_head[2] - 0.03), 0.011, paints.metal
            )
        )
        parts.append(
            add_rod((spread, axle_r[1], axle_r[2]), (side * 0.02, f.crank[1], f.crank[2]), 0.01, paints.body)
        )
        parts.append(
            add_rod((spread, axle_r[1], axle_r[2]), (side * 0.015, top[1], top[2] - 0.05), 0.009, paints.body)
        )
    parts.append(
        add_rod(
            (-f.tyre - 0.04, low_head[1], low_head[2] - 0.03),
            (f.tyre + 0.04, low_head[1], low_head[2] - 0.03),
            0.015,
            paints.metal,
        )
    )
    return parts


def _crank(f: Frame, paints: Paints) -> list[Any]:
    """Chain wheel, chain, crank arms and pedals, and a side stand."""
    x, y, z = 0.06, f.crank[1], f.crank[2]
    parts = [
        add_tyre((x, y, z), 0.09, 0.008, paints.metal),
        add_disc((x, y, z), 0.05, 0.006, paints.metal, bevel=0.001),
        add_rod((x, y, z + 0.08), (x, f.rear, f.radius + 0.035), 0.005, paints.plastic),
        add_rod((x, y, z - 0.08), (x, f.rear, f.radius - 0.035), 0.005, paints.plastic),
    ]
    for side, angle in ((1, 0.6), (-1, 0.6 + math.pi)):
        tip = (side * 0.1, y + 0.165 * math.cos(angle), z + 0.165 * math.sin(angle))
        parts.append(add_rod((side * 0.075, y, z), tip, 0.01, paints.metal))
        parts.append(add_box((side * 0.15, tip[1], tip[2]), (0.09, 0.07, 0.022), paints.plastic, bevel=0.005))
    parts.append(
        add_tube(
            [
                (-0.04, f.rear + 0.12, f.radius - 0.02),
                (-0.09, f.rear + 0.2, 0.14),
                (-0.15, f.rear + 0.24, 0.005),
            ],
            0.009,
            paints.metal,
        )
    )
    return parts


def _saddle(f: Frame, paints: Paints) -> list[Any]:
    y, z = f.seat[1] - 0.02, f.seat[2] + 0.02
    path = [(y + 0.16, z), (y + 0.06, z + 0.005), (y - 0.04, z + 0.01), (y - 0.12, z + 0.02)]
    return [
        add_shell(path, [0.02, 0.035, 0.075, 0.085], [0.02, 0.025, 0.032, 0.03], paints.leather, power=2.4)
    ]


def _extras(rng: np.random.Generator, f: Frame, paints: Paints) -> list[Any]:
    """Rear rack, front basket, child seat, helmet: each by its own chance."""
    parts: list[Any] = []
    top = f.radius * 2 + 0.06
    if rng.random() < 0.7:
        back = f.rear - 0.22
        for x in (-0.06, 0, 0.06):
            parts.append(add_rod((x, f.seat[1] - 0.06, top), (x, back, top), 0.007, paints.metal))
        for side in (-1, 1):
            parts.append(
                add_rod(
                    (side * 0.06, f.rear - 0.1, top), (side * 0.06, f.rear, f.radius), 0.006, paints.metal
                )
            )
        parts.append(add_rod((-0.07, back, top), (0.07, back, top), 0.008, paints.metal))
        if rng.random() < 0.2:
            parts += child_seat(f.rear - 0.02, top + 0.03, paints)
    if rng.random() < 0.6:
        parts += add_front_basket(f.head[1] + 0.2, f.head[2] - 0.05, paints, rng)
    if rng.random() < 0.12:
        parts += add_helmet((0.22, f.head[1], f.head[2] + 0.3), rng)
    return parts


def child_seat(y: float, z: float, paints: Paints) -> list[Any]:
    """A moulded child's seat with arm rests."""
    path = [
        (y + 0.16, z + 0.02),
        (y + 0.02, z + 0.01),
        (y - 0.12, z + 0.05),
        (y - 0.17, z + 0.2),
        (y - 0.2, z + 0.42),
    ]
    parts = [add_shell(path, [0.13, 0.15, 0.16, 0.16, 0.13], [0.02] * 5, paints.trim, power=4, bow=0.04)]
    for side in (-1, 1):
        parts.append(
            add_tube(
                [
                    (side * 0.15, y - 0.15, z + 0.18),
                    (side * 0.16, y, z + 0.2),
                    (side * 0.12, y + 0.12, z + 0.16),
                ],
                0.016,
                paints.plastic,
            )
        )
    return parts


def _electrics(rng: np.random.Generator, f: Frame, paints: Paints, *, step_through: bool) -> list[Any]:
    """Battery, lamp, plate, and at times mirrors, a pillion pad or a tail box."""
    parts = _battery(rng, f, paints, step_through=step_through)
    lamp_y, lamp_z = f.head[1] + 0.08, f.head[2] + 0.06
    parts.append(add_ball((0, lamp_y, lamp_z), (0.055, 0.06, 0.055), paints.plastic))
    parts.append(add_ball((0, lamp_y + 0.03, lamp_z), (0.045, 0.04, 0.045), paints.lamp))
    top = f.radius * 2 + 0.07
    parts += add_number_plate(f.rear - 0.26, top - 0.14, rng)
    parts.append(add_box((0, f.rear - 0.24, top - 0.01), (0.1, 0.03, 0.035), paints.red_lamp, bevel=0.008))
    if rng.random() < 0.6:
        pad = [(f.seat[1] - 0.1, top + 0.03), (f.rear - 0.05, top + 0.04), (f.rear - 0.24, top + 0.03)]
        parts.append(add_shell(pad, [0.07, 0.09, 0.08], [0.025, 0.035, 0.025], paints.leather, power=4))
    elif rng.random() < 0.4:
        parts += add_top_box(f.rear - 0.1, top + 0.02, paints, rng)
    if rng.random() < 0.55:
        parts += add_mirrors(f.head[1] - 0.06, f.head[2] + 0.22, 0.3, paints, rng)
    return parts


def _battery(rng: np.random.Generator, f: Frame, paints: Paints, *, step_through: bool) -> list[Any]:
    """A case on the down tube, behind the seat tube, or (most often) a box on the step between them."""
    skin = paints.plastic if rng.random() < 0.6 else paints.body
    place = "step" if step_through and rng.random() < 0.6 else ("seat" if rng.random() < 0.3 else "down")
    if place == "down":
        a, b = np.array(f.crank[1:]) + (0.1, 0.16), np.array(f.head[1:]) + (-0.06, -0.2)
        path = [tuple(a + (b - a) * t + (-0.02, 0.03)) for t in (0.0, 0.5, 1.0)]
        return [add_shell(path, [0.042] * 3, [0.05, 0.055, 0.05], skin, power=5)]
    if place == "seat":
        a, b = np.array(f.crank[1:]), np.array(f.seat[1:])
        path = [tuple(a + (b - a) * t + (-0.075, 0.0)) for t in (0.22, 0.5, 0.8)]
        return [add_shell(path, [0.045] * 3, [0.05, 0.055, 0.05], skin, power=5)]
    y, z = (f.head[1] + f.crank[1]) / 2 - 0.02, f.crank[2] + 0.1
    path = [(y + 0.13, z + 0.02), (y, z), (y - 0.15, z)]
    deck = [(yy, zz + 0.08) for yy, zz in path]
    return [
        add_shell(path, [0.07, 0.08, 0.075], [0.06, 0.075, 0.07], skin, power=5),
        add_shell(deck, [0.09, 0.11, 0.1], [0.012] * 3, paints.rubber, power=5),
    ]
