"""An exit door in a wall with its sign and floor zone, and goods before, beside or far from it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from firewarden.datasets.synth.doors import Door, build_door, door_size
from firewarden.datasets.synth.fire_signs import build_exit_sign
from firewarden.datasets.synth.footprint import Footprint, coverage
from firewarden.datasets.synth.goods import place_goods
from firewarden.datasets.synth.stage import Stage
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.walls import Hole, Room, Wall

ZONE_DEPTH = 1.2  # metres of floor before a door that belong to it
BLOCKED_FROM, MINOR_BELOW = 0.20, 0.06  # covered share: a hazard from here, none below


@dataclass(frozen=True, slots=True)
class DoorPlan:
    """A door to be built: kind, size and its middle along a wall."""

    kind: str
    size: tuple[float, float]
    along: float

    @property
    def hole(self) -> Hole:
        w, h = self.size
        return self.along - w / 2, self.along + w / 2, 0.0, h

    def taken(self, margin: float = 0.12) -> tuple[float, float]:
        """Interval along the wall that nothing else may use."""
        return self.along - self.size[0] / 2 - margin, self.along + self.size[0] / 2 + margin


def plan_door(
    rng: np.random.Generator, wall: Wall, kinds: dict[str, float], *, middle: float = 0.7
) -> DoorPlan:
    """A door that fits the wall, near its middle with spread `middle` (0 exact, 1 anywhere)."""
    names = [k for k in kinds if not (k.endswith("double") or k == "shutter") or wall.width > 2.3]
    weights = np.array([kinds[name] for name in names])
    kind = str(rng.choice(names, p=weights / weights.sum()))
    w, h = door_size(rng, kind)
    w = min(w, wall.width - 0.4)
    room = (wall.width - w) / 2 - 0.12
    return DoorPlan(kind, (w, h), float(rng.uniform(-1, 1) * middle * max(0.0, room)))


def put_door(stage: Stage, rng: np.random.Generator, wall: Wall, plan: DoorPlan, *, is_exit: bool) -> int:
    """Build the door into its hole, label it and register its floor zone; returns its instance."""
    door: Door = build_door(rng, plan.kind, plan.size)
    wall.hang(stage, door.things, plan.along)
    number = stage.label("door", door.things, name=plan.kind)
    stage.zone(wall.floor(plan.along, plan.size[0], ZONE_DEPTH), number, is_exit=is_exit)
    return number


def put_exit_sign(stage: Stage, seed: int, wall: Wall, plan: DoorPlan, ceiling: float) -> int | None:
    """The sign over the door; where there is no room it hangs beside the door's head. None if it fits nowhere."""
    rng = stream(seed, "exit_sign")
    sign = build_exit_sign(rng)
    top = plan.size[1] + 0.1
    room = ceiling - top - sign.height - 0.02
    if room < 0:
        return None
    z = top + sign.height / 2 + rng.uniform(0, min(room, 0.3))
    for thing in sign.things:
        thing.rotation_euler[1] += float(rng.normal(0, 0.015))
    wall.hang(stage, sign.things, plan.along + float(rng.normal(0, 0.06)), z)
    return stage.label("exit_sign", sign.things)


def hang_exit_sign(stage: Stage, seed: int, room: Room, part: str = "hung_sign") -> None:
    """A sign on rods under the ceiling, away from any door: it shows the way and marks no door."""
    rng = stream(seed, part)
    sign = build_exit_sign(rng, hung=True)
    x, y = rng.uniform(-0.25, 0.25) * room.width, rng.uniform(0.45, 0.85) * room.depth
    drop = rng.uniform(0.12, 0.45)
    turn = float(rng.normal(0, 0.15)) + (1.35 if rng.random() < 0.2 else 0.0)
    stage.move([*sign.things, *sign.holders], (x, y, room.height - drop - sign.height / 2), turn)
    stage.things.extend(sign.holders)
    stage.hard_negative("arrow_sign", [stage.label("exit_sign", sign.things, name="hung")])


