"""A contact sheet: photos with their boxes and ignore regions, for people to look through."""

import colorsys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from firewarden.datasets.label_checks import name_of
from firewarden.datasets.labels import LabelRows, read_classes, read_labels
from firewarden.datasets.manifest import PhotoRecord
from firewarden.datasets.photo_scan import open_small
from firewarden.errors import DatasetError
from firewarden.fonts import cjk_font

CELL_PX = 360  # long side of a photo on the sheet
_CAPTION_PX, _MARGIN_PX, _TEXT_PX = 44, 8, 13
_WHOLE = 0.98  # an ignore region this large says that a class was not checked: written, not drawn
_HATCH_PX = 9
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
Colour = tuple[int, int, int]


def choose_photos(records: Sequence[PhotoRecord], count: int, seed: int) -> tuple[PhotoRecord, ...]:
    """`count` records by a seeded draw, in manifest order."""
    if count < 1:
        raise DatasetError(f"got {count} photos to show, expected at least 1.")
    drawn = np.random.default_rng(seed).permutation(len(records))[:count]
    return tuple(records[index] for index in sorted(drawn))


def class_colours(classes: Sequence[str]) -> tuple[Colour, ...]:
    """One bright colour a class, spread over the hues."""
    hues = (number * 0.618034 % 1 for number in range(len(classes)))
    rgb = (colorsys.hls_to_rgb(hue, 0.58, 0.95) for hue in hues)
    return tuple((round(r * 255), round(g * 255), round(b * 255)) for r, g, b in rgb)


def contact_sheet(folder: Path, records: Sequence[PhotoRecord], *, columns: int = 4) -> Image.Image:
    """An RGB sheet, row by row. A file that cannot be read shows as a grey cell that says so."""
    if not records:
        raise DatasetError("got no photos to show, expected at least one. Loosen --split or --class.")
    columns = max(1, min(columns, len(records)))
    classes = read_classes(folder)
    step_x, step_y = CELL_PX + _MARGIN_PX, CELL_PX + _CAPTION_PX + _MARGIN_PX
    lines = -(-len(records) // columns)
    sheet = Image.new("RGB", (columns * step_x + _MARGIN_PX, lines * step_y + _MARGIN_PX), (250, 250, 250))
    for number, record in enumerate(records):
        corner = (
            _MARGIN_PX + number % columns * step_x,
            _MARGIN_PX + number // columns * step_y,
        )
        sheet.paste(draw_cell(folder, record, classes), corner)
    return sheet


def sheet_format(path: Path) -> str:
    """The picture format that a file name asks for."""
    if path.suffix.lower() not in _FORMATS:
        raise DatasetError(f"got sheet {path}, expected a name that ends in one of {sorted(_FORMATS)}.")
    return _FORMATS[path.suffix.lower()]


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a sheet in the format of its name; folders are made."""
    chosen = sheet_format(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, chosen)


def draw_cell(folder: Path, record: PhotoRecord, classes: Sequence[str]) -> Image.Image:
    """One photo with boxes, regions and a caption of two lines, `CELL_PX` wide."""
    cell = Image.new("RGB", (CELL_PX, CELL_PX + _CAPTION_PX), (250, 250, 250))
    rows = read_labels(folder / "labels" / f"{record.stem}.txt")
    ignored = read_labels(folder / "ignore" / f"{record.stem}.txt")
    try:
        photo = open_small((folder / record.file).read_bytes(), CELL_PX)
    except (OSError, ValueError):
        photo = Image.new("RGB", (CELL_PX, CELL_PX), (170, 170, 170))
        ImageDraw.Draw(photo).text((12, 12), "unreadable", font=cjk_font(_TEXT_PX), fill=(0, 0, 0))
    photo.thumbnail((CELL_PX, CELL_PX))
    whole = (ignored.cxcywh[:, 2:] >= _WHOLE).all(axis=1)
    _hatch(photo, LabelRows(ignored.class_id[~whole], ignored.cxcywh[~whole]))
    _draw_boxes(photo, rows, classes)
    cell.paste(photo, (0, 0))
    unchecked = sorted({name_of(class_id, classes) for class_id in ignored.class_id[whole]})
    caption = f"{record.split} · {record.place_group}" + (
        f" · unchecked: {', '.join(unchecked)}" if unchecked else ""
    )
    draw = ImageDraw.Draw(cell)
    for line, text in enumerate((record.stem, caption)):
        draw.text((2, CELL_PX + 2 + line * 20), _fit(text), font=cjk_font(_TEXT_PX), fill=(30, 30, 30))
    return cell


def _fit(text: str) -> str:
    """The text, cut to the width of a cell."""
    while len(text) > 1 and cjk_font(_TEXT_PX).getlength(text) > CELL_PX - 4:
        text = text[: -max(2, len(text) // 20)].rstrip("…") + "…"
    return text


def _corners(photo: Image.Image, rows: LabelRows) -> list[tuple[int, int, int, int]]:
    """Whole pixels inside the photo; rows of no number or no area are left out."""
    w, h = photo.size
    xyxy = np.nan_to_num(rows.xyxy((h - 1, w - 1)), nan=-1.0).clip(0, (w - 1, h - 1, w - 1, h - 1))
    return [(round(float(a)), round(float(b)), round(float(c)), round(float(d))) for a, b, c, d in xyxy]


def _hatch(photo: Image.Image, regions: LabelRows) -> None:
    """Grey slanted lines over regions to ignore."""
    for x0, y0, x1, y1 in _corners(photo, regions):
        if x1 <= x0 or y1 <= y0:
            continue
        patch = photo.crop((x0, y0, x1 + 1, y1 + 1))
        draw = ImageDraw.Draw(patch)
        for start in range(-patch.height, patch.width, _HATCH_PX):
            draw.line((start, patch.height, start + patch.height, 0), fill=(128, 128, 128), width=1)
        draw.rectangle((0, 0, patch.width - 1, patch.height - 1), outline=(128, 128, 128), width=2)
        photo.paste(patch, (x0, y0))


def _draw_boxes(photo: Image.Image, rows: LabelRows, classes: Sequence[str]) -> None:
    draw, colours = ImageDraw.Draw(photo), class_colours(classes)
    for class_id, (x0, y0, x1, y1) in zip(rows.class_id, _corners(photo, rows), strict=True):
        if x1 < x0 or y1 < y0:
            continue
        known = 0 <= class_id < len(classes)
        colour = colours[class_id] if known else (255, 255, 255)
        draw.rectangle((x0, y0, x1, y1), outline=colour, width=2)
        text, font = name_of(class_id, classes), cjk_font(_TEXT_PX)
        left, top, right, bottom = draw.textbbox((x0 + 2, max(y0 - 17, 0)), text, font=font)
        draw.rectangle((left - 2, top - 1, right + 2, bottom + 1), fill=colour)
        draw.text((x0 + 2, max(y0 - 17, 0)), text, font=font, fill=_ink_on(colour))


def _ink_on(colour: Colour) -> Colour:
    """Black on bright, white on dark."""
    r, g, b = colour
    return (0, 0, 0) if 0.299 * r + 0.587 * g + 0.114 * b > 125 else (255, 255, 255)
