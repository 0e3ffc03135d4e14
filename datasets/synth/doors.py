"""Doors in the frame of a wall (x right, y into the wall, z up): steel fire doors, wood, glass, double leaf, shutters."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from firewarden.datasets import scene_plates
from firewarden.datasets.scene_parts import Colour, add_box, add_plate, add_tube, add_turned, make_material
from firewarden.datasets.synth.surfaces import glass_material, hsv, shade

DOOR_KINDS = ("steel", "steel_double", "wood", "glass", "glass_double", "shutter")


@dataclass(frozen=True, slots=True)
class Door:
    """A closed door: all its objects, the size of its opening in metres and its kind."""

    things: list[Any]
    width: float
    height: float
    kind: str


def door_size(rng: np.random.Generator, kind: str) -> tuple[float, float]:
    """Width and height of the opening in metres."""
    if kind == "shutter":
        return rng.uniform(1.8, 2.8), rng.uniform(2.1, 2.4)
    if kind.endswith("double"):
        return rng.uniform(1.25, 1.75), rng.uniform(2.05, 2.35)
    return rng.uniform(0.82, 1.05), rng.uniform(1.98, 2.2)


def build_door(rng: np.random.Generator, kind: str, size: tuple[float, float]) -> Door:
    """A door of `kind` filling an opening of `size`, its middle at x = 0."""
    if kind not in DOOR_KINDS:
        raise ValueError(f"door kind {kind!r}, expected one of {DOOR_KINDS}")
    w, h = size
    if kind == "shutter":
        return Door(_shutter(rng, w, h), w, h, kind)
    frame_colour = _door_colour(rng, kind)
    things = [*_frame(rng, w, h, frame_colour), *_closure(rng, w, h, glass=kind.startswith("glass"))]
    leaves = [(-w / 4, w / 2), (w / 4, w / 2)] if kind.endswith("double") else [(0.0, w)]
    sides = [-1, 1] if len(leaves) == 2 else [int(rng.choice([-1, 1]))]
    style = int(rng.integers(1 << 30))
    for (x, width), side in zip(leaves, sides, strict=True):
        leaf = np.random.default_rng(style)  # both leaves alike
        build = {"steel": _steel_leaf, "wood": _wood_leaf, "glass": _glass_leaf}[kind.split("_")[0]]
        things += build(leaf, x, width, h, side, frame_colour)
    return Door(things, w, h, kind)


def _door_colour(rng: np.random.Generator, kind: str) -> Colour:
    if kind == "wood":
        return hsv(rng.uniform(0.03, 0.09), rng.uniform(0.45, 0.8), rng.uniform(0.08, 0.4))
    if kind.startswith("glass"):
        v = rng.uniform(0.05, 0.6)
        return (v, v, v)
    hue, s = ((0.58, 0.08), (0.0, 0.65), (0.05, 0.7), (0.38, 0.4), (0.1, 0.25), (0.6, 0.5))[
        int(rng.integers(6))
    ]
    return hsv(hue, s * rng.uniform(0.6, 1.1), rng.uniform(0.12, 0.6))


def _frame(rng: np.random.Generator, w: float, h: float, colour: Colour) -> list[Any]:
    tone = rng.uniform(0.6, 1.1)
    material = make_material("door frame", shade(colour, tone), roughness=0.4)
    bar, depth = rng.uniform(0.05, 0.1), rng.uniform(0.08, 0.16)
    sides = [
        add_box((s * (w / 2 + bar / 2 - 0.012), 0.02, h / 2 + bar / 2), (bar, depth, h + bar), material)
        for s in (-1, 1)
    ]
    return [*sides, add_box((0, 0.02, h + bar / 2 - 0.012), (w, depth - 0.002, bar), material)]


def _closure(rng: np.random.Generator, w: float, h: float, *, glass: bool) -> list[Any]:
    """Threshold and what shuts the opening off behind the leaf: nothing shines through gaps, glass shows a dim space."""
    v = rng.uniform(0.03, 0.3)
    sill = make_material("threshold", (v, v * 0.97, v * 0.9), roughness=0.5)
    behind = make_material(
        "behind", hsv(0.58, 0.15, rng.uniform(0.02, 0.5)) if glass else (0.02,) * 3, roughness=0.9
    )
    y, reach = (0.45, 0.6) if glass else (0.11, 0.05)
    return [
        add_box((0, y / 2, -0.001), (w + 2 * reach, y + 0.02, 0.012), sill, bevel=0),
        add_plate((-w / 2 - reach, y, -0.02), (w + 2 * reach, 0, 0), (0, 0, h + reach), behind),
    ]


def _steel_leaf(
    rng: np.random.Generator, x: float, w: float, h: float, side: int, colour: Colour
) -> list[Any]:
    """Painted steel: closer, hinges, plate, and panic bar or lever; often a wired pane or a kick plate."""
    paint = make_material("leaf", colour, roughness=rng.uniform(0.25, 0.55), stains=rng.uniform(0, 0.2))
    steel = make_material("steel", (0.62, 0.62, 0.61), roughness=0.28, metallic=1.0)
    dark = make_material("pane", (0.02, 0.03, 0.035), roughness=0.05)
    edge = make_material("pane frame", shade(colour, 0.7), roughness=0.4)
    things = [add_box((x, 0.055, h / 2 + 0.004), (w - 0.008, 0.05, h - 0.01), paint, bevel=0.003)]
    if rng.random() < 0.5:
        pw, ph = (0.14, 0.7) if rng.random() < 0.4 else (min(0.3, w * 0.4), rng.uniform(0.4, 0.7))
        px = x if rng.random() < 0.6 else x - side * w * 0.22
        things.append(add_box((px, 0.027, 1.52), (pw + 0.05, 0.02, ph + 0.05), edge))
        things.append(add_box((px, 0.020, 1.52), (pw, 0.02, ph), dark, bevel=0.002))
    if rng.random() < 0.35:
        things.append(add_box((x, 0.028, 0.16), (w - 0.06, 0.006, 0.22), steel, bevel=0.001))
    if rng.random() < 0.6:
        things.append(add_box((x + side * w * 0.25, 0.01, h - 0.09), (0.24, 0.06, 0.055), steel, bevel=0.008))
    things += [
        add_turned((x + side * (w / 2 - 0.004), 0.02, z), [(0.011, 0.0), (0.011, 0.11)], steel)
        for z in (0.3, 1.8)
    ]
    if rng.random() < 0.5:
        things += _panic_bar(rng, x, w, steel)
    else:
        things += _lever(x - side * (w / 2 - 0.08), side, steel)
    if rng.random() < 0.55:
        things.append(_leaf_plate(rng, x, w))
    return things


def _panic_bar(rng: np.random.Generator, x: float, w: float, steel: Any) -> list[Any]:
    bar = make_material("bar", (0.40, 0.03, 0.03) if rng.random() < 0.5 else (0.1, 0.3, 0.12), roughness=0.35)
    reach, z = w * 0.4, rng.uniform(0.95, 1.08)
    ends = [add_box((x + s * reach, -0.015, z), (0.06, 0.10, 0.11), steel, bevel=0.01) for s in (-1, 1)]
    tube = [(x - reach, -0.06, z), (x, -0.06, z), (x + reach, -0.06, z)]
    return [*ends, add_tube(tube, 0.019, bar if rng.random() < 0.6 else steel)]


def _lever(x: float, side: int, steel: Any) -> list[Any]:
    plate = add_box((x, 0.027, 1.02), (0.045, 0.01, 0.2), steel)
    return [
        plate,
        add_tube([(x, 0.02, 1.05), (x, -0.035, 1.05), (x + side * 0.12, -0.035, 1.05)], 0.009, steel),
    ]


def _leaf_plate(rng: np.random.Generator, x: float, w: float) -> Any:
    """ "Keep this fire door shut" at eye level."""
    picture = scene_plates.door_plate()
    plate = make_material("door plate", picture=picture, roughness=0.4)
    size = min(0.26, w * 0.4)
    left = x + rng.uniform(-0.1, 0.1) * w - size / 2
    return add_plate((left, 0.0285, rng.uniform(1.3, 1.6)), (size, 0, 0), (0, 0, size * 0.42), plate)


def _wood_leaf(
    rng: np.random.Generator, x: float, w: float, h: float, side: int, colour: Colour
) -> list[Any]:
    wood = make_material("wood", colour, roughness=0.42, bump=0.05, bump_scale=30, stains=0.3)
    steel = make_material("steel", (0.6, 0.58, 0.54), roughness=0.3, metallic=1.0)
    things = [add_box((x, 0.05, h / 2 + 0.004), (w - 0.008, 0.045, h - 0.01), wood, bevel=0.003)]
    for z, height in ((0.55, 0.7), (1.48, 0.8)) if rng.random() < 0.6 else ():
        things.append(add_box((x, 0.028, z * h / 2.05), (w * 0.62, 0.014, height), wood, bevel=0.006))
    if rng.random() < 0.25:
        number = make_material("number", hsv(0.12, 0.3, 0.5), roughness=0.3, metallic=1.0)
        things.append(add_box((x, 0.024, 1.6), (0.12, 0.006, 0.06), number))
    return [*things, *_lever(x - side * (w / 2 - 0.07), side, steel)]


def _glass_leaf(
    rng: np.random.Generator, x: float, w: float, h: float, side: int, colour: Colour
) -> list[Any]:
    """A clear pane in a slim frame before a dim or bright space, with a long handle."""
    bar = rng.uniform(0.04, 0.09)
    metal = make_material("glass frame", colour, roughness=0.35, metallic=float(rng.random() < 0.6))
    steel = make_material("handle", (0.6, 0.6, 0.6), roughness=0.25, metallic=1.0)
    things = [add_plate((x - w / 2, 0.05, 0.0), (w, 0, 0), (0, 0, h), glass_material())]
    for s in (-1, 1):
        things.append(add_box((x + s * (w / 2 - bar / 2), 0.05, h / 2), (bar, 0.045, h - 0.01), metal))
    for z, height in ((bar / 2, bar), (h - bar / 2 - 0.005, bar)):
        things.append(add_box((x, 0.05, z), (w - 0.01, 0.045, height), metal))
    grip = x - side * (w / 2 - bar - 0.06)
    things.append(add_tube([(grip, -0.03, 0.85), (grip, -0.03, 1.15), (grip, -0.03, 1.45)], 0.016, steel))
    return things


def _shutter(rng: np.random.Generator, w: float, h: float) -> list[Any]:
    """A roller shutter pulled down: slats, side rails, box."""
    v = rng.uniform(0.3, 0.7)
    metal = make_material("slat", (v, v, v * rng.uniform(0.9, 1.05)), roughness=0.4, metallic=0.7, stains=0.2)
    pitch = rng.uniform(0.07, 0.11)
    things = [
        add_box((0, 0.04, pitch * (k + 0.5)), (w, 0.03, pitch * 0.92), metal, bevel=0.012)
        for k in range(int((h - 0.02) / pitch))
    ]
    things += [add_box((s * (w / 2 + 0.02), 0.0, h / 2), (0.07, 0.1, h), metal) for s in (-1, 1)]
    return [*things, add_box((0, -0.05, h + 0.08), (w + 0.14, 0.26, 0.24), metal)]
