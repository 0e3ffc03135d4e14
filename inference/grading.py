"""Grading by the rule table: exclude, base, raise, modify, cap. Confidence decides the route and never a tier. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from firewarden.findings import (
    Assessment,
    ClosingDuty,
    Finding,
    InspectionContext,
    Outcome,
    RiskLevel,
    Routing,
    SceneEstimate,
    Source,
    Text,
)
from firewarden.inference.rules import Row, Rules

_LEVELS = list(RiskLevel)


@dataclass(frozen=True, slots=True)
class Case:
    """What the rows of the table are matched against. `said` are facts that people or the register vouch for;
    `held` are those the ordinary rows accept; `claimed` are all, the model's unproven claims included."""

    held: frozenset[str]
    said: frozenset[str]
    claimed: frozenset[str]
    scene: str
    groups: frozenset[str]
    ratio: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Grade:
    """One pass through the table."""

    outcome: Outcome
    level: RiskLevel | None
    rule_ids: tuple[str, ...]
    suspected_major: bool = False
    emergency: bool = False
    element_possible: bool = False


def assess(
    finding: Finding,
    scene: SceneEstimate,
    rules: Rules,
    context: InspectionContext,
    *,
    probability: float | None = None,
) -> Assessment:
    """Grade one finding. Findings that are no hazard in themselves get no level, and keep their outcome where no exclude row
    has another one. What was put right on the spot leaves no order to draft.

    `probability` is the calibrated confidence, if there is one: it routes and changes nothing else.
    """
    case = build_case(finding, scene, rules, context)
    residual_only = frozenset(rules.modifiers.residual_only)
    if finding.outcome is Outcome.HAZARD:
        settled = _drop(case, residual_only) if case.claimed & residual_only else case
        initial = grade(finding.hazard, settled, rules)
        residual = initial if settled is case else grade(finding.hazard, case, rules)
    else:
        initial = residual = _excluded(finding.hazard, case, rules) or Grade(finding.outcome, None, ())
    provisional = _is_provisional(initial, scene, context)
    put_right = bool(case.said & residual_only)
    return Assessment(
        outcome=initial.outcome,
        risk_level_initial=initial.level,
        risk_level_residual=residual.level,
        rule_ids=initial.rule_ids,
        routing=(
            routing := route(
                finding.confidence, initial, provisional or put_right, rules, probability=probability
            )
        ),
        suspected_major=initial.suspected_major,
        emergency=initial.emergency,
        major_fire_hazard_status="element_possible" if initial.element_possible else "none",
        provisional=provisional,
        needs_review=not initial.emergency
        and (routing is not Routing.DRAFT_ORDER or initial.suspected_major),
        closing=closing_duty(residual.level, rules, context, put_right=put_right),
        reason=cite(finding.reason, initial.rule_ids),
    )


def build_case(finding: Finding, scene: SceneEstimate, rules: Rules, context: InspectionContext) -> Case:
    """Facts by who vouches for them; groups of the venue; the ratio is the largest of the finding's proxies."""
    said = frozenset(fact.name for fact in finding.facts if fact.source is not Source.MODEL)
    claimed = finding.fact_names()
    held = frozenset(name for name in claimed if name in said or rules.flags[name].set_by_model)
    groups = groups_of(context, rules)
    ratio = max(finding.ratios.values(), default=None)
    return Case(held, said, claimed, scene.name, groups, ratio, finding.count)


def groups_of(context: InspectionContext, rules: Rules) -> frozenset[str]:
    """Groups of the venue: those of its type and those the register adds."""
    return rules.venue_groups.get(context.venue_type, frozenset()) | frozenset(context.venue_groups)


def grade(hazard: str, case: Case, rules: Rules) -> Grade:
    """The table for one hazard, once."""
    table = rules.hazards[hazard]
    if (excluded := _excluded(hazard, case, rules)) is not None:
        return excluded
    base = next(row for row in table.base if matches(row, case, case.held))
    fired = [base, *(row for row in table.raises if _counts(row, case))]
    capped = [row for row in fired if _is_capped(row, case)]
    levels = [RiskLevel.ELEVATED if row in capped else row.tier for row in fired if row.tier is not None]
    level = _modify(max(levels, key=lambda tier: tier.rank), case, rules)
    return Grade(
        outcome=Outcome.HAZARD,
        level=level,
        rule_ids=tuple(row.id for row in fired) + _modifiers_fired(case, rules),
        suspected_major=bool(capped),
        emergency=any(row.emergency for row in fired),
        element_possible=any(row.major_screen == "element_possible" for row in fired),
    )


