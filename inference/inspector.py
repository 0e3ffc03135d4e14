"""The inspector: one photo through the whole flow. Decode, detect, relate, grade, explain."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from firewarden.detections import Detections
from firewarden.findings import (
    Assessment,
    Finding,
    InspectionContext,
    Outcome,
    Question,
    Source,
    Verdict,
)
from firewarden.inference.calibration import routing_probability
from firewarden.inference.detector import Detector, Sight, open_detector
from firewarden.inference.grading import assess
from firewarden.inference.hazards import find_hazards
from firewarden.inference.image import MAX_PIXELS, Image, decode_image
from firewarden.inference.quality import Quality, assess_quality
from firewarden.inference.rules import Rules
from firewarden.inference.rules_file import load_rules
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.inference.scene import settle_scene
from firewarden.inference.tiles import TileSettings, TilingDetector, decode_side
from firewarden.inference.view import View
from firewarden.inspection import InspectionResult
from firewarden.models.registry import find_manifest

T = TypeVar("T")
_FOLLOW_UP = frozenset({Outcome.NEEDS_SECOND_FRAME, Outcome.NEEDS_SITE_CHECK, Outcome.NOT_ASSESSABLE})


class Inspector:
    """A detector joined with rules. Thread-safe; holds no state between photos."""

    def __init__(
        self,
        detector: Detector,
        rules: Rules,
        *,
        max_pixels: int = MAX_PIXELS,
        tiles: TileSettings | None = None,
    ) -> None:
        """`tiles` has large photos looked at again, closer, round vehicles; None: one look a photo."""
        rules.check_classes(detector.manifest.class_names)
        self.detector = detector if tiles is None else TilingDetector(detector, tiles)
        self.rules = rules
        self._max_pixels = max_pixels
        self._decode_side = decode_side(detector.manifest.input_size, tiles)

    def inspect(
        self, data: bytes, context: InspectionContext | None = None, *, min_confidence: float | None = None
    ) -> InspectionResult:
        """Inspect image bytes; raises InvalidImage. `min_confidence` lists more (or fewer) detections, never other
        findings."""
        timings: dict[str, float] = {}
        image = timed(timings, "decode", lambda: self.decode(data))
        return self.inspect_image(image, context, min_confidence=min_confidence, timings=timings)

    def decode(self, data: bytes, *, sha256: str | None = None) -> Image:
        """The photo just above the size that is looked at, as far as the format allows; raises InvalidImage."""
        return decode_image(data, min_long_side=self._decode_side, max_pixels=self._max_pixels, sha256=sha256)

    def inspect_image(
        self,
        image: Image,
        context: InspectionContext | None = None,
        *,
        min_confidence: float | None = None,
        timings: dict[str, float] | None = None,
    ) -> InspectionResult:
        """Inspect a decoded photo."""
        timings = {} if timings is None else timings
        context = context or InspectionContext()
        sight = timed(timings, "inference", lambda: self.detector.see(image))
        return self.judge(image, sight, context, min_confidence=min_confidence, timings=timings)

    def judge(
        self,
        image: Image,
        sight: Sight,
        context: InspectionContext,
        *,
        min_confidence: float | None = None,
        quality: Quality | None = None,
        timings: dict[str, float],
    ) -> InspectionResult:
        """Rules and grading over what the network saw; adds `rules` and `total` to the timings the result holds. `quality`
        is that of the image where it has been measured already."""
        result = timed(
            timings, "rules", lambda: self._judge(image, sight, context, min_confidence, quality, timings)
        )
        timings["total"] = sum(timings.values())
        return result

    def _judge(
        self,
        image: Image,
        sight: Sight,
        context: InspectionContext,
        min_confidence: float | None,
        quality: Quality | None,
        timings: dict[str, float],
    ) -> InspectionResult:
        manifest = self.detector.manifest
        view = View(
            sight.detections,
            manifest.class_names,
            manifest.operating_points,
            manifest.default_operating_point,
            image.original_hw,
        )
        scene = settle_scene(context, view, sight.scene, self.rules)
        findings = find_hazards(view, scene, self.rules, context)
        chances = [
            routing_probability(f, view.detections, view.class_names, manifest.calibration) for f in findings
        ]
        assessments = tuple(
            assess(finding, scene, self.rules, context, probability=chance)
            for finding, chance in zip(findings, chances, strict=True)
        )
        poor = (quality or assess_quality(image, self.rules.quality)).problems
        verdict = settle_verdict(assessments, readable=not poor)
        findings = tuple(
            replace(each, questions=_open_questions(each, assessment, self.rules))
            for each, assessment in zip(findings, assessments, strict=True)
        )
        listed, findings = _list_detections(view, findings, min_confidence)
        return InspectionResult(
            image_sha256=image.sha256,
            image_hw=image.original_hw,
            detections=listed,
            class_names=manifest.class_names,
            scene=scene,
            context=context,
            findings=findings,
            assessments=assessments,
            questions=_questions(findings, self.rules, retake=bool(poor)),
            verdict=verdict,
            notice=self.rules.notices[verdict.value],
            model_id=manifest.id,
            model_sha256=manifest.sha256,
            rules_version=self.rules.version,
            timings_ms=timings,
        )


def settle_verdict(assessments: Iterable[Assessment], *, readable: bool) -> Verdict:
    """The photo in one word. A hazard seen in a poor picture is still a hazard; nothing seen in one is nothing said."""
    outcomes = {assessment.outcome for assessment in assessments}
    if Outcome.HAZARD in outcomes:
        return Verdict.HAZARD
    if not readable:
        return Verdict.NOT_ASSESSABLE
    return Verdict.FOLLOW_UP if outcomes & _FOLLOW_UP else Verdict.NO_FINDING


def open_inspector(
    model: str | Path | None = None,
    rules: Path | None = None,
    *,
    threads: int | None = None,
    max_pixels: int = MAX_PIXELS,
    tiles: TileSettings | None = None,
    runtime: RuntimeChoice | None = None,
    cache_dir: Path | None = None,
) -> Inspector:
    """An inspector over a model id or folder (default: the shipped model) and a rule file (default: the shipped one)."""
    loaded = load_rules(rules)  # first: it is quick, and a damaged file should not wait for the model
    detector = open_detector(find_manifest(model), runtime=runtime, threads=threads, cache_dir=cache_dir)
    return Inspector(detector, loaded, max_pixels=max_pixels, tiles=tiles)


def _list_detections(
    view: View, findings: tuple[Finding, ...], min_confidence: float | None
) -> tuple[Detections, tuple[Finding, ...]]:
    """Detections to report and findings whose evidence points into them. Evidence is always listed."""
    shown = set(view.rows(view.class_names, at_confidence=min_confidence).tolist())
    shown |= {row for finding in findings for row in finding.evidence}
    rows = sorted(shown)
    number = {row: position for position, row in enumerate(rows)}
    moved = tuple(replace(f, evidence=tuple(number[row] for row in f.evidence)) for f in findings)
    return view.detections[np.array(rows, np.int64)], moved


def _open_questions(finding: Finding, assessment: Assessment, rules: Rules) -> tuple[str, ...]:
    """Questions of a finding that are still open. Where a person or the register has given the answer, what follows from it is
    asked instead, if anything; what the model sees settles no question."""
    if assessment.outcome is Outcome.NOT_A_HAZARD:
        return ()
    answered = {fact.name for fact in finding.facts if fact.source is not Source.MODEL}
    listed = [rules.questions[name] for name in finding.questions]
    asked = (question.then if question.sets in answered else question.id for question in listed)
    return tuple(name for name in asked if name is not None)


def _questions(findings: tuple[Finding, ...], rules: Rules, *, retake: bool) -> tuple[Question, ...]:
    """Distinct open questions of all findings."""
    names = [*(["q_retake"] if retake else []), *(name for finding in findings for name in finding.questions)]
    return tuple(rules.questions[name] for name in dict.fromkeys(names))


def timed(timings: dict[str, float], name: str, step: Callable[[], T]) -> T:
    """The value of `step()`; its duration in ms goes into `timings[name]`."""
    start = time.perf_counter()
    value = step()
    timings[name] = (time.perf_counter() - start) * 1000
    return value
