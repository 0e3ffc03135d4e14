"""What an annotated picture says: the words and colours of findings, evidence and verdict. Nothing is drawn here."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firewarden.findings import Box, Outcome, RiskLevel, Text, Verdict

Colour = tuple[int, int, int]  # RGB
Polygon = tuple[tuple[float, float], ...]
_WHITE: Colour = (255, 255, 255)
_BLACK: Colour = (16, 16, 18)


@dataclass(frozen=True, slots=True)
class Style:
    """Colour of box and plate, ink of the text on it, the word for level or outcome, and whether lines are dashed."""

    colour: Colour
    ink: Colour
    word: Text
    dashed: bool = False


LEVEL_STYLES: Mapping[str, Style] = {
    RiskLevel.MAJOR: Style((208, 28, 44), _WHITE, Text("重大风险", "Major risk")),
    RiskLevel.ELEVATED: Style((247, 129, 21), _BLACK, Text("较大风险", "Elevated risk")),
    RiskLevel.GENERAL: Style((255, 212, 38), _BLACK, Text("一般风险", "General risk")),
    RiskLevel.LOW: Style((24, 104, 200), _WHITE, Text("低风险", "Low risk")),
}
_GREY: Colour = (172, 176, 182)
_OUTCOME_WORDS: Mapping[str, Text] = {
    Outcome.HAZARD: Text("疑似隐患", "Suspected hazard"),
    Outcome.NEEDS_SECOND_FRAME: Text("需再拍一张", "Needs another photo"),
    Outcome.NEEDS_SITE_CHECK: Text("需现场核查", "Needs a site check"),
    Outcome.NOT_ASSESSABLE: Text("无法判定", "Cannot be assessed"),
    Outcome.ADVICE_ONLY: Text("仅作建议", "Advice only"),
    Outcome.NOT_A_HAZARD: Text("已排除", "Ruled out"),
}
VERDICT_WORDS: Mapping[str, Text] = {
    Verdict.HAZARD: Text("发现疑似隐患", "Suspected hazard"),
    Verdict.FOLLOW_UP: Text("需补充核实", "Follow-up needed"),
    Verdict.NOT_ASSESSABLE: Text("本图无法判定，不代表安全", "Cannot be assessed: this does not mean safe"),
    Verdict.NO_FINDING: Text(
        "本图未见所列隐患，不代表安全", "Nothing listed was found: this does not mean safe"
    ),
}
_MUST_SAY = Text("AI 辅助提示，须人工核实", "AI-assisted, a person must verify it")
_PROVISIONAL = Text("暂定", "provisional")
_SUSPECTED_MAJOR = Text("疑似重大，须核实", "possibly major, verify")
_EMERGENCY = Text("立即拨打119", "call 119 now")


@dataclass(frozen=True, slots=True)
class Mark:
    """One finding ready to be drawn, in canvas pixels. `lines` are the Chinese and the English line of its plate."""

    xyxy: Box
    style: Style
    lines: tuple[str, str]
    zones: tuple[tuple[str, Polygon], ...]
    evidence: tuple[int, ...]
    is_hazard: bool


def marks_of(
    result: Mapping[str, Any], names: Mapping[str, Text], scale_xy: tuple[float, float]
) -> tuple[Mark, ...]:
    """Findings of a result in JSON form, the highest level first; boxes are scaled to the canvas."""
    findings = sorted(result["findings"], key=_rank, reverse=True)
    of_hazard = Counter(finding["hazard"] for finding in findings)
    texts = texts_of(result, names)
    return tuple(_mark(each, texts, scale_xy, alone=of_hazard[each["hazard"]] == 1) for each in findings)


def texts_of(result: Mapping[str, Any], names: Mapping[str, Text]) -> Mapping[str, Text]:
    """Names by hazard code and class: the result's own `names` where it has them, else `names`."""
    own = result.get("names") or {}
    return {**names, **{code: as_text(name) for code, name in own.items()}}


def as_text(value: Text | Mapping[str, str]) -> Text:
    """Text from its JSON form."""
    return value if isinstance(value, Text) else Text(value["zh"], value["en"])


def scale_box(box: Any, scale_xy: tuple[float, float]) -> Box:
    """A box xyxy in canvas pixels."""
    x, y = scale_xy
    return float(box[0]) * x, float(box[1]) * y, float(box[2]) * x, float(box[3]) * y


