"""A house front with windows, balconies and doors, two-wheelers parked at its foot, and what hangs down to them.

The wall's face is y = 0; the camera stands on the -y side. Metres.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from firewarden.datasets.scene_parts import add_box, make_material
from firewarden.datasets.synth.built import Built, Point
from firewarden.datasets.synth.camera import look_at, picture_size
from firewarden.datasets.synth.clutter import build_clutter
from firewarden.datasets.synth.doors import door_size
from firewarden.datasets.synth.exit_places import DoorPlan, put_door
from firewarden.datasets.synth.facade_cables import Source, put_cables
from firewarden.datasets.synth.facade_parts import (
    balcony_parts,
    bars_parts,
    conditioner_parts,
    drain_parts,
    window_parts,
)
from firewarden.datasets.synth.fire_signs import build_notice
from firewarden.datasets.synth.footprint import Footprint
from firewarden.datasets.synth.goods import take_away
from firewarden.datasets.synth.joining import melt, port_of
from firewarden.datasets.synth.outcome import in_frame
from firewarden.datasets.synth.outdoors import add_ground, light_day, outer_wall
from firewarden.datasets.synth.room import wall_panels
from firewarden.datasets.synth.shapes import add_rod
from firewarden.datasets.synth.stage import Stage, Variant
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.two_wheelers import build_two_wheeler
from firewarden.datasets.synth.walls import Hole, Wall

_DOORS = {"shutter": 0.25, "steel": 0.3, "steel_double": 0.1, "wood": 0.15, "glass": 0.1, "glass_double": 0.1}


@dataclass(slots=True)
class Front:
    """The wall under construction: storeys of holes, and where a cord could come out of it."""

    wall: Wall
    storey: float
    storeys: int
    sources: list[Source] = field(default_factory=list)


def build(stage: Stage, seed: int, variant: Variant) -> None:
    """Fill the stage; axis `cable`: flying, telecom, absent or pile."""
    rng = stream(seed, "front")
    front = Front(Wall(0, 0, 0, rng.uniform(18, 26)), rng.uniform(2.85, 3.2), int(rng.integers(2, 5)))
    add_ground(stage, stream(seed, "ground"), depth=25)
    _build_storeys(stage, seed, front)
    target = _park(stage, seed, front)
    _put_things(stage, seed)
    light_day(stage, stream(seed, "daylight"))
    default = str(
        stream(seed, "cable:default").choice(
            ["flying", "telecom", "absent", "pile"], p=[0.4, 0.25, 0.25, 0.1]
        )
    )
    setting = variant.of("cable", default)
    source = _choose_source(stream(seed, "cable:source"), front, target)
    put_cables(stage, seed, setting, front.wall, source, target)
    _aim(stage, stream(seed, "camera"), source.point, port_of(target.built))


@dataclass(frozen=True, slots=True)
class Target:
    """The e-bike that a cord could lead to, and its instance."""

    built: Built
    number: int


def _build_storeys(stage: Stage, seed: int, front: Front) -> None:
    """Wall panels with windows in bays of 3-4 m, doors below, balconies and conditioners above."""
    skin = outer_wall(stream(seed, "wall"))
    bays = int(front.wall.width // stream(seed, "bays").uniform(3.0, 4.2))
    bay = front.wall.width / bays
    for level in range(front.storeys):
        holes: list[Hole] = []
        for k in range(bays):
            middle = -front.wall.width / 2 + (k + 0.5) * bay
            holes.append(_fill_bay(stage, seed, front, level, middle, stream(seed, f"bay:{level}:{k}")))
        panels = wall_panels(front.wall.width, front.storey, holes, skin)
        stage.things.extend(panels)
        front.wall.hang(stage, panels, 0, level * front.storey)
    _dress(stage, front, bay, stream(seed, "dressing"))
    rng = stream(seed, "drains")
    for x in rng.uniform(-0.45, 0.45, int(rng.integers(1, 4))) * front.wall.width:
        _hang(stage, front.wall, drain_parts(rng, front.storeys * front.storey), float(x), 0)


def _dress(stage: Stage, front: Front, bay: float, rng: np.random.Generator) -> None:
    """Notices and meter boxes on the piers between the bays of the ground floor."""
    for x in np.arange(-front.wall.width / 2 + bay, front.wall.width / 2 - bay / 2, bay):
        if rng.random() < 0.3:
            _hang(stage, front.wall, build_notice(rng), float(x), rng.uniform(1.35, 1.7))
        elif rng.random() < 0.3:
            tone = float(rng.uniform(0.25, 0.6))
            metal = make_material("meter box", (tone, tone, tone), roughness=0.45, stains=0.3)
            size = (rng.uniform(0.25, 0.5), 0.14, rng.uniform(0.3, 0.6))
            box = add_box((0, -0.07, 0), size, metal)
            pipe = add_rod((0.05, -0.03, size[2] / 2), (0.05, -0.03, 1.4), 0.012, metal)
            _hang(stage, front.wall, [box, pipe], float(x), rng.uniform(1.3, 1.7))


def _fill_bay(
    stage: Stage, seed: int, front: Front, level: int, middle: float, rng: np.random.Generator
) -> Hole:
    """One window or door; returns its hole in the storey's frame."""
    if level == 0 and rng.random() < 0.38:
        return _put_door(stage, front, middle, rng)
    width, height = rng.uniform(1.1, 1.9), rng.uniform(1.2, 1.6)
    sill = rng.uniform(0.85, 1.1)
    z = level * front.storey + sill
    ajar = rng.uniform(0.12, 0.4)
    _hang(stage, front.wall, window_parts(rng, width, height, ajar=ajar), middle, z)
    if rng.random() < (0.7 if level == 0 else 0.35):
        _hang(stage, front.wall, [melt(bars_parts(rng, width, height))], middle, z)
    if level > 0 and rng.random() < 0.3:
        _hang(stage, front.wall, [melt(balcony_parts(rng, width + 1.0))], middle, level * front.storey)
        front.sources.append(
            Source("window", front.wall.point(middle + 0.3, 1.3, level * front.storey + 0.15), level)
        )
    elif rng.random() < 0.4:
        _hang(stage, front.wall, conditioner_parts(rng), middle + width / 2 + 0.5, z + 0.1)
    front.sources.append(
        Source("window", front.wall.point(middle + width / 2 - ajar / 2 - 0.05, 0.1, z + 0.06), level)
    )
    return middle - width / 2, middle + width / 2, sill, sill + height


