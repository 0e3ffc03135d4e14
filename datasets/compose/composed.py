"""What a maker of compositions returns: a picture not yet saved, with all that is known about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from firewarden.datasets.compose.ground import Ground, Picture
from firewarden.datasets.compose.judged import (
    BRACKET_BELOW_H,
    BRACKET_DX_W,
    SIGN_BELOW_H,
    SIGN_DX_W,
    search_zone,
)
from firewarden.datasets.labels import LabelRows

_RULE_SCENES = {  # scene tags of the manifest in the words of the rule file
    "corridor": "evacuation_corridor",
    "lobby": "public_lobby",
    "stairwell": "stairwell",
    "private_room": "private_room",
    "elevator_car": "elevator_car",
    "indoor": "indoor",
    "outdoor": "outdoor_open",
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """One row of expect.json. `pair` is shared by pictures that differ in one thing; `hazards` must be found,
    `optional_hazards` count neither way."""

    pair: str
    variant: str
    scene: str | None = None
    hazards: tuple[str, ...] = ()
    optional_hazards: tuple[str, ...] = ()
    hard_negatives: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The row as expect.json has it."""
        return {
            "scene": self.scene,
            "hazards": list(self.hazards),
            "optional_hazards": list(self.optional_hazards),
            "ambiguous": False,
            "origin": "composed",
            "pair": self.pair,
            "variant": self.variant,
            "hard_negatives": list(self.hard_negatives),
        }


@dataclass(frozen=True, slots=True)
class Composed:
    """One picture: BGR uint8 before the camera step, rows, cable polylines (rows of cables/STEM.json), expectation,
    manifest cells (`manifest_of` fills them from the ground)."""

    stem: str
    picture: Picture
    labels: LabelRows
    ignore: LabelRows
    expect: Expectation
    manifest: Mapping[str, str]
    cables: tuple[Mapping[str, Any], ...] = field(default=())


def rule_scene(ground: Ground) -> str | None:
    """The ground's scene in the words of the rule file; None where its tag says nothing about the kind of place."""
    return _RULE_SCENES.get(ground.record.scene) if ground.record is not None else None


def manifest_of(ground: Ground, split: str, *, scene: str | None = None) -> dict[str, str]:
    """Manifest cells of a picture made on `ground`: its place, split and licence; a drawn ground stands for itself."""
    if ground.record is None:
        return {
            "split": split, "source": "composed", "licence": "own drawing and train photos",
            "place_group": "", "scene": scene or "",
        }  # fmt: skip
    record = ground.record
    return {
        "split": record.split, "source": f"composed {record.source}", "licence": record.licence,
        "place_group": record.place_group, "scene": scene or record.scene,
    }  # fmt: skip


def open_hazards(ground: Ground) -> tuple[str, ...]:
    """Hazards that the photo's own content may show: nobody judged them, so they count neither way."""
    goods = len(ground.boxes("carton", "furniture", "clutter", "bicycle"))
    found = {
        "corridor_clutter": goods > 0,
        "blocked_exit": len(ground.boxes("door")) > 0 and goods + len(ground.boxes("person", "ebike")) > 0,
        "indoor_ebike": len(ground.boxes("ebike")) > 0,
        "missing_extinguisher": has_unserved_mark(ground),
        "flying_charging_cable": len(ground.boxes("power_cable", "power_strip")) > 0,
        "extinguisher_obstructed": goods > 0 and len(ground.boxes("extinguisher", "fire_cabinet")) > 0,
        "fire_lane_obstructed": len(ground.boxes("vehicle")) > 0,
    }
    return tuple(name for name, holds in found.items() if holds)


def has_unserved_mark(ground: Ground) -> bool:
    """Whether a sign or bracket has no extinguisher where it should show one."""
    held = ground.boxes("extinguisher")
    x, y = (held[:, 0] + held[:, 2]) / 2, (held[:, 1] + held[:, 3]) / 2
    zones = [
        search_zone(cue, dx_w=SIGN_DX_W, below_h=SIGN_BELOW_H) for cue in ground.boxes("extinguisher_sign")
    ] + [
        search_zone(cue, dx_w=BRACKET_DX_W, below_h=BRACKET_BELOW_H) for cue in ground.boxes("extinguisher_bracket")
    ]  # fmt: skip
    return any(not ((x >= z[0]) & (x <= z[2]) & (y >= z[1]) & (y <= z[3])).any() for z in zones)
