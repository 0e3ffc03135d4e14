"""The kinds of scenes: builder, rule-file scene and the axes along which counterfactual pictures differ."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from firewarden.datasets.synth.stage import Stage, Variant

Builder = Callable[[Stage, int, Variant], None]

VEHICLES = ("ebike", "bicycle", "pram", "none")
CABLES = ("flying", "telecom", "absent")
DOOR_ZONES = ("clear", "partly", "blocked", "beside", "far")
EXTINGUISHERS = ("present", "absent", "cabinet_closed", "cabinet_open")


@dataclass(frozen=True, slots=True)
class SceneKind:
    """`module` of this package holds `build(stage, seed, variant)`; `axes` maps an axis to its settings."""

    module: str
    rule_scene: str
    axes: dict[str, tuple[str, ...]]

    def builder(self) -> Builder:
        """The build function, imported now: it needs Blender."""
        build: Builder = import_module(f"firewarden.datasets.synth.{self.module}").build
        return build


SCENES: dict[str, SceneKind] = {
    "corridor": SceneKind(
        "corridor",
        "evacuation_corridor",
        {"extinguisher": EXTINGUISHERS, "door_zone": DOOR_ZONES, "vehicle": VEHICLES, "cable": CABLES},
    ),
    "exit_door": SceneKind(
        "exit_door",
        "exit_door_area",
        {"door_zone": DOOR_ZONES, "extinguisher": EXTINGUISHERS, "vehicle": VEHICLES},
    ),
    "stairwell": SceneKind(
        "stairwell",
        "stairwell",
        {"vehicle": VEHICLES, "cable": CABLES, "door_zone": DOOR_ZONES, "extinguisher": EXTINGUISHERS},
    ),
    "lobby": SceneKind(
        "lobby", "public_lobby", {"vehicle": VEHICLES, "cable": CABLES, "extinguisher": EXTINGUISHERS}
    ),
    "facade": SceneKind("facade", "outdoor_adjacent", {"cable": ("flying", "telecom", "absent", "pile")}),
    "fire_lane": SceneKind("fire_lane", "fire_lane", {"lane": ("parked", "beside", "clear")}),
    "rental_room": SceneKind("rental_room", "private_room", {"vehicle": ("ebike", "bicycle", "none")}),
    "lift_car": SceneKind("lift_car", "elevator_car", {"vehicle": VEHICLES}),
}
