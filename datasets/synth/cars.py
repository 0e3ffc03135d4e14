"""Cars, vans and small lorries as simple smooth bodies. Nose to +y, standing on z = 0, metres."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from PIL import Image, ImageDraw

from firewarden.datasets.scene_parts import add_box, add_plate, make_material
from firewarden.datasets.synth.built import Built, Point
from firewarden.datasets.synth.joining import join
from firewarden.datasets.synth.shapes import add_ball, add_disc, add_rod, add_shell, add_tyre
from firewarden.fonts import cjk_font

Kind = Literal["sedan", "suv", "van", "lorry"]
_PAINTS: tuple[Point, ...] = (
    (0.8, 0.8, 0.79),
    (0.75, 0.75, 0.73),
    (0.012, 0.012, 0.014),
    (0.05, 0.052, 0.055),
    (0.35, 0.36, 0.37),
    (0.35, 0.02, 0.02),
    (0.02, 0.05, 0.2),
    (0.2, 0.1, 0.04),
    (0.25, 0.45, 0.5),
)


@dataclass(frozen=True, slots=True)
class Body:
    """Outline of a car from the side: (y, z) of the waist line and of the roof, as shares of length and height."""

    length: float
    width: float
    height: float
    waist: tuple[
        tuple[float, float], ...
    ]  # (y share from nose 0 to tail 1, z share of the top of the lower body)
    roof: tuple[tuple[float, float], ...]


_BODIES: dict[str, Body] = {
    "sedan": Body(
        4.6,
        1.8,
        1.46,
        ((0.0, 0.47), (0.025, 0.53), (0.3, 0.64), (0.6, 0.67), (0.85, 0.68), (0.98, 0.66), (1.0, 0.56)),
        ((0.27, 0.64), (0.4, 0.97), (0.6, 1.0), (0.75, 0.95), (0.9, 0.68)),
    ),
    "suv": Body(
        4.55,
        1.85,
        1.7,
        ((0.0, 0.47), (0.02, 0.56), (0.26, 0.63), (0.6, 0.65), (0.9, 0.66), (0.985, 0.65), (1.0, 0.55)),
        ((0.25, 0.63), (0.38, 0.97), (0.6, 1.0), (0.9, 0.95), (0.985, 0.66)),
    ),
    "van": Body(
        4.2,
        1.65,
        1.92,
        ((0.0, 0.4), (0.015, 0.46), (0.12, 0.52), (0.5, 0.53), (0.9, 0.53), (0.985, 0.53), (1.0, 0.42)),
        ((0.08, 0.52), (0.2, 0.96), (0.5, 1.0), (0.93, 0.98), (0.99, 0.53)),
    ),
}


def build_car(rng: np.random.Generator, kind: str) -> Built:
    """A random car of `kind`, class vehicle."""
    if kind not in get_args(Kind):
        raise ValueError(f"car kind {kind!r}, expected one of {', '.join(get_args(Kind))}")
    paint = make_material(
        "car paint",
        _PAINTS[int(rng.integers(len(_PAINTS)))],
        roughness=0.2,
        stains=float(rng.choice([0, 0, 0.2])),
    )
    parts = _lorry(rng, paint) if kind == "lorry" else _shell_car(rng, _BODIES[kind], paint)
    return join(parts, "vehicle", kind=kind)


def _shell_car(rng: np.random.Generator, body: Body, paint: Any) -> list[Any]:
    scale = rng.uniform(0.93, 1.05)
    long, wide, high = body.length * scale, body.width, body.height * rng.uniform(0.97, 1.03)
    glass = make_material("car glass", (0.012, 0.015, 0.017), roughness=0.03)
    bottom = 0.2
    waist = [(long * (0.5 - y), (z * high + bottom) / 2, (z * high - bottom) / 2) for y, z in body.waist]
    taper = [0.86, 0.95, 1, 1, 1, 0.96, 0.88]
    parts = [
        add_shell(
            [(y, z) for y, z, _ in waist],
            [wide / 2 * t for t in taper],
            [d for *_, d in waist],
            paint,
            power=5,
            upright=True,
        )
    ]
    parts += _cabin(body, long, wide, high, paint, glass)
    radius = rng.uniform(0.3, 0.34) * (1.08 if high > 1.6 else 1)
    for y in (long * 0.31, -long * 0.3):
        for side in (-1, 1):
            parts += car_wheel(side * (wide / 2 - 0.075), y, radius, side)
            parts.append(
                add_disc(
                    (side * (wide / 2 - 0.097), y, radius + 0.015), radius + 0.055, 0.2, glass, bevel=0.001
                )
            )
    return parts + _lamps(rng, long, wide, high, paint) + _mirrors(long, wide, high, paint)


def _cabin(body: Body, long: float, wide: float, high: float, paint: Any, glass: Any) -> list[Any]:
    """Dark glass all round under a painted roof with pillars."""
    low = body.roof[0][1] * high - 0.08
    tops = [(long * (0.5 - y), z * high) for y, z in body.roof]
    path = [(y, (z + low) / 2) for y, z in tops]
    deep = [max(0.02, (z - low) / 2) for _, z in tops]
    narrow = [0.44 * wide, 0.41 * wide, 0.405 * wide, 0.41 * wide, 0.43 * wide]
    parts = [add_shell(path, narrow, deep, glass, power=4.5, upright=True)]
    front, back = tops[1], tops[3]
    crown = [
        (front[0] - 0.02, front[1] + 0.01),
        (tops[2][0], tops[2][1] + 0.035),
        (back[0] + 0.02, back[1] + 0.01),
    ]
    parts.append(add_shell(crown, [0.4 * wide] * 3, [0.035] * 3, paint, power=5, bow=-0.02))
    for side in (-1, 1):
        for (y0, z0), (y1, z1), thick in ((tops[0], tops[1], 0.035), (tops[4], tops[3], 0.05)):
            parts.append(
                add_rod(
                    (side * 0.43 * wide, y0, z0 - 0.03), (side * 0.385 * wide, y1, z1 - 0.02), thick, paint
                )
            )
        middle = (tops[1][0] + tops[3][0]) / 2
        parts.append(
            add_rod(
                (side * 0.43 * wide, middle, low), (side * 0.395 * wide, middle, high - 0.05), 0.035, paint
            )
        )
    return parts


def car_wheel(x: float, y: float, radius: float, side: int) -> list[Any]:
    """A road wheel whose face looks to `side`."""
    rubber = make_material("tyre", (0.012,) * 3, roughness=0.85)
    rim = make_material("rim", (0.45, 0.45, 0.46), roughness=0.3, metallic=0.9)
    tyre = add_tyre((x, y, radius), radius, 0.1, rubber)
    parts = [tyre, add_disc((x + side * 0.04, y, radius), radius * 0.68, 0.1, rim, bevel=0.02)]
    for k in range(5):
        angle = 2 * np.pi * k / 5
        hole = (x + side * 0.09, y + 0.4 * radius * np.cos(angle), radius + 0.4 * radius * np.sin(angle))
        parts.append(add_disc(hole, radius * 0.13, 0.012, rubber, bevel=0.001))
    return parts


def _lamps(rng: np.random.Generator, long: float, wide: float, high: float, paint: Any) -> list[Any]:
    """Head and tail lamps, grille, bumpers, plates."""
    clear = make_material("headlamp", (0.75, 0.77, 0.8), roughness=0.05)
    red = make_material("tail lamp", (0.35, 0.004, 0.004), roughness=0.12)
    dark = make_material("grille", (0.012,) * 3, roughness=0.5)
    plate = make_material("plate", picture=_plate_picture(rng), roughness=0.4)
    z = high * 0.42
    parts = [
        add_box((0, long / 2 - 0.005, z - 0.1), (wide * 0.42, 0.05, 0.13), dark, bevel=0.02),
        add_box((0, long / 2 - 0.05, 0.3), (wide * 0.9, 0.14, 0.18), paint, bevel=0.05),
        add_box((0, -long / 2 + 0.05, 0.36), (wide * 0.92, 0.14, 0.24), paint, bevel=0.05),
        add_plate((0.22, long / 2 + 0.03, 0.34), (-0.44, 0, 0), (0, 0, 0.14), plate),
        add_plate((-0.22, -long / 2 - 0.03, 0.5), (0.44, 0, 0), (0, 0, 0.14), plate),
    ]
    for side in (-1, 1):
        parts.append(
            add_ball(
                (side * wide * 0.34, long / 2 - 0.05, z - 0.08),
                (0.2, 0.1, 0.08),
                clear,
                tilt=(0, 0, -side * 0.3),
            )
        )
        parts.append(
            add_box((side * wide * 0.4, -long / 2 + 0.05, z + 0.12), (0.22, 0.12, 0.16), red, bevel=0.04)
        )
    return parts


def _mirrors(long: float, wide: float, high: float, paint: Any) -> list[Any]:
    return [
        add_ball((s * (wide / 2 + 0.06), long * 0.17, high * 0.67), (0.11, 0.06, 0.07), paint)
        for s in (-1, 1)
    ]


def _plate_picture(rng: np.random.Generator) -> Image.Image:
    """浙K and five random characters, white on blue or black on green."""
    green = rng.random() < 0.3
    plate = Image.new("RGB", (440, 140), (120, 200, 150) if green else (16, 60, 160))
    text = "浙K·" + "".join(rng.choice(list("0123456789ABCDEFGH"), 5))
    draw = ImageDraw.Draw(plate)
    draw.text(
        (220, 70),
        text,
        font=cjk_font(84, "Bold"),
        fill=(10, 10, 10) if green else (240, 240, 240),
        anchor="mm",
    )
    return plate


def _lorry(rng: np.random.Generator, paint: Any) -> list[Any]:
    """A small lorry: cab over the front axle, open or closed bed."""
    glass = make_material("car glass", (0.012, 0.015, 0.017), roughness=0.03)
    dark = make_material("frame", (0.02,) * 3, roughness=0.7)
    long, wide = rng.uniform(4.6, 5.6), 1.75
    nose = long / 2
    cab = [(nose - 0.04, 1.02), (nose - 0.2, 1.15), (nose - 0.9, 1.2), (nose - 1.45, 1.2)]
    parts = [add_shell(cab, [0.8, 0.85, 0.86, 0.85], [0.5, 0.72, 0.82, 0.8], paint, power=6)]
    parts.append(add_box((0, nose - 0.12, 1.5), (1.5, 0.3, 0.5), glass, bevel=0.06))
    parts += [add_box((s * 0.84, nose - 0.75, 1.5), (0.06, 0.7, 0.45), glass, bevel=0.02) for s in (-1, 1)]
    parts.append(add_box((0, -0.3, 0.55), (0.8, long - 0.6, 0.18), dark))
    bed, middle = long - 1.7, -nose + (long - 1.7) / 2
    closed = rng.random() < 0.5
    skin = make_material("bed", (0.5, 0.51, 0.52), roughness=0.5, stains=0.3) if rng.random() < 0.5 else paint
    tall = 1.7 if closed else 0.42
    if closed:
        parts.append(add_box((0, middle, 0.72 + tall / 2), (wide, bed, tall), skin, bevel=0.03))
    else:
        parts.append(add_box((0, middle, 0.75), (wide, bed, 0.06), skin))
        parts += [add_box((s * wide / 2, middle, 0.95), (0.04, bed, tall), skin) for s in (-1, 1)]
        parts += [add_box((0, y, 0.95), (wide, 0.04, tall), skin) for y in (-nose, -nose + bed)]
    for y in (nose - 0.75, -nose + 0.9):
        for side in (-1, 1):
            parts += car_wheel(side * 0.74, y, 0.33, side)
    return parts + _lamps(rng, long, wide, 1.7, dark)
