"""Things that stand in the way: cartons, furniture, sacks, bins, ladders, pallets, plants. Metres, front to +y."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import bpy
import numpy as np

from firewarden.datasets.scene_parts import add_box, add_carton, add_tube, add_turned, make_material
from firewarden.datasets.synth import sweethome
from firewarden.datasets.synth.built import Built, Point
from firewarden.datasets.synth.furniture import furniture_parts
from firewarden.datasets.synth.joining import join
from firewarden.datasets.synth.shapes import add_ball, add_rod, add_shell
from firewarden.datasets.synth.sweethome_models import build_model

Kind = Literal["carton", "carton_stack", "furniture", "bag", "bin", "ladder", "pallet", "plant"]
CLASS_NAMES: dict[str, str] = {"carton": "carton", "carton_stack": "carton", "furniture": "furniture"}


def build_clutter(rng: np.random.Generator, kind: str) -> Built:
    """One random thing of `kind`; class carton, furniture or clutter."""
    if kind not in get_args(Kind):
        raise ValueError(f"clutter kind {kind!r}, expected one of {', '.join(get_args(Kind))}")
    class_name = CLASS_NAMES.get(kind, "clutter")
    if sweethome.available(kind) and rng.random() < 0.35:
        return build_model(rng, kind, class_name)
    return join(_MAKERS[kind](rng), class_name, kind=kind)


def _carton(
    rng: np.random.Generator, base: Point = (0, 0, 0), *, turn: float = 0.0, closed: bool = False
) -> list[Any]:
    """One printed box, at times with its flaps open."""
    size = (rng.uniform(0.28, 0.62), rng.uniform(0.25, 0.45), rng.uniform(0.2, 0.5))
    before = set(bpy.data.objects)
    add_carton(rng, base, size, turn=turn, flaps=not closed and bool(rng.random() < 0.3))
    return [thing for thing in bpy.data.objects if thing not in before]


def _carton_stack(rng: np.random.Generator) -> list[Any]:
    """One to three columns of one to four boxes, carelessly aligned."""
    parts: list[Any] = []
    for column in range(int(rng.integers(1, 4))):
        height, x, levels = 0.0, 0.56 * column, int(rng.integers(1, 5))
        for level in range(levels):
            base = (x + rng.uniform(-0.03, 0.03), rng.uniform(-0.04, 0.04), height)
            made = _carton(rng, base, turn=float(rng.normal(0, 0.12)), closed=level < levels - 1)
            parts += made
            height = max(float((made[0].matrix_basis @ v.co).z) for v in made[0].data.vertices)
    return parts


def _bag(rng: np.random.Generator) -> list[Any]:
    """One to three tied sacks or rubbish bags, slumped."""
    parts: list[Any] = []
    for k in range(int(rng.integers(1, 4))):
        style = rng.integers(4)
        colour = ((0.62, 0.6, 0.55), (0.012, 0.012, 0.014), (0.55, 0.1, 0.08), (0.1, 0.22, 0.5))[int(style)]
        skin = make_material("sack", colour, roughness=0.28 if style == 1 else 0.7, bump=0.9, bump_scale=14)
        wide, deep, tall = rng.uniform(0.16, 0.26), rng.uniform(0.15, 0.22), rng.uniform(0.42, 0.75)
        x, y, tip = 0.42 * k, rng.uniform(-0.08, 0.08), rng.uniform(-0.06, 0.06)
        path = [
            (y, 0.0),
            (y, 0.08),
            (y + tip, tall * 0.45),
            (y + tip, tall * 0.75),
            (y + tip, tall * 0.86),
            (y + tip, tall),
        ]
        widths = [wide * w for w in (0.75, 1.0, 1.05, 0.6, 0.16, 0.35)]
        deeps = [deep * w for w in (0.75, 1.0, 1.08, 0.6, 0.16, 0.3)]
        parts.append(_crumple(rng, add_shell(path, widths, deeps, skin, x=x, power=2.6)))
    return parts


def _crumple(rng: np.random.Generator, thing: Any) -> Any:
    """Dent a body by up to 2 cm along waves."""
    phase = rng.uniform(0, 6, 3)
    for vertex in thing.data.vertices:
        x, y, z = vertex.co
        dent = 0.02 * np.sin(17 * x + 11 * z + phase[0]) * np.sin(15 * y - 13 * z + phase[1])
        vertex.co.x, vertex.co.y = x + dent * np.cos(phase[2] + 9 * z), y + dent
    return thing


def _bin(rng: np.random.Generator) -> list[Any]:
    """A wheeled rubbish bin of 120-240 litres, or a round bucket."""
    colours: list[Point] = [(0.02, 0.18, 0.06), (0.03, 0.12, 0.36), (0.09, 0.09, 0.1), (0.4, 0.03, 0.03)]
    skin = make_material("bin", colours[int(rng.integers(4))], roughness=0.5, stains=0.2)
    if rng.random() < 0.3:
        radius, tall = rng.uniform(0.14, 0.22), rng.uniform(0.25, 0.6)
        return [
            add_turned(
                (0, 0, 0),
                [(0.01, 0), (0.8 * radius, 0), (radius, tall), (0.93 * radius, tall), (0.75 * radius, 0.03)],
                skin,
            )
        ]
    half, tall = rng.uniform(0.22, 0.29), rng.uniform(0.85, 1.0)
    black = make_material("rubber", (0.015,) * 3, roughness=0.8)
    body = [(0.02, 0.06), (0.01, 0.4), (0.0, tall), (0.0, tall + 0.02)]
    lid = [(-0.02, tall + 0.03), (-0.02, tall + 0.06), (-0.02, tall + 0.09)]
    parts = [
        add_shell(
            body,
            [half * 0.78, half * 0.9, half, half],
            [half * 0.8, half * 0.95, half * 1.1, half * 1.1],
            skin,
            power=7,
        ),
        add_shell(
            lid, [half * 1.08, half * 1.08, half * 0.8], [half * 1.2, half * 1.2, half * 0.9], skin, power=7
        ),
        add_rod((-half * 0.8, -half * 1.2, tall - 0.03), (half * 0.8, -half * 1.2, tall - 0.03), 0.016, skin),
        add_rod((-half * 0.9, -half, 0.1), (half * 0.9, -half, 0.1), 0.012, black),
    ]
    for side in (-1, 1):
        x = side * half * 0.9
        parts.append(add_rod((x - 0.025, -half, 0.1), (x + 0.025, -half, 0.1), 0.1, black))
    return parts


def _ladder(rng: np.random.Generator) -> list[Any]:
    """An aluminium or wooden step ladder standing open."""
    wood = rng.random() < 0.3
    skin = make_material(
        "ladder", (0.35, 0.2, 0.1) if wood else (0.6, 0.6, 0.6), roughness=0.4, metallic=0 if wood else 0.8
    )
    tall, half = rng.uniform(1.1, 2.0), rng.uniform(0.2, 0.26)
    parts: list[Any] = []
    for foot in (tall * 0.3, -tall * 0.3):
        for side in (-1, 1):
            parts.append(add_rod((side * half, foot, 0), (side * half * 0.7, 0, tall), 0.022, skin))
    for k in range(1, int(tall / 0.27)):
        share = k * 0.27 / tall
        width = 2 * half * (1 - 0.3 * share)
        parts.append(add_box((0, tall * 0.3 * (1 - share), k * 0.27), (width, 0.085, 0.025), skin))
    for z in (0.25, 0.7):
        parts.append(
            add_rod(
                (-half * (1 - 0.3 * z), -tall * 0.3 * (1 - z), z * tall),
                (half * (1 - 0.3 * z), -tall * 0.3 * (1 - z), z * tall),
                0.012,
                skin,
            )
        )
    return [*parts, add_box((0, 0, tall), (1.5 * half, 0.16, 0.03), skin)]


def _pallet(rng: np.random.Generator) -> list[Any]:
    """Wooden or blue plastic pallets, one to five in a pile."""
    colour: Point = (0.34, 0.23, 0.13) if rng.random() < 0.75 else (0.03, 0.14, 0.42)
    skin = make_material("pallet", colour, roughness=0.85, stains=0.35, bump=0.2)
    parts: list[Any] = []
    for level in range(int(rng.integers(1, 6))):
        z = 0.145 * level
        shift = rng.uniform(-0.02, 0.02)
        for y in (-0.45, 0, 0.45):
            parts.append(add_box((shift, y, z + 0.011), (1.2, 0.1, 0.022), skin))
            parts += [add_box((shift + x, y, z + 0.061), (0.14, 0.1, 0.078), skin) for x in (-0.53, 0, 0.53)]
        for x in np.linspace(-0.53, 0.53, 7):
            parts.append(add_box((shift + float(x), 0, z + 0.122), (0.1, 1.0, 0.022), skin))
    return parts


def _plant(rng: np.random.Generator) -> list[Any]:
    """A pot with long arching or broad upright leaves."""
    pots: list[Point] = [(0.32, 0.12, 0.06), (0.6, 0.6, 0.58), (0.02, 0.1, 0.2), (0.05, 0.05, 0.05)]
    pot = make_material("pot", pots[int(rng.integers(4))], roughness=0.35)
    leaf = make_material("leaf", (0.02, rng.uniform(0.1, 0.25), 0.03), roughness=0.45)
    radius, high = rng.uniform(0.13, 0.22), rng.uniform(0.2, 0.4)
    parts = [
        add_turned(
            (0, 0, 0),
            [
                (0.01, 0),
                (0.7 * radius, 0),
                (radius, high),
                (0.9 * radius, high),
                (0.85 * radius, high - 0.04),
                (0.01, high - 0.04),
            ],
            pot,
        )
    ]
    tall, arch = rng.uniform(0.5, 1.2), rng.uniform(0.15, 0.5)
    for k in range(int(rng.integers(14, 26))):
        angle, reach, rise = 2.4 * k, arch * rng.uniform(0.5, 1.1), tall * rng.uniform(0.55, 1.0)
        out = (float(np.cos(angle)), float(np.sin(angle)))
        tip = (out[0] * reach, out[1] * reach, high + rise * 0.85)
        parts.append(
            add_tube(
                [(0, 0, high - 0.05), (out[0] * reach * 0.3, out[1] * reach * 0.3, high + rise * 0.7), tip],
                0.005,
                leaf,
            )
        )
        parts.append(add_ball(tip, (0.035, 0.012, 0.16), leaf, tilt=(0.0, 0.7, angle)))
    return parts


_MAKERS: dict[str, Callable[[np.random.Generator], list[Any]]] = {
    "carton": _carton,
    "carton_stack": _carton_stack,
    "furniture": furniture_parts,
    "bag": _bag,
    "bin": _bin,
    "ladder": _ladder,
    "pallet": _pallet,
    "plant": _plant,
}
