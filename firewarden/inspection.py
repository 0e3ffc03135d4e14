"""One inspection of a photo: the record that reproduces the verdict, and its wire form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firewarden.detections import Detections
from firewarden.findings import (
    Assessment,
    Finding,
    InspectionContext,
    Question,
    RiskLevel,
    SceneEstimate,
    Text,
    Verdict,
)

SCHEMA_VERSION = "firewarden-inspection/1"


@dataclass(frozen=True, slots=True)
class InspectionResult:
    """Everything needed to reproduce and dispute a verdict about one photo. `assessments` match `findings` by index."""

    image_sha256: str
    image_hw: tuple[int, int]
    detections: Detections
    class_names: tuple[str, ...]
    scene: SceneEstimate
    context: InspectionContext
    findings: tuple[Finding, ...]
    assessments: tuple[Assessment, ...]
    questions: tuple[Question, ...]
    verdict: Verdict
    notice: Text
    model_id: str
    model_sha256: str
    rules_version: str
    timings_ms: Mapping[str, float]

    def __post_init__(self) -> None:
        if len(self.findings) != len(self.assessments):
            raise ValueError(f"{len(self.findings)} findings but {len(self.assessments)} assessments")

    @property
    def risk_level(self) -> RiskLevel | None:
        """The highest initial level among hazards, None when nothing was graded. None never means safe."""
        levels = [a.risk_level_initial for a in self.assessments if a.risk_level_initial is not None]
        return max(levels, key=lambda level: level.rank, default=None)

    def to_json(self) -> dict[str, Any]:
        """The stable wire form (`schema_version`); keys are only ever added within one version."""
        level = self.risk_level
        return {
            "schema_version": SCHEMA_VERSION,
            "image_sha256": self.image_sha256,
            "image_hw": list(self.image_hw),
            "verdict": self.verdict.value,
            "risk_level": level.value if level else None,
            "notice": self.notice.to_json(),
            "scene": self.scene.to_json(),
            "context": context_to_json(self.context),
            "detections": self.detections.to_json(self.class_names),
            "findings": [finding_to_json(f, a) for f, a in zip(self.findings, self.assessments, strict=True)],
            "questions": [question.to_json() for question in self.questions],
            "model_id": self.model_id,
            "model_sha256": self.model_sha256,
            "rules_version": self.rules_version,
            "timings_ms": {name: round(value, 3) for name, value in self.timings_ms.items()},
        }


def context_to_json(context: InspectionContext) -> dict[str, Any]:
    """The context as it was used."""
    return {
        "venue_type": context.venue_type,
        "venue_groups": list(context.venue_groups),
        "scene": context.scene,
        "scene_source": context.scene_source.value,
        "facts": [fact.to_json() for fact in context.facts],
        "counts": dict(context.counts),
        "closure_profile": context.closure_profile,
        "single_frame": context.single_frame,
    }


def finding_to_json(finding: Finding, assessment: Assessment) -> dict[str, Any]:
    """One finding with its grading, flat. `outcome` is the graded one."""
    initial, residual = assessment.risk_level_initial, assessment.risk_level_residual
    return {
        "hazard": finding.hazard,
        "outcome": assessment.outcome.value,
        "xyxy": [round(float(v), 1) for v in finding.xyxy],
        "confidence": round(float(finding.confidence), 4),
        "risk_level": initial.value if initial else None,
        "risk_level_residual": residual.value if residual else None,
        "rule_ids": list(assessment.rule_ids),
        "relation_ids": list(finding.relation_ids),
        "reason": assessment.reason.to_json(),
        "facts": [fact.to_json() for fact in finding.facts],
        "ratios": {name: round(float(value), 3) for name, value in finding.ratios.items()},
        "count": finding.count,
        "evidence": list(finding.evidence),
        "zones": [zone.to_json() for zone in finding.zones],
        "questions": list(finding.questions),
        "routing": assessment.routing.value,
        "suspected_major": assessment.suspected_major,
        "emergency": assessment.emergency,
        "major_fire_hazard_status": assessment.major_fire_hazard_status,
        "provisional": assessment.provisional,
        "needs_review": assessment.needs_review,
        "closing": assessment.closing.to_json() if assessment.closing else None,
    }
