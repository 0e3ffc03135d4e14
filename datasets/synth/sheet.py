"""The contact sheet of a rendered folder: pictures with boxes, and what each should raise."""

import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from firewarden.datasets.contact_sheet import CELL_PX, draw_cell
from firewarden.datasets.labels import read_classes
from firewarden.datasets.manifest import read_manifest
from firewarden.fonts import cjk_font

_COLUMNS, _MOST, _GAP, _LINE = 6, 48, 8, 20


def write_sheet(out: Path, stems: Sequence[str], name: str = "sheet.jpg") -> Path:
    """Draw up to 48 of the finished pictures among `stems`, evenly spread but in pairs; returns the file."""
    wanted = set(stems)
    records = [record for record in read_manifest(out) if record.stem in wanted]
    pairs = len(records) // 2
    step = max(1, -(-pairs // (_MOST // 2)))
    chosen = [r for k, r in enumerate(records) if (k // 2) % step == 0][:_MOST]
    expected = json.loads((out / "expect.json").read_text(encoding="utf-8"))
    classes = read_classes(out)
    cells = [_with_hazards(draw_cell(out, record, classes), expected[record.stem]) for record in chosen]
    path = out / name
    _grid(cells).save(path, "JPEG", quality=88)
    return path


def _with_hazards(cell: Image.Image, row: dict[str, list[str]]) -> Image.Image:
    """The cell with a line of hazards (red), optional ones (grey) and hard negatives (blue) below."""
    tall = Image.new("RGB", (cell.width, cell.height + 3 * _LINE), (250, 250, 250))
    tall.paste(cell, (0, 0))
    draw = ImageDraw.Draw(tall)
    inks = {"hazards": (190, 20, 20), "optional_hazards": (110, 110, 110), "hard_negatives": (20, 60, 190)}
    for line, (key, ink) in enumerate(inks.items()):
        draw.text((2, cell.height + line * _LINE), ", ".join(row[key])[:56], font=cjk_font(13), fill=ink)
    return tall


def _grid(cells: Sequence[Image.Image]) -> Image.Image:
    """Cells in rows of six."""
    if not cells:
        return Image.new("RGB", (CELL_PX, CELL_PX), (250, 250, 250))
    columns = min(_COLUMNS, len(cells))
    w, h = cells[0].width + _GAP, cells[0].height + _GAP
    grid = Image.new("RGB", (columns * w + _GAP, -(-len(cells) // columns) * h + _GAP), (250, 250, 250))
    for k, cell in enumerate(cells):
        grid.paste(cell, (_GAP + k % columns * w, _GAP + k // columns * h))
    return grid
