"""Pieces that two-wheelers share: paints, wheels, handlebars, mirrors, lamps, plates, baskets, boxes, wind blankets.

A vehicle's frame: nose to +y, z up, metres. Functions return the new bpy objects.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from firewarden.datasets.scene_parts import add_box, add_plate, add_tube, make_material
from firewarden.datasets.synth.built import Point
from firewarden.datasets.synth.shapes import (
    add_ball,
    add_basket,
    add_disc,
    add_rod,
    add_shell,
    add_spokes,
    add_tyre,
)
from firewarden.fonts import cjk_font

Colour = tuple[float, float, float]
# linear RGB of paints seen on Chinese two-wheelers: many white, black, grey, red, blue; some pastel
PAINTS: tuple[Colour, ...] = (
    (0.80, 0.80, 0.78),
    (0.75, 0.74, 0.68),
    (0.015, 0.015, 0.017),
    (0.03, 0.03, 0.035),
    (0.10, 0.11, 0.12),
    (0.45, 0.015, 0.02),
    (0.60, 0.03, 0.02),
    (0.02, 0.06, 0.35),
    (0.05, 0.20, 0.42),
    (0.30, 0.55, 0.62),
    (0.03, 0.16, 0.10),
    (0.45, 0.60, 0.42),
    (0.75, 0.38, 0.42),
    (0.78, 0.62, 0.40),
    (0.80, 0.42, 0.03),
    (0.30, 0.16, 0.08),
)


@dataclass(frozen=True, slots=True)
class Paints:
    """The materials of one vehicle."""

    body: Any
    trim: Any
    plastic: Any
    rubber: Any
    metal: Any
    leather: Any
    lamp: Any
    red_lamp: Any
    mirror: Any


def mix_paints(rng: np.random.Generator) -> Paints:
    """Random but plausible materials; old vehicles are duller and stained."""
    body = PAINTS[int(rng.integers(len(PAINTS)))]
    wear = float(rng.choice([0.0, 0.0, 0.25, 0.5]))
    black = rng.uniform(0.008, 0.03)
    seat: Colour = (black, black, black) if rng.random() < 0.75 else (0.16, 0.07, 0.035)
    trim = (black * 1.4,) * 3 if rng.random() < 0.6 else PAINTS[int(rng.integers(len(PAINTS)))]
    metal = 0.55 if rng.random() < 0.6 else 0.08
    gloss = rng.uniform(0.18, 0.4) + 0.3 * wear
    return Paints(
        body=make_material("paint", body, roughness=gloss, stains=wear),
        trim=make_material("trim", trim, roughness=gloss + 0.1),
        plastic=make_material("plastic", (black * 1.6,) * 3, roughness=0.55),
        rubber=make_material("rubber", (0.012, 0.012, 0.012), roughness=0.85),
        metal=make_material("metal", (metal,) * 3, roughness=0.32, metallic=0.9),
        leather=make_material("leather", seat, roughness=0.45, bump=0.05, bump_scale=300),
        lamp=make_material("lamp", (0.85, 0.87, 0.88), roughness=0.08),
        red_lamp=make_material("red lamp", (0.45, 0.005, 0.005), roughness=0.15),
        mirror=make_material("mirror", (0.8, 0.8, 0.8), roughness=0.03, metallic=1.0),
    )


def add_wheel(
    y: float,
    radius: float,
    half_width: float,
    paints: Paints,
    *,
    spokes: int = 0,
    motor: float = 0.0,
    x: float = 0.0,
) -> list[Any]:
    """A wheel on the ground at `y`: wire spokes if `spokes`, else five cast arms; `motor` is a hub motor's radius."""
    centre = (x, y, radius)
    inner = radius - 2 * half_width
    parts = [
        add_tyre(centre, radius, half_width, paints.rubber),
        add_tyre(centre, inner + 0.012, 0.011 + 0.15 * half_width, paints.metal),
        add_disc(centre, max(0.03, motor), 0.07 if motor else 0.09, paints.metal),
        add_rod((x - 0.09, y, radius), (x + 0.09, y, radius), 0.009, paints.metal),
    ]
    if spokes:
        parts.append(add_spokes(centre, max(0.025, motor * 0.9), inner, spokes, 0.0024, paints.metal))
        return parts
    for k in range(5):
        angle = 2 * math.pi * k / 5 + 0.3
        tip = (x, y + inner * math.cos(angle), radius + inner * math.sin(angle))
        parts.append(add_rod(centre, tip, 0.022, paints.metal, end_radius=0.014))
    return parts


