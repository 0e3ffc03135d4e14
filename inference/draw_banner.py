"""The banner under an annotated picture: verdict, findings without a plate, the notice, and where the picture is from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from firewarden.fonts import cjk_font

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
    unit = max((line.size_px for line in lines), default=12)
    left, margin = round(unit * 0.9), round(unit * 0.45)
    room = max(unit, width - left - margin)
    rows = [(row, line) for line in lines for row in wrap_text(line, room)]
    height = sum(_row_height(line) for _, line in rows) + 2 * margin
    banner = Image.new("RGB", (width, height), _GROUND)
    draw = ImageDraw.Draw(banner)
    draw.rectangle((0, 0, round(unit * 0.4), height), fill=stripe)
    y = margin
    for row, line in rows:
        draw.text((left, y), row, font=cjk_font(line.size_px, line.weight), fill=line.ink)
        y += _row_height(line)
    return banner


def wrap_text(line: Line, room_px: int) -> list[str]:
    """The rows of one paragraph, none wider than `room_px` unless a single character is.

    Breaks between words and between Chinese characters, never between punctuation and its text; too long words are cut.
    """
    font = cjk_font(line.size_px, line.weight)
    rows, row = [], ""
    for piece in _pieces(line.text):
        for part in [piece] if font.getlength(piece.rstrip()) <= room_px else list(piece):
            if row and font.getlength((row + part).rstrip()) > room_px:
                rows.append(row.rstrip())
                row = ""
            row += part
    return [*rows, row.rstrip()] if row.strip() else rows


def _pieces(text: str) -> list[str]:
    """Words with the space after them, single Chinese characters, brackets and punctuation kept with theirs."""
    return re.findall(rf"[{re.escape(_NO_LINE_END)}]*(?:[!-~]+|.)[{re.escape(_NO_LINE_START)}]*\s*", text)


def _row_height(line: Line) -> int:
    return round(line.size_px * _LINE_HEIGHT)