def scale_xy_of(result: Mapping[str, Any], wh: tuple[int, int]) -> tuple[float, float]:
    """From pixels of the photo of `result` to those of a picture of it that is `wh` large."""
    h, w = result["image_hw"]
    return wh[0] / w, wh[1] / h


def style_of(finding: Mapping[str, Any]) -> Style:
    """The level's style for a graded hazard, grey and dashed for every other outcome."""
    level = finding["risk_level"]
    if finding["outcome"] == Outcome.HAZARD and level in LEVEL_STYLES:
        return LEVEL_STYLES[level]
    outcome = finding["outcome"]
    return Style(_GREY, _BLACK, _OUTCOME_WORDS.get(outcome, Text(outcome, outcome)), dashed=True)


def words_of(finding: Mapping[str, Any]) -> Text:
    """Level or outcome of a finding in JSON form, and what else must be known with it."""
    words = [style_of(finding).word]
    words += [_PROVISIONAL] if finding.get("provisional") and finding["risk_level"] else []
    words += [_SUSPECTED_MAJOR] if finding.get("suspected_major") else []
    words += [_EMERGENCY] if finding.get("emergency") else []
    return Text("，".join(word.zh for word in words), ", ".join(word.en for word in words))


def class_label(class_name: str, texts: Mapping[str, Text]) -> str:
    """The class in Chinese and English where `texts` has it, else its plain name."""
    text = texts.get(class_name)
    return f"{text.zh} {text.en}" if text else class_name.replace("_", " ")


def verdict_lines(result: Mapping[str, Any]) -> tuple[str, str]:
    """The photo's verdict with its highest level, Chinese and English. No wording here can be read as 'safe'."""
    words = VERDICT_WORDS.get(result["verdict"], Text(result["verdict"], result["verdict"]))
    level = LEVEL_STYLES.get(result["risk_level"] or "")
    zh = f"{words.zh}，最高{level.word.zh}（系统提示）" if level else words.zh
    en = f"{words.en}, highest: {level.word.en}" if level else words.en
    return zh, f"{en}. {_MUST_SAY.en}."


def notice_line(result: Mapping[str, Any]) -> str:
    """The result's notice in Chinese; that a person must verify is added where it does not say so."""
    notice = as_text(result["notice"]).zh
    if "人工核实" in notice:
        return notice
    return f"{notice}；{_MUST_SAY.zh}" if notice else _MUST_SAY.zh


def provenance_of(result: Mapping[str, Any]) -> str:
    """Which original, model and rules the picture comes from."""
    return f"SHA-256 {result['image_sha256'][:12]} | {result['model_id']} | rules {result['rules_version']}"


def banner_stripe(result: Mapping[str, Any]) -> Colour:
    """The colour of the highest level; grey without one, never green."""
    level = LEVEL_STYLES.get(result["risk_level"] or "")
    return level.colour if level else _GREY


def _rank(finding: Mapping[str, Any]) -> int:
    level = finding["risk_level"]
    return RiskLevel(level).rank + 1 if level else 0


def _mark(
    finding: Mapping[str, Any], names: Mapping[str, Text], scale_xy: tuple[float, float], *, alone: bool
) -> Mark:
    x, y = scale_xy
    style = style_of(finding)
    zones = tuple(
        (zone["kind"], tuple((float(px) * x, float(py) * y) for px, py in zone["polygon"]))
        for zone in finding["zones"]
    )
    return Mark(
        xyxy=scale_box(finding["xyxy"], scale_xy),
        style=style,
        lines=_plate_lines(finding, names, alone=alone),
        zones=zones,
        evidence=tuple(finding["evidence"]),
        is_hazard=finding["outcome"] == Outcome.HAZARD,
    )


def _plate_lines(finding: Mapping[str, Any], names: Mapping[str, Text], *, alone: bool) -> tuple[str, str]:
    """The count stands on the one plate of a hazard; where each thing has its own plate, it is seen."""
    name = names.get(finding["hazard"], Text(finding["hazard"], finding["hazard"]))
    times = f"×{finding['count']}" if alone and finding.get("count", 1) > 1 else ""
    words = words_of(finding)
    return f"{name.zh}{times}：{words.zh}", f"{name.en}{times}: {words.en}"