def add_fender(y: float, radius: float, half_width: float, arc: tuple[float, float], material: Any) -> Any:
    """A mudguard over a wheel at `y`; `arc` in degrees, 0 forwards, 90 up."""
    angles = np.radians(np.linspace(*arc, 7))
    path = [(y + radius * math.cos(a), radius + radius * math.sin(a) - 0.02) for a in angles]
    widths = [half_width * w for w in (0.7, 1, 1, 1, 1, 1, 0.7)]
    return add_shell(path, widths, [0.008] * 7, material, power=4, bow=-0.018 if arc[1] > arc[0] else 0.018)


def add_handlebar(y: float, z: float, half_width: float, paints: Paints, *, sweep: float = 0.1) -> list[Any]:
    """Bar, grips and brake levers; the grips point back by `sweep` metres."""
    ends = [(side * half_width, y - sweep, z + 0.02) for side in (-1, 1)]
    parts = [
        add_tube(
            [
                ends[0],
                (-half_width * 0.55, y - 0.02, z + 0.03),
                (0, y, z - 0.02),
                (half_width * 0.55, y - 0.02, z + 0.03),
                ends[1],
            ],
            0.012,
            paints.metal,
        )
    ]
    for side, (x, back, height) in zip((-1, 1), ends, strict=True):
        inner = (x - side * 0.12, back + 0.35 * sweep, height + 0.005)
        parts.append(add_rod(inner, (x + side * 0.005, back, height), 0.018, paints.rubber))
        lever = (inner[0] - side * 0.01, inner[1] + 0.025, height - 0.01)
        parts.append(add_tube([lever, (x - side * 0.03, back + 0.06, height - 0.02)], 0.006, paints.metal))
    return parts


def add_mirrors(y: float, z: float, half_width: float, paints: Paints, rng: np.random.Generator) -> list[Any]:
    """Two round or oval rear mirrors on stalks above the handlebar."""
    rise, out = rng.uniform(0.14, 0.26), rng.uniform(0.04, 0.14)
    wide, tall = rng.uniform(0.045, 0.075), rng.uniform(0.035, 0.055)
    parts: list[Any] = []
    for side in (-1, 1):
        foot = (side * half_width * 0.6, y, z)
        top = (side * (half_width * 0.6 + out), y - 0.03, z + rise)
        parts.append(
            add_tube(
                [foot, (foot[0] + side * out * 0.2, y + 0.01, z + rise * 0.6), top], 0.006, paints.plastic
            )
        )
        head = (top[0] + side * 0.03, top[1], top[2] + 0.02)
        parts.append(add_ball(head, (wide, 0.02, tall), paints.plastic))
        parts.append(
            add_ball((head[0], head[1] - 0.012, head[2]), (wide * 0.9, 0.012, tall * 0.88), paints.mirror)
        )
    return parts


def add_number_plate(y: float, z: float, rng: np.random.Generator) -> list[Any]:
    """A rear licence plate of random letters, white, blue, green or yellow, facing backwards."""
    ground, ink = [
        ((238, 240, 238), (20, 30, 90)),
        ((28, 80, 170), (240, 240, 240)),
        ((220, 238, 224), (10, 90, 40)),
        ((236, 190, 40), (20, 20, 20)),
    ][int(rng.integers(4))]
    plate = Image.new("RGB", (220, 120), ground)
    draw = ImageDraw.Draw(plate)
    draw.rounded_rectangle((4, 4, 215, 115), 10, outline=ink, width=4)
    town = str(rng.choice(["丽水", "云和", "杭州", "温州", "金华", "台州"]))
    draw.text((110, 32), town, font=cjk_font(34, "Bold"), fill=ink, anchor="mm")
    number = "".join(rng.choice(list("0123456789ABCDEFGH"), 6))
    draw.text((110, 80), number, font=cjk_font(44, "Bold"), fill=ink, anchor="mm")
    face = make_material("plate", picture=plate, roughness=0.4)
    return [add_plate((-0.09, y, z), (0.18, 0, 0), (0, -0.015, 0.098), face)]


def add_front_basket(y: float, z: float, paints: Paints, rng: np.random.Generator) -> list[Any]:
    """A wire or plastic basket with, at times, a bag in it."""
    size = (rng.uniform(0.3, 0.38), rng.uniform(0.24, 0.3), rng.uniform(0.2, 0.26))
    wire = paints.plastic if rng.random() < 0.7 else paints.metal
    solid = rng.random() < 0.4
    parts = [
        add_basket((0, y, z), size, wire, mesh_size=0.05 if solid else 0.032, wire=0.02 if solid else 0.0045)
    ]
    if rng.random() < 0.4:
        cloth = make_material(
            "bag", PAINTS[int(rng.integers(len(PAINTS)))], roughness=0.7, bump=0.3, bump_scale=25
        )
        parts.append(
            add_ball((0.02, y, z + size[2] * 0.6), (size[0] * 0.36, size[1] * 0.36, size[2] * 0.55), cloth)
        )
    return parts


