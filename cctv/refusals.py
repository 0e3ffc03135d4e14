"""Places where the law allows no camera. Pure."""

import re
from functools import cache

from firewarden.inference.cctv_rules import RefusedPlace, RegisterRules


def find_refusal(
    name: str, scene: str, groups: frozenset[str], rules: RegisterRules
) -> tuple[str, str] | None:
    """Which field (`scene` or `name`) speaks against a camera here, and why, with the row of the law; else None.

    A scene counts by itself. A name counts when it holds a word of a refused place and none that puts the camera
    outside it. Where people sleep or live, an unsettled scene is refused too: it may be a room.
    """
    for place in rules.refused:
        if scene == place.id or scene in place.scenes:
            what = f"scene {scene!r} is {place.text.en} ({place.text.zh})"
            return "scene", _refusal(what, rules, "Do not register it.")
    named = _named_place(name, rules)
    if named is not None:
        what = f"name {name!r} means {named.text.en} ({named.text.zh})"
        cure = "If it stands outside, the name has to say so, e.g. 'corridor before ...'."
        return "name", _refusal(what, rules, cure)
    if scene in rules.unsettled_scenes and groups & set(rules.settled_groups):
        what = f"scene {scene!r} may be a room in a venue where people sleep or live"
        cure = "Name the kind of place: a stairwell, corridor, lobby, lift or the outside."
        return "scene", _refusal(what, rules, cure)
    return None


def _named_place(name: str, rules: RegisterRules) -> RefusedPlace | None:
    if _holds_any(name, rules.outside_words):
        return None
    return next((place for place in rules.refused if _holds_any(name, place.words)), None)


def _holds_any(name: str, words: tuple[str, ...]) -> bool:
    """Whether a name holds one of the words: English ones whole (or their plural), Chinese ones anywhere. Blanks do not
    count: "guestroom", "rest room" and 宿 舍 are what they are."""
    spaced = " ".join(name.casefold().replace("-", " ").replace("_", " ").split())
    closed = spaced.replace(" ", "")
    return any(_pattern(word).search(spaced) if word.isascii() else word in closed for word in words)


@cache
def _pattern(word: str) -> re.Pattern[str]:
    letters = " ?".join(re.escape(letter) for letter in word if letter != " ")
    return re.compile(rf"\b{letters}(?:s|es)?\b")


def _refusal(what: str, rules: RegisterRules, cure: str) -> str:
    return f"refused: {what}; no camera may stand there: {rules.law.en} / {rules.law.zh}. {cure}"
