"""Pieces of a house front: windows with bars, balconies, air conditioners, pipes. Wall frame: x right, y into the wall,
z up, the wall's face at y = 0; metres."""

from typing import Any

import numpy as np

from firewarden.datasets.scene_parts import add_box, add_plate, add_tube, add_turned, make_material
from firewarden.datasets.synth.built import Point
from firewarden.datasets.synth.shapes import add_disc, add_rod
from firewarden.datasets.synth.surfaces import hsv

_FRAMES: tuple[Point, ...] = (
    (0.7, 0.7, 0.7),
    (0.35, 0.36, 0.36),
    (0.08, 0.05, 0.03),
    (0.02, 0.1, 0.09),
    (0.05, 0.05, 0.055),
)


def window_parts(rng: np.random.Generator, width: float, height: float, *, ajar: float = 0.0) -> list[Any]:
    """A sliding window, its sill's middle at the origin; `ajar` metres of the opening stand open at the right."""
    frame = make_material(
        "window frame", _FRAMES[int(rng.integers(len(_FRAMES)))], roughness=0.35, metallic=0.3
    )
    glass = make_material("pane", hsv(0.55, rng.uniform(0.1, 0.6), rng.uniform(0.01, 0.06)), roughness=0.04)
    dark = make_material("inside", (0.012, 0.012, 0.013), roughness=0.9)
    deep, bar = 0.1, 0.05
    parts = [add_plate((-width / 2, deep + 0.03, 0), (width, 0, 0), (0, 0, height), dark)]
    parts += [
        add_box((x, deep / 2, height / 2), (bar, deep, height), frame)
        for x in (-width / 2 + bar / 2, width / 2 - bar / 2)
    ]
    parts += [add_box((0, deep / 2, z), (width, deep, bar), frame) for z in (bar / 2, height - bar / 2)]
    sash = width / 2
    for k, middle in enumerate((-sash / 2, sash / 2 - (ajar if ajar else 0))):
        y = 0.05 + 0.025 * k
        parts.append(add_box((middle, y, height / 2), (sash - 0.02, 0.008, height - 0.1), glass, bevel=0))
        for x in (middle - sash / 2 + 0.02, middle + sash / 2 - 0.02):
            parts.append(add_box((x, y, height / 2), (0.04, 0.025, height - 0.08), frame))
    if rng.random() < 0.5:
        parts.append(_curtain(rng, width, height, deep))
    sill = make_material("sill", (0.5, 0.49, 0.47), roughness=0.8, stains=0.3)
    parts.append(add_box((0, -0.04, -0.03), (width + 0.12, 0.14, 0.05), sill))
    return parts


def _curtain(rng: np.random.Generator, width: float, height: float, deep: float) -> Any:
    cloth = make_material(
        "curtain", hsv(rng.random(), rng.uniform(0.05, 0.5), rng.uniform(0.15, 0.5)), roughness=0.9
    )
    share = rng.uniform(0.25, 0.9)
    side = float(rng.choice([-1, 1]))
    left = -width / 2 if side < 0 else width / 2 - share * width
    return add_plate((left, deep + 0.02, 0.05), (share * width, 0, 0), (0, 0, height - 0.1), cloth)


def bars_parts(rng: np.random.Generator, width: float, height: float) -> list[Any]:
    """Window bars: flat before the window, or a cage standing out; 10 cm apart."""
    steel = make_material(
        "bars", (0.5, 0.5, 0.5) if rng.random() < 0.6 else (0.05, 0.05, 0.06), roughness=0.3, metallic=0.8
    )
    out = -0.06 if rng.random() < 0.5 else -rng.uniform(0.3, 0.5)
    w = width + 0.1
    parts = [
        add_rod((x, out, 0), (x, out, height), 0.008, steel) for x in np.arange(-w / 2, w / 2 + 0.01, 0.11)
    ]
    levels = (0.02, height * 0.5, height - 0.02)
    parts += [add_rod((-w / 2, out, z), (w / 2, out, z), 0.01, steel) for z in levels]
    if out < -0.1:
        for side in (-1, 1):
            parts += [add_rod((side * w / 2, 0, z), (side * w / 2, out, z), 0.01, steel) for z in levels]
            for y in np.arange(out, -0.05, 0.11):
                parts.append(
                    add_rod((side * w / 2, float(y), 0), (side * w / 2, float(y), height), 0.008, steel)
                )
    return parts