def add_top_box(y: float, z: float, paints: Paints, rng: np.random.Generator) -> list[Any]:
    """A lidded tail box with a reflector, or a large delivery box."""
    if rng.random() < 0.15:
        colour = [(0.75, 0.5, 0.02), (0.02, 0.25, 0.6), (0.7, 0.62, 0.02)][int(rng.integers(3))]
        shell = make_material("delivery", colour, roughness=0.6)
        return [add_box((0, y - 0.05, z + 0.22), (0.46, 0.46, 0.44), shell, bevel=0.02)]
    w, d, h = rng.uniform(0.17, 0.22), rng.uniform(0.15, 0.19), rng.uniform(0.24, 0.32)
    skin = paints.plastic if rng.random() < 0.7 else paints.body
    heights = [(y, z), (y, z + 0.04), (y, z + h * 0.6), (y, z + h * 0.9), (y, z + h)]
    lid = [0.85 * w, 0.95 * w, w, 0.9 * w, 0.55 * w]
    deep = [0.85 * d, 0.95 * d, d, 0.9 * d, 0.55 * d]
    parts = [add_shell(heights, lid, deep, skin, power=5)]
    parts.append(add_box((0, y, z + h * 0.6), (2.02 * w, 2.02 * d, 0.012), paints.metal, bevel=0.003))
    parts.append(add_box((0, y - d - 0.004, z + h * 0.42), (w, 0.02, 0.05), paints.red_lamp, bevel=0.006))
    return parts


def add_helmet(centre: Point, rng: np.random.Generator) -> list[Any]:
    """A half helmet with a visor, hung up or laid down."""
    colour = PAINTS[int(rng.integers(len(PAINTS)))]
    shell = make_material("helmet", colour, roughness=0.2)
    visor = make_material("visor", (0.05, 0.05, 0.06), roughness=0.05)
    tilt = (float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.5, 0.5)), float(rng.uniform(0, 6)))
    return [
        add_ball(centre, (0.115, 0.135, 0.125), shell, tilt=tilt, cut=-0.15),
        add_ball(centre, (0.11, 0.142, 0.11), visor, tilt=tilt, cut=0.02),
    ]


def make_cloth(rng: np.random.Generator) -> Any:
    """Padded or printed cloth: one colour, or two in blobs, dots or checks of 3-8 cm."""
    first, second = (PAINTS[int(k)] for k in rng.integers(0, len(PAINTS), 2))
    cloth = make_material("cloth", first, roughness=0.9, bump=0.5, bump_scale=30)
    pattern = str(rng.choice(["plain", "plain", "ShaderNodeTexVoronoi", "ShaderNodeTexChecker"]))
    if pattern == "plain":
        return cloth
    tree = cloth.node_tree
    texture, ramp = tree.nodes.new(pattern), tree.nodes.new("ShaderNodeValToRGB")
    texture.inputs["Scale"].default_value = float(rng.uniform(12, 30))
    place = tree.nodes.new("ShaderNodeTexCoord").outputs["Object"]
    tree.links.new(place, texture.inputs["Vector"])
    low, high = ramp.color_ramp.elements
    low.position, high.position = 0.35, 0.42
    low.color, high.color = (*second, 1), (*first, 1)
    tree.links.new(texture.outputs["Distance" if "Voronoi" in pattern else "Fac"], ramp.inputs[0])
    tree.links.new(ramp.outputs[0], tree.nodes["Principled BSDF"].inputs["Base Color"])
    return cloth


def add_wind_blanket(y: float, z: float, low: float, rng: np.random.Generator) -> list[Any]:
    """A padded apron (挡风被) hung from the handlebar down the front, with a sleeve over each grip."""
    cloth = make_cloth(rng)
    path = [
        (y + 0.02, z + 0.08),
        (y + 0.1, z),
        (y + 0.13, z - 0.2),
        (y + 0.13, (z + low) / 2),
        (y + 0.1, low),
    ]
    parts = [add_shell(path, [0.22, 0.33, 0.3, 0.29, 0.25], [0.02] * 5, cloth, power=4, bow=0.07)]
    for side in (-1, 1):
        parts.append(add_ball((side * 0.29, y - 0.05, z + 0.02), (0.11, 0.13, 0.085), cloth))
    return parts
