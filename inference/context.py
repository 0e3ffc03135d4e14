"""Checking what a person said about a photo against the closed sets of the rule file."""

from collections.abc import Collection, Iterable

from firewarden.errors import PolicyError
from firewarden.findings import InspectionContext
from firewarden.inference.rules import Rules


def check_context(context: InspectionContext, rules: Rules) -> None:
    """Refuse an unknown venue type, scene, fact or closure profile; the message lists what is known."""
    _known("venue type", [context.venue_type], rules.venue_groups)
    _known("scene", [context.scene] if context.scene else [], rules.scenes)
    _known("fact", [fact.name for fact in context.facts], rules.flags)
    _known("closure profile", [context.closure_profile], rules.closure_profiles)


def _known(kind: str, values: Iterable[str], allowed: Collection[str]) -> None:
    for value in values:
        if value not in allowed:
            raise PolicyError(f"unknown {kind} {value!r}, expected one of {', '.join(sorted(allowed))}")
