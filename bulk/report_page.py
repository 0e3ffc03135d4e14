"""The summary of a batch as one HTML file: pictures inside, nothing fetched, no script; opens without a server."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from firewarden.bulk.scorer import Row
from firewarden.bulk.summary import Summary
from firewarden.findings import NOT_REVIEWED, RiskLevel, Text
from firewarden.inference.draw_marks import LEVEL_STYLES

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_SHOWN_CAMERAS = 50
_LEVELS = {RiskLevel(level): f"{style.word.zh} {style.word.en}" for level, style in LEVEL_STYLES.items()}
_STYLE = """
:root{color-scheme:light dark;--line:#8884;--major:#c62828;--elevated:#e06c00;--general:#b28900;--low:#1565c0}
body{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;margin:0 auto;max-width:76rem;padding:1.5rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .4rem}p{margin:.3rem 0}.note{opacity:.75}
.cards{display:flex;flex-wrap:wrap;gap:.8rem;margin:1rem 0}
.cards div{border:1px solid var(--line);border-radius:.5rem;padding:.4rem 1rem}.cards b{display:block;font-size:1.4rem}
.major b,b.major{color:var(--major)}.elevated b,b.elevated{color:var(--elevated)}
.general b,b.general{color:var(--general)}.low b,b.low{color:var(--low)}
.wide{overflow-x:auto}table{border-collapse:collapse}td,th{border-bottom:1px solid var(--line);padding:.2rem .8rem;
text-align:right}td:first-child,th:first-child,.text td,.text th{text-align:left;overflow-wrap:anywhere}
ul{list-style:none;padding:0;display:grid;gap:.8rem;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr))}
li{border:1px solid var(--line);border-radius:.5rem;padding:.6rem;overflow-wrap:anywhere;font-size:.85rem}
img{width:100%;border-radius:.25rem;display:block;margin-bottom:.4rem}
.gone{border:1px dashed var(--line);border-radius:.25rem;padding:3rem 1rem;text-align:center;opacity:.75}
footer{margin-top:2rem;opacity:.75;font-size:.85rem}@media print{li{break-inside:avoid}}
"""


def batch_page(
    summary: Summary, names: Mapping[str, Text], thumbnails: Mapping[str, bytes], title: str
) -> str:
    """The whole page. `names` are those of the hazards, `thumbnails` JPEG bytes by path; every text is escaped, and bytes of
    file names that are no UTF-8 are `?`."""
    parts = [
        _cards(summary),
        _section("Worst pictures 最严重的图片", _worst(summary.worst, names, thumbnails)),
        _section("By hazard and level 按隐患和等级", _hazards(summary, names)),
        _section("By camera 按摄像头", _cameras(summary)),
        _section("Not scored 未能评定", _errors(summary)),
    ]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width,initial-scale=1"><meta http-equiv="Content-Security-Policy" '
        f'content="{_POLICY}"><title>Batch {escape(title)}</title><style>{_STYLE}</style></head><body>'
        f"<h1>Batch {escape(title)}</h1>{''.join(parts)}{_footer(summary)}</body></html>\n"
    )
    return page.encode(errors="replace").decode()


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def _cards(summary: Summary) -> str:
    cards = [("", summary.inputs, "inputs 输入"), ("", summary.failed, "not scored 未能评定")]
    cards += [(level.value, summary.levels[level.value], name) for level, name in _LEVELS.items()]
    cards += [
        ("", summary.verdicts["follow_up"], "to follow up 待核实"),
        ("", summary.verdicts["not_assessable"], "not assessable 无法判断"),
        ("", summary.verdicts["no_finding"], "nothing found 未发现"),
    ]
    shown = "".join(f'<div class="{css}"><b>{count}</b>{name}</div>' for css, count, name in cards)
    return f'<div class="cards">{shown}</div>'


def _worst(rows: Sequence[Row], names: Mapping[str, Text], thumbnails: Mapping[str, bytes]) -> str:
    if not rows:
        return "<p>No picture has a graded finding. Nothing found is not the same as safe. 未发现不等于安全。</p>"
    return f"<ul>{''.join(_item(row, names, thumbnails.get(row['path'])) for row in rows)}</ul>"


def _item(row: Row, names: Mapping[str, Text], jpeg: bytes | None) -> str:
    picture = (
        f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}">'
        if jpeg
        else '<div class="gone">picture no longer readable</div>'
    )
    findings = "".join(
        f'<p><b class="{finding["risk_level"]}">{_LEVELS[RiskLevel(finding["risk_level"])]}</b> '
        f"{escape(_name(finding['hazard'], names))}: {escape(finding['reason']['zh'])} "
        f"{escape(finding['reason']['en'])}</p>"
        for finding in row["findings"]
        if finding["risk_level"]
    )
    told = " · ".join(escape(text) for text in (row["batch"]["camera"], row["batch"]["time"]) if text)
    place = escape(row["path"])
    return f'<li>{picture}{findings}<p class="note">{told}</p><p class="note">{place}</p></li>'


def _hazards(summary: Summary, names: Mapping[str, Text]) -> str:
    rows = [
        [_name(code, names), *(str(levels[level.value]) for level in _LEVELS), str(sum(levels.values()))]
        for code, levels in sorted(summary.hazards.items(), key=lambda item: -sum(item[1].values()))
    ]
    return _table(["pictures with 图片数", *_LEVELS.values(), "all 合计"], rows)


def _cameras(summary: Summary) -> str:
    cameras = sorted(
        summary.cameras.items(),
        key=lambda item: (item[1].worst.rank if item[1].worst else -1, item[1].with_hazard),
        reverse=True,
    )
    rows = [
        [name, str(c.pictures), str(c.with_hazard), str(c.failed), _LEVELS[c.worst] if c.worst else "–"]
        for name, c in cameras[:_SHOWN_CAMERAS]
    ]
    more = len(cameras) - len(rows)
    note = f'<p class="note">{more} more cameras in the rows.</p>' if more > 0 else ""
    return (
        _table(
            ["camera 摄像头", "scored 已评定", "with hazard 有隐患", "not scored 未评定", "worst 最高等级"],
            rows,
        )
        + note
    )


def _errors(summary: Summary) -> str:
    rows = [list(told) for told in summary.errors]
    more = summary.failed - len(rows)
    return _table(["input 输入", "error 原因"], rows, css="text") + (
        f'<p class="note">{more} more in the rows.</p>' if more > 0 else ""
    )


def _table(head: Iterable[str], rows: Sequence[Sequence[str]], css: str = "") -> str:
    if not rows:
        return ""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide {css}"><table><tr>{top}</tr>{body}</table></div>'


def _footer(summary: Summary) -> str:
    models = "; ".join(
        f"model {escape(i)} ({sha[:12]}), rules {escape(r)}: {n}" for (i, sha, r), n in summary.models.items()
    )
    spans = {True: "Pictures from", False: "Pictures without a time zone from"}
    times = "".join(
        f"{told} {escape(span[0])} to {escape(span[1])}. "
        for zoned, told in spans.items()
        if (span := summary.times.get(zoned))
    )
    return (
        f"<footer><p>{times}{models}</p><p>AI-assisted; a person must verify every finding. AI 辅助提示，须人工核实。 "
        f"{escape(NOT_REVIEWED.en)}. {escape(NOT_REVIEWED.zh)}。 "
        f"Counts are of pictures, not of happenings. Faces and plates are blurred where they were found; look at the "
        f"pictures before passing this page on.</p></footer>"
    )


def _name(code: str, names: Mapping[str, Text]) -> str:
    return f"{names[code].zh} {names[code].en}" if code in names else code
