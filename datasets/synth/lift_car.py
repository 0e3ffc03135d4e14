"""A lift car: metal walls, panel, handrail, doors; seen by a phone from inside or the door, or by the ceiling camera."""

import math
from typing import Any

import numpy as np

from firewarden.datasets.scene_parts import add_box, add_plate, add_tube, add_turned, make_material
from firewarden.datasets.synth.camera import look_at, picture_size
from firewarden.datasets.synth.fire_signs import build_notice
from firewarden.datasets.synth.footprint import Footprint
from firewarden.datasets.synth.goods import place_goods
from firewarden.datasets.synth.lights import kelvin, light_panel, light_world
from firewarden.datasets.synth.parking import park_vehicle
from firewarden.datasets.synth.stage import Stage, Variant
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.surfaces import (
    ceiling_material,
    floor_material,
    hsv,
    metal_panel,
    wall_material,
)
from firewarden.datasets.synth.walls import Room, Wall


def build(stage: Stage, seed: int, variant: Variant) -> None:
    """Fill the stage; the door side is the near wall, y = 0."""
    rng = stream(seed, "room")
    car = Room(rng.uniform(1.2, 2.1), rng.uniform(1.9, 2.4), rng.uniform(2.25, 2.5))
    from_ceiling = stream(seed, "view").random() < 0.45
    opened = not from_ceiling
    _shell(stage, car, stream(seed, "surfaces"))
    _doors(stage, car, stream(seed, "doors"), opened=opened)
    _panel(stage, car, stream(seed, "panel"))
    _handrail(stage, car, stream(seed, "handrail"))
    _notices(stage, car, stream(seed, "notices"))
    _lights(stage, car, stream(seed, "lights"))
    _aim(stage, car, stream(seed, "camera"), from_ceiling=from_ceiling)
    setting = variant.of("vehicle", "ebike")
    where = Footprint(0, car.depth * 0.5, car.width * 0.6, car.depth * 0.4)
    park_vehicle(stage, seed, car, [where], setting, turns="any", must=True)
    if stream(seed, "goods").random() < 0.2:
        place_goods(
            stage, stream(seed, "goods:shape"), car, Footprint(0, car.depth / 2, car.width, car.depth)
        )


def _shell(stage: Stage, car: Room, rng: np.random.Generator) -> None:
    """Three panelled walls, the door wall with its opening, floor and ceiling."""
    panel = metal_panel(rng)
    back = panel if rng.random() < 0.6 else (metal_panel(rng) if rng.random() < 0.7 else wall_material(rng))
    w, d, h = car.width, car.depth, car.height
    stage.add(add_plate((-w / 2, 0, 0), (w, 0, 0), (0, d, 0), floor_material(rng)))
    stage.add(add_plate((-w / 2, d, h), (w, 0, 0), (0, -d, 0), ceiling_material(rng)))
    joint = make_material("joint", (0.03, 0.03, 0.03), roughness=0.6)
    count = int(rng.integers(2, 5))
    for name in ("end", "left", "right"):
        wall = car.walls[name]
        width = wall.width / count
        for k in range(count):
            u = -wall.width / 2 + (k + 0.5) * width
            things = [
                add_box(
                    (u, 0.012, h / 2), (width - 0.008, 0.02, h), back if name == "end" else panel, bevel=0.003
                ),
                add_box((u, 0.03, h / 2), (width, 0.01, h), joint, bevel=0),
            ]
            stage.things.extend(things)
            wall.hang(stage, things, 0)


def _doors(stage: Stage, car: Room, rng: np.random.Generator, *, opened: bool) -> None:
    """Sliding leaves in the near wall, shut for the ceiling camera; the hall behind them when open."""
    wall = car.walls["near"]
    panel = metal_panel(rng)
    width, height = min(car.width - 0.25, rng.uniform(0.8, 1.1)), 2.08
    side = (car.width - width) / 2
    things: list[Any] = []
    for s in (-1, 1):
        things.append(
            add_box((s * (width / 2 + side / 2), 0.02, car.height / 2), (side, 0.04, car.height), panel)
        )
    things.append(add_box((0, 0.02, (height + car.height) / 2), (width, 0.04, car.height - height), panel))
    if opened:
        hall = make_material("hall", hsv(0.1, 0.08, rng.uniform(0.2, 0.6)), roughness=0.8)
        things.append(add_plate((-3, 4.0, 0), (6, 0, 0), (0, 0, 3), hall))
        things.append(add_plate((-3, 0.05, 0), (6, 0, 0), (0, 4, 0), floor_material(rng)))
        things.append(add_plate((-3, 4.0, 2.7), (6, 0, 0), (0, -3.95, 0), hall))
        wall.hang(stage, things, 0)
        stage.label("door", things[:3], name="lift doorway", ignored=True)
        stage.things.extend(things[3:])
        x, y, z = wall.point(0.6, -1.6, 2.6)
        light_panel((x, y, z), (1.0, 1.0), 35, kelvin(4500))
        return
    wall.hang(stage, things, 0)
    stage.things.extend(things)
    leaves = [
        add_box((s * width / 4, 0.05, height / 2), (width / 2 - 0.004, 0.03, height), panel, bevel=0.003)
        for s in (-1, 1)
    ]
    wall.hang(stage, leaves, 0)
    stage.label("door", leaves, name="lift door", ignored=True)


