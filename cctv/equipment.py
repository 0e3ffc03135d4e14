"""Objects a camera is registered to see. Fewer than expected is a sighting of what is missing, sign in view or not. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np

from firewarden.cctv.camera import Camera
from firewarden.cctv.sightings import Sighting, grade, sighting_of
from firewarden.cctv.zones import to_share
from firewarden.findings import Box, Finding, Outcome
from firewarden.geometry import Boxes, inside_share_batch
from firewarden.inference.rules import Rules
from firewarden.inference.view import View
from firewarden.inference.wording import fill
from firewarden.inspection import InspectionResult

Places = Mapping[str, tuple[Box, ...]]  # by class: where all of them were seen last, in shares of the picture
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


def find_missing(
    places: Places, result: InspectionResult, view: View, camera: Camera, rules: Rules
) -> tuple[Places, tuple[Sighting, ...], frozenset[str]]:
    """Places after this look, what is missing in it, and the keys it cannot judge: a known place is hidden, or the photo
    rules already tell of an empty point."""
    known = dict(places)
    missing: list[Sighting] = []
    unjudged: set[str] = set()
    for name, count in camera.expected.items():
        seen = view.rows([name], at_confidence=rules.cctv.equipment.present_confidence)
        if len(seen) >= count:
            known[name] = tuple(to_share(view.box(row).tolist(), view.image_hw) for row in seen.tolist())
        elif _told(name, result, rules) or _hidden(known.get(name, ()), view, rules):
            unjudged.add(key_of(name))
        elif (sighting := _missing(name, count - len(seen), count, result, rules)) is not None:
            missing.append(sighting)
    return known, tuple(missing), frozenset(unjudged)


def key_of(name: str) -> str:
    """The key under which a missing class is confirmed."""
    return f"equipment:{name}"


def _told(name: str, result: InspectionResult, rules: Rules) -> bool:
    hazard = rules.cctv.equipment.hazards[name]
    return any(f.hazard == hazard and f.outcome is Outcome.HAZARD for f in result.findings)


def _hidden(places: Sequence[Box], view: View, rules: Rules) -> bool:
    """Whether people or goods cover enough of a place."""
    if not places:
        return False
    h, w = view.image_hw
    at = np.array(places, np.float32) * np.array([w, h, w, h], np.float32)
    covers: Boxes = view.boxes(view.rows(rules.cctv.equipment.occluders))
    return bool((inside_share_batch(at, covers) >= rules.cctv.equipment.hidden_gte).any())


def _missing(name: str, gone: int, count: int, result: InspectionResult, rules: Rules) -> Sighting | None:
    """None where it is no hazard at this kind of venue: nobody has to have an extinguisher at home."""
    equipment = rules.cctv.equipment
    h, w = result.image_hw
    finding = Finding(
        hazard=equipment.hazards[name],
        outcome=Outcome.HAZARD,
        xyxy=(0.0, 0.0, float(w), float(h)),
        confidence=equipment.confidence,
        reason=fill(equipment.reason, objects=rules.class_texts[name], count=count),
        count=gone,
    )
    told, assessment = grade(finding, result, rules)
    if assessment.outcome is not Outcome.HAZARD:
        return None
    return sighting_of(told, assessment, _WHOLE, equipment.confidence, key_of(name))
