"""Finders of empty extinguisher points and hidden extinguishers: boxes in, findings out. Pure."""

from dataclasses import dataclass, replace

import numpy as np

from firewarden.findings import Finding, Outcome, SceneEstimate, Text, Zone
from firewarden.geometry import covered_share
from firewarden.inference import predicates as p
from firewarden.inference.relations import EmptyExtinguisherPoint, HiddenExtinguisher
from firewarden.inference.repeats import without_repeats
from firewarden.inference.rules import Rules
from firewarden.inference.view import View, enclosing_box, model_facts, without
from firewarden.inference.wording import fill, name_objects


@dataclass(frozen=True, slots=True)
class _Cue:
    row: int
    kind: str  # sign, bracket or cabinet
    zone: p.BoxRow


def find_empty_points(
    rel: EmptyExtinguisherPoint, view: View, scene: SceneEstimate, rules: Rules, claimed: frozenset[int]
) -> list[Finding]:
    """One finding for each marked place that shows no extinguisher; `count` is the number of empty places in view. What an
    earlier finding claimed, a cabinet behind goods, is told there."""
    cues = [cue for cue in _merge_cues(_list_cues(rel, view, rules), view) if cue.row not in claimed]
    if not cues:
        return []
    present = view.boxes(view.rows(rel.extinguishers, at_confidence=rel.present_confidence))
    findings = [
        _judge_cue(rel, view, cue)
        for cue in cues
        if not p.centre_inside(present, _near_zone(rel, view, cue)).any()
    ]
    empty = sum(finding.outcome is Outcome.HAZARD for finding in findings)
    return [replace(f, count=empty) if f.outcome is Outcome.HAZARD else f for f in findings]


def _list_cues(rel: EmptyExtinguisherPoint, view: View, rules: Rules) -> list[_Cue]:
    zones = {
        "cabinet": (rel.cabinets, 0.5, 0.0),
        "bracket": (rel.brackets, rel.bracket_dx_lte_w, rel.bracket_below_lte_h),
        "sign": (rel.signs, rel.sign_dx_lte_w, rel.sign_below_lte_h),
    }
    return [
        _Cue(int(row), kind, p.search_zone(view.box(row), dx_w=dx_w, below_h=below_h))
        for kind, (names, dx_w, below_h) in zones.items()
        for row in without_repeats(view, view.rows(names), rules)
    ]


def _near_zone(rel: EmptyExtinguisherPoint, view: View, cue: _Cue) -> p.BoxRow:
    """Where an extinguisher speaks against emptiness: round a sign farther than where its absence can be judged."""
    if cue.kind != "sign":
        return cue.zone
    return p.near_zone(
        view.box(cue.row),
        dx_w=rel.sign_dx_lte_w,
        below_h=rel.near_below_lte_h,
        side_gte=rel.near_side_gte,
    )


def _merge_cues(cues: list[_Cue], view: View) -> list[_Cue]:
    """A sign above a bracket or cabinet speaks of the same place: the sign is dropped, the more definite cue stays."""
    definite = [cue for cue in cues if cue.kind != "sign"]
    if not definite:
        return cues
    boxes = np.array([view.box(cue.row) for cue in definite], np.float32).reshape(-1, 4)
    signs = [cue for cue in cues if cue.kind == "sign" and not p.centre_inside(boxes, cue.zone).any()]
    return definite + signs


def _judge_cue(rel: EmptyExtinguisherPoint, view: View, cue: _Cue) -> Finding:
    if cue.kind == "cabinet":
        closed = _point(rel, view, cue, Outcome.NOT_ASSESSABLE, rel.reason_cabinet, "cabinet_closed_opaque")
        return replace(closed, questions=rel.cabinet_questions)
    if _is_visible(rel, view, cue):
        reason = rel.reason_bracket if cue.kind == "bracket" else rel.reason
        return _point(rel, view, cue, Outcome.HAZARD, reason, None)
    unseen = _point(
        rel, view, cue, Outcome.NOT_ASSESSABLE, rel.reason_unseen, "mount_area_truncated_or_occluded"
    )
    return replace(unseen, questions=rel.unseen_questions)


def _is_visible(rel: EmptyExtinguisherPoint, view: View, cue: _Cue) -> bool:
    zone = p.corners(cue.zone)
    if p.share_in_frame(zone, view.image_hw) < rel.zone_in_frame_gte:
        return False
    occluders = view.rows(rel.occluders)
    sure = occluders[view.detections.confidence[occluders] >= np.float32(rel.occluder_gte)]
    return covered_share(zone, view.boxes(sure)) < rel.occluded_lt


def _point(
    rel: EmptyExtinguisherPoint, view: View, cue: _Cue, outcome: Outcome, reason: Text, fact: str | None
) -> Finding:
    h, w = view.image_hw
    shown = np.clip(cue.zone, 0, [w, h, w, h])
    return Finding(
        hazard=rel.hazard,
        outcome=outcome,
        xyxy=enclosing_box(view.box(cue.row)[None]),
        confidence=view.confidence([cue.row]),
        reason=fill(reason),
        evidence=(cue.row,),
        facts=model_facts([fact] if fact else []),
        zones=(Zone("search", tuple((float(x), float(y)) for x, y in p.corners(shown))),),
        questions=rel.questions,
        relation_ids=(rel.id,),
    )


def find_hidden_extinguishers(
    rel: HiddenExtinguisher, view: View, scene: SceneEstimate, rules: Rules, claimed: frozenset[int]
) -> list[Finding]:
    """One finding for each extinguisher or cabinet with goods in front of it."""
    targets = view.rows((*rel.extinguishers, *rel.cabinets))
    obstacles = without(view.rows(rel.obstacles), claimed)
    if not len(targets) or not len(obstacles):
        return []
    hidden = p.hidden_in_front(view.boxes(targets), view.boxes(obstacles))
    findings = []
    for target, shares in zip(targets, hidden, strict=True):
        if float(shares.max()) < rel.overlap_gte:
            continue
        front = [int(obstacles[int(shares.argmax())])]
        ratio = float(shares.max())
        hidden_thing = name_objects(rules, view, [int(target)])
        findings.append(
            Finding(
                hazard=rel.hazard,
                outcome=Outcome.HAZARD,
                xyxy=enclosing_box(view.boxes(np.array([int(target), *front]))),
                confidence=view.confidence([int(target), *front]),
                reason=fill(
                    rel.reason, objects=name_objects(rules, view, front), target=hidden_thing, ratio=ratio
                ),
                evidence=(int(target), *front),
                ratios={"hidden": ratio},
                questions=rel.questions,
                relation_ids=(rel.id,),
            )
        )
    return findings
