"""From detections to findings: every relation row of the rule file in order. Pure: no log, clock or file."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from firewarden.findings import Finding, InspectionContext, Outcome, SceneEstimate
from firewarden.inference.finders_exit import find_cluttered_passages, find_obstructed_exits
from firewarden.inference.finders_extinguisher import find_empty_points, find_hidden_extinguishers
from firewarden.inference.finders_vehicle import (
    find_charging_cables,
    find_occupied_lanes,
    find_vehicles_indoors,
)
from firewarden.inference.grading import assess, groups_of
from firewarden.inference.relations import (
    ChargingCable,
    HiddenExtinguisher,
    ObstructedExit,
    Relation,
    VehicleIndoors,
)
from firewarden.inference.repeats import with_repeats
from firewarden.inference.rules import Rules
from firewarden.inference.said_facts import is_alone, with_context, without_corrections
from firewarden.inference.view import View

_DENIED = "not_an_ebike_confirmed"

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
    could not be judged, or that grading sets aside, claim nothing.
    """
    findings: list[Finding] = []
    claimed: frozenset[int] = frozenset()
    hazards = 0
    for relation in rules.relations:
        if isinstance(relation, VehicleIndoors | ChargingCable) and _belongs_here(
            relation, scene, rules, context
        ):
            continue
        found = FINDERS[relation.predicate](relation, view, scene, rules, claimed)
        if isinstance(relation, ObstructedExit) and claimed:
            whole = find_obstructed_exits(relation, view, scene, rules, frozenset())
            found = _with_higher(found, whole, findings, lambda each: _level(each, scene, rules, context))
        told = [with_context(each, rules, context, alone=is_alone(each, found, rules)) for each in found]
        judged = [
            finding
            for finding in told
            if finding.outcome is Outcome.HAZARD
            and assess(finding, scene, rules, context).outcome is Outcome.HAZARD
        ]
        claimed = claimed.union(
            *(with_repeats(view, _claims(relation, finding, view), rules) for finding in judged)
        )
        findings, hazards = findings + told, hazards + len(judged)
        if isinstance(relation, VehicleIndoors) and any(fact.name == _DENIED for fact in context.facts):
            view = view.renamed(relation.vehicles, relation.denied_as)
    return tuple(findings if hazards < 2 else without_corrections(findings, rules, context))


def _belongs_here(
    relation: VehicleIndoors | ChargingCable, scene: SceneEstimate, rules: Rules, context: InspectionContext
) -> bool:
    """Whether vehicles stand and charge at such a venue, as far as its stairs, lifts and unseparated rooms are not meant."""
    if not groups_of(context, rules) & set(relation.none_groups):
        return False
    return scene.provisional or scene.name in relation.none_scenes


def _level(finding: Finding, scene: SceneEstimate, rules: Rules, context: InspectionContext) -> int:
    """Rank of a finding's level with what was said, but for what sets one of several aside; -1 without one."""
    told = with_context(finding, rules, context, alone=False)
    level = assess(told, scene, rules, context).risk_level_initial
    return -1 if level is None else level.rank


def _with_higher(
    found: list[Finding], whole: Sequence[Finding], before: Sequence[Finding], level: Callable[[Finding], int]
) -> list[Finding]:
    """Exits as `found` beside what earlier findings claimed, or as found in `whole` where nothing is left out and the level is
    above that of every earlier finding with the same things: an e-bike indoors must not hide that it blocks the exit."""
    kept = {finding.evidence[0]: finding for finding in found}
    for finding in whole:
        same = [level(other) for other in before if set(other.evidence) & set(finding.evidence)]
        if same and level(finding) > max(same):
            asked = [
                key for key in kept if key in finding.evidence and kept[key].outcome is not Outcome.HAZARD
            ]
            kept = {key: other for key, other in kept.items() if key not in asked} | {
                finding.evidence[0]: finding
            }
    return list(kept.values())


def _claims(relation: Relation, finding: Finding, view: View) -> list[int]:
    """Evidence that later rows leave out. Goods before an extinguisher are not among it: they may fill a passage as well."""
    shared = relation.obstacles if isinstance(relation, HiddenExtinguisher) else ()
    return [row for row in finding.evidence if view.name(row) not in shared]
