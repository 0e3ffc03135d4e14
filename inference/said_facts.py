"""What people and the register said about a photo, put to the findings it is about. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from firewarden.findings import Fact, Finding, InspectionContext, Outcome, Source
from firewarden.inference.rules import Rules
from firewarden.inference.wording import with_unplaced

_ONE_FRAME, _STILL_THERE = "single_frame_only", "still_there"


def with_context(
    finding: Finding, rules: Rules, context: InspectionContext, *, alone: bool = True
) -> Finding:
    """Add what people or the register said, where this hazard's rules ask for it; their word replaces the model's.

    A count known for the place (e.g. empty points on the floor) is used when it is larger than the one in view. Where the
    finding is not `alone`, a person's word that would set it aside may mean another one: it does not count, and the sentence
    says so.
    """
    relevant = flags_of(finding.hazard, rules)
    said = {fact.name: fact for fact in context.facts if fact.name in relevant}
    said |= _seen_how_often(relevant, said, context)
    unplaced = [] if alone else _names(said.values(), _excluding(finding.hazard, rules))
    counted = {name: fact for name, fact in said.items() if name not in unplaced}
    return replace(
        finding,
        facts=tuple(({fact.name: fact for fact in finding.facts} | counted).values()),
        reason=with_unplaced(finding.reason, rules.fact_unplaced, unplaced, rules),
        count=max(finding.count, context.counts.get(finding.hazard, 0)),
    )


def is_alone(finding: Finding, found: Sequence[Finding], rules: Rules) -> bool:
    """Whether an answer about its hazard can only be about it: not about another hazard of `found`, nor about what asks the
    same question. What is only asked about takes no answer away from a hazard otherwise."""
    if finding.outcome is not Outcome.HAZARD:
        return len(found) < 2
    excluding = _excluding(finding.hazard, rules)
    asked = (any(rules.questions[name].sets in excluding for name in other.questions) for other in found)
    rivals = [other.outcome is Outcome.HAZARD or asks for other, asks in zip(found, asked, strict=True)]
    return sum(rivals) < 2


def without_corrections(
    findings: Iterable[Finding], rules: Rules, context: InspectionContext
) -> list[Finding]:
    """Findings of a photo with several hazards: a person who put one right on the spot did not say which, so none counts as
    put right, and the sentence says so."""
    names = _names(context.facts, frozenset(rules.modifiers.residual_only))
    return [
        replace(
            finding,
            facts=tuple(fact for fact in finding.facts if fact.name not in names),
            reason=with_unplaced(finding.reason, rules.correction_unplaced, names, rules),
        )
        for finding in findings
    ]


def flags_of(hazard: str, rules: Rules) -> frozenset[str]:
    """Every fact that a hazard's grading rows or the modifiers mention."""
    rows = rules.hazards[hazard]
    named = (
        row.any | row.all | row.none | row.needs_human for row in (*rows.exclude, *rows.base, *rows.raises)
    )
    return frozenset(rules.modifiers.one_step_up).union(rules.modifiers.residual_only, *named)


def _seen_how_often(
    relevant: frozenset[str], said: dict[str, Fact], context: InspectionContext
) -> dict[str, Fact]:
    """Where it matters: that it was seen in one picture alone, or again later."""
    if _ONE_FRAME not in relevant:
        return {}
    again = next((fact for fact in context.facts if fact.name == _STILL_THERE), None)
    if again is not None:
        said.pop(_ONE_FRAME, None)
        return {_STILL_THERE: again}
    once = context.single_frame and _ONE_FRAME not in said
    return {_ONE_FRAME: Fact(_ONE_FRAME, Source.MODEL)} if once else {}


def _excluding(hazard: str, rules: Rules) -> frozenset[str]:
    """Facts that set a finding of this hazard aside."""
    return frozenset[str]().union(*(row.any | row.all for row in rules.hazards[hazard].exclude))


def _names(said: Iterable[Fact], among: frozenset[str]) -> list[str]:
    """What a person said of these, in that order; the register's word is about the place, and no finding's alone."""
    return [fact.name for fact in said if fact.source is Source.PERSON and fact.name in among]