def put_goods(
    stage: Stage,
    seed: int,
    room: Room,
    wall: Wall,
    plan: DoorPlan,
    door: int,
    setting: str,
    eye: tuple[float, float],
) -> None:
    """Goods round an exit door by the door_zone setting; `eye` is where the camera stands (x, y)."""
    rng = stream(seed, f"goods:{setting}")
    w = plan.size[0]
    zone = wall.floor(plan.along, w, ZONE_DEPTH)
    placed: list[tuple[int, Footprint]] = []
    for spot, count in _spots(rng, setting, wall, plan, zone, eye):
        for _ in range(count):
            found = place_goods(stage, rng, room, spot, avoid=zone if setting in ("beside", "far") else None)
            if found:
                placed.append(found)
            covered = coverage(zone, [area for _, area in placed])
            if (setting == "partly" and covered >= 0.22) or (setting == "blocked" and covered >= 0.75):
                break
    expect_goods(stage, setting, zone, door, placed)


def _spots(
    rng: np.random.Generator,
    setting: str,
    wall: Wall,
    plan: DoorPlan,
    zone: Footprint,
    eye: tuple[float, float],
) -> list[tuple[Footprint, int]]:
    """Floor areas where the middles of goods may stand, with how many to try."""
    w = plan.size[0]
    side = float(rng.choice([-1, 1]))
    if setting == "blocked":
        return [(wall.floor(plan.along, w * 0.9, 0.9, 0.1), int(rng.integers(4, 9)))]
    if setting == "partly":
        x, y, _ = wall.point(plan.along + side * w * 0.25, 0.5, 0)
        return [(Footprint(x, y, 0.3 * w, 0.6, wall.turn), 4)]
    if setting == "beside":
        spots = []
        for s in (side, -side):
            x, y, _ = wall.point(plan.along + s * (w / 2 + 0.5), 0.4, 0)
            spots.append((Footprint(x, y, 0.5, 0.5, wall.turn), int(rng.integers(1, 3))))
        return spots if rng.random() < 0.5 else spots[:1]
    if setting == "far":
        door_x, door_y, _ = wall.point(plan.along, 0, 0)
        t = rng.uniform(0.5, 0.68)
        x, y = eye[0] + (door_x - eye[0]) * t, eye[1] + (door_y - eye[1]) * t
        return [(Footprint(x, y, 0.6, 0.5, wall.turn), int(rng.integers(2, 5)))]
    return []


def expect_goods(
    stage: Stage, setting: str, zone: Footprint, door: int, placed: list[tuple[int, Footprint]]
) -> None:
    """Expected hazards from what stands where, in metres, not from how it was meant."""
    covered = coverage(zone, [area for _, area in placed])
    stage.fact("door_zone_setting", setting)
    for number, area in placed:
        alone = coverage(zone, [area])
        if covered >= BLOCKED_FROM and alone > 0:
            stage.hazard("blocked_exit", [door, number])
            stage.optional_hazard("corridor_clutter", [number])
        elif alone >= MINOR_BELOW:
            stage.optional_hazard("blocked_exit", [door])
            stage.optional_hazard("corridor_clutter", [number])
        else:
            stage.hazard("corridor_clutter", [number], min_area=0.02)
    if placed and covered < MINOR_BELOW:
        name = {"beside": "goods_beside_door", "far": "far_goods"}.get(setting)
        if name:
            stage.hard_negative(name, [placed[0][0]])


def doors_along(stage: Stage, seed: int, wall_name: str, wall: Wall, plans: list[DoorPlan]) -> list[int]:
    """Room doors in a side wall; no exits."""
    numbers: list[Any] = []
    for k, plan in enumerate(plans):
        numbers.append(put_door(stage, stream(seed, f"door:{wall_name}:{k}"), wall, plan, is_exit=False))
    return numbers
