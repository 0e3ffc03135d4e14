"""Finders of obstructed exits and cluttered passages: boxes in, findings out. Pure."""

from dataclasses import dataclass, field, replace

import numpy as np

from firewarden.findings import Finding, Outcome, SceneEstimate, Text, Zone
from firewarden.geometry import Polygon, clip_polygon, inside_share_batch
from firewarden.inference import predicates as p
from firewarden.inference.floor_cover import cover_egress_zone, cover_lower_half
from firewarden.inference.relations import ClutteredPassage, ObstructedExit
from firewarden.inference.repeats import without_repeats
from firewarden.inference.rules import Rules
from firewarden.inference.view import Rows, View, enclosing_box, model_facts, without
from firewarden.inference.wording import fill, joined, name_objects, name_place


def find_obstructed_exits(
    rel: ObstructedExit, view: View, scene: SceneEstimate, rules: Rules, claimed: frozenset[int]
) -> list[Finding]:
    """One finding for each evacuation door that is obstructed, locked, or whose floor cannot be seen, and at most one more
    that asks about goods below signs over no door that was surely recognised. Without a sign, a door serves evacuation where
    the scene says so and it was surely recognised."""
    rows = without_repeats(view, view.rows(rel.doors), rules)
    signs_of = _signs_of_doors(rel, view, rows)
    obstacles = without(view.rows(rel.obstacles), claimed)
    people = view.rows(rel.people)
    doors = [_Door(rel, view, int(row), tuple(signs_of[int(row)])) for row in rows]
    egress = [door for door in doors if door.signs or (scene.name in rel.egress_scenes and door.is_sure)]
    judged = [(door, _judge_door(door, rules, obstacles, people)) for door in egress]
    found = [finding for _, finding in judged if finding is not None]
    told = {row for finding in found for row in finding.evidence}
    told.update(sign for door, finding in judged if finding is None and door.is_sure for sign in door.signs)
    signs = without(view.rows(rel.signs), told)
    return found + _ask_below_signs(rel, view, rules, signs, without(obstacles, told))


def _signs_of_doors(rel: ObstructedExit, view: View, doors: Rows) -> dict[int, list[int]]:
    """Each exit sign speaks for the nearest door it can mark."""
    signs_of: dict[int, list[int]] = {int(door): [] for door in doors}
    for sign in view.rows(rel.signs):
        box = view.box(sign)
        centre = (box[0] + box[2]) / 2
        marked = [
            (abs(float((view.box(door)[0] + view.box(door)[2]) / 2 - centre)), int(door))
            for door in doors
            if p.signs_door(
                view.box(door),
                box,
                above_lte_h=rel.sign_above_lte_h,
                below_top_lte_h=rel.sign_below_top_lte_h,
                dx_lt_w=rel.sign_dx_lt_w,
            )
        ]
        if marked:
            signs_of[min(marked)[1]].append(int(sign))
    return signs_of


@dataclass(frozen=True, slots=True, eq=False)
class _Door:
    """One evacuation door under judgement: its row, the signs that mark it, and the zone on the floor before it."""

    rel: ObstructedExit
    view: View
    row: int
    signs: tuple[int, ...]
    box: p.BoxRow = field(init=False)
    zone: Polygon = field(init=False)

    def __post_init__(self) -> None:
        """Box and zone are asked for several times."""
        box, rel = self.view.box(self.row), self.rel
        zone = p.egress_zone(box, depth_h=rel.zone_depth_h, far_width_w=rel.zone_far_width_w)
        object.__setattr__(self, "box", box)
        object.__setattr__(self, "zone", zone)

    @property
    def is_sure(self) -> bool:
        return self.view.confidence([self.row]) >= self.rel.sure_door_gte

    @property
    def proof(self) -> list[int]:
        return [self.row, *self.signs]


def _judge_door(door: _Door, rules: Rules, obstacles: Rows, people: Rows) -> Finding | None:
    goods, ratio = _in_zone(door, obstacles)
    lock_rows = door.view.rows(door.rel.locks)
    if len(lock_rows):
        lock_rows = lock_rows[p.centre_inside(door.view.boxes(lock_rows), door.box)]
    locks = lock_rows.tolist()
    if goods or locks:
        return _blocked(door, rules, goods, ratio, locks)
    crowd, crowd_ratio = _in_zone(door, people)
    if crowd:
        return _blocked(door, rules, crowd, crowd_ratio, [], moving=True)
    if p.share_in_frame(door.zone, door.view.image_hw) < door.rel.zone_in_frame_gte:
        unseen = _finding(door, Outcome.NOT_ASSESSABLE, fill(door.rel.reason_unseen), door.proof)
        return replace(unseen, questions=door.rel.unseen_questions)
    return None


def _in_zone(door: _Door, rows: Rows) -> tuple[list[int], float]:
    """Rows that obstruct the door together, and the larger of zone cover and lower-half overlap; none below the bounds."""
    rel, view = door.rel, door.view
    if not len(rows):
        return [], 0.0
    standing = rows[
        p.stands_at_door(
            door.box,
            view.boxes(rows),
            base_below_lte_h=rel.base_below_lte_h,
            base_above_lte_h=rel.base_above_lte_h,
        )
    ]
    if not len(standing):
        return [], 0.0
    zone = cover_egress_zone(door.zone, far_width_w=rel.zone_far_width_w)
    half = cover_lower_half(p.lower_half(door.box))
    boxes = view.boxes(standing)
    on_floor = p.lower_parts(boxes, share=rel.lower_part, share_w=rel.lower_part_w)
    (cover, in_zone), (overlap, on_half) = zone.cover(on_floor), half.cover(boxes)
    if cover < rel.cover_gte and overlap < rel.lower_half_overlap_gte:
        return [], 0.0
    obstructing = [row for row, *on in zip(standing.tolist(), in_zone, on_half, strict=True) if any(on)]
    return obstructing, max(cover, overlap)


