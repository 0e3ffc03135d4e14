"""The rule file as frozen data: grading rows, relation rows, scene rules, routing and closing duties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firewarden.errors import PolicyError
from firewarden.findings import Outcome, Question, RiskLevel, Text
from firewarden.inference.cctv_rules import CctvRules
from firewarden.inference.quality import QualityThresholds
from firewarden.inference.relations import Relation, RepeatRule


@dataclass(frozen=True, slots=True)
class Row:
    """One grading row. Conditions left empty do not constrain; all given ones must hold."""

    id: str
    any: frozenset[str] = frozenset()
    all: frozenset[str] = frozenset()
    none: frozenset[str] = frozenset()
    scene: frozenset[str] = frozenset()
    group: frozenset[str] = frozenset()
    group_none: frozenset[str] = frozenset()
    ratio_lte: float | None = None
    ratio_gt: float | None = None
    count_lte: int | None = None
    count_gte: int | None = None
    tier: RiskLevel | None = None
    outcome: Outcome | None = None
    needs_human: frozenset[str] = frozenset()
    major_screen: str | None = None
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class HazardRules:
    """Name and grading rows of one hazard, in file order."""

    name: Text
    base: tuple[Row, ...]
    exclude: tuple[Row, ...] = ()
    raises: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Flag:
    """A fact the rows may ask for. `set_by_model` false: only a person or the register may supply it."""

    set_by_model: bool
    text: Text


@dataclass(frozen=True, slots=True)
class Routing:
    """Confidence bounds of the three routes."""

    store_only_below: float
    human_review_below: float


@dataclass(frozen=True, slots=True)
class Modifiers:
    """Facts that raise a tier by one step, and the tier that step never passes."""

    one_step_up: tuple[str, ...]
    never_above: RiskLevel
    residual_only: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Closing:
    """Who closes a tier in one region, and by when."""

    closes: str
    due_days: int | None = None
    due: str | None = None
    copy_to: str | None = None
    supervised_by: str | None = None
    interim_measure_hours: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class SceneRow:
    """A provisional scene guess from detections: the first row whose classes are all seen wins."""

    scene: str
    confidence: float
    any_of: tuple[str, ...]
    none_of: tuple[str, ...] = ()
    area_share_gte: float = 0.0


@dataclass(frozen=True, slots=True)
class SceneRules:
    """How the scene is settled when nobody named it."""

    head_confidence_gte: float
    indoor_scenes: tuple[str, ...]
    basis_head: Text
    basis_rule: Text
    basis_given: Text
    basis_none: Text
    rows: tuple[SceneRow, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole rule file, checked. `sha256` is of what it says: it changes with the file where nobody thought of
    `version`."""

    version: str
    sha256: str
    path: Path
    venue_groups: Mapping[str, frozenset[str]]
    scenes: tuple[str, ...]
    flags: Mapping[str, Flag]
    hazards: Mapping[str, HazardRules]
    relations: tuple[Relation, ...]
    questions: Mapping[str, Question]
    routing: Routing
    modifiers: Modifiers
    fact_unplaced: Text
    correction_unplaced: Text
    closure_profiles: Mapping[str, Mapping[RiskLevel, Closing]]
    scene_estimate: SceneRules
    quality: QualityThresholds
    notices: Mapping[str, Text]
    scene_texts: Mapping[str, Text]
    class_texts: Mapping[str, Text]
    repeats: RepeatRule
    cctv: CctvRules
    class_lines: Mapping[str, int] = field(repr=False)
    source: Mapping[str, Any] = field(repr=False)

    @property
    def names(self) -> Mapping[str, Text]:
        """Hazard code -> name."""
        return {code: rules.name for code, rules in self.hazards.items()}

    @property
    def drawn_names(self) -> Mapping[str, Text]:
        """Names of hazards and evidence classes, for pictures."""
        return {**self.names, **self.class_texts}

    def check_classes(self, class_names: Sequence[str]) -> None:
        """Refuse rules that name a class the model does not have."""
        for name, line in self.class_lines.items():
            if name not in class_names:
                raise PolicyError(
                    f"{self.path}:{line}: class {name!r} is not one of the model's {tuple(class_names)}. "
                    "Fix the spelling or choose a model that has it."
                )

    def to_json(self) -> dict[str, Any]:
        """The file as it was read."""
        return {str(key): value for key, value in self.source.items()}
