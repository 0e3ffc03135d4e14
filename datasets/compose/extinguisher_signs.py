"""Drawn plates that mark an extinguisher's place: red with white cylinder and flame, 灭火器 / FIRE EXTINGUISHER. BGRA uint8.

Our own drawing after the look of such plates; none carries a direction arrow.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from firewarden.fonts import cjk_font

_HEIGHT_PX = 200
_TEXTS = (
    ("灭火器", "FIRE EXTINGUISHER"), ("灭火器", ""), ("灭火器箱", "FIRE EXTINGUISHER BOX"), ("消防器材", "FIRE EQUIPMENT"),
    ("灭火器放置点", ""), ("", "FIRE EXTINGUISHER"), ("", "FIRE POINT"), ("滅火器", ""),
)  # fmt: skip
Colour = tuple[int, int, int]


def draw_extinguisher_sign(rng: np.random.Generator) -> NDArray[np.uint8]:
    """One random plate, 200 px on its shorter side or more, opaque."""
    red = int(rng.integers(165, 225)), int(rng.integers(10, 50)), int(rng.integers(15, 50))
    white = (int(rng.integers(225, 256)),) * 3
    layout = rng.random()
    chinese, latin = _TEXTS[int(rng.integers(len(_TEXTS)))]
    if layout < 0.3:
        plate = _pictogram(red, white, rng)
    elif layout < 0.6:
        plate = _stacked([_pictogram(red, white, rng), _words(chinese, latin, red, white)], red, upright=True)
    elif layout < 0.85:
        plate = _stacked(
            [_pictogram(red, white, rng), _words(chinese, latin, red, white)], red, upright=False
        )
    else:
        plate = _column(chinese or "灭火器", red, white)
    if rng.random() < 0.6:
        draw = ImageDraw.Draw(plate)
        draw.rectangle(
            (4, 4, plate.width - 5, plate.height - 5), outline=white, width=int(rng.integers(3, 7))
        )
    bgr = np.asarray(plate)[..., ::-1]
    return np.dstack([bgr, np.full(bgr.shape[:2], 255, np.uint8)])


def _pictogram(red: Colour, white: Colour, rng: np.random.Generator) -> Image.Image:
    tile = Image.new("RGB", (_HEIGHT_PX, _HEIGHT_PX), red)
    draw = ImageDraw.Draw(tile)
    x = 84 if rng.random() < 0.7 else 70
    draw.rounded_rectangle((x, 66, x + 48, 176), 16, fill=white)
    draw.rectangle((x + 16, 44, x + 32, 70), fill=white)
    draw.line([(x + 6, 40), (x + 24, 48), (x + 46, 32)], fill=white, width=10, joint="curve")
    draw.arc((x - 34, 40, x + 26, 128), 150, 280, fill=white, width=8)
    if x < 80:
        draw.polygon(
            [(150, 168), (132, 140), (142, 104), (152, 124), (166, 92), (180, 132), (172, 168)], fill=white
        )
    return tile


def _words(chinese: str, latin: str, red: Colour, white: Colour) -> Image.Image:
    lines = [(text, size) for text, size in ((chinese, 72), (latin, 34)) if text]
    width = max(int(cjk_font(size, "Bold").getlength(text)) for text, size in lines) + 36
    tile = Image.new("RGB", (max(width, _HEIGHT_PX), sum(int(size * 1.35) for _, size in lines) + 16), red)
    draw, y = ImageDraw.Draw(tile), 8
    for text, size in lines:
        font = cjk_font(size, "Bold")
        draw.text(((tile.width - font.getlength(text)) / 2, y - size * 0.12), text, font=font, fill=white)
        y += int(size * 1.35)
    return tile


def _stacked(tiles: list[Image.Image], red: Colour, *, upright: bool) -> Image.Image:
    if upright:
        size = max(t.width for t in tiles), sum(t.height for t in tiles)
    else:
        size = sum(t.width for t in tiles), max(t.height for t in tiles)
    plate, at = Image.new("RGB", size, red), 0
    for tile in tiles:
        spot = ((size[0] - tile.width) // 2, at) if upright else (at, (size[1] - tile.height) // 2)
        plate.paste(tile, spot)
        at += tile.height if upright else tile.width
    return plate


def _column(text: str, red: Colour, white: Colour) -> Image.Image:
    """Characters one below the other."""
    plate = Image.new("RGB", (120, 104 * len(text) + 20), red)
    draw = ImageDraw.Draw(plate)
    for number, character in enumerate(text):
        draw.text((16, 104 * number), character, font=cjk_font(88, "Bold"), fill=white)
    return plate
