"""Exit signs and extinguisher signs as flat boxes in the frame of a wall, or hung from the ceiling."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from firewarden.datasets.scene_parts import add_box, add_plate, add_tube, make_material
from firewarden.datasets.signs import draw_exit_sign
from firewarden.datasets.synth.surfaces import hsv
from firewarden.fonts import cjk_font

_WHITE = (244, 246, 244)


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign: the objects that are boxed, what merely holds it, and its width and height in metres."""

    things: list[Any]
    holders: list[Any]
    width: float
    height: float


def build_exit_sign(rng: np.random.Generator, *, hung: bool = False) -> Sign:
    """A lit or unlit exit sign, its middle at the origin; `hung` gives it two faces and rods up to z = 0.6."""
    picture = Image.fromarray(draw_exit_sign(rng)).convert("RGB")
    height = rng.uniform(0.12, 0.24) if rng.random() < 0.75 else rng.uniform(0.24, 0.36)
    width = min(height * picture.width / picture.height, 1.1)
    height = width * picture.height / picture.width
    glow = float(rng.choice([0.0, rng.uniform(0.04, 0.15), rng.uniform(0.15, 0.5)], p=[0.4, 0.4, 0.2]))
    face = make_material("exit", picture=picture, roughness=rng.uniform(0.15, 0.5), glow=glow)
    v = rng.uniform(0.1, 0.8)
    housing = make_material("housing", (v, v, v), roughness=0.35)
    depth = rng.uniform(0.004, 0.05)
    rim = rng.uniform(0.0, 0.012)
    y = 0.0 if hung else -depth / 2
    things = [add_box((0, y, 0), (width + 2 * rim, depth, height + 2 * rim), housing, bevel=0.002)]
    front = y - depth / 2 - 0.0008
    things.append(add_plate((-width / 2, front, -height / 2), (width, 0, 0), (0, 0, height), face))
    if not hung:
        return Sign(things, [], width + 2 * rim, height + 2 * rim)
    back = y + depth / 2 + 0.0008
    things.append(add_plate((width / 2, back, -height / 2), (-width, 0, 0), (0, 0, height), face))
    rods = [
        add_tube(
            [(s * width * 0.35, 0, height / 2), (s * width * 0.35, 0, 0.3), (s * width * 0.35, 0, 0.6)],
            0.004,
            housing,
        )
        for s in (-1, 1)
    ]
    return Sign(things, rods, width + 2 * rim, height + 2 * rim)


def build_extinguisher_sign(rng: np.random.Generator, *, arrow: bool = False) -> Sign:
    """A red plate with extinguisher and flame, its lower edge in the middle at the origin; `arrow` points elsewhere."""
    picture = extinguisher_sign_picture(rng, arrow=arrow)
    height = rng.uniform(0.18, 0.36) * (0.6 if picture.width > picture.height * 1.2 else 1.0)
    width = height * picture.width / picture.height
    face = make_material("sign", picture=picture, roughness=rng.uniform(0.15, 0.6))
    edge = make_material("sign edge", (0.3, 0.03, 0.03), roughness=0.5)
    thick = rng.uniform(0.002, 0.01)
    plate = add_box((0, -thick / 2, height / 2), (width, thick, height), edge, bevel=0)
    front = add_plate((-width / 2, -thick - 0.0008, 0), (width, 0, 0), (0, 0, height), face)
    return Sign([plate, front], [], width, height)


def extinguisher_sign_picture(rng: np.random.Generator, *, arrow: bool) -> Image.Image:
    """Pictogram with or without words, upright, square or wide; `arrow` adds one that points aside."""
    red = (int(rng.integers(160, 222)), int(rng.integers(8, 40)), int(rng.integers(12, 45)))
    ink, ground = (_WHITE, red) if rng.random() < 0.85 else (red, _WHITE)
    words = str(rng.choice(["灭火器", "灭火器", "消防器材", "滅火器", "灭火器箱", ""]))
    latin = str(rng.choice(["FIRE EXTINGUISHER", "Fire extinguisher", "EXTINGUISHER", ""])) or (
        "" if words else "FIRE"
    )
    tile = Image.new("RGB", (400, 400), ground)
    _draw_pictogram(ImageDraw.Draw(tile), ink)
    lines = [(text, size) for text, size in ((words, 108), (latin, 40)) if text]
    layout = str(rng.choice(["upright", "wide", "square"], p=[0.55, 0.25, 0.2]))
    if arrow:
        pointer = Image.new("RGB", (240, 400), ground)
        draw = ImageDraw.Draw(pointer)
        draw.rectangle((90, 170, 225, 230), fill=ink)
        draw.polygon([(15, 200), (110, 110), (110, 290)], fill=ink)
        pointer = pointer if rng.random() < 0.5 else pointer.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        plate = _beside([tile, pointer], ground)
    elif layout == "square":
        plate = tile
    elif layout == "wide":
        plate = _beside([tile, _text_tile(lines, (520, 400), ink, ground)], ground)
    else:
        plate = Image.new("RGB", (400, 590), ground)
        plate.paste(tile, (0, 0))
        plate.paste(_text_tile(lines, (400, 190), ink, ground), (0, 400))
    if rng.random() < 0.7:
        ImageDraw.Draw(plate).rectangle((8, 8, plate.width - 9, plate.height - 9), outline=ink, width=7)
    return plate


def _beside(tiles: list[Image.Image], ground: tuple[int, int, int]) -> Image.Image:
    plate = Image.new("RGB", (sum(t.width for t in tiles), tiles[0].height), ground)
    x = 0
    for tile in tiles:
        plate.paste(tile, (x, 0))
        x += tile.width
    return plate


