"""The validation report as one HTML file: pictures inside, nothing fetched, no script; opens without a server."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image, ImageDraw

from firewarden.datasets.manifest import SPLITS
from firewarden.datasets.photo_scan import open_small
from firewarden.datasets.problems import KINDS, Box, Problem
from firewarden.datasets.validate import ValidationReport

_THUMBNAIL_PX = 240
_SHOWN_A_KIND = 24
_PICTURES_A_PROBLEM = 6
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
:root{color-scheme:light dark;--line:#8884;--error:#c62828;--warning:#b26a00}
body{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;margin:0 auto;max-width:72rem;padding:1.5rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .2rem}p{margin:.2rem 0}
.sums{display:flex;flex-wrap:wrap;gap:.8rem;margin:1rem 0}
.sums div{border:1px solid var(--line);border-radius:.5rem;padding:.5rem 1rem}.sums b{display:block;font-size:1.4rem}
.error b,h2.error{color:var(--error)}.warning b,h2.warning{color:var(--warning)}
table{border-collapse:collapse}td,th{border-bottom:1px solid var(--line);padding:.2rem .8rem;text-align:right}
td:first-child,th:first-child{text-align:left}
ul{list-style:none;padding:0;display:grid;gap:.8rem;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr))}
li{border:1px solid var(--line);border-radius:.5rem;padding:.5rem;overflow-wrap:anywhere;font-size:.85rem}
img{max-width:100%;border-radius:.25rem;margin:.1rem}.many img{width:47%;height:6rem;object-fit:cover}.cure,.more{opacity:.75}
@media print{li{break-inside:avoid}}
"""


def report_page(report: ValidationReport, folder: Path) -> str:
    """The whole page. Thumbnails are read from `folder`; every text is escaped."""
    kinds = [kind for kind in KINDS if report.of_kind(kind)]
    sections = "".join(_section(kind, report.of_kind(kind), folder) for kind in kinds)
    sums = (
        ("", report.photos, "photos"),
        ("error" if report.errors else "", report.errors, "errors"),
        ("warning", report.warnings, "warnings"),
        *([("", notes, "notes")] if (notes := report.count("note")) else []),
    )
    cards = "".join(f'<div class="{css}"><b>{count}</b>{what}</div>' for css, count, what in sums)
    checked = "compared with" if report.hashes_checked else "not compared: there is no"
    compared = "compared with a detector" if report.labels_compared else "not compared with a detector"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width,initial-scale=1"><meta http-equiv="Content-Security-Policy" '
        f'content="{_POLICY}"><title>Validation of {escape(report.name)}</title><style>{_STYLE}</style></head><body>'
        f'<h1>Validation of {escape(report.name)}</h1><div class="sums">{cards}</div>'
        f"<p>Photos {checked} hashes.csv. Labels {compared}. "
        f"This page holds pictures of the photos: pass it on as you would the photos.</p>"
        f"{sections or '<h2>No problems found</h2>'}{_balance(report)}</body></html>\n"
    )


def _balance(report: ValidationReport) -> str:
    head = "".join(f"<th>{split}</th>" for split in SPLITS)
    rows = "".join(
        f"<tr><td>{escape(name)}</td>{''.join(f'<td>{counts[split]}</td>' for split in SPLITS)}</tr>"
        for name, counts in report.class_balance.items()
    )
    return f"<h2>Boxes by class and split</h2><table><tr><th>class</th>{head}</tr>{rows}</table>"


def _section(kind: str, problems: Sequence[Problem], folder: Path) -> str:
    meaning = KINDS[kind]
    items = "".join(_item(problem, folder) for problem in problems[:_SHOWN_A_KIND])
    rest = len(problems) - _SHOWN_A_KIND
    more = f'<p class="more">{rest} more in the JSON report.</p>' if rest > 0 else ""
    return (
        f'<section id="{kind}"><h2 class="{meaning.level}">{escape(meaning.title)}: {len(problems)}</h2>'
        f'<p class="cure">{escape(meaning.cure)}</p><ul>{items}</ul>{more}</section>'
    )


def _item(problem: Problem, folder: Path) -> str:
    files = problem.files[:_PICTURES_A_PROBLEM]
    pictures = "".join(
        _picture(folder / file, problem.box if number == 0 else None) for number, file in enumerate(files)
    )
    names = ", ".join(escape(file) for file in files)
    rest = len(problem.files) - len(files)
    more = f' <span class="more">and {rest} more</span>' if rest > 0 else ""
    css = ' class="many"' if len(files) > 2 else ""
    return f"<li{css}>{pictures}<p><b>{names}</b>{more}</p><p>{escape(problem.detail)}</p></li>"


def _picture(path: Path, box: Box | None) -> str:
    """An <img> with the bytes inside; nothing for a file that cannot be read."""
    try:
        small = open_small(path.read_bytes(), _THUMBNAIL_PX)
    except (OSError, ValueError):
        return ""
    small.thumbnail((_THUMBNAIL_PX, _THUMBNAIL_PX))
    if box is not None:
        _draw_box(small, box)
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=75)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return f'<img alt="{escape(path.name)}" src="data:image/jpeg;base64,{data}">'


def _draw_box(picture: Image.Image, box: Box) -> None:
    w, h = picture.size
    x0, y0, x1, y1 = (min(max(v, 0.0), 1.0) for v in box)
    corners = (x0 * (w - 1), y0 * (h - 1), max(x1, x0) * (w - 1), max(y1, y0) * (h - 1))
    draw = ImageDraw.Draw(picture)
    draw.rectangle(corners, outline=(0, 0, 0), width=4)
    draw.rectangle(corners, outline=(255, 196, 0), width=2)
