"""Drawn exit signs in the Chinese manner: running man, arrow, 安全出口 / EXIT, white on green or green on white.

Layout follows the look of GB 13495.1 plates; the drawing is our own. Pictures are RGBA uint8 (h, w, 4).
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from firewarden.fonts import cjk_font

_CHINESE = ("安全出口", "安全出口", "紧急出口", "疏散通道", "出口", "太平门")
_LATIN = ("EXIT", "EXIT", "SAFETY EXIT", "FIRE EXIT", "Exit", "")
_HEIGHT_PX = 160
Colour = tuple[int, int, int]


def draw_exit_sign(rng: np.random.Generator) -> NDArray[np.uint8]:
    """One random sign, RGBA, 160 px high, opaque; aspect ratio 1 (running man alone) to about 3.4."""
    green = _green(rng)
    white = int(rng.integers(215, 256)), int(rng.integers(215, 256)), int(rng.integers(215, 256))
    ink, ground = (white, green) if rng.random() < 0.6 else (green, white)
    parts = _choose_parts(rng)
    tiles = [_draw_part(part, rng, ink, ground) for part in parts]
    pad = int(rng.integers(4, 16))
    width = sum(tile.width for tile in tiles) + pad * (len(tiles) + 1)
    plate = Image.new("RGB", (width, _HEIGHT_PX), ground)
    x = pad
    for tile in tiles:
        plate.paste(tile, (x, 0))
        x += tile.width + pad
    return _with_frame(plate, rng, ink)


def _green(rng: np.random.Generator) -> Colour:
    return int(rng.integers(0, 70)), int(rng.integers(110, 200)), int(rng.integers(40, 120))


def _choose_parts(rng: np.random.Generator) -> list[str]:
    layouts = [
        ["man"], ["man", "text"], ["text", "man"], ["man", "arrow"], ["arrow", "man"], ["text"],
        ["arrow", "text"], ["text", "arrow"], ["man", "text", "arrow"], ["arrow", "text", "man"],
    ]  # fmt: skip
    return list(layouts[int(rng.integers(len(layouts)))])


def _draw_part(part: str, rng: np.random.Generator, ink: Colour, ground: Colour) -> Image.Image:
    if part == "text":
        return _draw_text(rng, ink, ground)
    tile = Image.new("RGB", (_HEIGHT_PX, _HEIGHT_PX), ground)
    if part == "man":
        _draw_running_man(ImageDraw.Draw(tile), ink, ground, doorway=rng.random() < 0.7)
    else:
        _draw_arrow(ImageDraw.Draw(tile), ink)
        tile = tile.rotate(int(rng.choice([0, 0, 0, 45, 90, 270, 315])), fillcolor=ground)
    return tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else tile


def _draw_running_man(draw: ImageDraw.ImageDraw, ink: Colour, ground: Colour, *, doorway: bool) -> None:
    if doorway:
        draw.rectangle((70, 14, 148, 146), fill=ink)
        ink = ground
    limb = 15
    draw.ellipse((84, 22, 110, 48), fill=ink)  # head
    draw.line([(92, 56), (80, 92)], fill=ink, width=24)  # trunk
    draw.line([(88, 60), (62, 74), (48, 62)], fill=ink, width=limb, joint="curve")  # leading arm
    draw.line([(96, 60), (118, 76), (126, 96)], fill=ink, width=limb, joint="curve")  # trailing arm
    draw.line([(78, 92), (56, 106), (34, 132)], fill=ink, width=limb + 2, joint="curve")  # leading leg
    draw.line([(82, 92), (108, 112), (128, 140)], fill=ink, width=limb + 2, joint="curve")  # trailing leg


def _draw_arrow(draw: ImageDraw.ImageDraw, ink: Colour) -> None:
    draw.rectangle((56, 70, 142, 92), fill=ink)
    draw.polygon([(14, 81), (72, 34), (72, 128)], fill=ink)


def _draw_text(rng: np.random.Generator, ink: Colour, ground: Colour) -> Image.Image:
    chinese = _CHINESE[int(rng.integers(len(_CHINESE)))] if rng.random() < 0.85 else ""
    latin = _LATIN[int(rng.integers(len(_LATIN)))] or ("" if chinese else "EXIT")
    weight = str(rng.choice(["Medium", "Bold", "Black"]))
    lines = [
        (text, size)
        for text, size in ((chinese, 78 if latin else 96), (latin, 44 if chinese else 92))
        if text
    ]
    widths = [cjk_font(size, weight).getlength(text) for text, size in lines]
    tile = Image.new("RGB", (int(max(widths)) + 12, _HEIGHT_PX), ground)
    draw = ImageDraw.Draw(tile)
    y = (_HEIGHT_PX - sum(size * 1.2 for _, size in lines)) / 2
    for (text, size), width in zip(lines, widths, strict=True):
        draw.text(((tile.width - width) / 2, y - size * 0.15), text, font=cjk_font(size, weight), fill=ink)
        y += size * 1.2
    return tile


def _with_frame(plate: Image.Image, rng: np.random.Generator, ink: Colour) -> NDArray[np.uint8]:
    draw = ImageDraw.Draw(plate)
    style = rng.random()
    if style < 0.3:
        draw.rectangle((3, 3, plate.width - 4, plate.height - 4), outline=ink, width=4)
    elif style < 0.6:  # metal housing of a lit box
        grey = int(rng.integers(60, 235))
        draw.rectangle(
            (0, 0, plate.width - 1, plate.height - 1),
            outline=(grey, grey, grey),
            width=int(rng.integers(4, 9)),
        )
    return np.dstack([np.asarray(plate), np.full((plate.height, plate.width), 255, np.uint8)])
