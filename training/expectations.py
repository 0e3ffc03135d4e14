"""What people expect of photos, read from expect.json. No model is needed to read it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firewarden.errors import DatasetError
from firewarden.training.scene_scores import TAG_SCENES, UNKNOWN

REAL = "real"
ORIGINS = (REAL, "composed", "rendered")
HARD_NEGATIVES: Mapping[str, tuple[str, ...]] = {  # what is shown -> hazards it could be mistaken for
    "pedal_bicycle_indoors": ("indoor_ebike",),
    "ebike_outdoors": ("indoor_ebike",),
    "pram_indoors": ("indoor_ebike",),
    "telecom_wires": ("flying_charging_cable",),
    "arrow_sign": ("missing_extinguisher",),
    "closed_cabinet": ("missing_extinguisher",),
    "goods_beside_door": ("blocked_exit",),
    "far_goods": ("blocked_exit",),
}
_LISTS = ("hazards", "optional_hazards", "hard_negatives")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a person, or the maker of a picture, expects of one photo.

    `optional` hazards count neither way; an `ambiguous` photo is not judged. Pictures with one `pair` id differ in one
    thing, their `variant`. `scene` is one of the rule file; it and `origin` are None where the row names none.
    """

    hazards: frozenset[str]
    optional: frozenset[str]
    ambiguous: bool
    scene: str | None
    origin: str | None = None
    pair: str | None = None
    variant: str | None = None
    hard_negatives: frozenset[str] = frozenset()

    def judges(self, hazard: str) -> bool:
        """Whether the photo speaks for or against a hazard."""
        return not self.ambiguous and hazard not in self.optional


def origin_of(source: str) -> str:
    """real, composed or rendered, as the source in manifest.csv begins."""
    return next((origin for origin in ORIGINS if source.startswith(origin)), REAL)


def read_expectations(path: Path) -> dict[str, Expectation]:
    """Expectations by photo stem from expect.json; raises DatasetError naming the photo that cannot be read."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{path}: {error}. Expected JSON: photo stem -> {{hazards, scene, ...}}."
        ) from error
    if not isinstance(table, dict):
        raise DatasetError(
            f"{path} holds a {type(table).__name__}, expected photo stem -> {{hazards, scene, ...}}."
        )
    return {stem: _expectation(row, f"{path}: {stem}") for stem, row in table.items()}


def _expectation(row: Any, where: str) -> Expectation:
    lists = [row.get(key, []) for key in _LISTS] if isinstance(row, dict) else []
    if not lists or not all(
        isinstance(names, list) and all(isinstance(n, str) for n in names) for names in lists
    ):
        raise DatasetError(
            f"{where} is {row!r}, expected {{hazards: [...], optional_hazards: [...]}}. Fix the row."
        )
    hazards, optional, negatives = map(frozenset, lists)
    _check_known(where, "origin", {row["origin"]} if row.get("origin") else set(), ORIGINS)
    _check_known(where, "hard_negatives", negatives, HARD_NEGATIVES)
    texts = {key: _text(row.get(key)) for key in ("origin", "pair", "variant")}
    scene = _scene(_text(row.get("scene")), where)
    return Expectation(
        hazards, optional, bool(row.get("ambiguous")), scene, **texts, hard_negatives=negatives
    )


def _scene(name: str | None, where: str) -> str | None:
    """The scene of the rule file; a scene tag of manifest.csv stands for one."""
    if name is None:
        return None
    known = {**TAG_SCENES, UNKNOWN: UNKNOWN}
    _check_known(where, "scene", {name}, known)
    return known[name]


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _check_known(where: str, key: str, got: Any, known: Any) -> None:
    strangers = sorted(map(str, set(got) - set(known)))
    if strangers:
        raise DatasetError(
            f"{where}: {key} names {strangers}, expected names among {list(known)}. Fix the row."
        )
