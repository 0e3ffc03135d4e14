"""Finders of e-bikes indoors, charging cables and occupied fire lanes: boxes in, findings out. Pure."""

import numpy as np

from firewarden.findings import Finding, Outcome, SceneEstimate
from firewarden.geometry import Boxes, iou_batch
from firewarden.inference import predicates as p
from firewarden.inference.cable_chains import (
    CableChain,
    chain_confidence,
    length_in_heights,
    link_chains,
    rows_of_chains,
)
from firewarden.inference.relations import ChargingCable, OccupiedLane, VehicleIndoors
from firewarden.inference.repeats import without_repeats
from firewarden.inference.rules import Rules
from firewarden.inference.view import Rows, View, enclosing_box, model_facts, without
from firewarden.inference.wording import fill, name_objects, name_place


def find_vehicles_indoors(
    rel: VehicleIndoors, view: View, scene: SceneEstimate, rules: Rules, claimed: frozenset[int]
) -> list[Finding]:
    """At most one finding: all powered two- and three-wheelers of the picture, when the place is indoors or unknown. Where
    the frame leaves too little of them in view, a better picture is asked for."""
    rows = without(view.rows(rel.vehicles), claimed)
    if not len(rows) or scene.name in rel.outdoor_scenes:
        return []
    rows = _without_rivals(rel, view, rows)
    if not len(rows):
        return []
    scraps = p.mostly_out_of_view(
        view.boxes(rows), view.image_hw, edge_share=rel.frame_edge_share, area_share_lt=rel.cut_area_lt
    )
    if scraps.all():
        return [_perhaps_indoors(rel, view, scene, rules, rows)]
    rows = without_repeats(view, rows[~scraps], rules)
    settled = scene.name in rel.scenes and scene.confidence >= rel.scene_confidence_gte
    chargers = _near(view, view.rows(rel.chargers), rows, rel.charger_within_w)
    cords = _cords_near(view, rel, rows)
    at_door = any(_stands_in_zone(rel, view, int(door), rows) for door in view.rows(rel.doors))
    facts = [
        ("charging_active", len(chargers) > 0),
        ("charger_visible", len(chargers) > 0),
        ("in_egress", scene.name in rel.egress_scenes or at_door),
    ]
    evidence = [*rows.tolist(), *chargers.tolist(), *cords.tolist()]
    template = rel.reason if settled else rel.reason_unknown_scene
    return [
        Finding(
            hazard=rel.hazard,
            outcome=Outcome.HAZARD if settled else Outcome.NEEDS_SITE_CHECK,
            xyxy=enclosing_box(view.boxes(rows)),
            confidence=float(view.detections.confidence[rows].max()),
            reason=fill(template, place=name_place(rules, scene), count=len(rows)),
            evidence=tuple(evidence),
            facts=model_facts(name for name, holds in facts if holds),
            count=len(rows),
            questions=_questions(rel, scene),
            relation_ids=(rel.id,),
        )
    ]


def _questions(rel: VehicleIndoors, scene: SceneEstimate) -> tuple[str, ...]:
    """Where the vehicles stand comes first while nobody has said it; what parks where it may is asked about the room."""
    first = rel.place_questions if scene.provisional else ()
    return (*first, *rel.questions, *(rel.parking_questions if scene.name in rel.parking_scenes else ()))


def _without_rivals(rel: VehicleIndoors, view: View, rows: Rows) -> Rows:
    """Rows whose very box is not, with more confidence, a rival's."""
    rivals = view.rows(rel.rivals, at_confidence=0.0)
    confidence = view.detections.confidence
    same = iou_batch(view.boxes(rows), view.boxes(rivals)) >= rel.same_box_iou_gte
    surer = confidence[rivals][None, :] > confidence[rows][:, None]
    return np.asarray(rows[~(same & surer).any(axis=1)], np.int64)


