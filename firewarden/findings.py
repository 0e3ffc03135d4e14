"""What is found in a photo and how it is graded, and the words for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Box = tuple[float, float, float, float]  # xyxy, upright original-image pixels


class RiskLevel(StrEnum):
    """Management priority of a finding (低/一般/较大/重大); not the legal class 重大火灾隐患."""

    LOW = "low"
    GENERAL = "general"
    ELEVATED = "elevated"
    MAJOR = "major"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(RiskLevel)}


class Outcome(StrEnum):
    """What the system says about a relation it looked for."""

    HAZARD = "hazard"
    NEEDS_SECOND_FRAME = "needs_second_frame"
    NEEDS_SITE_CHECK = "needs_site_check"
    NOT_ASSESSABLE = "not_assessable"
    ADVICE_ONLY = "advice_only"
    NOT_A_HAZARD = "not_a_hazard"


class Source(StrEnum):
    """Who supplied a fact or a scene."""

    MODEL = "model"
    PERSON = "person"
    REGISTER = "register"


class Routing(StrEnum):
    """Where confidence sends a finding; it never changes the risk level."""

    STORE_ONLY = "store_only"
    HUMAN_REVIEW = "human_review"
    DRAFT_ORDER = "draft_order"


class Verdict(StrEnum):
    """The photo in one word. There is no 'safe': `no_finding` says only that nothing was found in this picture."""

    HAZARD = "hazard"
    FOLLOW_UP = "follow_up"
    NOT_ASSESSABLE = "not_assessable"
    NO_FINDING = "no_finding"


@dataclass(frozen=True, slots=True)
class Text:
    """One message in Chinese and English."""

    zh: str
    en: str

    def to_json(self) -> dict[str, str]:
        return {"zh": self.zh, "en": self.en}


NOT_REVIEWED = Text(
    "AI 辅助线索，未经《行政处罚法》第四十一条规定的审核，不作为执法依据",
    "AI-assisted lead, not reviewed under Article 41 of the Administrative Penalty Law; not evidence for enforcement",
)  # goes with everything of fixed cameras that leaves the system


@dataclass(frozen=True, slots=True)
class Fact:
    """A flag that holds, e.g. `movable` or `only_exit`, and who says so."""

    name: str
    source: Source

    def to_json(self) -> dict[str, str]:
        return {"name": self.name, "source": self.source.value}


@dataclass(frozen=True, slots=True)
class Zone:
    """A region the rules looked at, drawn into pictures: `kind` is egress or search, corners in image pixels."""

    kind: str
    polygon: tuple[tuple[float, float], ...]

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "polygon": [[round(x, 1), round(y, 1)] for x, y in self.polygon]}


@dataclass(frozen=True, slots=True)
class Finding:
    """One relation among detections. `evidence` are row numbers of the result's detections.

    `ratios` are image proxies in [0, 1] by name (`obstructed`, `covered` ...), never metres. `count` is how many
    objects the finding stands for. `questions` are ids of follow-up questions of the rule file.
    """

    hazard: str
    outcome: Outcome
    xyxy: Box
    confidence: float
    reason: Text
    evidence: tuple[int, ...] = ()
    facts: tuple[Fact, ...] = ()
    ratios: Mapping[str, float] = field(default_factory=dict)
    count: int = 1
    zones: tuple[Zone, ...] = ()
    questions: tuple[str, ...] = ()
    relation_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        x0, y0, x1, y1 = self.xyxy
        if x1 < x0 or y1 < y0:
            raise ValueError(f"Finding.xyxy is {self.xyxy}, expected x_min <= x_max and y_min <= y_max")
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"Finding.confidence is {self.confidence}, expected a value in [0, 1]")

    def fact_names(self) -> frozenset[str]:
        return frozenset(fact.name for fact in self.facts)


@dataclass(frozen=True, slots=True)
class ClosingDuty:
    """Who may close a finding and by when, from the closure profile of the region."""

    profile: str
    closes: str
    due_days: int | None
    on_the_spot: bool = False
    interim_measure_hours: int | None = None
    supervised_by: str | None = None
    copy_to: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Assessment:
    """The grading of one finding. Levels are None unless the outcome is `hazard`."""

    outcome: Outcome
    risk_level_initial: RiskLevel | None
    risk_level_residual: RiskLevel | None
    rule_ids: tuple[str, ...]
    routing: Routing
    suspected_major: bool = False
    emergency: bool = False
    major_fire_hazard_status: str = "none"
    provisional: bool = False
    needs_review: bool = True
    closing: ClosingDuty | None = None
    reason: Text = Text("", "")


@dataclass(frozen=True, slots=True)
class SceneEstimate:
    """Kind of place. `provisional` scenes were guessed from detections and must be confirmed before dispatch."""

    name: str
    source: Source
    confidence: float
    provisional: bool
    basis: Text

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "source": self.source.value,
            "confidence": round(self.confidence, 3),
            "provisional": self.provisional,
            "basis": self.basis.to_json(),
        }


@dataclass(frozen=True, slots=True)
class InspectionContext:
    """What a person or the register said about the photo. Facts here are never of source `model`."""

    venue_type: str = "unknown"
    venue_groups: tuple[str, ...] = ()  # groups the register adds to those of the venue type
    scene: str | None = None
    scene_source: Source = Source.PERSON
    facts: tuple[Fact, ...] = ()
    counts: Mapping[str, int] = field(
        default_factory=dict
    )  # hazard -> count known for the place, e.g. empty points
    closure_profile: str = "yunhe_zhejiang"
    single_frame: bool = True

    def __post_init__(self) -> None:
        model_facts = [fact.name for fact in self.facts if fact.source is Source.MODEL]
        if model_facts:
            raise ValueError(f"context facts {model_facts} have source model, expected person or register")


@dataclass(frozen=True, slots=True)
class Question:
    """A follow-up question; `sets` is the fact a 'yes' supplies, None for a free answer or another photo; `then` is asked once
    that fact is there."""

    id: str
    text: Text
    sets: str | None = None
    then: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "text": self.text.to_json(), "sets": self.sets}