def _put_door(stage: Stage, front: Front, middle: float, rng: np.random.Generator) -> Hole:
    kind = str(rng.choice(list(_DOORS), p=list(_DOORS.values())))
    plan = DoorPlan(kind, door_size(rng, kind), middle)
    put_door(stage, rng, front.wall, plan, is_exit=False)
    w = plan.size[0]
    front.sources.append(Source("door", front.wall.point(middle + w / 2 - 0.1, 0.0, 0.03), 0))
    if rng.random() < 0.4:
        notice = build_notice(rng)
        _hang(stage, front.wall, notice, middle + w / 2 + 0.5, 1.6)
    return plan.hole


def _hang(stage: Stage, wall: Wall, things: list[Any], along: float, z: float) -> None:
    wall.hang(stage, things, along, z)
    stage.things.extend(things)


def _park(stage: Stage, seed: int, front: Front) -> Target:
    """A row of two-wheelers before the wall; one e-bike in its middle is the target."""
    rng = stream(seed, "row")
    across = rng.random() < 0.65  # noses to the wall, else along it
    step = rng.uniform(0.75, 1.0) if across else rng.uniform(1.95, 2.3)
    away = rng.uniform(0.95, 1.4) if across else rng.uniform(0.45, 0.7)
    count = int(rng.integers(1, 7 if across else 4))
    place = int(rng.integers(count))
    x0 = -step * place + float(rng.uniform(-1.5, 1.5))
    target: Target | None = None
    for k in range(count):
        part = stream(seed, f"parked:{k}")
        kind = str(part.choice(["ebike", "moped", "etricycle", "bicycle"], p=[0.5, 0.35, 0.05, 0.1]))
        if k == place:
            kind = str(part.choice(["ebike", "moped", "etricycle"], p=[0.55, 0.38, 0.07]))
        built = build_two_wheeler(part, kind)
        base = (
            (0.0 if part.random() < 0.6 else math.pi) if across else math.pi / 2 * float(part.choice([-1, 1]))
        )
        at = (
            x0 + k * step,
            -away - float(part.uniform(0, 0.2)) - max(0.0, built.size[1] / 2 - 0.9) * across,
            0.0,
        )
        number = _place(stage, built, at, base + float(part.normal(0, 0.12)), must=k == place)
        if number is None:
            continue
        if k == place:
            target = Target(built, number)
    assert target is not None
    return target