def _excluded(hazard: str, case: Case, rules: Rules) -> Grade | None:
    """What the first exclude row that matches makes of it; None where none does."""
    for row in rules.hazards[hazard].exclude:
        if row.outcome is not None and matches(row, case, case.held):
            return Grade(row.outcome, None, (row.id,))
    return None


def matches(row: Row, case: Case, flags: frozenset[str]) -> bool:
    """Whether every condition the row states holds."""
    ratio, count = case.ratio, case.count
    return (
        (not row.any or bool(row.any & flags))
        and row.all <= flags
        and not (row.none & flags)
        and (not row.scene or case.scene in row.scene)
        and (not row.group or bool(row.group & case.groups))
        and not (row.group_none & case.groups)
        and (row.ratio_lte is None or (ratio is not None and ratio <= row.ratio_lte))
        and (row.ratio_gt is None or (ratio is not None and ratio > row.ratio_gt))
        and (row.count_lte is None or count <= row.count_lte)
        and (row.count_gte is None or count >= row.count_gte)
    )


def _counts(row: Row, case: Case) -> bool:
    """A major row may rest on claims (and is capped then); any other row with needs_human wants them vouched for."""
    if row.tier is RiskLevel.MAJOR and row.needs_human:
        return matches(row, case, case.held | (case.claimed & row.needs_human))
    return matches(row, case, case.held) and row.needs_human <= case.said


def _is_capped(row: Row, case: Case) -> bool:
    return row.tier is RiskLevel.MAJOR and not row.emergency and not row.needs_human <= case.said


def _modify(level: RiskLevel, case: Case, rules: Rules) -> RiskLevel:
    ceiling = rules.modifiers.never_above
    if not _modifiers_fired(case, rules) or level.rank >= ceiling.rank:
        return level
    return _LEVELS[level.rank + 1]


def _modifiers_fired(case: Case, rules: Rules) -> tuple[str, ...]:
    return tuple(name for name in rules.modifiers.one_step_up if name in case.held)


def _drop(case: Case, names: Iterable[str]) -> Case:
    names = frozenset(names)
    return replace(case, held=case.held - names, said=case.said - names, claimed=case.claimed - names)


def _is_provisional(grade: Grade, scene: SceneEstimate, context: InspectionContext) -> bool:
    """An unknown venue or an unconfirmed scene under-rates: such a level waits for a person."""
    return grade.level is not None and (context.venue_type == "unknown" or scene.provisional)


def route(
    confidence: float, grade: Grade, provisional: bool, rules: Rules, *, probability: float | None = None
) -> Routing:
    """Where a finding goes. An emergency never waits; a provisional one is never drafted.

    The calibrated `probability` (default: the confidence) decides between review and draft. Only a confidence below the
    bound is stored unseen, whatever its probability: calibration hides nothing.
    """
    if grade.emergency:
        return Routing.DRAFT_ORDER
    if confidence < rules.routing.store_only_below:
        return Routing.STORE_ONLY
    settled = grade.outcome is Outcome.HAZARD and not provisional
    return (
        Routing.DRAFT_ORDER
        if settled
        and (confidence if probability is None else probability) >= rules.routing.human_review_below
        else Routing.HUMAN_REVIEW
    )


def closing_duty(
    level: RiskLevel | None, rules: Rules, context: InspectionContext, *, put_right: bool = False
) -> ClosingDuty | None:
    """Who may close a finding of this (residual) level, from the region's profile. What was `put_right` on the spot is closed
    like the lowest level, unless it is elevated or major."""
    if level is None:
        return None
    if put_right and level.rank < RiskLevel.ELEVATED.rank:
        level = RiskLevel.LOW
    closing = rules.closure_profiles[context.closure_profile][level]
    return ClosingDuty(
        profile=context.closure_profile,
        closes=closing.closes,
        due_days=closing.due_days,
        on_the_spot=closing.due == "on_the_spot",
        interim_measure_hours=closing.interim_measure_hours,
        supervised_by=closing.supervised_by,
        copy_to=closing.copy_to,
    )


def cite(reason: Text, rule_ids: tuple[str, ...]) -> Text:
    """The sentence with the rows that fired: '... (BE-B2)'."""
    if not rule_ids:
        return reason
    rows = ", ".join(rule_ids)
    return Text(f"{reason.zh} ({rows})", f"{reason.en} ({rows})")