def balcony_parts(rng: np.random.Generator, width: float) -> list[Any]:
    """A balcony whose slab's upper face lies at z = 0, with a rail or a parapet 1.05 m high."""
    deep = rng.uniform(0.9, 1.3)
    slab = make_material("slab", (0.5, 0.49, 0.47), roughness=0.9, stains=0.4)
    parts = [add_box((0, -deep / 2, -0.06), (width, deep, 0.12), slab)]
    if rng.random() < 0.45:
        skin = make_material(
            "parapet", hsv(0.1, rng.uniform(0, 0.2), rng.uniform(0.4, 0.8)), roughness=0.8, stains=0.35
        )
        parts.append(add_box((0, -deep + 0.05, 0.5), (width, 0.1, 1.0), skin))
        return parts + [
            add_box((s * (width / 2 - 0.05), 0.05 - deep / 2, 0.5), (0.1, deep - 0.1, 0.99), skin)
            for s in (-1, 1)
        ]
    steel = make_material("rail", _FRAMES[int(rng.integers(len(_FRAMES)))], roughness=0.4, metallic=0.5)
    for z in (0.08, 1.05):
        parts.append(add_rod((-width / 2, -deep + 0.03, z), (width / 2, -deep + 0.03, z), 0.022, steel))
        parts += [
            add_rod((s * width / 2, 0, z), (s * width / 2, -deep + 0.03, z), 0.022, steel) for s in (-1, 1)
        ]
    for x in np.arange(-width / 2, width / 2 + 0.01, 0.12):
        parts.append(add_rod((float(x), -deep + 0.03, 0.08), (float(x), -deep + 0.03, 1.05), 0.008, steel))
    return parts


def conditioner_parts(rng: np.random.Generator) -> list[Any]:
    """The outer unit of an air conditioner on its brackets, its foot's middle at the origin, with its hose."""
    pale = make_material("unit", (0.68, 0.68, 0.65), roughness=0.5, stains=0.3)
    dark = make_material("grille", (0.06, 0.06, 0.065), roughness=0.6)
    fan = add_disc((0, 0, 0), 0.2, 0.02, dark)
    fan.rotation_euler = (np.pi / 2, 0, 0)
    fan.location = (-0.12, -0.385, 0.29)
    parts = [add_box((0, -0.22, 0.29), (0.8, 0.32, 0.56), pale, bevel=0.015), fan]
    parts += [add_box((x, -0.2, -0.02), (0.03, 0.4, 0.03), dark) for x in (-0.3, 0.3)]
    drop = rng.uniform(0.4, 1.2)
    hose = [(0.42, -0.2, 0.1), (0.5, -0.1, 0.15), (0.55, -0.03, 0.4), (0.55, -0.02, 0.4 + drop)]
    return [*parts, add_tube(hose, 0.02, pale)]


def drain_parts(rng: np.random.Generator, height: float) -> list[Any]:
    """A rain pipe down the wall with its clamps."""
    tone = hsv(0.1, 0.03, rng.uniform(0.3, 0.75))
    plastic = make_material("pipe", tone, roughness=0.4, stains=0.2)
    radius = rng.uniform(0.035, 0.055)
    parts = [add_rod((0, -radius - 0.02, 0.05), (0, -radius - 0.02, height), radius, plastic)]
    clamps = np.arange(0.6, height, 1.6)
    ring = [(radius + 0.006, 0.0), (radius + 0.006, 0.04)]
    return parts + [add_turned((0, -radius - 0.02, float(z)), ring, plastic) for z in clamps]


def pile_parts(rng: np.random.Generator) -> list[Any]:
    """A wall-mounted charging point for e-bikes: lit screen, ten numbered sockets or a gun holster; foot at z = 0."""
    tone: Point = [(0.03, 0.2, 0.5), (0.05, 0.35, 0.12), (0.7, 0.7, 0.7)][int(rng.integers(3))]
    skin = make_material("pile", tone, roughness=0.35)
    screen = make_material("screen", (0.05, 0.5, 0.15), glow=2.0)
    dark = make_material("socket", (0.015,) * 3, roughness=0.5)
    parts = [
        add_box((0, -0.08, 0.24), (0.34, 0.16, 0.48), skin, bevel=0.02),
        add_box((0, -0.165, 0.37), (0.2, 0.01, 0.1), screen),
    ]
    for row in range(2):
        for column in range(3):
            parts.append(add_box((-0.1 + 0.1 * column, -0.165, 0.1 + 0.12 * row), (0.06, 0.012, 0.06), dark))
    return parts