def _blocked(
    door: _Door, rules: Rules, goods: list[int], ratio: float, locks: list[int], *, moving: bool = False
) -> Finding:
    rel, view = door.rel, door.view
    names = {view.name(row) for row in goods}
    facts = [
        ("people_or_moving_goods_only", moving),
        ("movable", bool(goods) and not moving and not locks and names <= set(rel.movable)),
        ("combustible", bool(names & set(rel.combustible))),
        ("locked_or_sealed", bool(locks)),
        ("fully_blocked", not moving and ratio >= rel.fully_blocked_gte),
    ]
    told = [fill(rel.reason, objects=name_objects(rules, view, goods), ratio=ratio)] if goods else []
    reason = joined([*told, *([rel.reason_locked] if locks else [])])
    finding = _finding(door, Outcome.HAZARD, reason, [*door.proof, *goods, *locks])
    return replace(
        finding,
        facts=model_facts(name for name, holds in facts if holds),
        ratios={"obstructed": ratio} if goods else {},
        questions=rel.people_questions if moving else rel.questions,
    )


def _ask_below_signs(
    rel: ObstructedExit, view: View, rules: Rules, signs: Rows, obstacles: Rows
) -> list[Finding]:
    """At most one finding, and never a level: goods stand where the doors of these signs must be. Whether there is a door
    behind them the picture does not tell."""
    zones = {sign: _foot_zone(rel, view.box(sign)) for sign in signs.tolist()}
    below = {
        sign: obstacles[p.stands_on(zone, view.boxes(obstacles), cover_gte=rel.foot_cover_gte)].tolist()
        for sign, zone in zones.items()
    }
    over = [sign for sign, goods in below.items() if goods]
    if not over:
        return []
    goods = sorted({row for sign in over for row in below[sign]})
    evidence = [*over, *goods]
    return [
        Finding(
            hazard=rel.hazard,
            outcome=Outcome.NEEDS_SITE_CHECK,
            xyxy=enclosing_box(view.boxes(np.array(evidence))),
            confidence=view.confidence(evidence),
            reason=fill(rel.reason_hidden, objects=name_objects(rules, view, goods)),
            evidence=tuple(evidence),
            zones=tuple(_zone("search", p.corners(zones[sign]), view) for sign in over),
            questions=rel.hidden_questions,
            relation_ids=(rel.id,),
        )
    ]


def _foot_zone(rel: ObstructedExit, sign: p.BoxRow) -> p.BoxRow:
    return p.foot_zone(
        sign,
        below_gte_h=rel.foot_below_gte_sign_h,
        below_lte_h=rel.foot_below_lte_sign_h,
        dx_lte_h=rel.foot_dx_lte_sign_h,
    )


def _zone(kind: str, polygon: Polygon, view: View) -> Zone:
    """The part of a convex polygon that lies in the picture."""
    h, w = view.image_hw
    shown: list[list[float]] = polygon.tolist()
    if not all(0 <= x <= w and 0 <= y <= h for x, y in shown):
        shown = clip_polygon(polygon, np.array([0, 0, w, h], np.float32)).tolist()
    return Zone(kind, tuple((x, y) for x, y in shown))


def _finding(door: _Door, outcome: Outcome, reason: Text, evidence: list[int]) -> Finding:
    return Finding(
        hazard=door.rel.hazard,
        outcome=outcome,
        xyxy=enclosing_box(door.view.boxes(np.array(evidence))),
        confidence=door.view.confidence(evidence),
        reason=reason,
        evidence=tuple(evidence),
        zones=(_zone("egress", door.zone, door.view),),
        questions=door.rel.questions,
        relation_ids=(door.rel.id,),
    )


def find_cluttered_passages(
    rel: ClutteredPassage, view: View, scene: SceneEstimate, rules: Rules, claimed: frozenset[int]
) -> list[Finding]:
    """At most one finding: the goods on the floor of a common passage, together.

    Whether a space is a common passage is the whole question, so a guessed scene only asks for a check on site.
    """
    if scene.name not in rel.scenes:
        return []
    rows = without(view.rows(rel.obstacles), claimed)
    if not len(rows):
        return []
    boxes, (h, _) = view.boxes(rows), view.image_hw
    on_floor = (p.area_share(boxes, view.image_hw) >= rel.area_share_gte) & (
        boxes[:, 3] >= rel.base_y_gte * h
    )
    people = view.rows(rel.people)
    if len(people):
        carried = inside_share_batch(boxes, view.boxes(people)) >= rel.carried_inside_gte
        on_floor &= ~carried.any(axis=1)
    rows = rows[on_floor]
    if not len(rows):
        return []
    names = {view.name(row) for row in rows}
    ratio = p.occupied_width(view.boxes(rows), view.image_hw)
    facts = [("movable", names <= set(rel.movable)), ("combustible", bool(names & set(rel.combustible)))]
    objects, place = name_objects(rules, view, rows.tolist()), name_place(rules, scene)
    return [
        Finding(
            hazard=rel.hazard,
            outcome=Outcome.NEEDS_SITE_CHECK if scene.provisional else Outcome.HAZARD,
            xyxy=enclosing_box(view.boxes(rows)),
            confidence=min(float(view.detections.confidence[rows].max()), scene.confidence),
            reason=fill(rel.reason, ratio=ratio, objects=objects, place=place),
            evidence=tuple(rows.tolist()),
            facts=model_facts(name for name, holds in facts if holds),
            ratios={"occupied_width": ratio},
            count=len(rows),
            questions=rel.questions,
            relation_ids=(rel.id,),
        )
    ]