def _text_tile(
    lines: list[tuple[str, int]], wh: tuple[int, int], ink: tuple[int, int, int], ground: tuple[int, int, int]
) -> Image.Image:
    tile = Image.new("RGB", wh, ground)
    draw = ImageDraw.Draw(tile)
    y = (wh[1] - sum(size * 1.3 for _, size in lines)) / 2
    for text, size in lines:
        fitted = min(size, round(size * (wh[0] - 40) / max(1.0, cjk_font(size, "Bold").getlength(text))))
        draw.text((wh[0] / 2, y + size * 0.62), text, font=cjk_font(fitted, "Bold"), fill=ink, anchor="mm")
        y += size * 1.3
    return tile


def _draw_pictogram(draw: ImageDraw.ImageDraw, ink: tuple[int, int, int]) -> None:
    """A cylinder with hose and a flame beside it."""
    draw.rounded_rectangle((95, 130, 195, 365), 28, fill=ink)
    draw.rectangle((128, 92, 162, 136), fill=ink)
    draw.line([(112, 84), (212, 52)], fill=ink, width=18)
    draw.line([(120, 100), (196, 100)], fill=ink, width=12)
    draw.arc((140, 92, 262, 290), -85, 60, fill=ink, width=15)
    draw.polygon([(236, 262), (268, 262), (280, 330), (224, 330)], fill=ink)
    flame = [
        (300, 365),
        (278, 300),
        (304, 246),
        (310, 280),
        (330, 190),
        (356, 262),
        (372, 240),
        (384, 306),
        (360, 365),
    ]
    draw.polygon(flame, fill=ink)


def build_notice(rng: np.random.Generator) -> list[Any]:
    """A poster, notice or licence with Chinese text, its middle at the origin."""
    picture = notice_picture(rng)
    height = rng.uniform(0.2, 0.5) if rng.random() < 0.75 else rng.uniform(0.5, 0.9)
    width = height * picture.width / picture.height
    face = make_material("notice", picture=picture, roughness=rng.uniform(0.2, 0.9))
    plate = add_plate((-width / 2, -0.004, -height / 2), (width, 0, 0), (0, 0, height), face)
    if rng.random() < 0.35:
        v = rng.uniform(0.05, 0.6)
        frame = make_material("frame", (v, v, v), roughness=0.3, metallic=0.6)
        return [add_box((0, -0.0015, 0), (width + 0.04, 0.003, height + 0.04), frame, bevel=0), plate]
    plate.rotation_euler[1] = float(rng.normal(0, 0.03))
    return [plate]


_TITLES = (
    "严禁电动车进楼入户", "消防通道 禁止堵塞", "温馨提示", "通知", "出租房屋", "禁止吸烟", "消防安全责任牌", "疏散示意图",
    "垃圾分类 从我做起", "专业疏通", "当心触电", "禁止停放", "物业公告", "防火门 请关闭", "安全用电", "节约用水",
)  # fmt: skip
_WORDS = "为了保障大家的人身和财产安全请勿在楼道内堆放杂物停放车辆如有违反后果自负感谢您的理解与配合联系电话物业服务中心年月日"


def notice_picture(rng: np.random.Generator) -> Image.Image:
    """A sheet with a title bar, lines of text and sometimes a symbol, about 300 to 600 px wide."""
    wh = (int(rng.integers(300, 600)), int(rng.integers(300, 640)))
    ground = tuple(
        round(255 * c) for c in hsv(rng.random(), rng.choice([0.03, 0.1, 0.8]), rng.uniform(0.7, 1.0))
    )
    bar = tuple(
        round(255 * c) for c in hsv(rng.choice([0, 0.02, 0.6, 0.33, 0.13]), 0.85, rng.uniform(0.4, 0.9))
    )
    sheet = Image.new("RGB", wh, ground)
    draw = ImageDraw.Draw(sheet)
    title = _TITLES[int(rng.integers(len(_TITLES)))]
    top = round(wh[1] * rng.uniform(0.15, 0.28))
    draw.rectangle((0, 0, wh[0], top), fill=bar)
    size = max(16, min(round(top * rng.uniform(0.4, 0.66)), wh[0] // (len(title) + 1)))
    draw.text((wh[0] / 2, top / 2), title, font=cjk_font(size, "Bold"), fill=_WHITE, anchor="mm")
    ink = (30, 30, 30) if rng.random() < 0.8 else bar
    if rng.random() < 0.3:
        _draw_prohibition(draw, (wh[0] / 2, (top + wh[1]) / 2), min(wh[0], wh[1] - top) * 0.36)
        return sheet
    step = int(rng.integers(18, 34))
    for y in range(top + step, wh[1] - step, round(step * 1.5)):
        count = max(2, round((wh[0] - 40) / step * rng.uniform(0.5, 1.0)))
        start = int(rng.integers(len(_WORDS)))
        draw.text((20, y), (_WORDS * 3)[start : start + count], font=cjk_font(step - 2), fill=ink)
    return sheet


def _draw_prohibition(draw: ImageDraw.ImageDraw, centre: tuple[float, float], radius: float) -> None:
    x, y = centre
    draw.ellipse(
        (x - radius, y - radius, x + radius, y + radius),
        outline=(200, 20, 25),
        width=max(3, round(radius / 6)),
    )
    dx = radius * math.cos(math.pi / 4)
    draw.rectangle(
        (x - radius * 0.45, y - radius * 0.12, x + radius * 0.45, y + radius * 0.12), fill=(20, 20, 20)
    )
    draw.line((x - dx, y - dx, x + dx, y + dx), fill=(200, 20, 25), width=max(3, round(radius / 7)))
