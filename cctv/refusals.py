"""Places where the law allows no camera. Pure.

A name cannot prove where a camera stands: what is doubtful is refused, and the registrar says it more clearly.
"""

import re
from functools import cache

from firewarden.inference.cctv_rules import RefusedPlace, RegisterRules

_TOWARDS = "near|beside|by|next to|facing|towards?|overlooking|opposite|looking at|view of"
_TOWARDS_ZH = "靠近|临近|面向|朝向|正对|对着|靠|朝"
_BLANKS = re.compile(r"[-_\s]+")


def find_refusal(
    name: str, scene: str, groups: frozenset[str], rules: RegisterRules
) -> tuple[str, str] | None:
    """Which field (`scene` or `name`) speaks against a camera here, and why, with the row of the law; else None.

    A scene counts by itself. A name counts when it holds a word of a refused place and none that puts the camera
    outside it. A word that only tells a side or a view of the room ("bedroom exit side", "bedroom near lift", 卧室出口侧)
    puts it nowhere. Where people sleep or live, an unsettled scene is refused too: it may be a room.
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
    if _holds_any(_without_landmarks(name, rules.outside_words), rules.outside_words):
        return None
    return next((place for place in rules.refused if _holds_any(name, place.words)), None)


def _holds_any(name: str, words: tuple[str, ...]) -> bool:
    """Whether a name holds one of the words: English ones whole (or their plural), Chinese ones anywhere. Blanks do not
    count: "guestroom", "rest room" and 宿 舍 are what they are."""
    spaced = _spaced(name)
    closed = spaced.replace(" ", "")
    return any(re.search(_pattern(word), spaced) if word.isascii() else word in closed for word in words)


def _without_landmarks(name: str, words: tuple[str, ...]) -> str:
    """The name less words that tell in which direction something lies, not where the camera stands."""
    english, chinese = _landmarks(words)
    kept = english.sub("|", _spaced(name))
    return chinese.sub("|", re.sub(r"(?<=[^\x00-\x7f]) (?=[^\x00-\x7f])", "", kept))


@cache
def _landmarks(words: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns of English and of Chinese: "near the lift lobby", "exit side"; 靠近电梯, 出口一侧, 出口方向. Of "corridor exit
    side" the exit alone: the camera stands in the corridor."""
    english = "|".join(_pattern(word) for word in words if word.isascii())
    chinese = "|".join(re.escape(word) for word in words if not word.isascii())
    return (
        re.compile(
            rf"\b(?:{_TOWARDS}) (?:the |an? )?(?:(?:{english}) ?)+|(?:{english}) (?:side|direction|view)\b"
        ),
        re.compile(rf"(?:{_TOWARDS_ZH})(?:{chinese})+|(?:{chinese})(?:一?侧|方向)"),
    )


def _spaced(name: str) -> str:
    return _BLANKS.sub(" ", name.casefold()).strip()


@cache
def _pattern(word: str) -> str:
    letters = " ?".join(re.escape(letter) for letter in word if letter != " ")
    return rf"\b{letters}(?:s|es)?\b"


def _refusal(what: str, rules: RegisterRules, cure: str) -> str:
    return f"refused: {what}; no camera may stand there: {rules.law.en} / {rules.law.zh}. {cure}"
