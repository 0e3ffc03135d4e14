"""Filling the rule file's sentences: objects, places, counts and shares, in Chinese and English."""

from collections.abc import Sequence

from firewarden.findings import SceneEstimate, Text
from firewarden.inference.rules import Rules
from firewarden.inference.view import View


def fill(
    template: Text,
    *,
    objects: Text | None = None,
    place: Text | None = None,
    target: Text | None = None,
    count: int = 0,
    ratio: float = 0.0,
) -> Text:
    """Put values into a template; `ratio` in [0, 1] is shown as whole per cent."""
    texts = {"objects": objects, "place": place, "target": target}
    numbers = {"count": count, "percent": round(ratio * 100)}
    zh = {name: text.zh if text else "" for name, text in texts.items()}
    en = {name: text.en if text else "" for name, text in texts.items()}
    return Text(
        template.zh.format(**zh, **numbers),
        _capitalise(template.en.format(**en, **numbers)),
    )


def name_objects(rules: Rules, view: View, rows: Sequence[int]) -> Text:
    """The distinct classes of some rows, in row order: '纸箱货物、家具' / 'cartons, furniture'."""
    names = list(dict.fromkeys(view.name(row) for row in rows))
    return Text(
        "、".join(rules.class_texts[n].zh for n in names), ", ".join(rules.class_texts[n].en for n in names)
    )


def joined(sentences: Sequence[Text]) -> Text:
    """Sentences of one finding in one line; at least one."""
    return Text(
        "；".join(each.zh for each in sentences), _capitalise("; ".join(each.en for each in sentences))
    )


def with_unplaced(reason: Text, template: Text, facts: Sequence[str], rules: Rules) -> Text:
    """The sentence, and after it by `template` that these facts were not counted; as it is where there are none."""
    if not facts:
        return reason
    said = [rules.flags[name].text for name in facts]
    told = fill(
        template,
        objects=Text("、".join(each.zh for each in said), ", ".join(each.en for each in said)),
    )
    return Text(f"{reason.zh}。{told.zh}", f"{reason.en}. {told.en}")


def name_place(rules: Rules, scene: SceneEstimate) -> Text:
    """The scene's name."""
    return rules.scene_texts[scene.name]


def _capitalise(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
