"""The e-bike threshold, chosen by what it does to the hazard: as low as the budget of false alarms allows.

An e-bike indoors that is missed costs more than a second look, and outdoors the scene keeps alarms away. So the class's own
best F1, which street crowds decide, is the wrong measure.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firewarden.datasets.manifest import read_manifest, split_records
from firewarden.findings import InspectionContext
from firewarden.inference.detector import Detector
from firewarden.inference.image import decode_image
from firewarden.inference.rules import Rules
from firewarden.inference.scene import settle_scene
from firewarden.inference.view import View
from firewarden.training.hazard_scores import Expectation

HAZARD, CLASS = "indoor_ebike", "ebike"
FALSE_ALARMS_A_PHOTO = 0.03
LOWEST = 0.05


@dataclass(frozen=True, slots=True)
class Sight:
    """One photo: the surest e-bike's confidence, whether the system takes the place for indoors, and what is true."""

    confidence: float
    indoors: bool
    shown: bool


def choose_point(sights: Sequence[Sight], *, budget: float = FALSE_ALARMS_A_PHOTO) -> float:
    """The lowest threshold, at least `LOWEST`, whose false alarms a photo without the hazard stay within the budget."""
    clear = [sight for sight in sights if not sight.shown]
    alarms = sorted((s.confidence for s in clear if s.indoors), reverse=True)
    allowed = math.floor(budget * len(clear))
    if len(alarms) <= allowed:
        return LOWEST
    return max(LOWEST, math.ceil(alarms[allowed] * 1e4 + 1) / 1e4)  # just above the first alarm too many


def see_photos(
    detector: Detector, rules: Rules, data: Path, split: str, expectations: dict[str, Expectation]
) -> list[Sight]:
    """What the detector sees on every judged photo of a split, nobody naming the place."""
    indoor = set(rules.scene_estimate.indoor_scenes)
    listed = [r for r in split_records(read_manifest(data), split) if r.stem in expectations]
    return [
        _see(detector, rules, data / r.file, indoor, shown=HAZARD in expectations[r.stem].hazards)
        for r in listed
    ]


def _see(detector: Detector, rules: Rules, path: Path, indoor: Iterable[str], *, shown: bool) -> Sight:
    manifest = detector.manifest
    image = decode_image(path.read_bytes(), min_long_side=manifest.input_size)
    sight = detector.see(image)
    view = View(
        sight.detections, manifest.class_names, {}, manifest.default_operating_point, image.original_hw
    )
    scene = settle_scene(InspectionContext(), view, sight.scene, rules)
    rows = view.rows([CLASS], at_confidence=0.0)
    confidence = float(np.max(sight.detections.confidence[rows], initial=0.0))
    return Sight(confidence, scene.name in indoor, shown)
