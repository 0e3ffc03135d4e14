"""Finders of e-bikes indoors, charging cables and occupied fire lanes: boxes in, findings out. Pure."""

import numpy as np

from firewarden.findings import Finding, Outcome, SceneEstimate
from firewarden.inference import predicates as p
from firewarden.inference.relations import ChargingCable, OccupiedLane, VehicleIndoors
from firewarden.inference.rules import Rules
from firewarden.inference.view import Rows, View, enclosing_box, model_facts, without
from firewarden.inference.wording import fill, name_objects, name_place


def find_vehicles_indoors(
    rel: VehicleIndoors, view: View, scene: SceneEstimate, rules: Rules, claimed: frozenset[int]
) -> list[Finding]:
    """At most one finding: all powered two- and three-wheelers of the picture, when the place is indoors or unknown."""
    rows = without(view.rows(rel.vehicles), claimed)
    if not len(rows) or scene.name in rel.outdoor_scenes:
        return []
    settled = scene.name in rel.scenes and scene.confidence >= rel.scene_confidence_gte
    chargers = _near(view, view.rows(rel.chargers), rows, rel.charger_within_w)
    cords = _near(view, view.rows(rel.cables), rows, rel.charger_within_w)
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
            questions=(rel.place_questions if scene.provisional else ()) + rel.questions,
            relation_ids=(rel.id,),
        )
    ]


def _stands_in_zone(rel: VehicleIndoors, view: View, door: int, rows: Rows) -> bool:
    """Whether vehicles cover enough of the floor zone in front of a door."""
    zone = p.egress_zone(view.box(door), depth_h=rel.zone_depth_h, far_width_w=rel.zone_far_width_w)
    return p.zone_cover(zone, view.boxes(rows), lower_part=rel.lower_part) >= rel.cover_gte


def _near(view: View, things: Rows, vehicles: Rows, within_w: float) -> Rows:
    near = p.near_vehicle(view.boxes(things), view.boxes(vehicles), within_w=within_w)
    return things[near.any(axis=1)]


def find_charging_cables(
    rel: ChargingCable, view: View, scene: SceneEstimate, rules: Rules, claimed: frozenset[int]
) -> list[Finding]:
    """At most one finding: cords and hanging strips that lead to vehicles, or that hang alone in a common place.

    Cords and strips that an indoor e-bike finding claimed stay with it.
    """
    vehicles = view.rows(rel.vehicles)
    cables, strips = without(view.rows(rel.cables), claimed), without(view.rows(rel.strips), claimed)
    pairs = _leading_cords(rel, view, cables, vehicles, strips) | _hanging_strips(rel, view, strips, vehicles)
    if pairs:
        things = sorted({thing for thing, _ in pairs})
        fed = sorted({vehicle for _, vehicle in pairs})
        return [_charging(rel, view, scene, rules, things, fed)]
    alone = [int(row) for row in np.concatenate([cables, strips])]
    return [_hanging_alone(rel, view, alone)] if alone and scene.name in rel.alone_scenes else []


def _leading_cords(
    rel: ChargingCable, view: View, cables: Rows, vehicles: Rows, strips: Rows
) -> set[tuple[int, int]]:
    near = p.near_vehicle(view.boxes(cables), view.boxes(vehicles), within_w=rel.cable_within_w)
    sources = np.concatenate([view.boxes(view.rows(rel.doors)), view.boxes(strips)])
    return {
        (int(cables[i]), int(vehicles[j]))
        for i, j in zip(*np.nonzero(near), strict=True)
        if p.touches_any(view.box(cables[i]), sources)
        or p.leads_away(
            view.box(cables[i]),
            view.box(vehicles[j]),
            view.image_hw,
            rises_above_h=rel.rises_above_h,
            edge_share=rel.frame_edge_share,
        )
    }


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
    rel: ChargingCable, view: View, scene: SceneEstimate, rules: Rules, things: list[int], fed: list[int]
) -> Finding:
    names = {view.name(row) for row in things}
    goods = view.rows(rel.combustible)
    burnable = bool(
        p.near_vehicle(view.boxes(goods), view.boxes(np.array(fed)), within_w=rel.cable_within_w).any()
    )
    facts = [
        ("vehicle_attached", True),
        ("charger_visible", bool(names & set(rel.strips))),
        ("charging_active", bool(names & set(rel.strips))),
        ("in_egress", scene.name in rel.egress_scenes),
        ("combustible", burnable),
    ]
    evidence = [*things, *fed]
    return Finding(
        hazard=rel.hazard,
        outcome=Outcome.HAZARD,
        xyxy=enclosing_box(view.boxes(np.array(evidence))),
        confidence=view.confidence(evidence),
        reason=fill(rel.reason, count=len(fed)),
        evidence=tuple(evidence),
        facts=model_facts(name for name, holds in facts if holds),
        count=len(fed),
        questions=rel.questions,
        relation_ids=(rel.id,),
    )


def _hanging_alone(rel: ChargingCable, view: View, rows: list[int]) -> Finding:
    return Finding(
        hazard=rel.hazard,
        outcome=Outcome.HAZARD,
        xyxy=enclosing_box(view.boxes(np.array(rows))),
        confidence=view.confidence(rows),
        reason=rel.reason_alone,
        evidence=tuple(rows),
        count=0,
        questions=rel.questions,
        relation_ids=(rel.id,),
    )


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
            confidence=view.confidence(rows),
            reason=fill(rel.reason, objects=name_objects(rules, view, rows.tolist())),
            evidence=tuple(rows.tolist()),
            count=len(rows),
            questions=rel.questions,
            relation_ids=(rel.id,),
        )
    ]
