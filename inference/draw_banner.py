"""The banner under an annotated picture: verdict, findings without a plate, the notice, and where the picture is from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from firewarden.fonts import cjk_font
from firewarden.inference.draw_shapes import text_width

Colour = tuple[int, int, int]  # RGB
_GROUND: Colour = (22, 25, 30)
_LINE_HEIGHT = 1.32  # of the text size; Noto Sans CJK needs about 1.2
_NO_LINE_START, _NO_LINE_END = "，。；：！？、）》」,.;:!?)", "（《「("


@dataclass(frozen=True, slots=True)
class Line:
    """One paragraph: its text, size in pixels, weight of the typeface and ink."""

    text: str
    size_px: int
    weight: str = "Regular"
    ink: Colour = (226, 229, 233)


def draw_banner(lines: Sequence[Line], width: int, stripe: Colour) -> Image.Image:
    """The paragraphs, wrapped to `width`, on a dark ground with a stripe of the level's colour at the left."""
    unit, height = _unit(lines), banner_height(lines, width)
    banner = Image.new("RGB", (width, height), _GROUND)
    draw = ImageDraw.Draw(banner)
    draw.rectangle((0, 0, round(unit * 0.4), height), fill=stripe)
    y = _margin(unit)
    for row, line in _rows(lines, width):
        draw.text((_left(unit), y), row, font=cjk_font(line.size_px, line.weight), fill=line.ink)
        y += _row_height(line)
    return banner


def banner_height(lines: Sequence[Line], width: int) -> int:
    """How high `draw_banner` makes the picture, in pixels."""
    return sum(_row_height(line) for _, line in _rows(lines, width)) + 2 * _margin(_unit(lines))


def _rows(lines: Sequence[Line], width: int) -> list[tuple[str, Line]]:
    unit = _unit(lines)
    room_px = max(unit, width - _left(unit) - _margin(unit))
    return [(row, line) for line in lines for row in wrap_text(line, room_px)]


def _unit(lines: Sequence[Line]) -> int:
    return max((line.size_px for line in lines), default=12)


def _left(unit: int) -> int:
    return round(unit * 0.9)


def _margin(unit: int) -> int:
    return round(unit * 0.45)


def wrap_text(line: Line, room_px: int) -> list[str]:
    """The rows of one paragraph, none wider than `room_px` unless a single character is.

    Breaks between words and between Chinese characters, never between punctuation and its text; too long words are cut.
    """
    rows, row = [], ""
    for piece in _pieces(line.text):
        for part in [piece] if _width(line, piece) <= room_px else list(piece):
            if row and _width(line, row + part) > room_px:
                rows.append(row.rstrip())
                row = ""
            row += part
    return [*rows, row.rstrip()] if row.strip() else rows


def _width(line: Line, text: str) -> float:
    return text_width(text.rstrip(), line.size_px, line.weight)


def _pieces(text: str) -> list[str]:
    """Words with the space after them, single Chinese characters, brackets and punctuation kept with theirs."""
    return re.findall(rf"[{re.escape(_NO_LINE_END)}]*(?:[!-~]+|.)[{re.escape(_NO_LINE_START)}]*\s*", text)


def _row_height(line: Line) -> int:
    return round(line.size_px * _LINE_HEIGHT)
