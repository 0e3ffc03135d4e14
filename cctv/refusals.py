"""Places where the law allows no camera. Pure.

A name cannot prove where a camera stands: what is doubtful is refused, and the registrar says it more clearly.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from firewarden.inference.cctv_rules import RefusedPlace, RegisterRules

Span = tuple[int, int]  # of a word in a name

_TOWARDS = "near|beside|by|next to|facing|towards?|overlooking|opposite|looking at|view of"
_TOWARDS_ZH = "靠近|临近|面向|朝向|正对|对着|靠|朝"
_BESIDE = re.compile(r" (?:side|direction|view)\b|(?:一?侧|方向|旁|边|前|外|附近|对面)")
_BETWEEN = re.compile(
    r"\b(?:before|behind|outside|of|off|on|at|from|to|along|with|between|across|under|below|above|into|in|inside|within|near|"
    r"beside|by|next|facing|towards?|overlooking|opposite|looking|for|serving)\b|靠近|临近|面向|朝|对着|通往|通向|去往|前往|连接|在|位于"
)
_WITHIN = re.compile(r"\b(?:in|inside|within|into)\b")
_ROOM_ZH = "[室间間区房处所]?"  # 更衣 and 更衣室 are one
_INSIDE_ZH = re.compile("内|里")


def find_refusal(
    name: str, scene: str, groups: frozenset[str], rules: RegisterRules
) -> tuple[str, str] | None:
    """Which field (`scene` or `name`) speaks against a camera here, and why, with the row of the law; else None.

    A scene counts by itself. A name counts when it holds a word of a refused place and nothing that puts the camera
    outside it: a word behind it ("bedroom corridor", 卧室走廊), or before it with a word that joins them ("corridor before
    the bedrooms", 走廊通往卧室). "Lobby toilet" is a toilet, and so is 大厅卫生间. A side, a view or a door of a room ("bedroom
    exit side", "bedroom near lift", 卧室出口) is nowhere else. Where people sleep or live, an unsettled scene is refused too:
    it may be a room.
    """
    for place in rules.refused:
        if scene == place.id or scene in place.scenes:
            what = f"scene {scene!r} is {place.text.en} ({place.text.zh})"
            return "scene", _refusal(what, rules, "Do not register it.")
    plain = _plain(name)
    named = next((place for place in rules.refused if _is_inside(plain, place, rules)), None)
    if named is not None:
        what = f"name {name!r} means {named.text.en} ({named.text.zh})"
        cure = "If it stands outside, the name has to say so, e.g. 'corridor before ...'."
        return "name", _refusal(what, rules, cure)
    if scene in rules.unsettled_scenes and groups & set(rules.settled_groups):
        what = f"scene {scene!r} may be a room in a venue where people sleep or live"
        cure = "Name the kind of place: a stairwell, corridor, lobby, lift or the outside."
        return "scene", _refusal(what, rules, cure)
    return None


def _is_inside(plain: str, place: RefusedPlace, rules: RegisterRules) -> bool:
    """Whether a name means such a place: one of its words has nothing that puts the camera outside."""
    words = (*rules.outside_words, *(rules.door_words if place.is_building else ()))
    outside = list(_spans(_without_landmarks(plain, (*rules.outside_words, *rules.door_words)), words))
    return any(
        not any(_lies_outside(plain, room, spot, place) for spot in outside)
        for room in _spans(plain, place.words)
    )


def _lies_outside(plain: str, room: Span, spot: Span, place: RefusedPlace) -> bool:
    """Whether the word at `spot` says that a camera stands outside the place named at `room`."""
    if spot[0] >= room[1]:
        between = plain[room[1] : spot[0]]
        within = not place.is_building and _INSIDE_ZH.match(between.lstrip())
        return not within and _BETWEEN.search(between) is None
    if spot[1] <= room[0]:
        between = plain[spot[1] : room[0]]
        if not place.is_building and _WITHIN.search(between):
            return False
        joined = _BETWEEN.search(plain[spot[0] : room[0]]) or _BESIDE.match(plain[room[1] :])
        return joined is not None
    return False


def _spans(plain: str, words: tuple[str, ...]) -> Iterator[Span]:
    """Where a name holds the words: English ones whole (or their plural), Chinese ones anywhere. Blanks do not count:
    "guestroom", "rest room" and 宿 舍 are what they are."""
    for word in words:
        for match in re.finditer(_pattern(word), plain):
            yield match.span()


def _without_landmarks(plain: str, words: tuple[str, ...]) -> str:
    """The name with blots for words that tell in which direction something lies, not where the camera stands."""
    for landmarks in _landmarks(words):
        plain = landmarks.sub(lambda match: "|" * len(match[0]), plain)
    return plain


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
        re.compile(rf"(?:{_TOWARDS_ZH})(?:{chinese})+|(?:{chinese})(?:一?侧|方向|旁|边|附近)"),
    )


def _plain(name: str) -> str:
    """A name in small letters of one width, without signs that are not seen, a blank for all that is no letter or number,
    and none between Chinese letters."""
    wide = unicodedata.normalize("NFKC", name).casefold()
    seen = "".join(c if c.isalnum() else " " for c in wide if unicodedata.category(c) != "Cf")
    return re.sub(r"(?<=[^\x00-\x7f]) (?=[^\x00-\x7f])", "", " ".join(seen.split()))


@cache
def _pattern(word: str) -> str:
    if not word.isascii():
        return f"{re.escape(word)}{_ROOM_ZH}"
    letters = " ?".join(re.escape(letter) for letter in word if letter != " ")
    return rf"\b{letters}(?:s|es)?\b"


def _refusal(what: str, rules: RegisterRules, cure: str) -> str:
    return f"refused: {what}; no camera may stand there: {rules.law.en} / {rules.law.zh}. {cure}"
