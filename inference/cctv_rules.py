"""The section `cctv` of the rule file: what cameras may be registered, and how frames become events. Seconds, shares of
a box or picture, grey values from 0 to 255."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from firewarden.findings import Text
from firewarden.inference.policy_file import PolicyMap, build_row

Names = tuple[str, ...]


class Vocabulary(Protocol):
    """The closed sets of the rule file; each refuses with ValueError a name that was not declared."""

    def scenes(self, value: Any) -> Names: ...
    def groups(self, value: Any) -> Names: ...
    def hazard(self, value: Any) -> str: ...


@dataclass(frozen=True, slots=True)
class RefusedPlace:
    """A kind of room no camera may look into: scene names that mean it, and words of a camera's name that do. `is_building`:
    the words mean the house as well, whose doors are no doors of a room."""

    id: str
    text: Text
    words: Names
    scenes: Names = ()
    is_building: bool = False


@dataclass(frozen=True, slots=True)
class RegisterRules:
    """Bounds and defaults of the camera register. `law` is what a refusal names. `door_words` put a camera outside a building,
    not outside a room."""

    sample_every_s: float
    sample_every_s_gte: float
    retention_days: int
    retention_days_lte: int
    unsettled_scenes: Names
    settled_groups: Names
    law: Text
    refused: tuple[RefusedPlace, ...]
    outside_words: Names
    door_words: Names = ()


@dataclass(frozen=True, slots=True)
class MotionRules:
    """The motion gate. Grids count blocks over the picture. Differences are taken after `dark_grey` was added and the mean
    set to `reference_grey`, by at most `scale_lte`; one step adds at most `noise_step_factor` thresholds to the usual
    restlessness."""

    grid_w: int
    grid_h: int
    threshold_grey: float
    noise_factor: float
    noise_step_factor: float
    dark_grey: float
    reference_grey: float
    scale_lte: float
    min_blocks: int
    background_s: float
    every_s: float
    looks_after_change: int


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Seen in `needed` of the last `of` looks within `within_s`, and for `dwell_s` in a share of looks: an event.
    Unseen in `gone_after_looks` looks in a row over `gone_after_s`: over. Until it is settled, a look every
    `look_every_s` (0: every sample)."""

    needed: int
    of: int
    within_s: float
    dwell_s: float
    dwell_share: float
    look_every_s: float
    gone_after_looks: int
    gone_after_s: float

    @property
    def hopeless_after(self) -> int:
        """So many looks in a row without it, and no window that ends now can confirm it."""
        return self.of - self.needed + 1

    @property
    def longest_sample_s(self) -> float:
        """Samples farther apart than this never confirm anything."""
        return self.within_s / max(1, self.needed - 1)


@dataclass(frozen=True, slots=True)
class ConfirmRules:
    """Confirmation by hazard, and the cells that suppress repeats. Looks may be late by `late_share` of `within_s`."""

    late_share: float
    suppress_s: float
    cells_w: int
    cells_h: int
    default: Confirmation
    hazards: Mapping[str, Confirmation]
    equipment: Confirmation


@dataclass(frozen=True, slots=True)
class Nearness:
    """Two boxes show one thing: IoU, or a shift of centres in diagonals of the larger box. A thing of an event has moved
    once it was seen without that overlap in `moved_after_looks` looks in a row."""

    iou_gte: float
    shift_lte: float
    moved_after_looks: int


@dataclass(frozen=True, slots=True)
class FollowRules:
    """Nearness of things that stand, and of those in a place that moves (a lift car)."""

    still: Nearness
    moving: Nearness
    moving_scenes: Names


@dataclass(frozen=True, slots=True)
class ZoneRules:
    """Bounds for the polygons of the register."""

    ignore_inside_gte: float
    lane_base_gte: float
    base_part: float


@dataclass(frozen=True, slots=True)
class EquipmentRules:
    """Objects that a camera is registered to see; `hazards` by class name."""

    hazards: Mapping[str, str]
    present_confidence: float
    confidence: float
    hidden_gte: float
    occluders: Names
    reason: Text


@dataclass(frozen=True, slots=True)
class HealthRules:
    """When a camera counts as silent, frozen or black, and a frame's time as wrong."""

    silent_after_s: float
    frozen_after_s: float
    black_level: float
    black_after_s: float
    ahead_s: float


@dataclass(frozen=True, slots=True)
class CctvRules:
    """The whole section. `objects` by hazard: classes whose every object is its own happening."""

    register: RegisterRules
    motion: MotionRules
    confirm: ConfirmRules
    follow: FollowRules
    objects: Mapping[str, Names]
    zones: ZoneRules
    equipment: EquipmentRules
    health: HealthRules