def _perhaps_indoors(
    rel: VehicleIndoors, view: View, scene: SceneEstimate, rules: Rules, rows: Rows
) -> Finding:
    return Finding(
        hazard=rel.hazard,
        outcome=Outcome.NEEDS_SITE_CHECK,
        xyxy=enclosing_box(view.boxes(rows)),
        confidence=float(view.detections.confidence[rows].max()),
        reason=fill(rel.reason_cut, place=name_place(rules, scene)),
        evidence=tuple(rows.tolist()),
        count=len(rows),
        questions=rel.whole_questions + (rel.place_questions if scene.provisional else ()),
        relation_ids=(rel.id,),
    )


def _stands_in_zone(rel: VehicleIndoors, view: View, door: int, rows: Rows) -> bool:
    """Whether vehicles cover enough of the floor zone in front of a door."""
    zone = p.egress_zone(view.box(door), depth_h=rel.zone_depth_h, far_width_w=rel.zone_far_width_w)
    return (
        p.zone_cover(zone, view.boxes(rows), lower_part=rel.lower_part, lower_part_w=rel.lower_part_w)
        >= rel.cover_gte
    )


def _near(view: View, things: Rows, vehicles: Rows, within_w: float) -> Rows:
    near = p.near_vehicle(view.boxes(things), view.boxes(vehicles), within_w=within_w)
    return things[near.any(axis=1)]


def _cords_near(view: View, rel: VehicleIndoors, vehicles: Rows) -> Rows:
    """All pieces of the cords of which a piece lies near a vehicle."""
    chains = link_chains(view, view.rows(rel.cables), gap_share=rel.piece_gap_share)
    boxes = view.boxes(vehicles)
    near = [
        chain
        for chain in chains
        if p.near_vehicle(chain.boxes(view), boxes, within_w=rel.charger_within_w).any()
    ]
    return rows_of_chains(near)


def find_charging_cables(
    rel: ChargingCable, view: View, scene: SceneEstimate, rules: Rules, claimed: frozenset[int]
) -> list[Finding]:
    """At most one finding: cords and hanging strips that lead to vehicles, or that hang alone in a common place.

    Cords and strips that an indoor e-bike finding claimed stay with it.
    """
    vehicles = view.rows(rel.vehicles)
    cables, strips = without(view.rows(rel.cables), claimed), without(view.rows(rel.strips), claimed)
    if not len(cables) and not len(strips):
        return []
    chains = [
        chain
        for chain in link_chains(view, cables, gap_share=rel.piece_gap_share)
        if len(chain.rows) >= rel.min_pieces
    ]
    leads = _leading_cords(rel, view, chains, vehicles, strips)
    hangs = _hanging_strips(rel, view, strips, vehicles)
    if leads or hangs:
        cords = [chains[number] for number in sorted({number for number, _ in leads})]
        things = sorted({strip for strip, _ in hangs})
        fed = sorted({vehicle for _, vehicle in leads | hangs})
        return [_charging(rel, view, scene, cords, things, fed)]
    if scene.name not in rel.alone_scenes or not (chains or len(strips)):
        return []
    return [_hanging_alone(rel, view, chains, strips.tolist())]


def _leading_cords(
    rel: ChargingCable, view: View, chains: list[CableChain], vehicles: Rows, strips: Rows
) -> set[tuple[int, int]]:
    """Pairs of chain number and vehicle row: the cord ends at the vehicle and goes on to a source."""
    sources = np.concatenate([view.boxes(view.rows(rel.doors)), view.boxes(strips)])
    return {
        (number, int(vehicle))
        for number, chain in enumerate(chains)
        for vehicle in vehicles
        if _leads(rel, view, chain, int(vehicle), sources)
    }


def _leads(rel: ChargingCable, view: View, chain: CableChain, vehicle: int, sources: Boxes) -> bool:
    box, pieces = view.box(vehicle), chain.boxes(view)
    near = p.near_vehicle(pieces, box[None], within_w=rel.cable_within_w).any()
    if not near or length_in_heights(chain, view, box) < rel.min_length_h:
        return False
    return any(p.touches_any(piece, sources) for piece in pieces) or p.leads_away(
        chain.union_box(view),
        box,
        view.image_hw,
        rises_above_h=rel.rises_above_h,
        edge_share=rel.frame_edge_share,
    )


