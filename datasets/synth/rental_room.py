"""A small rented room: bed, table, things, and in it an e-bike on charge, a pedal bicycle, or neither.

The camera stands in the doorway (near wall, y = 0) and looks in. Metres.
"""

import math

import numpy as np

from firewarden.datasets.scene_parts import add_box, make_material
from firewarden.datasets.synth.built import Built
from firewarden.datasets.synth.cables import build_charger, build_strip, hang_cable, hang_clothes_line
from firewarden.datasets.synth.camera import look_at, picture_size
from firewarden.datasets.synth.clutter import build_clutter
from firewarden.datasets.synth.facade_parts import window_parts
from firewarden.datasets.synth.fire_signs import build_notice
from firewarden.datasets.synth.footprint import Footprint
from firewarden.datasets.synth.furniture import bed_parts, table_parts
from firewarden.datasets.synth.goods import take_away
from firewarden.datasets.synth.joining import join, port_of
from firewarden.datasets.synth.lights import light_panel, light_room, light_world
from firewarden.datasets.synth.parking import park_vehicle
from firewarden.datasets.synth.room import build_room
from firewarden.datasets.synth.stage import Stage, Variant
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.walls import Room


def build(stage: Stage, seed: int, variant: Variant) -> None:
    """Fill the stage; axis `vehicle`: ebike, bicycle, none."""
    rng = stream(seed, "room")
    room = Room(rng.uniform(2.8, 3.8), rng.uniform(3.6, 5.0), rng.uniform(2.5, 2.9))
    window = _window(stage, room, stream(seed, "window"))
    build_room(stage, room, stream(seed, "surfaces"), {"end": [window], "near": [(-0.5, 0.5, 0.0, 2.1)]})
    side = float(stream(seed, "side").choice([-1, 1]))
    _put_bed(stage, seed, room, side)
    default = str(stream(seed, "vehicle:default").choice(["ebike", "bicycle", "none"], p=[0.5, 0.2, 0.3]))
    setting = variant.of("vehicle", default)
    spots = Footprint(-side * (room.width / 2 - 0.57), room.depth * 0.5, 0.2, room.depth * 0.3)
    parked = park_vehicle(stage, seed, room, [spots], setting)
    stage.claim(
        Footprint(spots.x, spots.y, 0.9, 2.2)
    )  # kept free in every variant, so that all else stays the same
    _furnish(stage, seed, room)
    _power(stage, seed, room, side, parked.built if parked and setting == "ebike" else None)
    _things(stage, seed, room)
    light_room(stage, room, stream(seed, "lights"))
    light_world(0.05)
    _camera(stage, room, stream(seed, "camera"), side)