def build_cctv(section: PolicyMap, names: Vocabulary, class_lines: dict[str, int]) -> CctvRules:
    """The section as data; adds the classes it names to `class_lines`. Raises PolicyError with the line."""
    section.only(CctvRules.__dataclass_fields__)
    return CctvRules(
        register=_register(section.section("register"), names),
        motion=build_row(MotionRules, section.section("motion"), {}),
        confirm=_confirm(section.section("confirm"), names),
        follow=_follow(section.section("follow"), names),
        objects=_objects(section.section("objects"), names, class_lines),
        zones=build_row(ZoneRules, section.section("zones"), {}),
        equipment=_equipment(section.section("equipment"), names, class_lines),
        health=build_row(HealthRules, section.section("health"), {}),
    )


def _register(section: PolicyMap, names: Vocabulary) -> RegisterRules:
    rows = section.take("refused")
    if not isinstance(rows, list) or not all(isinstance(row, PolicyMap) for row in rows):
        raise section.fail("'refused' is a list of mappings", "refused")
    refused = tuple(_refused(row, names) for row in rows)
    converters = {
        "unsettled_scenes": names.scenes,
        "settled_groups": names.groups,
        "law": _text,
        "refused": lambda _: refused,
        "outside_words": _words,
        "door_words": _words,
    }
    return build_row(RegisterRules, section, converters)


def _refused(row: PolicyMap, names: Vocabulary) -> RefusedPlace:
    row.only({"id", "zh", "en", "words", "scenes", "is_building"})
    try:
        scenes = names.scenes(row.get("scenes", []))
        words = _words(row.take("words"))
    except ValueError as error:
        raise row.fail(str(error)) from error
    text, building = Text(str(row.take("zh")), str(row.take("en"))), row.get("is_building", False)
    if not isinstance(building, bool):
        raise row.fail(f"is_building is {building!r}, expected true or false", "is_building")
    return RefusedPlace(str(row.take("id")), text, words, scenes, building)


def _confirm(section: PolicyMap, names: Vocabulary) -> ConfirmRules:
    hazards = section.section("hazards")
    converters = {
        "default": lambda _: _confirmation(section.section("default")),
        "equipment": lambda _: _confirmation(section.section("equipment")),
        "hazards": lambda _: {
            _name(hazards, code, names): _confirmation(hazards.section(code)) for code in hazards
        },
    }
    return build_row(ConfirmRules, section, converters)


def _confirmation(row: PolicyMap) -> Confirmation:
    built = build_row(Confirmation, row, {})
    if not 1 <= built.needed <= built.of:
        raise row.fail(f"needed is {built.needed} of {built.of}, expected 1 <= needed <= of", "needed")
    return built


def _follow(section: PolicyMap, names: Vocabulary) -> FollowRules:
    converters = {
        "still": lambda _: build_row(Nearness, section.section("still"), {}),
        "moving": lambda _: build_row(Nearness, section.section("moving"), {}),
        "moving_scenes": names.scenes,
    }
    return build_row(FollowRules, section, converters)


def _objects(section: PolicyMap, names: Vocabulary, class_lines: dict[str, int]) -> dict[str, Names]:
    listed = {}
    for code in section:
        try:
            listed[_name(section, code, names)] = _classes(section, code, section[code], class_lines)
        except ValueError as error:
            raise section.fail(str(error), code) from error
    return listed


def _equipment(section: PolicyMap, names: Vocabulary, class_lines: dict[str, int]) -> EquipmentRules:
    rows = section.section("hazards")
    _classes(rows, None, list(rows), class_lines)
    converters = {
        "hazards": lambda value: {name: names.hazard(code) for name, code in value.items()},
        "occluders": lambda value: _classes(section, "occluders", value, class_lines),
        "reason": _text,
    }
    return build_row(EquipmentRules, section, converters)


def _name(section: PolicyMap, code: str, names: Vocabulary) -> str:
    try:
        return names.hazard(code)
    except ValueError as error:
        raise section.fail(str(error), code) from error


def _classes(section: PolicyMap, key: str | None, value: Any, class_lines: dict[str, int]) -> Names:
    words = _words(value)
    for word in words:
        class_lines.setdefault(word, section.key_line[key or word])
    return words


def _words(value: Any) -> Names:
    if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
        raise ValueError("expected a list of words")
    return tuple(value)


def _text(value: Any) -> Text:
    if not isinstance(value, PolicyMap) or set(value) != {"zh", "en"}:
        raise ValueError("expected {zh: ..., en: ...}")
    for wording in value.values():
        str(wording).format(count=0, objects="")  # KeyError: a placeholder nobody fills
    return Text(str(value["zh"]), str(value["en"]))