def _hanging_strips(rel: ChargingCable, view: View, strips: Rows, vehicles: Rows) -> set[tuple[int, int]]:
    near = p.near_vehicle(view.boxes(strips), view.boxes(vehicles), within_w=rel.charger_within_w)
    return {
        (int(strips[i]), int(vehicles[j]))
        for i, j in zip(*np.nonzero(near), strict=True)
        if _hangs(view, int(strips[i]), int(vehicles[j]), rel.hanging_above_h)
    }


def _hangs(view: View, strip: int, vehicle: int, above_h: float) -> bool:
    box = view.box(vehicle)
    return bool(box[3] - view.box(strip)[3] > above_h * (box[3] - box[1]))


def _charging(
    rel: ChargingCable,
    view: View,
    scene: SceneEstimate,
    cords: list[CableChain],
    strips: list[int],
    fed: list[int],
) -> Finding:
    goods = view.rows(rel.combustible)
    burnable = bool(
        p.near_vehicle(view.boxes(goods), view.boxes(np.array(fed)), within_w=rel.cable_within_w).any()
    )
    facts = [
        ("vehicle_attached", True),
        ("charger_visible", bool(strips)),
        ("charging_active", bool(strips)),
        ("in_egress", scene.name in rel.egress_scenes),
        ("combustible", burnable),
    ]
    evidence = [*sorted([*rows_of_chains(cords).tolist(), *strips]), *fed]
    return Finding(
        hazard=rel.hazard,
        outcome=Outcome.HAZARD,
        xyxy=enclosing_box(view.boxes(np.array(evidence))),
        confidence=_confidence(rel, view, cords, [*strips, *fed]),
        reason=fill(rel.reason if cords else rel.reason_strip, count=len(fed)),
        evidence=tuple(evidence),
        facts=model_facts(name for name, holds in facts if holds),
        count=len(fed),
        questions=rel.questions,
        relation_ids=(rel.id,),
    )


def _hanging_alone(rel: ChargingCable, view: View, cords: list[CableChain], strips: list[int]) -> Finding:
    rows = [*rows_of_chains(cords).tolist(), *strips]
    return Finding(
        hazard=rel.hazard,
        outcome=Outcome.HAZARD,
        xyxy=enclosing_box(view.boxes(np.array(rows))),
        confidence=_confidence(rel, view, cords, strips),
        reason=fill(rel.reason_alone),
        evidence=tuple(rows),
        count=0,
        questions=rel.questions,
        relation_ids=(rel.id,),
    )


def _confidence(rel: ChargingCable, view: View, cords: list[CableChain], rows: list[int]) -> float:
    """The weakest thing the finding rests on; a cord rests on as many of its surest pieces as the rule asks for."""
    parts = [chain_confidence(chain, view, pieces=rel.min_pieces) for chain in cords]
    return min(parts + ([view.confidence(rows)] if rows else []))


def find_occupied_lanes(
    rel: OccupiedLane, view: View, scene: SceneEstimate, rules: Rules, claimed: frozenset[int]
) -> list[Finding]:
    """At most one finding: what stands on a fire lane. The lane must be named; a picture cannot prove one."""
    if scene.name not in rel.scenes:
        return []
    rows = without(view.rows((*rel.vehicles, *rel.obstacles)), claimed)
    rows = rows[p.area_share(view.boxes(rows), view.image_hw) >= rel.area_share_gte]
    if not len(rows):
        return []
    return [
        Finding(
            hazard=rel.hazard,
            outcome=Outcome.HAZARD,
            xyxy=enclosing_box(view.boxes(rows)),
            confidence=float(view.detections.confidence[rows].max()),  # any one of them occupies the lane
            reason=fill(rel.reason, objects=name_objects(rules, view, rows.tolist())),
            evidence=tuple(rows.tolist()),
            count=len(rows),
            questions=rel.questions,
            relation_ids=(rel.id,),
        )
    ]