def _place(stage: Stage, built: Built, at: Point, turn: float, *, must: bool) -> int | None:
    """Stand a vehicle and label it, or take it away where it would touch another."""
    area = Footprint(at[0], at[1], built.size[0], built.size[1], turn)
    if not must and not stage.fits(area, -0.06):
        take_away(list(built.things))
        return None
    stage.place(built, at, turn)
    number = stage.label(built.class_name, built.things, name=built.kind)
    if built.class_name == "ebike":
        stage.hard_negative("ebike_outdoors", [number])
    return number


def _put_things(stage: Stage, seed: int) -> None:
    """Bins, plants, cartons along the wall where there is room."""
    rng = stream(seed, "things")
    for _ in range(int(rng.integers(0, 4))):
        kind = str(
            rng.choice(
                ["bin", "plant", "carton_stack", "bag", "pallet", "furniture"],
                p=[0.3, 0.25, 0.15, 0.1, 0.1, 0.1],
            )
        )
        built = build_clutter(rng, kind)
        at = (float(rng.uniform(-4, 4)), -built.size[1] / 2 - float(rng.uniform(0.08, 0.5)), 0.0)
        turn = math.pi + float(rng.normal(0, 0.1))
        area = Footprint(at[0], at[1], built.size[0], built.size[1], turn)
        if stage.fits(area, 0.03):
            stage.place(built, at, turn)
            stage.label(built.class_name, built.things, name=built.kind)
        else:
            take_away(list(built.things))


def _choose_source(rng: np.random.Generator, front: Front, target: Target) -> Source:
    """A near opening, the first upper storey more often than the others."""
    x = port_of(target.built)[0]
    weights = [
        math.exp(-abs(s.point[0] - x) / 0.9 - 0.5 * abs(s.level - 1) - (0.6 if s.kind == "door" else 0))
        for s in front.sources
    ]
    shares = np.array(weights) / sum(weights)
    return front.sources[int(rng.choice(len(shares), p=shares))]


def _aim(stage: Stage, rng: np.random.Generator, source: Point, port: Point) -> None:
    """A phone 3-8 m away; it steps back until it sees the vehicle and, below 5 m, the opening above it."""
    seen = (*source[:2], min(source[2], 5.0))
    x, height = port[0] + float(rng.uniform(-1.8, 1.8)), rng.uniform(1.25, 1.7)
    away, shift = rng.uniform(2.4, 3.4), rng.normal(0, 0.2, 2)
    wh = picture_size(rng, int(stage.facts["long_side"]), portrait=0.65)
    fov, roll = rng.uniform(62, 80), float(rng.normal(0, 0.03))
    target = (0.5 * (seen[0] + port[0]) + float(shift[0]), -0.4, 0.5 * (0.3 + seen[2]) + float(shift[1]))
    for _ in range(10):
        stage.camera = look_at((x, port[1] - away, height), target, wh, fov_deg=fov, roll=roll)
        if in_frame(stage.camera, [seen, (port[0] - 0.4, port[1], 0.05), (port[0] + 0.4, port[1], 0.05)]):
            return
        away *= 1.13
