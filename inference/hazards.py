"""From detections to findings: every relation row of the rule file in order. Pure: no log, clock or file."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from firewarden.findings import Fact, Finding, InspectionContext, Outcome, SceneEstimate, Source
from firewarden.inference.finders_exit import find_cluttered_passages, find_obstructed_exits
from firewarden.inference.finders_extinguisher import find_empty_points, find_hidden_extinguishers
from firewarden.inference.finders_vehicle import (
    find_charging_cables,
    find_occupied_lanes,
    find_vehicles_indoors,
)
from firewarden.inference.repeats import with_repeats
from firewarden.inference.rules import Rules
from firewarden.inference.view import View

FINDERS: Mapping[str, Callable[[Any, View, SceneEstimate, Rules, frozenset[int]], list[Finding]]] = {
    "obstructed_exit": find_obstructed_exits,
    "cluttered_passage": find_cluttered_passages,
    "vehicle_indoors": find_vehicles_indoors,
    "charging_cable": find_charging_cables,
    "empty_extinguisher_point": find_empty_points,
    "hidden_extinguisher": find_hidden_extinguishers,
    "occupied_lane": find_occupied_lanes,
}


def find_hazards(
    view: View, scene: SceneEstimate, rules: Rules, context: InspectionContext
) -> tuple[Finding, ...]:
    """Findings in the order of the relation rows.

    An object belongs to one hazard: goods claimed by an earlier row are not obstacles of a later one. Findings that
    could not be judged claim nothing.
    """
    findings: list[Finding] = []
    claimed: frozenset[int] = frozenset()
    for relation in rules.relations:
        found = FINDERS[relation.predicate](relation, view, scene, rules, claimed)
        judged = (finding.evidence for finding in found if finding.outcome is Outcome.HAZARD)
        claimed = claimed.union(*(with_repeats(view, evidence, rules) for evidence in judged))
        findings += [with_context(finding, rules, context) for finding in found]
    return tuple(findings)


def with_context(finding: Finding, rules: Rules, context: InspectionContext) -> Finding:
    """Add what people or the register said, where this hazard's rules ask for it; their word replaces the model's.

    A count known for the place (e.g. empty points on the floor) is used when it is larger than the one in view.
    """
    relevant = flags_of(finding.hazard, rules)
    said = {fact.name: fact for fact in context.facts if fact.name in relevant}
    if context.single_frame and "single_frame_only" in relevant and "single_frame_only" not in said:
        said["single_frame_only"] = Fact("single_frame_only", Source.MODEL)
    seen = {fact.name: fact for fact in finding.facts}
    return replace(
        finding,
        facts=tuple({**seen, **said}.values()),
        count=max(finding.count, context.counts.get(finding.hazard, 0)),
    )


def flags_of(hazard: str, rules: Rules) -> frozenset[str]:
    """Every fact that a hazard's grading rows or the modifiers mention."""
    rows = rules.hazards[hazard]
    named = (
        row.any | row.all | row.none | row.needs_human for row in (*rows.exclude, *rows.base, *rows.raises)
    )
    return frozenset(rules.modifiers.one_step_up).union(rules.modifiers.residual_only, *named)
