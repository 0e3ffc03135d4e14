"""From detections to findings: every relation row of the rule file in order. Pure: no log, clock or file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
from firewarden.inference.view import View
from firewarden.inference.wording import with_unplaced

_DENIED, _STILL_THERE = "not_an_ebike_confirmed", "still_there"

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
    groups = groups_of(context, rules)
    for relation in rules.relations:
        if isinstance(relation, VehicleIndoors | ChargingCable) and groups & set(relation.none_groups):
            continue
        found = FINDERS[relation.predicate](relation, view, scene, rules, claimed)
        if isinstance(relation, ObstructedExit) and claimed:
            whole = find_obstructed_exits(relation, view, scene, rules, frozenset())
            found = _with_higher(found, whole, findings, lambda each: _level(each, scene, rules, context))
        told = [with_context(finding, rules, context, alone=_is_alone(finding, found)) for finding in found]
        judged = [
            finding for finding in told if assess(finding, scene, rules, context).outcome is Outcome.HAZARD
        ]
        claimed = claimed.union(
            *(with_repeats(view, _claims(relation, finding, view), rules) for finding in judged)
        )
        findings += told
        if isinstance(relation, VehicleIndoors) and any(fact.name == _DENIED for fact in context.facts):
            view = view.renamed(relation.vehicles, relation.denied_as)
    return tuple(findings)


def _level(finding: Finding, scene: SceneEstimate, rules: Rules, context: InspectionContext) -> int:
    """Rank of a finding's level with what was said; -1 without one."""
    level = assess(with_context(finding, rules, context), scene, rules, context).risk_level_initial
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
            kept[finding.evidence[0]] = finding
    return list(kept.values())


def _claims(relation: Relation, finding: Finding, view: View) -> list[int]:
    """Evidence that later rows leave out. Goods before an extinguisher are not among it: they may fill a passage as well."""
    shared = relation.obstacles if isinstance(relation, HiddenExtinguisher) else ()
    return [row for row in finding.evidence if view.name(row) not in shared]


def with_context(
    finding: Finding, rules: Rules, context: InspectionContext, *, alone: bool = True
) -> Finding:
    """Add what people or the register said, where this hazard's rules ask for it; their word replaces the model's.

    A count known for the place (e.g. empty points on the floor) is used when it is larger than the one in view. Where the
    finding is not `alone` of its hazard, a person's word that would set it aside may mean another one: it does not count,
    and the sentence says so.
    """
    relevant = flags_of(finding.hazard, rules)
    said = {fact.name: fact for fact in context.facts if fact.name in relevant}
    once = context.single_frame and not any(fact.name == _STILL_THERE for fact in context.facts)
    if once and "single_frame_only" in relevant and "single_frame_only" not in said:
        said["single_frame_only"] = Fact("single_frame_only", Source.MODEL)
    unplaced = [] if alone else _unplaced(finding.hazard, said.values(), rules)
    seen = {fact.name: fact for fact in finding.facts}
    return replace(
        finding,
        facts=tuple({**seen, **{name: fact for name, fact in said.items() if name not in unplaced}}.values()),
        reason=with_unplaced(finding.reason, unplaced, rules),
        count=max(finding.count, context.counts.get(finding.hazard, 0)),
    )


def _is_alone(finding: Finding, found: Sequence[Finding]) -> bool:
    """Whether an answer about its hazard can only be about it: of hazards what is only asked about takes none away."""
    rivals = (
        [other for other in found if other.outcome is Outcome.HAZARD]
        if finding.outcome is Outcome.HAZARD
        else found
    )
    return len(rivals) < 2


def _unplaced(hazard: str, said: Iterable[Fact], rules: Rules) -> list[str]:
    """Names of a person's facts that set a finding of this hazard aside, in the order they were said."""
    excluding = frozenset[str]().union(*(row.any | row.all for row in rules.hazards[hazard].exclude))
    return [fact.name for fact in said if fact.source is Source.PERSON and fact.name in excluding]


def flags_of(hazard: str, rules: Rules) -> frozenset[str]:
    """Every fact that a hazard's grading rows or the modifiers mention."""
    rows = rules.hazards[hazard]
    named = (
        row.any | row.all | row.none | row.needs_human for row in (*rows.exclude, *rows.base, *rows.raises)
    )
    return frozenset(rules.modifiers.one_step_up).union(rules.modifiers.residual_only, *named)