def _panel(stage: Stage, car: Room, rng: np.random.Generator) -> None:
    """Buttons in two columns with lit rings, and a small screen."""
    side = str(rng.choice(["left", "right"]))
    wall = car.walls[side]
    along = (-1 if side == "left" else 1) * (wall.width / 2 - rng.uniform(0.2, 0.35))
    plate = make_material("plate", (0.5, 0.5, 0.5), roughness=0.25, metallic=1.0)
    lit = make_material("lit", (1.0, 0.35, 0.1), glow=2.0)
    dull = make_material("button", (0.6, 0.6, 0.58), roughness=0.3)
    screen = make_material("screen", (0.05, 0.15, 0.5), glow=rng.uniform(0.2, 1.5))
    things = [
        add_box((0, -0.004, 1.25), (0.2, 0.01, 0.9), plate),
        add_box((0, -0.011, 1.6), (0.12, 0.004, 0.1), screen),
    ]
    for row in range(int(rng.integers(4, 10))):
        for s in (-1, 1):
            disc = [(0.0, 0.0), (0.017, 0.0), (0.017, 0.008)]
            material = lit if rng.random() < 0.12 else dull
            things.append(
                add_turned((s * 0.045, -0.009, 1.48 - row * 0.065), disc, material, tilt=(math.pi / 2, 0, 0))
            )
    wall.hang(stage, things, along)
    stage.things.extend(things)


def _handrail(stage: Stage, car: Room, rng: np.random.Generator) -> None:
    if rng.random() < 0.35:
        return
    rail = make_material("rail", (0.6, 0.6, 0.6), roughness=0.25, metallic=1.0)
    for name in [n for n in ("left", "right", "end") if rng.random() < 0.6]:
        wall = car.walls[name]
        reach = wall.width / 2 - 0.12
        bar = [(-reach, -0.05, 0.9), (0, -0.05, 0.9), (reach, -0.05, 0.9)]
        things = [add_tube(bar, 0.017, rail)]
        things += [add_box((s * reach * 0.8, -0.025, 0.9), (0.02, 0.05, 0.02), rail) for s in (-1, 1)]
        wall.hang(stage, things, 0)
        stage.things.extend(things)


def _notices(stage: Stage, car: Room, rng: np.random.Generator) -> None:
    """Advertising frames and notices as in real lifts; one posted every metre at most."""
    for name in ("end", "left", "right"):
        wall: Wall = car.walls[name]
        if rng.random() < 0.55:
            things = build_notice(rng)
            wall.hang(stage, things, rng.uniform(-0.2, 0.2) * wall.width, rng.uniform(1.4, 1.7))
            stage.things.extend(things)


def _lights(stage: Stage, car: Room, rng: np.random.Generator) -> None:
    """One panel or four spots; lifts are small, so a little power is bright."""
    colour = kelvin(rng.uniform(3200, 7000))
    power = rng.uniform(5, 14)
    glow = make_material("lamp", colour, glow=rng.uniform(2, 5))
    h = car.height
    if rng.random() < 0.5:
        size = rng.uniform(0.4, 0.8)
        stage.add(add_box((0, car.depth / 2, h - 0.012), (size, size, 0.02), glow, bevel=0))
        light_panel((0, car.depth / 2, h - 0.03), (size, size), power, colour)
    else:
        for sx in (-0.25, 0.25):
            for sy in (0.28, 0.72):
                at = (sx * car.width, sy * car.depth, h - 0.02)
                stage.add(add_turned(at, [(0.0, 0.0), (0.05, 0.001), (0.05, 0.015)], glow))
                light_panel((at[0], at[1], h - 0.03), (0.1, 0.1), power / 4, colour)
    light_world(0.02)


def _aim(stage: Stage, car: Room, rng: np.random.Generator, *, from_ceiling: bool) -> None:
    """The ceiling camera in a corner with a bent wide picture, or a phone in the doorway."""
    long_side = int(stage.facts["long_side"])
    w, d, h = car.width, car.depth, car.height
    if from_ceiling:
        side, far = float(rng.choice([-1, 1])), rng.random() < 0.7
        position = (side * (w / 2 - 0.08), d - 0.08 if far else 0.1, h - 0.06)
        target = (-side * w * rng.uniform(0.0, 0.25), d * (0.35 if far else 0.65), rng.uniform(0.1, 0.7))
        wh = picture_size(rng, long_side, portrait=0.0)
        fov, barrel = rng.uniform(88, 110), rng.uniform(0.06, 0.25)
        stage.camera = look_at(
            position, target, wh, fov_deg=fov, barrel=barrel, roll=float(rng.normal(0, 0.03)), kind="ceiling"
        )
        return
    position = (rng.uniform(-0.2, 0.2), rng.uniform(-1.5, -0.1), rng.uniform(1.15, 1.7))
    target = (rng.uniform(-0.2, 0.2), d * 0.8, rng.uniform(0.5, 1.0))
    wh = picture_size(rng, long_side, portrait=0.7)
    stage.camera = look_at(position, target, wh, fov_deg=rng.uniform(65, 85), roll=float(rng.normal(0, 0.04)))
