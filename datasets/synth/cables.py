"""Cords of scenes: charging cords, socket strips, chargers, and what is taken for them (telecom wires, clothes lines).

Lengths are metres, z is up. Every cable is told to the stage as a polyline from its source to its sink.
"""

import math
from itertools import pairwise
from typing import Any

import numpy as np
from mathutils import Matrix
from PIL import Image, ImageDraw

from firewarden.datasets.scene_parts import add_box, add_plate, add_tube, make_material
from firewarden.datasets.synth.built import Built, Point
from firewarden.datasets.synth.hanging import Path3, catenary, coil, with_floor, with_twist
from firewarden.datasets.synth.joining import join, melt
from firewarden.datasets.synth.shapes import add_ball, add_rod
from firewarden.datasets.synth.sheets import add_grid
from firewarden.datasets.synth.stage import Stage
from firewarden.datasets.synth.vehicle_parts import make_cloth

__all__ = [
    "build_charger",
    "build_strip",
    "catenary",
    "hang_bundle",
    "hang_cable",
    "hang_clothes_line",
]
_CORDS: tuple[Point, ...] = (
    (0.012, 0.012, 0.013),
    (0.78, 0.78, 0.76),
    (0.75, 0.2, 0.015),
    (0.25, 0.25, 0.26),
)
_CORD_SHARES = (0.42, 0.33, 0.12, 0.13)  # black, white, orange, grey


def hang_cable(
    stage: Stage,
    rng: np.random.Generator,
    start: Point,
    end: Point,
    *,
    kind: str,
    source: str,
    sink: str,
    sag: float,
    floor: float = 0.0,
) -> int:
    """A cord of 5-12 mm from `start` (source) to `end` (sink); what would sag below `floor` lies on it.

    Returns its instance.
    """
    radius = rng.uniform(0.0025, 0.006)
    path = cord_path(rng, start, end, sag=sag, floor=floor + radius)
    thing = add_tube([tuple(p) for p in path], radius, cord_material(rng))
    return stage.cable([tuple(p) for p in path], thing, kind, source, sink)


