"""What corridors, exit areas, stairwells and lobbies share: a room that ends in an exit door, and what stands in it."""

from dataclasses import dataclass, field

import numpy as np

from firewarden.datasets.synth.built import Point
from firewarden.datasets.synth.dressing import Taken, dress_room, free_spot
from firewarden.datasets.synth.exit_places import (
    DoorPlan,
    doors_along,
    hang_exit_sign,
    plan_door,
    put_door,
    put_exit_sign,
    put_goods,
)
from firewarden.datasets.synth.extinguisher_place import build_arrow_sign, build_extinguisher_place
from firewarden.datasets.synth.footprint import Footprint, coverage
from firewarden.datasets.synth.indoor_cables import put_indoor_cable
from firewarden.datasets.synth.lights import light_room, light_world
from firewarden.datasets.synth.parking import Parked, park_vehicle
from firewarden.datasets.synth.passage_view import aim_phone
from firewarden.datasets.synth.room import build_room
from firewarden.datasets.synth.stage import Stage, Variant
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.walls import Room, Wall

EXIT_DOORS = {
    "steel": 0.5,
    "steel_double": 0.2,
    "glass": 0.06,
    "glass_double": 0.1,
    "wood": 0.1,
    "shutter": 0.04,
}
ROOM_DOORS = {"wood": 0.6, "steel": 0.35, "glass": 0.05}


@dataclass(frozen=True, slots=True)
class Passage:
    """Plan of a passage: its room, the part of its width (x from, to) that people walk in, kinds of doors, and which
    walls may carry doors and fixtures."""

    room: Room
    lane: tuple[float, float]
    exit_doors: dict[str, float] = field(default_factory=lambda: dict(EXIT_DOORS))
    side_walls: tuple[str, ...] = ("left", "right")
    side_doors: int = 3  # most on one wall
    signed: float = 0.9  # chance of an exit sign over the door

    @property
    def lane_wall(self) -> Wall:
        """The part of the end wall at the lane, as a wall of its own."""
        a, b = self.lane
        return Wall((a + b) / 2, self.room.depth, 0.0, b - a)


def build_passage(stage: Stage, seed: int, variant: Variant, passage: Passage) -> None:
    """Everything in a passage; the stage may hold fixtures (stairs) that have claimed their floor before."""
    room, walls = passage.room, passage.room.walls
    plan = _exit_plan(stream(seed, "exit_door:plan"), passage)
    sides = {
        name: _side_doors(stream(seed, f"doors:{name}"), walls[name], passage) for name in passage.side_walls
    }
    holes = {"end": [plan.hole], **{name: [p.hole for p in plans] for name, plans in sides.items()}}
    build_room(stage, room, stream(seed, "surfaces"), holes)
    door = put_door(stage, stream(seed, "exit_door"), walls["end"], plan, is_exit=True)
    for name, plans in sides.items():
        doors_along(stage, seed, name, walls[name], plans)
    _put_signs(stage, seed, passage, plan)
    taken = _taken(passage, plan, sides)
    place = _put_extinguisher(stage, seed, variant, passage, taken)
    spots = parking_spots(seed, passage)
    focus = {"extinguisher": place, "vehicle": (spots.x, spots.y, 0.5), "cable": (spots.x, spots.y, 0.9)}
    eye = aim_phone(stage, seed, passage.lane, room, plan.along, focus.get(variant.axis))
    _put_movables(stage, seed, variant, passage, plan, door, eye, spots)
    dress_room(stage, room, stream(seed, "dressing"), taken)
    light_room(stage, room, stream(seed, "lights"))
    light_world(0.03)


def _exit_plan(rng: np.random.Generator, passage: Passage) -> DoorPlan:
    """The exit door within the lane, in the frame of the whole end wall."""
    lane = passage.lane_wall
    plan = plan_door(rng, lane, passage.exit_doors)
    return DoorPlan(
        plan.kind, (plan.size[0], min(plan.size[1], passage.room.height - 0.12)), lane.x + plan.along
    )


def _taken(passage: Passage, plan: DoorPlan, sides: dict[str, list[DoorPlan]]) -> Taken:
    """What each wall has in use; a wall that may carry nothing is in use all over."""
    taken: Taken = {name: [(-99.0, 99.0)] for name in ("left", "right")}
    taken |= {name: [p.taken() for p in plans] for name, plans in sides.items()}
    a, b = passage.lane
    taken["end"] = [plan.taken(), (-99.0, a), (b, 99.0)]
    return taken


def _side_doors(rng: np.random.Generator, wall: Wall, passage: Passage) -> list[DoorPlan]:
    """Room doors that do not touch each other."""
    plans: list[DoorPlan] = []
    for _ in range(int(rng.integers(0, passage.side_doors + 1))):
        plan = plan_door(rng, wall, ROOM_DOORS, middle=1.0)
        a, b = plan.taken(0.2)
        if (
            a > -wall.width / 2
            and b < wall.width / 2
            and all(b < p.taken()[0] or a > p.taken()[1] for p in plans)
        ):
            plans.append(plan)
    return plans


