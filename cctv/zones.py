"""Findings from the register's polygons: things on a fire lane, goods on an egress zone. Pure.

They use the words and bounds of the photo rules of the same hazards; only the place comes from the register.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from firewarden.cctv.camera import Camera, Corners
from firewarden.cctv.polygons import covered_by, share_inside
from firewarden.findings import Box, Finding, Outcome
from firewarden.inference.cctv_rules import ZoneRules
from firewarden.inference.grading import assess
from firewarden.inference.predicates import lower_parts
from firewarden.inference.relations import ObstructedExit, OccupiedLane, Relation
from firewarden.inference.repeats import with_repeats
from firewarden.inference.rules import Rules
from firewarden.inference.said_facts import with_context
from firewarden.inference.view import Rows, View, enclosing_box, model_facts
from firewarden.inference.wording import fill, name_objects
from firewarden.inspection import InspectionResult

R = TypeVar("R", bound=Relation)


def find_in_zones(view: View, result: InspectionResult, camera: Camera, rules: Rules) -> tuple[Finding, ...]:
    """Findings that only the register's polygons make possible. Goods that a photo rule of the same or an earlier hazard
    has claimed stay with it, unless the exit that they block has the higher level."""
    found: list[Finding | None] = []
    if camera.zones.egress:
        for relation in _of_kind(rules, ObstructedExit):
            order = [row.hazard for row in rules.relations]
            before, own = order[: order.index(relation.hazard)], [relation.hazard]
            for zone in camera.zones.egress:
                rest = _unclaimed(view, result, relation, rules, [*before, *own])
                whole = _unclaimed(view, result, relation, rules, own)
                kept = _egress(view, rest, zone, relation, rules)
                all_of_it = _egress(view, whole, zone, relation, rules)
                found.append(all_of_it if _is_higher(all_of_it, result, rules) else kept)
    if camera.zones.fire_lane:
        found += [_lane(view, camera, relation, rules) for relation in _of_kind(rules, OccupiedLane)]
    return tuple(finding for finding in found if finding is not None)


def _unclaimed(
    view: View, result: InspectionResult, relation: ObstructedExit, rules: Rules, hazards: Sequence[str]
) -> list[int]:
    """Obstacles that no finding graded as one of these hazards has claimed."""
    claimed = {
        row
        for finding, graded in zip(result.findings, result.assessments, strict=True)
        if graded.outcome is Outcome.HAZARD and finding.hazard in hazards
        for row in with_repeats(view, finding.evidence, rules)
    }
    return [row for row in view.rows(relation.obstacles).tolist() if row not in claimed]


def _is_higher(found: Finding | None, result: InspectionResult, rules: Rules) -> bool:
    """Whether a zone's finding has a higher level than every finding of the photo rules with the same things."""
    if found is None:
        return False
    told = with_context(found, rules, result.context)
    level = assess(told, result.scene, rules, result.context).risk_level_initial
    others = [
        graded.risk_level_initial
        for finding, graded in zip(result.findings, result.assessments, strict=True)
        if set(finding.evidence) & set(found.evidence)
    ]
    return level is not None and all(other is None or level.rank > other.rank for other in others)


def on_lane(box: Box, lanes: tuple[Corners, ...], rules: ZoneRules) -> bool:
    """Whether a thing (box in shares of the picture) stands on a fire lane with enough of its base."""
    x0, y0, x1, y1 = box
    return share_inside((x0, y1 - rules.base_part * (y1 - y0), x1, y1), lanes) >= rules.lane_base_gte


def to_share(box: Sequence[float], image_hw: tuple[int, int]) -> Box:
    """A box in pixels as shares of the picture."""
    h, w = image_hw
    return box[0] / w, box[1] / h, box[2] / w, box[3] / h


def _of_kind(rules: Rules, kind: type[R]) -> list[R]:
    return [relation for relation in rules.relations if isinstance(relation, kind)]


def _egress(
    view: View, rows: list[int], zone: Corners, relation: ObstructedExit, rules: Rules
) -> Finding | None:
    boxes = view.boxes(np.array(rows, np.int64))
    bases = lower_parts(boxes, share=relation.lower_part, share_w=relation.lower_part_w)
    shares = [to_share(box.tolist(), view.image_hw) for box in bases]
    goods = [row for row, box in zip(rows, shares, strict=True) if covered_by([box], zone) > 0]
    ratio = covered_by(shares, zone)
    if ratio < relation.cover_gte:
        return None
    names = {view.name(row) for row in goods}
    facts = [
        ("movable", names <= set(relation.movable)),
        ("combustible", bool(names & set(relation.combustible))),
        ("fully_blocked", ratio >= relation.fully_blocked_gte),
    ]
    return Finding(
        hazard=relation.hazard,
        outcome=Outcome.HAZARD,
        xyxy=enclosing_box(view.boxes(np.array(goods))),
        confidence=view.confidence(goods),
        reason=fill(relation.reason, objects=name_objects(rules, view, goods), ratio=ratio),
        evidence=tuple(goods),
        facts=model_facts(name for name, holds in facts if holds),
        ratios={"obstructed": ratio},
        questions=relation.questions,
        relation_ids=(relation.id,),
    )


def _lane(view: View, camera: Camera, relation: OccupiedLane, rules: Rules) -> Finding | None:
    listed = view.rows((*relation.vehicles, *relation.obstacles))
    rows: Rows = np.array(
        [
            row
            for row in listed.tolist()
            if on_lane(
                to_share(view.box(row).tolist(), view.image_hw), camera.zones.fire_lane, rules.cctv.zones
            )
        ],
        np.int64,
    )
    if not len(rows):
        return None
    return Finding(
        hazard=relation.hazard,
        outcome=Outcome.HAZARD,
        xyxy=enclosing_box(view.boxes(rows)),
        confidence=view.confidence(rows),
        reason=fill(relation.reason, objects=name_objects(rules, view, rows.tolist())),
        evidence=tuple(rows.tolist()),
        count=len(rows),
        questions=relation.questions,
        relation_ids=(relation.id,),
    )