def cord_path(rng: np.random.Generator, start: Point, end: Point, *, sag: float, floor: float) -> Path3:
    """Polyline of a loose cord, about a point every 6 cm; a long cord on the floor may lie in a coil."""
    span = math.dist(start, end)
    path = catenary(np.array(start), np.array(end), sag, max(12, round((span + sag) / 0.06)))
    path = with_twist(rng, path, min(0.025, 0.01 * span))
    lying = with_floor(rng, path, floor)
    on_floor = np.flatnonzero(path[:, 2] < floor)
    if len(on_floor) > 8 and rng.random() < 0.4:
        middle = int(on_floor[len(on_floor) // 2])
        x, y, z = (float(v) for v in lying[middle])
        lying = np.vstack(
            [lying[:middle], coil(rng, (x, y, z), int(rng.integers(1, 4))), lying[middle + 1 :]]
        )
    return lying


def cord_material(rng: np.random.Generator) -> Any:
    """Black, white, orange or grey cord sheath."""
    tone = _CORDS[int(rng.choice(len(_CORDS), p=_CORD_SHARES))]
    return make_material("cord", tone, roughness=rng.uniform(0.35, 0.6))


def hang_bundle(
    stage: Stage, rng: np.random.Generator, points: list[Point], *, strands: int, sag: float
) -> int:
    """Telecom wires strung from hook to hook along `points`: `strands` black lines that hang apart by a little."""
    black = make_material("telecom", (0.012,) * 3, roughness=0.5)
    lines: list[Path3] = []
    for _ in range(strands):
        shift = rng.normal(0, 0.012, 3)
        spans = [
            catenary(np.array(a), np.array(b), sag * rng.uniform(0.5, 1.6), 14) for a, b in pairwise(points)
        ]
        lines.append(np.vstack([spans[0], *(span[1:] for span in spans[1:])]) + shift)
    things = [add_tube([tuple(p) for p in line], rng.uniform(0.002, 0.006), black) for line in lines]
    bundle = melt(things)
    return stage.cable([tuple(p) for p in lines[0]], bundle, "telecom", "wall", "none")


def hang_clothes_line(
    stage: Stage, rng: np.random.Generator, start: Point, end: Point, *, garments: int
) -> int:
    """A thin line with clothes on it; returns the instance of the line."""
    path = catenary(np.array(start), np.array(end), rng.uniform(0.05, 0.2), 30)
    tone: Point = (0.7, 0.7, 0.68) if rng.random() < 0.6 else (0.05, 0.2, 0.5)
    line = add_tube([tuple(p) for p in path], 0.002, make_material("line", tone))
    for at in np.sort(rng.choice(np.arange(2, 28), min(garments, 20), replace=False)):
        direction = path[-1] - path[0]
        stage.add(_garment(rng, path[int(at)], math.atan2(direction[1], direction[0])))
    return stage.cable([tuple(p) for p in path], line, "line", "wall", "none")


def _garment(rng: np.random.Generator, top: Path3, turn: float) -> Any:
    """A shirt, towel or trousers as a hanging, folded sheet."""
    w, h = rng.uniform(0.3, 0.6), rng.uniform(0.4, 0.95)
    u, v = np.meshgrid(np.linspace(-0.5, 0.5, 15), np.linspace(0, 1, 12), indexing="ij")
    fold = 0.03 * np.sin(9 * u + rng.uniform(0, 6)) * v
    spread = 1 - (0.45 * (np.abs(u) > 0.3) * (v > 0.4) if rng.random() < 0.5 else 0)  # sleeves end early
    x, z = u * w, -v * h * spread
    c, s = math.cos(turn), math.sin(turn)
    corners = np.stack([x * c - fold * s, x * s + fold * c, z], axis=-1) + top
    return add_grid(corners, make_cloth(rng))


def build_strip(rng: np.random.Generator, *, hanging: bool = False) -> Built:
    """A white multi-socket strip of 3-6 places with its red switch; its cord leaves at the port.

    It lies along y with its sockets up, or if `hanging` stands on end with its sockets towards +y.
    """
    sockets = int(rng.integers(3, 7))
    length, wide, tall = 0.07 + 0.05 * sockets, rng.uniform(0.05, 0.065), 0.032
    tone: Point = (0.78, 0.78, 0.76) if rng.random() < 0.85 else (0.04, 0.04, 0.045)
    skin = make_material("strip", tone, roughness=0.35, stains=float(rng.choice([0, 0.2])))
    face = make_material("sockets", picture=_socket_face(sockets, tone[0] < 0.5), roughness=0.4)
    parts = [
        add_box((0, 0, tall / 2), (wide, length, tall), skin, bevel=0.008),
        add_plate(
            (-wide * 0.42, -length * 0.47, tall + 0.001), (wide * 0.84, 0, 0), (0, length * 0.94, 0), face
        ),
        add_rod((0, length / 2, tall / 2), (0, length / 2 + 0.035, tall / 2), 0.006, skin, end_radius=0.004),
    ]
    for k in range(int(rng.integers(1, sockets))):
        parts += _plug((0, length * (0.36 - 0.8 * k / sockets), tall))
    if not hanging:
        return join(parts, "power_strip", kind="strip", port=(0, length / 2 + 0.035, tall / 2))
    stand = Matrix(((-1, 0, 0, 0), (0, 0, 1, 0), (0, 1, 0, 0), (0, 0, 0, 1)))
    for part in parts:
        part.matrix_basis = stand @ part.matrix_basis
    return join(parts, "power_strip", kind="strip", port=(0, tall / 2, length / 2 + 0.035))


def _plug(at: Point) -> list[Any]:
    """A black plug in a socket, with the first centimetres of its cord."""
    black = make_material("plug", (0.015,) * 3, roughness=0.5)
    x, y, z = at
    return [
        add_box((x, y, z + 0.018), (0.03, 0.034, 0.036), black, bevel=0.006),
        add_tube(
            [(x, y, z + 0.036), (x, y, z + 0.06), (x + 0.03, y, z + 0.055), (x + 0.07, y, 0.01)],
            0.0035,
            black,
        ),
    ]


def _socket_face(sockets: int, dark: bool) -> Image.Image:
    """Rows of Chinese two-and-three-pin holes and a lit red switch, 70 x (60 a socket) pixels."""
    ground, ink = ((36, 36, 38), (5, 5, 5)) if dark else ((232, 232, 228), (40, 40, 40))
    face = Image.new("RGB", (70, 60 * (sockets + 1)), ground)
    draw = ImageDraw.Draw(face)
    for k in range(sockets):
        y = 60 * (k + 1)
        draw.rounded_rectangle((6, y + 4, 64, y + 56), 8, outline=ink, width=1)
        draw.rectangle((24, y + 10, 28, y + 22), fill=ink)
        draw.rectangle((42, y + 10, 46, y + 22), fill=ink)
        draw.rectangle((33, y + 28, 37, y + 38), fill=ink)
        draw.line((22, y + 50, 29, y + 42), fill=ink, width=4)
        draw.line((48, y + 50, 41, y + 42), fill=ink, width=4)
    draw.rounded_rectangle((18, 12, 52, 46), 6, fill=(210, 24, 20))
    return face


def build_charger(rng: np.random.Generator) -> Built:
    """A black charger brick with cooling fins and a red or green light; its cord leaves at the port."""
    w, d, h = rng.uniform(0.075, 0.1), rng.uniform(0.14, 0.19), rng.uniform(0.05, 0.07)
    black = make_material("charger", (0.02,) * 3, roughness=0.5)
    glow = make_material("led", (1.0, 0.03, 0.02) if rng.random() < 0.6 else (0.05, 1.0, 0.1), glow=6.0)
    pale = make_material("label", (0.55, 0.55, 0.52), roughness=0.6)
    parts = [
        add_box((0, 0, h / 2), (w, d, h), black, bevel=0.01),
        add_ball((w * 0.25, d * 0.4, h), (0.005,) * 3, glow),
    ]
    parts += [
        add_box((0, float(y), h), (w * 0.9, 0.004, 0.008), black, bevel=0)
        for y in np.linspace(-d * 0.4, d * 0.1, 7)
    ]
    parts.append(add_box((0, d * 0.28, h), (w * 0.5, d * 0.2, 0.002), pale, bevel=0))
    parts.append(add_rod((0, d / 2, h / 2), (0, d / 2 + 0.03, h / 2), 0.007, black, end_radius=0.004))
    return join(parts, "power_strip", kind="charger", port=(0, d / 2 + 0.03, h / 2))
