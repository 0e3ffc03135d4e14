"""What a scene builder fills: labelled instances, cables, door zones, facts and expected hazards. Metres, z up.

Things are Blender objects; this file itself needs Blender only to move them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from firewarden.datasets.synth.built import Built, Point
from firewarden.datasets.synth.footprint import Footprint, overlap


class NoRoom(Exception):
    """What a variant is about does not fit into this scene: the picture is left out."""


@dataclass(frozen=True, slots=True)
class Variant:
    """Which setting of which axis this picture shows, e.g. axis "cable", name "telecom"."""

    axis: str
    name: str

    def of(self, axis: str, default: str) -> str:
        """The setting of `axis`: that of this variant if it is its axis, else `default` (drawn from a stream)."""
        return self.name if axis == self.axis else default


@dataclass(frozen=True, slots=True)
class Instance:
    """One labelled object: `number` is its value in the instance pass, from 1."""

    number: int
    class_name: str
    things: tuple[Any, ...]
    name: str
    ignored: bool = False  # goes to ignore/ however well it is seen


@dataclass(frozen=True, slots=True)
class Cable:
    """A cable polyline in world metres, from source to sink; `number` is its instance, 0 if it has no label."""

    points: tuple[Point, ...]
    kind: str
    source: str
    sink: str
    number: int


@dataclass(frozen=True, slots=True)
class DoorZone:
    """The floor before a door: its area, the instance of the door, and whether it is an exit."""

    area: Footprint
    door: int
    is_exit: bool


@dataclass(frozen=True, slots=True)
class Expectation:
    """A hazard or hard negative that holds if all instances of `needs` are seen and all points of `inside` lie in
    the frame; a hazard whose evidence is only partly seen becomes optional."""

    code: str
    needs: tuple[int, ...]
    inside: tuple[Point, ...] = ()
    kind: str = "hazard"  # hazard, optional or hard_negative
    min_area: float = 0.0  # share of the picture that the boxes of `needs` must cover together


CABLE_KINDS = ("power", "telecom", "hose", "line")


@dataclass(slots=True)
class Stage:
    """The scene under construction; builders call its methods, the writer reads its fields."""

    things: list[Any] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)
    cables: list[Cable] = field(default_factory=list)
    zones: list[DoorZone] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    expectations: list[Expectation] = field(default_factory=list)
    standing: list[Footprint] = field(default_factory=list)  # what covers the floor
    reserved: list[Footprint] = field(default_factory=list)  # kept free or taken by wall fixtures
    attributions: list[str] = field(default_factory=list)
    rule_scene: str | None = None
    camera: Any = None  # synth.camera.Camera, set by the builder
    exposure: float = 0.0  # extra stops of the phone's exposure

    def add(self, thing: Any) -> Any:
        """Remember an unlabelled object; returns it."""
        self.things.append(thing)
        return thing

    def label(self, class_name: str, things: Sequence[Any], *, name: str = "", ignored: bool = False) -> int:
        """One labelled instance made of several objects; returns its number in the instance pass.

        `ignored` sends its box to ignore/: people would not agree on its class."""
        number = len(self.instances) + 1
        for thing in things:
            thing.pass_index = number
        self.instances.append(Instance(number, class_name, tuple(things), name, ignored))
        self.things.extend(things)
        return number

    def cable(self, points: Sequence[Point], thing: Any, kind: str, source: str, sink: str) -> int:
        """A cable: its polyline from source to sink, and its object. A power cord is labelled power_cable; other
        kinds get an instance without class, for the visibility test alone. Returns the instance number."""
        if kind not in CABLE_KINDS or len(points) < 2:
            raise ValueError(
                f"cable kind {kind!r} with {len(points)} points, expected {CABLE_KINDS} and >= 2"
            )
        number = self.label("power_cable" if kind == "power" else "", [thing], name=f"{kind} cable")
        path = tuple((float(x), float(y), float(z)) for x, y, z in points)
        self.cables.append(Cable(path, kind, source, sink, number))
        return number

    def fact(self, key: str, value: Any) -> None:
        """A fact for facts/STEM.json."""
        self.facts[key] = value

    def place(self, built: Built, at: Point, turn: float = 0.0, *, stands: bool = True) -> Footprint:
        """Move an asset to `at`, turned about the vertical; it claims its footprint if it `stands` on the floor."""
        self.move(built.things, at, turn)
        area = Footprint(at[0], at[1], built.size[0], built.size[1], turn)
        if stands:
            self.standing.append(area)
        if built.attribution:
            self.credit(built.attribution)
        self.things.extend(built.things)
        return area

    def credit(self, attribution: str) -> None:
        """Name author and licence of a shape that is not our own."""
        if attribution not in self.attributions:
            self.attributions.append(attribution)

    def move(self, things: Sequence[Any], at: Point, turn: float = 0.0) -> None:
        """Turn things about the vertical through the origin, then shift them by `at`."""
        from mathutils import Matrix

        shift = Matrix.Translation(at) @ Matrix.Rotation(turn, 4, "Z")
        own = {id(thing) for thing in things}
        for thing in things:
            if thing.parent is None or id(thing.parent) not in own:
                thing.matrix_basis = shift @ thing.matrix_basis

    def fits(self, area: Footprint, margin: float = 0.0) -> bool:
        """Whether nothing that stands already overlaps `area` grown by `margin`."""
        return not any(overlap(area.grown(margin), other) for other in (*self.standing, *self.reserved))

    def claim(self, area: Footprint) -> None:
        """Reserve a floor area (a wall fixture, the photographer); it covers no door zone."""
        self.reserved.append(area)

    def zone(self, area: Footprint, door: int, *, is_exit: bool) -> None:
        """The floor zone of a door, for coverage and free width."""
        self.zones.append(DoorZone(area, door, is_exit))

    def hazard(
        self, code: str, needs: Sequence[int], inside: Sequence[Point] = (), *, min_area: float = 0.0
    ) -> None:
        """A hazard of inference/rules.yaml that this scene shows if its evidence is seen."""
        self.expectations.append(Expectation(code, tuple(needs), tuple(inside), min_area=min_area))

    def optional_hazard(self, code: str, needs: Sequence[int] = ()) -> None:
        """A hazard that counts neither way."""
        self.expectations.append(Expectation(code, tuple(needs), (), "optional"))

    def hard_negative(self, name: str, needs: Sequence[int] = ()) -> None:
        """A look-alike that must not raise its hazard."""
        self.expectations.append(Expectation(name, tuple(needs), (), "hard_negative"))


def turned(x: float, y: float, turn: float) -> tuple[float, float]:
    """(x, y) turned about the origin by `turn` rad, counter-clockwise from above."""
    return x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
