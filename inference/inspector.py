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
    InspectionResult,
    Outcome,
    Question,
    Verdict,
)
from firewarden.inference.detector import Detector, Sight, open_detector
from firewarden.inference.grading import assess
from firewarden.inference.hazards import find_hazards
from firewarden.inference.image import MAX_PIXELS, Image, decode_image
from firewarden.inference.quality import assess_quality
from firewarden.inference.rules import Rules, load_rules
from firewarden.inference.scene import settle_scene
from firewarden.inference.view import View
from firewarden.models.manifest import load_manifest
from firewarden.models.registry import DEFAULT_MODEL_ID, model_folder

T = TypeVar("T")
_FOLLOW_UP = frozenset({Outcome.NEEDS_SECOND_FRAME, Outcome.NEEDS_SITE_CHECK, Outcome.NOT_ASSESSABLE})


class Inspector:
    """A detector joined with rules. Thread-safe; holds no state between photos."""

    def __init__(self, detector: Detector, rules: Rules, *, max_pixels: int = MAX_PIXELS) -> None:
        rules.check_classes(detector.manifest.class_names)
        self.detector = detector
        self.rules = rules
        self._max_pixels = max_pixels

    def inspect(
        self, data: bytes, context: InspectionContext | None = None, *, min_confidence: float | None = None
    ) -> InspectionResult:
        """Inspect image bytes; raises InvalidImage. `min_confidence` lists more (or fewer) detections, never other
        findings."""
        timings: dict[str, float] = {}
        size = self.detector.manifest.input_size
        image = _timed(
            timings, "decode", lambda: decode_image(data, min_long_side=size, max_pixels=self._max_pixels)
        )
        return self.inspect_image(image, context, min_confidence=min_confidence, timings=timings)

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
        sight = _timed(timings, "inference", lambda: self.detector.see(image))
        return _timed_rules(timings, lambda: self._judge(image, sight, context, min_confidence, timings))

    def _judge(
        self,
        image: Image,
        sight: Sight,
        context: InspectionContext,
        min_confidence: float | None,
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
        assessments = tuple(assess(finding, scene, self.rules, context) for finding in findings)
        poor = assess_quality(image, self.rules.quality).problems
        verdict = settle_verdict(assessments, readable=not poor)
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
            questions=_questions(findings, assessments, self.rules, retake=bool(poor)),
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
) -> Inspector:
    """An inspector over a model id or folder (default: the shipped model) and a rule file (default: the shipped one)."""
    loaded = load_rules(rules)  # first: it is quick, and a damaged file should not wait for the model
    folder = model if isinstance(model, Path) else model_folder(model or DEFAULT_MODEL_ID)
    return Inspector(open_detector(load_manifest(folder), threads=threads), loaded, max_pixels=max_pixels)


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


def _questions(
    findings: tuple[Finding, ...], assessments: tuple[Assessment, ...], rules: Rules, *, retake: bool
) -> tuple[Question, ...]:
    """Distinct follow-up questions of all findings that are still open; answered ones are left out."""
    said = {fact.name for finding in findings for fact in finding.facts}
    ids = ["q_retake"] if retake else []
    for finding, assessment in zip(findings, assessments, strict=True):
        if assessment.outcome is not Outcome.NOT_A_HAZARD:
            ids += finding.questions
    asked = (rules.questions[name] for name in dict.fromkeys(ids))
    return tuple(question for question in asked if question.sets not in said or question.sets is None)


def _timed(timings: dict[str, float], name: str, step: Callable[[], T]) -> T:
    start = time.perf_counter()
    value = step()
    timings[name] = (time.perf_counter() - start) * 1000
    return value


def _timed_rules(timings: dict[str, float], step: Callable[[], InspectionResult]) -> InspectionResult:
    """Time the rules and the total; the result holds the same mapping."""
    result = _timed(timings, "rules", step)
    timings["total"] = sum(timings.values())
    return result
