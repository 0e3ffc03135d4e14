"""Reading the rule file, once at start-up: anything unknown in it (key, predicate, flag, scene, group, hazard, class) is a
PolicyError that names the line."""

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import fields
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from firewarden.findings import Outcome, Question, RiskLevel, Text, Verdict
from firewarden.inference.cctv_rules import build_cctv
from firewarden.inference.policy_file import PolicyMap, build_row, read_policy, whole
from firewarden.inference.quality import QualityThresholds
from firewarden.inference.relations import PREDICATES, Relation, RepeatRule
from firewarden.inference.rules import (
    Closing,
    Flag,
    HazardRules,
    Modifiers,
    Routing,
    Row,
    Rules,
    SceneRow,
    SceneRules,
)

SCHEMA = "hazard-risk-rules/1"
_TOP = frozenset(
    {"schema", "version", "tiers", "venue_groups", "scenes", "flags", "hazards", "relations", "questions",
     "confidence_routing", "modifiers", "closure_profiles", "scene_estimate", "quality", "notices",
     "scene_texts", "class_texts", "repeats", "cctv", "fact_unplaced", "correction_unplaced"}
)  # fmt: skip


def load_rules(path: Path | None = None) -> Rules:
    """Rules from `path`, by default the packaged file."""
    if path is not None:
        return _build_rules(read_policy(path))
    with as_file(files("firewarden.inference") / "rules.yaml") as packaged:
        return _build_rules(read_policy(packaged))


def _build_rules(top: PolicyMap) -> Rules:
    top.only(_TOP)
    if top.take("schema") != SCHEMA:
        raise top.fail(f"schema is {top['schema']!r}, expected {SCHEMA!r}", "schema")
    if top.take("tiers") != [level.value for level in RiskLevel]:
        raise top.fail(f"tiers are {top['tiers']}, expected {[level.value for level in RiskLevel]}", "tiers")
    names = _Names(top)
    class_lines: dict[str, int] = {}
    relations = top.read(
        "relations", lambda rows: tuple(_relation(row, names, class_lines, top) for row in rows)
    )
    scene_rules = top.read("scene_estimate", lambda section: _scene_rules(section, names, class_lines))
    repeats = top.section("repeats")
    repeat_rule = build_row(RepeatRule, repeats, {"classes": _classes(repeats, "classes", class_lines)})
    questions = top.section("questions")
    cctv = top.read("cctv", lambda section: build_cctv(section, names, class_lines))
    return Rules(
        version=str(top.take("version")),
        sha256=hashlib.sha256(json.dumps(top, sort_keys=True, default=str).encode()).hexdigest(),
        path=top.path,
        venue_groups=top.section("venue_groups").read_each(_frozen(_words)),
        scenes=top.read("scenes", _words),
        flags=top.section("flags").read_each(_flag),
        hazards=top.section("hazards").read_each(lambda rows: _hazard(rows, names)),
        relations=relations,
        questions={k: questions.read(k, partial(_question, k, names=names)) for k in questions},
        routing=build_row(Routing, top.section("confidence_routing"), {}),
        modifiers=build_row(
            Modifiers,
            top.section("modifiers"),
            {"one_step_up": names.flags, "never_above": RiskLevel, "residual_only": names.flags},
        ),
        fact_unplaced=top.read("fact_unplaced", _reason),
        correction_unplaced=top.read("correction_unplaced", _reason),
        closure_profiles=top.section("closure_profiles").read_each(_profile),
        scene_estimate=scene_rules,
        quality=build_row(QualityThresholds, top.section("quality"), {}),
        notices=_texts(top.section("notices"), [verdict.value for verdict in Verdict]),
        scene_texts=_texts(top.section("scene_texts"), top["scenes"]),
        class_texts=_texts(top.section("class_texts"), class_lines),
        repeats=repeat_rule,
        cctv=cctv,
        class_lines=class_lines,
        source=top,
    )


class _Names:
    """The closed sets of one file; each converter refuses a name that was not declared."""

    def __init__(self, top: PolicyMap) -> None:
        self._flags = frozenset(top.section("flags"))
        self._scenes = frozenset(top.read("scenes", _words))
        venue_groups = top.section("venue_groups").read_each(_words)
        self._groups = frozenset(group for groups in venue_groups.values() for group in groups)
        self._questions = frozenset(top.section("questions"))
        self._hazards = frozenset(top.section("hazards"))

    def flags(self, value: Any) -> tuple[str, ...]:
        return _known(value, self._flags, "flag")

    def scenes(self, value: Any) -> tuple[str, ...]:
        return _known(value, self._scenes, "scene")

    def groups(self, value: Any) -> tuple[str, ...]:
        return _known(value, self._groups, "venue group")

    def questions(self, value: Any) -> tuple[str, ...]:
        return _known(value, self._questions, "question")

    def hazard(self, value: Any) -> str:
        return _known([value], self._hazards, "hazard")[0]


def _known(value: Any, allowed: frozenset[str], kind: str) -> tuple[str, ...]:
    names = _words(value)
    unknown = [name for name in names if name not in allowed]
    if unknown:
        raise ValueError(f"unknown {kind} {unknown}, expected from {sorted(allowed)}")
    return names


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ValueError("expected a list of words")
    return tuple(value)


