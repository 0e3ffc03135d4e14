"""Parameters of the relation rules: one frozen dataclass for each predicate a rule file may name, and of things boxed twice.

Lengths are shares of a box side (suffix `_h`, `_w`) or of an area; class lists hold evidence class names.
"""

from dataclasses import dataclass
from typing import ClassVar

from firewarden.findings import Text

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """What every relation row has, and the flags that findings of its predicate may hold."""

    sets: ClassVar[Names] = ()

    id: str
    hazard: str
    predicate: str
    reason: Text
    questions: Names


@dataclass(frozen=True, slots=True)
class ObstructedExit(Relation):
    """A door that serves evacuation, with something in its zone or a lock on it; or goods where such a door must be, below
    a sign over no door that was surely recognised."""

    sets: ClassVar[Names] = (
        "people_or_moving_goods_only",
        "movable",
        "combustible",
        "locked_or_sealed",
        "fully_blocked",
    )

    doors: Names
    signs: Names
    obstacles: Names
    people: Names
    locks: Names
    movable: Names
    combustible: Names
    egress_scenes: Names
    reason_locked: Text
    reason_unseen: Text
    reason_hidden: Text
    hidden_questions: Names
    unseen_questions: Names
    people_questions: Names
    sign_above_lte_h: float
    sign_below_top_lte_h: float
    sign_dx_lt_w: float
    zone_depth_h: float
    zone_far_width_w: float
    lower_part: float
    lower_part_w: float
    cover_gte: float
    lower_half_overlap_gte: float
    base_below_lte_h: float
    base_above_lte_h: float
    fully_blocked_gte: float
    zone_in_frame_gte: float
    sure_door_gte: float
    foot_below_gte_sign_h: float
    foot_below_lte_sign_h: float
    foot_dx_lte_sign_h: float
    foot_cover_gte: float


@dataclass(frozen=True, slots=True)
class ClutteredPassage(Relation):
    """Goods standing in a common passage, away from exit doors."""

    sets: ClassVar[Names] = ("movable", "combustible")

    obstacles: Names
    people: Names
    movable: Names
    combustible: Names
    scenes: Names
    area_share_gte: float
    base_y_gte: float
    carried_inside_gte: float


@dataclass(frozen=True, slots=True)
class VehicleIndoors(Relation):
    """Powered two- or three-wheelers in a building space; of the class `denied_as` for later rows, once a person has said that
    they are none."""

    sets: ClassVar[Names] = ("charging_active", "charger_visible", "in_egress")

    vehicles: Names
    denied_as: Names
    chargers: Names
    cables: Names
    doors: Names
    scenes: Names
    egress_scenes: Names
    outdoor_scenes: Names
    place_questions: Names
    parking_scenes: Names
    parking_questions: Names
    none_groups: Names
    none_scenes: Names
    reason_unknown_scene: Text
    whole_questions: Names
    rivals: Names
    same_box_iou_gte: float
    reason_cut: Text
    frame_edge_share: float
    cut_area_lt: float
    scene_confidence_gte: float
    charger_within_w: float
    piece_gap_share: float
    zone_depth_h: float
    zone_far_width_w: float
    lower_part: float
    lower_part_w: float
    cover_gte: float


@dataclass(frozen=True, slots=True)
class ChargingCable(Relation):
    """A loose cord or hanging strip that leads to a parked vehicle; `reason_strip` where no cord does."""

    sets: ClassVar[Names] = (
        "vehicle_attached",
        "charger_visible",
        "charging_active",
        "in_egress",
        "combustible",
    )

    vehicles: Names
    cables: Names
    strips: Names
    doors: Names
    combustible: Names
    egress_scenes: Names
    alone_scenes: Names
    none_groups: Names
    none_scenes: Names
    reason_strip: Text
    reason_alone: Text
    piece_gap_share: float
    min_pieces: int
    min_length_h: float
    cable_within_w: float
    charger_within_w: float
    rises_above_h: float
    frame_edge_share: float
    hanging_above_h: float


@dataclass(frozen=True, slots=True)
class EmptyExtinguisherPoint(Relation):
    """A sign, bracket or cabinet that is marked or built to hold an extinguisher and shows none."""

    sets: ClassVar[Names] = ("cabinet_closed_opaque", "mount_area_truncated_or_occluded")

    signs: Names
    brackets: Names
    cabinets: Names
    extinguishers: Names
    occluders: Names
    reason_bracket: Text
    reason_cabinet: Text
    reason_unseen: Text
    cabinet_questions: Names
    unseen_questions: Names
    sign_dx_lte_w: float
    sign_below_lte_h: float
    near_below_lte_h: float
    near_side_gte: float
    bracket_dx_lte_w: float
    bracket_below_lte_h: float
    zone_in_frame_gte: float
    occluded_lt: float
    occluder_gte: float
    present_confidence: float


@dataclass(frozen=True, slots=True)
class HiddenExtinguisher(Relation):
    """Goods in front of an extinguisher or its cabinet."""

    extinguishers: Names
    cabinets: Names
    obstacles: Names
    overlap_gte: float


@dataclass(frozen=True, slots=True)
class OccupiedLane(Relation):
    """Vehicles or goods on a fire lane."""

    vehicles: Names
    obstacles: Names
    scenes: Names
    area_share_gte: float


PREDICATES: dict[str, type[Relation]] = {
    "obstructed_exit": ObstructedExit,
    "cluttered_passage": ClutteredPassage,
    "vehicle_indoors": VehicleIndoors,
    "charging_cable": ChargingCable,
    "empty_extinguisher_point": EmptyExtinguisherPoint,
    "hidden_extinguisher": HiddenExtinguisher,
    "occupied_lane": OccupiedLane,
}


@dataclass(frozen=True, slots=True)
class RepeatRule:
    """When two boxes of one of `classes`, one within the other, are one thing: unless both are at least so sure."""

    classes: Names
    inside_gte: float
    confidence_lt: float
