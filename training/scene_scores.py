"""The kind of place that inspections settle on, against what is known of each photo."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from firewarden.training.shares import Places, Share

TAG_SCENES: Mapping[str, str] = {  # tag in manifest.csv, or scene of the rule file -> the latter
    "elevator_car": "elevator_car",
    "corridor": "evacuation_corridor",
    "evacuation_corridor": "evacuation_corridor",
    "stairwell": "stairwell",
    "exit_door_area": "exit_door_area",
    "lobby": "public_lobby",
    "public_lobby": "public_lobby",
    "indoor": "indoor",
    "private_room": "private_room",
    "designated_indoor_parking": "designated_indoor_parking",
    "stilt_floor": "stilt_floor",
    "outdoor": "outdoor_open",
    "outdoor_open": "outdoor_open",
    "outdoor_adjacent": "outdoor_adjacent",
    "fire_lane": "fire_lane",
}
BROADER: Mapping[str, str] = {  # scene -> the next wider one that may stand for it
    "stairwell": "evacuation_corridor",
    "public_lobby": "evacuation_corridor",
    "exit_door_area": "evacuation_corridor",
    "evacuation_corridor": "indoor",
    "elevator_car": "indoor",
    "private_room": "indoor",
    "designated_indoor_parking": "indoor",
    "stilt_floor": "indoor",
    "outdoor_adjacent": "outdoor_open",
    "fire_lane": "outdoor_open",
}
OUTDOOR_SCENES = frozenset({"outdoor_open", "outdoor_adjacent", "fire_lane"})
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SceneScore:
    """Photos of a known scene. `exact`: told by its name, as narrow as the model can name it; `sides`: indoors and outdoors
    kept apart. A place that is not settled counts as wrong in both. `confusion[true][said]` counts photos."""

    exact: Share
    sides: Share
    unknown: int
    confusion: Mapping[str, Mapping[str, int]]

    def to_json(self) -> dict[str, Any]:
        return {
            "n": self.exact.n,
            "accuracy": self.exact.rate,
            "ci": self.exact.ci,
            "unknown": self.unknown,
            "indoor_outdoor": {"n": self.sides.n, "accuracy": self.sides.rate, "ci": self.sides.ci},
            "confusion": {true: dict(said) for true, said in self.confusion.items()},
        }


def nameable_scene(scene: str, names: Collection[str]) -> str | None:
    """The scene itself or the narrowest wider one that the model can say; None where it can say none of them."""
    while scene not in names:
        if scene not in BROADER:
            return None
        scene = BROADER[scene]
    return scene


def score_scenes(
    expected: Sequence[str | None], said: Sequence[str | None], names: Collection[str], places: Places
) -> SceneScore:
    """Scores over photos of a known scene and a settled one (None: not known, not asked). `names` are the model's."""
    true = [None if e in (None, UNKNOWN) else nameable_scene(str(e), names) for e in expected]
    asked = np.array([t is not None and s is not None for t, s in zip(true, said, strict=True)], np.bool_)
    exact = np.array([t == s for t, s in zip(true, said, strict=True)], np.bool_) & asked
    sides = np.array([_same_side(t, s) for t, s in zip(true, said, strict=True)], np.bool_) & asked
    confusion: dict[str, Counter[str]] = {}
    for t, s, counts in zip(true, said, asked, strict=True):
        if counts:
            confusion.setdefault(str(t), Counter())[str(s)] += 1
    return SceneScore(
        places.share(exact, asked),
        places.share(sides, asked),
        sum(s == UNKNOWN and bool(counts) for s, counts in zip(said, asked, strict=True)),
        confusion,
    )


def _same_side(true: str | None, said: str | None) -> bool:
    return said not in (None, UNKNOWN) and (true in OUTDOOR_SCENES) == (said in OUTDOOR_SCENES)