def _put_signs(stage: Stage, seed: int, passage: Passage, plan: DoorPlan) -> None:
    """The sign over the exit, mostly, and now and then one that only shows the way."""
    room = passage.room
    signed = stream(seed, "signed").random() < passage.signed
    if signed:
        signed = put_exit_sign(stage, seed, room.walls["end"], plan, room.height) is not None
    if stream(seed, "hung").random() < 0.2:
        hang_exit_sign(stage, seed, room)
    stage.fact("exit_signed", signed)


def _put_extinguisher(
    stage: Stage, seed: int, variant: Variant, passage: Passage, taken: Taken
) -> Point | None:
    """An extinguisher place on a wall with room for it, near the far end, where the camera looks; its middle."""
    walls, rng = passage.room.walls, stream(seed, "ext:where")
    default = str(
        rng.choice(["present", "absent", "cabinet_closed", "cabinet_open"], p=[0.62, 0.12, 0.14, 0.12])
    )
    middle: Point | None = None
    for name in rng.permutation(["end", *passage.side_walls]):
        part, shift = _far_part(walls[name], str(name))
        along = free_spot(rng, part, [(a - shift, b - shift) for a, b in taken[name]], 0.8)
        if along is not None:
            along += shift
            taken[name].append((along - 0.4, along + 0.4))
            build_extinguisher_place(stage, seed, walls[name], along, variant.of("extinguisher", default))
            middle = walls[name].point(along, 0.1, 0.9)
            break
    if rng.random() < 0.12:
        name = str(rng.choice(list(passage.side_walls)))
        along = free_spot(rng, walls[name], taken[name], 0.6)
        if along is not None:
            build_arrow_sign(stage, seed, walls[name], along)
    return middle


def _far_part(wall: Wall, name: str) -> tuple[Wall, float]:
    """The part of a side wall away from the camera, as a narrower wall, with the offset of its middle."""
    if name == "end":
        return wall, 0.0
    shift = wall.width / 5 * (1 if name == "left" else -1)
    x, y, _ = wall.point(shift, 0, 0)
    return Wall(x, y, wall.turn, wall.width * 0.55), shift


def parking_spots(seed: int, passage: Passage) -> Footprint:
    """Where the middle of a vehicle may stand: along one side of the lane, in the far part of the passage."""
    rng = stream(seed, "vehicle:side")
    (a, b), depth = passage.lane, passage.room.depth
    reach = max(0.0, (b - a) / 2 - 0.42) * (rng.uniform(0.4, 1.0) if b - a > 3 else 1.0)
    x = (a + b) / 2 + float(rng.choice([-1, 1])) * reach
    return Footprint(x, depth - rng.uniform(1.1, max(1.2, depth - 3.0)), 0.2, 0.8)


def _put_movables(
    stage: Stage,
    seed: int,
    variant: Variant,
    passage: Passage,
    plan: DoorPlan,
    door: int,
    eye: tuple[float, float],
    spots: Footprint,
) -> None:
    """Goods and a vehicle with its cord; the axis of the variant goes first, so that the other never takes its place."""
    rng = stream(seed, "movables")
    zone = str(rng.choice(["clear", "partly", "blocked", "beside", "far"], p=[0.62, 0.08, 0.08, 0.14, 0.08]))
    vehicle = str(rng.choice(["none", "ebike", "bicycle", "pram"], p=[0.72, 0.15, 0.08, 0.05]))
    vehicle = "ebike" if variant.axis == "cable" else variant.of("vehicle", vehicle)
    room = passage.room

    def goods() -> None:
        put_goods(stage, seed, room, room.walls["end"], plan, door, variant.of("door_zone", zone), eye)

    if variant.axis == "door_zone":
        goods()
    parked = _park(stage, seed, passage, spots, door, vehicle, variant.axis in ("vehicle", "cable"))
    if variant.axis != "door_zone":
        goods()
    if parked is not None and parked.class_name == "ebike":
        default = "absent"  # a cord beside e-bikes alone would be a second difference between vehicles
        if variant.axis != "vehicle":
            default = str(
                stream(seed, "cable:default").choice(["absent", "flying", "telecom"], p=[0.7, 0.2, 0.1])
            )
        put_indoor_cable(stage, seed, room, parked, variant.of("cable", default))


def _park(
    stage: Stage, seed: int, passage: Passage, spots: Footprint, door: int, setting: str, must: bool
) -> Parked | None:
    """A vehicle in its spots; one before the exit may or may not count as blocking it."""
    a, b = passage.lane
    anywhere = Footprint(
        (a + b) / 2, spots.y, b - a - 0.6, max(0.8, 2 * (passage.room.depth - spots.y) - 1.0)
    )
    parked = park_vehicle(
        stage,
        seed,
        passage.room,
        (spots, anywhere),
        setting,
        turns="along" if b - a < 2.4 else "square",
        must=must,
    )
    if parked and any(zone.is_exit and coverage(zone.area, [parked.area]) > 0.02 for zone in stage.zones):
        stage.optional_hazard("blocked_exit", [door])
    return parked