def _window(stage: Stage, room: Room, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """A window in the end wall with daylight behind it; returns its hole."""
    width, height, sill = rng.uniform(1.0, 1.6), rng.uniform(1.0, 1.3), rng.uniform(0.9, 1.1)
    along = float(rng.uniform(-0.3, 0.3))
    wall = room.walls["end"]
    things = window_parts(rng, width, height)
    wall.hang(stage, things, along, sill)
    stage.things.extend(things)
    if rng.random() < 0.6:
        x, y, _ = wall.point(along, 0.05, 0)
        light_panel((x, y, sill + height / 2), (width, height), 25, (0.8, 0.9, 1.0), (0, -1, -0.2))
    return along - width / 2, along + width / 2, sill, sill + height


def _put_bed(stage: Stage, seed: int, room: Room, side: float) -> None:
    """The bed along one wall, its head at the window."""
    rng = stream(seed, "bed")
    bed = join(bed_parts(rng), "furniture", kind="bed")
    at = (side * (room.width / 2 - bed.size[0] / 2 - 0.05), room.depth - bed.size[1] / 2 - 0.08, 0.0)
    stage.place(bed, at, math.pi)
    stage.label("furniture", bed.things, name="bed")


def _furnish(stage: Stage, seed: int, room: Room) -> None:
    """A table and two more pieces where they fit."""
    table = join(table_parts(stream(seed, "table")), "furniture", kind="table")
    _stand(stage, stream(seed, "table:where"), room, table)
    for k in range(2):
        _stand(
            stage,
            stream(seed, f"piece:{k}:where"),
            room,
            build_clutter(stream(seed, f"piece:{k}"), "furniture"),
        )


def _stand(stage: Stage, rng: np.random.Generator, room: Room, built: Built) -> None:
    """Stand a thing with its back to a wall, in the far half, or take it away."""
    for _ in range(20):
        name = str(rng.choice(["left", "right", "end"]))
        wall = room.walls[name]
        along = float(rng.uniform(-0.45, 0.45)) * wall.width
        x, y, _ = wall.point(along, built.size[1] / 2 + 0.03, 0)
        area = Footprint(x, y, built.size[0], built.size[1], wall.turn + math.pi)
        if y > 1.5 and room.contains(area) and stage.fits(area, 0.03):
            stage.place(built, (x, y, 0.0), area.turn)
            stage.label(built.class_name, built.things, name=built.kind)
            return
    take_away(list(built.things))


def _power(stage: Stage, seed: int, room: Room, side: float, vehicle: Built | None) -> None:
    """A wall socket, a strip on the floor on its cord, and from it the charger of the e-bike."""
    rng = stream(seed, "power")
    wall = room.walls["left" if side > 0 else "right"]
    along = float(rng.uniform(-0.1, 0.25)) * wall.width
    socket = [
        add_box(
            (0, -0.006, 0.35), (0.086, 0.012, 0.086), make_material("socket", (0.7, 0.7, 0.68), roughness=0.4)
        )
    ]
    wall.hang(stage, socket, along)
    stage.things.extend(socket)
    strip = build_strip(rng)
    x, y, _ = wall.point(along + float(rng.uniform(-0.3, 0.3)), rng.uniform(0.75, 1.05), 0)
    stage.place(strip, (x, y, 0.0), float(rng.uniform(0, 6)), stands=False)
    stage.label("power_strip", strip.things, name="strip")
    plug = wall.point(along, 0.03, 0.35)
    lead = hang_cable(
        stage,
        rng,
        plug,
        port_of(strip),
        kind="power",
        source="wall",
        sink="charger",
        sag=rng.uniform(0.3, 0.6),
    )
    stage.optional_hazard("power_strip_overload", [lead])
    if vehicle is not None and rng.random() < 0.8:
        _charge(stage, stream(seed, "charge"), (x, y), vehicle)


def _charge(stage: Stage, rng: np.random.Generator, strip: tuple[float, float], vehicle: Built) -> None:
    """Cords from the strip over a charger brick to the vehicle."""
    port = port_of(vehicle)
    start = (strip[0], strip[1], 0.05)
    if rng.random() < 0.7:
        charger = build_charger(rng)
        at = (
            0.5 * (strip[0] + port[0]) + float(rng.normal(0, 0.1)),
            0.5 * (strip[1] + port[1]) + float(rng.normal(0, 0.1)),
            0.0,
        )
        stage.place(charger, at, float(rng.uniform(0, 6)), stands=False)
        stage.label("power_strip", charger.things, name="charger")
        hang_cable(
            stage, rng, start, (at[0], at[1], 0.03), kind="power", source="strip", sink="charger", sag=0.3
        )
        start = port_of(charger)
    cord = hang_cable(
        stage, rng, start, port, kind="power", source="strip", sink="vehicle", sag=rng.uniform(0.3, 0.8)
    )
    stage.optional_hazard("flying_charging_cable", [cord])
    stage.fact("charging", True)


def _things(stage: Stage, seed: int, room: Room) -> None:
    """Bags and cartons on the floor, clothes on a line, a calendar."""
    for k in range(int(stream(seed, "things").integers(1, 4))):
        rng = stream(seed, f"thing:{k}")
        _stand(
            stage, rng, room, build_clutter(rng, str(rng.choice(["bag", "carton", "carton_stack", "bin"])))
        )
    rng = stream(seed, "walls")
    if rng.random() < 0.35:
        z, y = room.height - rng.uniform(0.3, 0.5), room.depth * rng.uniform(0.5, 0.8)
        hang_clothes_line(
            stage, rng, (-room.width / 2, y, z), (room.width / 2, y, z), garments=int(rng.integers(2, 6))
        )
    for name in ("left", "right"):
        if rng.random() < 0.5:
            things = build_notice(rng)
            room.walls[name].hang(stage, things, float(rng.uniform(-0.3, 0.3)) * room.depth, 1.6)
            stage.things.extend(things)


def _camera(stage: Stage, room: Room, rng: np.random.Generator, side: float) -> None:
    """A phone in the doorway, low to eye height, turned a little to the vehicle's side."""
    position = (float(rng.uniform(-0.35, 0.35)), rng.uniform(-0.6, 0.1), rng.uniform(1.15, 1.65))
    target = (-side * rng.uniform(0.1, 0.7), room.depth * rng.uniform(0.5, 0.7), rng.uniform(0.55, 1.0))
    wh = picture_size(rng, int(stage.facts["long_side"]), portrait=0.55)
    stage.camera = look_at(position, target, wh, fov_deg=rng.uniform(66, 84), roll=float(rng.normal(0, 0.03)))
