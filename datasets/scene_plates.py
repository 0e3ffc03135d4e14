"""Flat artwork for the rendered sample scene: signs, carton sides, labels, notices. Drawn by code, RGB pictures."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from firewarden.fonts import cjk_font

Colour = tuple[int, int, int]
_WHITE: Colour = (244, 246, 244)
_INK: Colour = (52, 44, 38)


def exit_plate() -> Image.Image:
    """Running man, arrow and 安全出口 / EXIT in white on green, 960 x 360."""
    plate = Image.new("RGB", (960, 360), (0, 138, 76))
    draw = ImageDraw.Draw(plate)
    draw.rectangle((10, 10, 949, 349), outline=_WHITE, width=8)
    draw.rectangle((60, 48, 250, 312), fill=_WHITE)
    _draw_runner(draw, (42, 62), 240, (0, 138, 76))
    _draw_centred(draw, (610, 130), "安全出口", 132, _WHITE, "Bold")
    _draw_centred(draw, (610, 268), "E X I T", 92, _WHITE, "Bold")
    return plate


def _draw_runner(draw: ImageDraw.ImageDraw, top_left: tuple[int, int], size: int, ink: Colour) -> None:
    """A running figure inside a square of `size`, limbs as thick lines with round ends."""
    left, top = top_left

    def limb(points: list[tuple[float, float]], width: float) -> None:
        corners = [(left + x * size, top + y * size) for x, y in points]
        thick = round(width * size)
        draw.line(corners, fill=ink, width=thick, joint="curve")
        for x, y in corners:
            draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=ink)

    draw.ellipse((left + 0.52 * size, top, left + 0.70 * size, top + 0.18 * size), fill=ink)
    limb([(0.54, 0.27), (0.46, 0.54)], 0.15)
    limb([(0.54, 0.27), (0.34, 0.33), (0.27, 0.47)], 0.075)
    limb([(0.56, 0.27), (0.68, 0.42), (0.82, 0.38)], 0.075)
    limb([(0.44, 0.56), (0.58, 0.70), (0.55, 0.93)], 0.095)
    limb([(0.44, 0.56), (0.36, 0.76), (0.14, 0.80)], 0.095)


def extinguisher_plate() -> Image.Image:
    """White extinguisher and flame pictogram with 灭火器 on red, 500 x 640."""
    plate = Image.new("RGB", (500, 640), (196, 22, 30))
    draw = ImageDraw.Draw(plate)
    draw.rectangle((12, 12, 487, 627), outline=_WHITE, width=8)
    draw.rounded_rectangle((130, 150, 240, 410), 34, fill=_WHITE)
    draw.rectangle((165, 110, 205, 160), fill=_WHITE)
    draw.line([(150, 100), (250, 70)], fill=_WHITE, width=20)
    draw.line([(160, 118), (240, 118)], fill=_WHITE, width=14)
    draw.arc((180, 110, 310, 330), -80, 70, fill=_WHITE, width=16)
    draw.polygon([(284, 300), (318, 300), (330, 372), (272, 372)], fill=_WHITE)
    flame = [
        (330, 410),
        (312, 350),
        (340, 300),
        (344, 330),
        (366, 250),
        (392, 318),
        (408, 296),
        (420, 356),
        (398, 410),
    ]
    draw.polygon(flame, fill=_WHITE)
    _draw_centred(draw, (250, 490), "灭火器", 112, _WHITE, "Bold")
    _draw_centred(draw, (250, 582), "FIRE EXTINGUISHER", 42, _WHITE, "Bold")
    return plate


def extinguisher_label() -> Image.Image:
    """The wrap-around label of a powder extinguisher, 1024 x 512, repeated twice round the cylinder."""
    label = Image.new("RGB", (1024, 512), (178, 14, 18))
    draw = ImageDraw.Draw(label)
    for left in (60, 572):
        draw.rectangle((left, 20, left + 392, 492), fill=(238, 234, 222))
        draw.rectangle((left, 20, left + 392, 110), fill=(24, 62, 140))
        _draw_centred(draw, (left + 196, 62), "手提式干粉灭火器", 44, _WHITE, "Bold")
        _draw_centred(draw, (left + 196, 146), "MFZ/ABC4", 46, (170, 20, 20), "Bold")
        for row in range(9):
            draw.rectangle(
                (left + 24, 196 + row * 32, left + 200 + (row * 67) % 170, 206 + row * 32), fill=(96, 90, 84)
            )
    return label


def carton_face(
    rng: np.random.Generator, wh_m: tuple[float, float], *, tape: str, printed: bool
) -> Image.Image:
    """One side of a cardboard box of `wh_m` metres at 900 px/m; `tape` is none, across or overhang."""
    wh = (max(64, round(wh_m[0] * 900)), max(64, round(wh_m[1] * 900)))
    face = _cardboard(rng, wh)
    if printed:
        _print_carton(face, rng)
    if tape != "none":
        _stick_tape(face, rng, overhang=tape == "overhang")
    return face


def _cardboard(rng: np.random.Generator, wh: tuple[int, int]) -> Image.Image:
    """Brown board: fibres, faint flutes and worn, lighter edges."""
    w, h = wh
    base = np.array([168, 132, 96], np.float32) * rng.uniform(0.9, 1.06)
    fibres = rng.normal(0, 5, (h, w, 1))
    flutes = 2.2 * np.sin(np.arange(w) * 2 * math.pi / 6)[None, :, None]
    cloud = Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).resize(wh, Image.Resampling.BICUBIC)
    blotch = (np.asarray(cloud, np.float32)[..., None] - 128) / 11
    edge = np.minimum.reduce(np.meshgrid(*(np.minimum(np.arange(n), n - 1 - np.arange(n)) for n in (w, h))))
    wear = 14 * np.exp(-edge[..., None] / 5.0) * rng.uniform(0.3, 1.0)
    return Image.fromarray(np.clip(base + fibres + flutes + blotch + wear, 0, 255).astype(np.uint8))


def _print_carton(face: Image.Image, rng: np.random.Generator) -> None:
    draw = ImageDraw.Draw(face)
    w, h = face.size
    ink = (70, 48, 34) if rng.random() < 0.7 else (150, 38, 30)
    size = round(min(w, h) * 0.17)
    x, y = round(w * rng.uniform(0.08, 0.16)), round(h * rng.uniform(0.56, 0.64))
    for offset in (0.0, 0.9):  # two "this side up" arrows on a bar
        left = x + offset * size
        draw.polygon(
            [(left + 0.4 * size, y), (left, y + 0.5 * size), (left + 0.8 * size, y + 0.5 * size)], fill=ink
        )
        draw.rectangle((left + 0.25 * size, y + 0.5 * size, left + 0.55 * size, y + size), fill=ink)
    draw.rectangle((x, y + 1.1 * size, x + 1.7 * size, y + 1.2 * size), fill=ink)
    draw.text((x + 2.2 * size, y), "小心轻放", font=cjk_font(round(size * 0.72), "Bold"), fill=ink)
    draw.text(
        (x + 2.2 * size, y + 0.85 * size), "FRAGILE", font=cjk_font(round(size * 0.5), "Bold"), fill=ink
    )
    _stick_label(face, rng)


def _stick_label(face: Image.Image, rng: np.random.Generator) -> None:
    w, h = face.size
    label = Image.new("RGB", (round(w * 0.3), round(h * 0.26)), (236, 234, 228))
    draw = ImageDraw.Draw(label)
    for row in range(4):
        width = rng.uniform(0.4, 0.9) * label.width
        y = label.height * (0.1 + 0.12 * row)
        draw.rectangle((label.width * 0.06, y, width, y + label.height * 0.05), fill=_INK)
    x = label.width * 0.08
    while x < label.width * 0.9:
        draw.rectangle(
            (x, label.height * 0.64, x + rng.uniform(1, 4), label.height * 0.92), fill=(20, 20, 20)
        )
        x += rng.uniform(4, 9)
    turned = label.rotate(rng.uniform(-2, 2), expand=True, fillcolor=(168, 132, 96))
    face.paste(turned, (round(w * rng.uniform(0.5, 0.62)), round(h * rng.uniform(0.1, 0.2))))


def _stick_tape(face: Image.Image, rng: np.random.Generator, *, overhang: bool) -> None:
    """Packing tape 50 mm wide along the middle, or its end 80 mm down from the top edge."""
    w, h = face.size
    middle, half = w / 2, 24
    box = (middle - half, 0, middle + half, 72) if overhang else (0, h / 2 - half, w, h / 2 + half)
    tint = Image.new("RGB", face.size, (206, 172, 118))
    mask = Image.new("L", face.size, 0)
    ImageDraw.Draw(mask).rectangle(box, fill=int(rng.integers(120, 170)))
    face.paste(tint, (0, 0), mask.filter(ImageFilter.GaussianBlur(1)))
    if not overhang:
        ImageDraw.Draw(face).line([(0, h / 2), (w, h / 2)], fill=(92, 64, 42), width=3)


def notice_board() -> Image.Image:
    """A framed evacuation plan: rooms, corridor, route arrows, 700 x 500."""
    board = Image.new("RGB", (700, 500), (236, 238, 234))
    draw = ImageDraw.Draw(board)
    draw.rectangle((0, 0, 699, 80), fill=(0, 120, 70))
    _draw_centred(draw, (350, 38), "疏散示意图 EVACUATION PLAN", 40, _WHITE, "Bold")
    for column in range(5):
        for top, bottom in ((110, 240), (320, 450)):
            draw.rectangle((40 + column * 124, top, 154 + column * 124, bottom), outline=_INK, width=4)
    draw.line([(60, 280), (600, 280)], fill=(0, 140, 70), width=14)
    draw.polygon([(600, 256), (650, 280), (600, 304)], fill=(0, 140, 70))
    draw.ellipse((180, 266, 208, 294), fill=(210, 30, 30))
    return board


def door_plate() -> Image.Image:
    """Blue-and-white plate of a self-closing fire door, 480 x 200."""
    plate = Image.new("RGB", (480, 200), (28, 74, 150))
    draw = ImageDraw.Draw(plate)
    draw.rectangle((8, 8, 471, 191), outline=_WHITE, width=5)
    _draw_centred(draw, (240, 66), "常闭式防火门", 66, _WHITE, "Bold")
    _draw_centred(draw, (240, 146), "请保持关闭", 50, _WHITE, "Medium")
    return plate


def _draw_centred(
    draw: ImageDraw.ImageDraw, centre: tuple[int, int], text: str, size: int, ink: Colour, weight: str
) -> None:
    draw.text(centre, text, font=cjk_font(size, weight), fill=ink, anchor="mm")
