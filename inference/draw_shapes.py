"""Painting on a Pillow picture: boxes, dashed paths, tinted and hatched zones, text plates. Canvas pixels, RGB."""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from PIL import Image, ImageDraw

from firewarden.findings import Box
from firewarden.fonts import cjk_font

Colour = tuple[int, int, int]
Polygon = Sequence[tuple[float, float]]
_HALO: Colour = (12, 12, 14)
PLATE_LINE_HEIGHT = 1.28  # of the text size
PLATE_PADDING = 0.32  # of the text size


def draw_box(picture: Image.Image, box: Box, colour: Colour, width: int, *, dashed: bool = False) -> None:
    """A box outline inside the picture, with a dark halo so that it shows on any ground."""
    inset = width / 2 + 1
    x0, y0 = max(inset, box[0]), max(inset, box[1])
    x1, y1 = min(picture.width - inset, box[2]), min(picture.height - inset, box[3])
    if x1 <= x0 or y1 <= y0:
        return
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    draw_path(picture, corners, colour, width, dashed=dashed)


def draw_path(picture: Image.Image, corners: Polygon, colour: Colour, width: int, *, dashed: bool) -> None:
    """A closed path, halo first."""
    draw = ImageDraw.Draw(picture)
    strokes = dashes(corners, width * 5.0) if dashed else _edges(corners)
    for stroke in strokes:
        draw.line(stroke, fill=_HALO, width=width + 2)
    for stroke in strokes:
        draw.line(stroke, fill=colour, width=width)
    if not dashed:  # square corners
        for x, y in corners:
            draw.rectangle((x - width / 2, y - width / 2, x + width / 2 - 1, y + width / 2 - 1), fill=colour)


def _edges(corners: Polygon) -> list[list[tuple[float, float]]]:
    closed = [*corners, corners[0]]
    return [[start, end] for start, end in pairwise(closed)]


def dashes(corners: Polygon, dash_px: float) -> list[list[tuple[float, float]]]:
    """Strokes of about `dash_px` along the closed path, as long as the gaps; every edge starts and ends with one."""
    strokes = []
    for (x0, y0), (x1, y1) in _edges(corners):
        pieces = 2 * max(1, round(math.hypot(x1 - x0, y1 - y0) / dash_px / 2)) + 1
        for k in range(0, pieces, 2):
            a, b = k / pieces, (k + 1) / pieces
            strokes.append(
                [(x0 + (x1 - x0) * a, y0 + (y1 - y0) * a), (x0 + (x1 - x0) * b, y0 + (y1 - y0) * b)]
            )
    return strokes


def tint_polygon(picture: Image.Image, polygon: Polygon, colour: Colour, alpha: int) -> None:
    """Fill a polygon with a see-through colour, `alpha` of 255."""
    if len(polygon) >= 3:
        ImageDraw.Draw(picture, "RGBA").polygon(list(polygon), fill=(*colour, alpha))


def hatch_polygon(picture: Image.Image, polygon: Polygon, colour: Colour, spacing: int, width: int) -> None:
    """Diagonal stripes inside a polygon."""
    if len(polygon) < 3:
        return
    inside = Image.new("L", picture.size, 0)
    ImageDraw.Draw(inside).polygon(list(polygon), fill=255)
    frame = inside.getbbox()
    if frame is None:
        return
    stripes = Image.new("L", picture.size, 0)
    draw = ImageDraw.Draw(stripes)
    x0, y0, x1, y1 = frame
    for x in range(x0 - (y1 - y0), x1, spacing):
        draw.line([(x, y1), (x + (y1 - y0), y0)], fill=210, width=width)
    black = Image.new("L", picture.size, 0)
    picture.paste(colour, (0, 0, *picture.size), Image.composite(stripes, black, inside))


@lru_cache(maxsize=20_000)
def text_width(text: str, size_px: int, weight: str) -> float:
    """Width in pixels of one row. Remembered: plates and banner are laid out several times for one picture."""
    return cjk_font(size_px, weight).getlength(text)


def plate_wh(rows: Sequence[tuple[str, str]], size_px: int) -> tuple[int, int]:
    """Width and height of the plate for rows of (text, weight)."""
    padding = round(size_px * PLATE_PADDING)
    width = max(text_width(text, size_px, weight) for text, weight in rows)
    return math.ceil(width) + 2 * padding, round(size_px * PLATE_LINE_HEIGHT * len(rows)) + padding


def draw_plate(
    picture: Image.Image, box: Box, rows: Sequence[tuple[str, str]], size_px: int, ground: Colour, ink: Colour
) -> None:
    """Rows of (text, weight) on a plate with a thin dark rim."""
    draw = ImageDraw.Draw(picture)
    draw.rectangle(box, fill=ground, outline=_HALO, width=max(1, size_px // 16))
    padding = round(size_px * PLATE_PADDING)
    y = box[1] + padding / 2
    for text, weight in rows:
        draw.text((box[0] + padding, y - size_px * 0.10), text, font=cjk_font(size_px, weight), fill=ink)
        y += size_px * PLATE_LINE_HEIGHT


def draw_leader(picture: Image.Image, plate: Box, anchor: Box, colour: Colour, width: int) -> None:
    """A line from a plate that stands apart to the nearest point of its box."""
    x = min(max((plate[0] + plate[2]) / 2, anchor[0]), anchor[2])
    y = min(max((plate[1] + plate[3]) / 2, anchor[1]), anchor[3])
    start = (min(max(x, plate[0]), plate[2]), min(max(y, plate[1]), plate[3]))
    if math.dist(start, (x, y)) > 2:
        draw = ImageDraw.Draw(picture)
        draw.line([start, (x, y)], fill=_HALO, width=width + 2)
        draw.line([start, (x, y)], fill=colour, width=width)
