"""Drawn plates and cabinets of fire equipment other than extinguishers: hose reels, hydrants, call points, prohibitions.
BGRA uint8. Our own drawing after the look of such plates."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from firewarden.datasets.compose.ground import Picture
from firewarden.fonts import cjk_font

_SIDE = 200
_HOSE_TEXTS = (
    "消火栓",
    "消防栓",
    "室内消火栓",
    "消防软管卷盘",
    "FIRE HOSE REEL",
    "FIRE HOSE",
    "HYDRANT",
    "IDRANTE",
    "",
)
_ALARM_TEXTS = ("火警按钮", "手动报警", "消防电话", "FIRE ALARM", "BREAK GLASS", "火警 119", "")
_BAN_TEXTS = ("禁止吸烟", "禁止烟火", "禁止停放", "NO SMOKING", "禁止充电", "")
Colour = tuple[int, int, int]
Tile = Image.Image


def draw_other_sign(rng: np.random.Generator) -> Picture:
    """One random plate that marks no extinguisher, 50 px on its shorter side or more, opaque."""
    pick = rng.random()
    if pick < 0.45:
        plate = _red_plate(_hose_reel, _HOSE_TEXTS, rng)
    elif pick < 0.7:
        plate = _red_plate(_call_point, _ALARM_TEXTS, rng)
    elif pick < 0.85:
        plate = _words(_one_of(_HOSE_TEXTS[:-1] + _ALARM_TEXTS[:-1], rng), _red(rng), _white(rng))
    else:
        plate = _ban(rng)
    if rng.random() < 0.5:
        _outline(plate, _white(rng), int(rng.integers(3, 7)))
    return _opaque(plate)


def draw_hose_cabinet(rng: np.random.Generator) -> Picture:
    """A closed wall cabinet of a hose: red, white or steel, with or without a pane, marked 消火栓 or FIRE HOSE."""
    width, height = int(rng.integers(260, 340)), int(rng.integers(300, 640))
    body = _red(rng) if rng.random() < 0.6 else _grey(rng)
    cabinet = Image.new("RGB", (width, height), body)
    draw = ImageDraw.Draw(cabinet)
    _outline(cabinet, _shade(body, 0.7), 6)
    rim = int(rng.integers(18, 46))
    pane = (rim, rim, width - rim, height - rim)
    glass = rng.random() < 0.6
    if glass:
        draw.rectangle(pane, fill=_shade(_grey(rng), float(rng.uniform(0.3, 0.7))))
        draw.line((pane[0], pane[3], pane[2], pane[1]), fill=_shade(body, 1.2), width=4)
    ink = _red(rng) if glass or body[0] - body[1] < 60 else _white(rng)
    _write(draw, _one_of(("消火栓", "消防栓", "FIRE HOSE", "119"), rng), (width // 2, height // 3), 56, ink)
    draw.ellipse((width - rim - 12, height // 2, width - rim + 6, height // 2 + 40), fill=_shade(body, 0.5))
    return _opaque(cabinet)


def _red_plate(
    pictogram: Callable[[Colour, Colour], Tile], texts: tuple[str, ...], rng: np.random.Generator
) -> Tile:
    """Pictogram, words below, beside or none; the words stand on red or on white."""
    red, white = _red(rng), _white(rng)
    tile, text = pictogram(red, white), _one_of(texts, rng)
    if not text:
        return tile
    words = _words(text, red, white) if rng.random() < 0.6 else _words(text, white, (20, 20, 20))
    if rng.random() < 0.6:
        plate = Image.new("RGB", (max(tile.width, words.width), tile.height + words.height), red)
        plate.paste(tile, ((plate.width - tile.width) // 2, 0))
        plate.paste(words, ((plate.width - words.width) // 2, tile.height))
        return plate
    plate = Image.new("RGB", (tile.width + words.width, tile.height), red)
    plate.paste(tile, (0, 0))
    plate.paste(words, (tile.width, (tile.height - words.height) // 2))
    return plate


def _hose_reel(red: Colour, white: Colour) -> Tile:
    """White rings on red, the hose's end hanging from them."""
    tile = Image.new("RGB", (_SIDE, _SIDE), red)
    draw = ImageDraw.Draw(tile)
    for radius in (72, 50, 28):
        draw.ellipse((96 - radius, 92 - radius, 96 + radius, 92 + radius), outline=white, width=9)
    draw.line([(164, 92), (164, 158), (148, 182)], fill=white, width=10, joint="curve")
    return tile


def _call_point(red: Colour, white: Colour) -> Tile:
    """A button in a ring and a flame beside it."""
    tile = Image.new("RGB", (_SIDE, _SIDE), red)
    draw = ImageDraw.Draw(tile)
    draw.ellipse((28, 60, 118, 150), outline=white, width=10)
    draw.ellipse((56, 88, 90, 122), fill=white)
    draw.polygon(
        [(150, 150), (128, 112), (142, 64), (154, 92), (170, 46), (188, 104), (178, 150)], fill=white
    )
    return tile


def _ban(rng: np.random.Generator) -> Tile:
    """A red ring with a bar on white, words below."""
    white, red, text = _white(rng), _red(rng), _one_of(_BAN_TEXTS, rng)
    plate = Image.new("RGB", (_SIDE, _SIDE + (70 if text else 0)), white)
    draw = ImageDraw.Draw(plate)
    draw.rectangle((60, 104, 140, 118), fill=(25, 25, 25))
    draw.ellipse((22, 22, 178, 178), outline=red, width=18)
    draw.line((48, 48, 152, 152), fill=red, width=16)
    if text:
        _write(draw, text, (_SIDE // 2, _SIDE + 34), 44 if len(text) < 6 else 30, red)
    return plate


def _words(text: str, ground: Colour, ink: Colour) -> Tile:
    size = 64 if len(text) < 7 else 34
    width = int(cjk_font(size, "Bold").getlength(text)) + 36
    tile = Image.new("RGB", (width, int(size * 1.5)), ground)
    _write(ImageDraw.Draw(tile), text, (width // 2, tile.height // 2), size, ink)
    return tile


def _write(draw: ImageDraw.ImageDraw, text: str, centre: tuple[int, int], size: int, ink: Colour) -> None:
    draw.text(centre, text, font=cjk_font(size, "Bold"), fill=ink, anchor="mm")


def _outline(tile: Tile, ink: Colour, width: int) -> None:
    ImageDraw.Draw(tile).rectangle((4, 4, tile.width - 5, tile.height - 5), outline=ink, width=width)


def _red(rng: np.random.Generator) -> Colour:
    return int(rng.integers(165, 225)), int(rng.integers(10, 50)), int(rng.integers(15, 50))


def _white(rng: np.random.Generator) -> Colour:
    return (int(rng.integers(225, 256)),) * 3


def _grey(rng: np.random.Generator) -> Colour:
    return (int(rng.integers(130, 235)),) * 3


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(round(c * factor), 255) for c in colour)
    return red, green, blue


def _one_of(texts: tuple[str, ...], rng: np.random.Generator) -> str:
    return texts[int(rng.integers(len(texts)))]


def _opaque(tile: Tile) -> Picture:
    bgr = np.asarray(tile)[..., ::-1]
    return np.dstack([bgr, np.full(bgr.shape[:2], 255, np.uint8)])