def _hazard(section: PolicyMap, names: _Names) -> HazardRules:
    section.only({"name", "exclude", "base", "raise"})
    rows: dict[str, tuple[Row, ...]] = {"exclude": (), "base": (), "raise": ()}
    for kind in rows.keys() & section.keys():
        rows[kind] = section.read(kind, lambda listed: tuple(_row(row, names) for row in listed))
    if not rows["base"]:
        raise section.fail("'base' has no row; every hazard needs a default tier")
    default = rows["base"][-1]
    if default != Row(id=default.id, tier=default.tier, emergency=default.emergency) or default.tier is None:
        raise section.fail(
            f"last base row {default.id} has conditions; every hazard must end in a default", "base"
        )
    return HazardRules(_text(section.take("name")), rows["base"], rows["exclude"], rows["raise"])


def _row(source: PolicyMap, names: _Names) -> Row:
    flags = {key: _frozen(names.flags) for key in ("any", "all", "none", "needs_human")}
    row = build_row(
        Row,
        source,
        {
            **flags,
            "id": str,
            "scene": _frozen(names.scenes),
            "group": _frozen(names.groups),
            "group_none": _frozen(names.groups),
            "tier": RiskLevel,
            "outcome": Outcome,
            "major_screen": str,
        },
    )
    if (row.tier is None) == (row.outcome is None):
        raise source.fail(f"row {row.id} needs either a tier or an outcome")
    return row


def _frozen(convert: Any) -> Any:
    return lambda value: frozenset(convert(value))


def _relation(source: PolicyMap, names: _Names, class_lines: dict[str, int], top: PolicyMap) -> Relation:
    if not isinstance(source, PolicyMap):
        raise top.fail("each relation is a mapping", "relations")
    predicate = str(source.take("predicate"))
    if predicate not in PREDICATES:
        raise source.fail(
            f"unknown predicate {predicate!r}, expected one of {sorted(PREDICATES)}", "predicate"
        )
    kind = PREDICATES[predicate]
    try:
        names.flags(list(kind.sets))
    except ValueError as error:
        raise source.fail(f"a finding of {predicate!r} may hold an {error}", "predicate") from error
    converters: dict[str, Any] = {
        "id": str,
        "hazard": names.hazard,
        "predicate": str,
        "questions": names.questions,
    }
    for spec in fields(kind):
        if spec.name.startswith("reason"):
            converters[spec.name] = _reason
        elif spec.name.endswith("questions"):
            converters[spec.name] = names.questions
        elif spec.name.endswith("scenes"):
            converters[spec.name] = names.scenes
        elif spec.name.endswith("groups"):
            converters[spec.name] = names.groups
        elif spec.name not in converters and spec.type in ("Names", tuple[str, ...]):
            converters[spec.name] = _classes(source, spec.name, class_lines)
    return build_row(kind, source, converters)


def _classes(source: PolicyMap, key: str, class_lines: dict[str, int]) -> Any:
    def convert(value: Any) -> tuple[str, ...]:
        names = _words(value)
        for name in names:
            class_lines.setdefault(name, source.key_line[key])
        return names

    return convert


def _scene_rules(section: PolicyMap, names: _Names, class_lines: dict[str, int]) -> SceneRules:
    rows = tuple(
        build_row(
            SceneRow,
            row,
            {
                "scene": lambda value: names.scenes([value])[0],
                "any_of": _classes(row, "any_of", class_lines),
                "none_of": _classes(row, "none_of", class_lines),
            },
        )
        for row in section.take("rows")
    )
    texts = dict.fromkeys(("basis_head", "basis_rule", "basis_given", "basis_none"), _text)
    return build_row(SceneRules, section, {**texts, "indoor_scenes": names.scenes, "rows": lambda _: rows})


def _text(value: Any) -> Text:
    if not isinstance(value, PolicyMap) or set(value) != {"zh", "en"}:
        raise ValueError("expected {zh: ..., en: ...}")
    return _one_line(value)


def _one_line(section: PolicyMap) -> Text:
    """Both wordings without line breaks, which YAML puts into long sentences and no plate of a picture has room for."""
    zh, en = (" ".join(str(section.take(key)).split()) for key in ("zh", "en"))
    return Text(zh, en)


def _reason(value: Any) -> Text:
    text = _text(value)
    for wording in (text.zh, text.en):
        # KeyError: a placeholder nobody fills
        wording.format(place="", target="", count=0, objects="", percent=0)
    return text


def _texts(section: PolicyMap, keys: Iterable[str]) -> dict[str, Text]:
    missing = sorted(set(keys) - set(section))
    if missing:
        raise section.fail(f"no text for {missing}")
    return section.read_each(_text)


def _flag(section: PolicyMap) -> Flag:
    section.only({"by", "zh", "en"})
    sources = section.take("by")
    if sources not in ("any", "people"):
        raise section.fail(f"'by' is {sources!r}, expected 'any' or 'people'", "by")
    return Flag(sources == "any", _one_line(section))


def _question(question_id: str, section: PolicyMap, names: _Names) -> Question:
    section.only({"zh", "en", "sets", "then"})
    for key, known in (("sets", names.flags), ("then", names.questions)):
        try:
            known([section[key]] if key in section else [])
        except ValueError as error:
            raise section.fail(str(error), key) from error
    return Question(question_id, _one_line(section), section.get("sets"), section.get("then"))


def _profile(section: PolicyMap) -> dict[RiskLevel, Closing]:
    section.only({level.value for level in RiskLevel})
    converters: dict[str, Any] = dict.fromkeys(("closes", "due", "copy_to", "supervised_by", "note"), str)
    converters |= dict.fromkeys(("due_days", "interim_measure_hours"), _optional_int)
    return {level: build_row(Closing, section.section(level.value), converters) for level in RiskLevel}


def _optional_int(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError("expected a whole number that is not below 0")
    return whole(value)
