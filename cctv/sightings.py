"""What one look at a picture shows: hazards with their place, ready to be confirmed in time. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from firewarden.cctv.camera import Camera
from firewarden.cctv.polygons import share_inside
from firewarden.cctv.zones import find_in_zones, to_share
from firewarden.findings import Assessment, Box, Finding, Outcome, RiskLevel, Text
from firewarden.inference.grading import assess
from firewarden.inference.relations import OccupiedLane
from firewarden.inference.rules import Rules
from firewarden.inference.said_facts import with_context
from firewarden.inference.view import View
from firewarden.inspection import InspectionResult
from firewarden.models.manifest import ModelManifest


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing seen once. `key` tells what may be the same thing: the hazard, or the equipment that is missed.
    `xyxy` are shares of the picture."""

    key: str
    hazard: str
    xyxy: Box
    confidence: float
    risk_level: RiskLevel | None
    rule_ids: tuple[str, ...]
    reason: Text


@dataclass(frozen=True, slots=True)
class Look:
    """One look: what it shows, and the keys it says nothing about."""

    at: datetime
    sightings: tuple[Sighting, ...]
    unjudged: frozenset[str] = frozenset()


def view_of(result: InspectionResult, manifest: ModelManifest) -> View:
    """The detections of a result, as the rules see them."""
    return View(
        result.detections,
        result.class_names,
        manifest.operating_points,
        manifest.default_operating_point,
        result.image_hw,
    )


def find_sightings(
    result: InspectionResult, view: View, camera: Camera, rules: Rules
) -> tuple[Sighting, ...]:
    """Hazards of the photo rules and of the register's zones, outside the ignore zones, one for each thing."""
    lanes = (
        {r.hazard for r in rules.relations if isinstance(r, OccupiedLane)}
        if camera.zones.fire_lane
        else set()
    )
    graded = [
        (finding, assessment)
        for finding, assessment in zip(result.findings, result.assessments, strict=True)
        if finding.hazard not in lanes  # where lanes are drawn, only what stands on them counts
    ]
    zoned = find_in_zones(view, result, camera, rules)
    order = [relation.hazard for relation in rules.relations]
    things = [
        thing
        for finding, assessment in graded
        for thing in _things(
            finding, assessment, view, rules.cctv.objects, _taken_before(finding.hazard, zoned, order)
        )
    ]
    things += [
        thing
        for finding in zoned
        for thing in _things(*grade(finding, result, rules), view, rules.cctv.objects, frozenset())
    ]
    bound = rules.cctv.zones.ignore_inside_gte
    return tuple(thing for thing in things if share_inside(thing.xyxy, camera.zones.ignore) < bound)


def _taken_before(hazard: str, zoned: Iterable[Finding], order: list[str]) -> frozenset[int]:
    """Evidence of the zones' findings whose hazard comes before this one; those that come first keep their things."""
    earlier = [finding for finding in zoned if order.index(finding.hazard) < order.index(hazard)]
    return frozenset(row for finding in earlier for row in finding.evidence)


def grade(finding: Finding, result: InspectionResult, rules: Rules) -> tuple[Finding, Assessment]:
    """A finding of the register's own, graded like any other of this picture."""
    said = with_context(finding, rules, result.context)
    return said, assess(said, result.scene, rules, result.context)


def sighting_of(finding: Finding, assessment: Assessment, box: Box, confidence: float, key: str) -> Sighting:
    """A graded finding at one place."""
    level, rule_ids = assessment.risk_level_initial, assessment.rule_ids
    return Sighting(key, finding.hazard, box, confidence, level, rule_ids, assessment.reason)


def _things(
    finding: Finding,
    assessment: Assessment,
    view: View,
    objects: Mapping[str, tuple[str, ...]],
    taken: frozenset[int],
) -> Iterator[Sighting]:
    """Of a hazard: one sighting for each object of its classes that is not `taken`, or one for the finding as a whole."""
    if assessment.outcome is not Outcome.HAZARD:
        return
    names = objects.get(finding.hazard)
    if names is None:
        box, confidence = to_share(finding.xyxy, view.image_hw), finding.confidence
        yield sighting_of(finding, assessment, box, confidence, finding.hazard)
    for row in finding.evidence if names else ():
        if view.name(row) in (names or ()) and row not in taken:
            box, confidence = to_share(view.box(row).tolist(), view.image_hw), view.confidence([row])
            yield sighting_of(finding, assessment, box, confidence, finding.hazard)
