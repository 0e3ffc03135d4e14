"""Tables of the evaluation page: figures in, HTML out. Every text is escaped."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from firewarden.training.bootstrap import Interval
from firewarden.training.cable_scores import CableScore
from firewarden.training.figures import Figures
from firewarden.training.shares import Share

Cell = str | int | float | None


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table that scrolls sideways by itself; the first column is text, the others figures. Text cells are HTML."""
    heads = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else number(cell)


def number(value: float | None) -> str:
    """Whole numbers as they are, others with three decimals, a dash for none."""
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def with_interval(value: float | None, ci: Interval | None) -> str:
    """'0.930 [0.85, 1.00]', the interval softer."""
    if value is None or ci is None:
        return number(value)
    return f"{number(value)} <small>[{ci[0]:.2f}, {ci[1]:.2f}]</small>"


def share_text(share: Share) -> str:
    """Rate with its interval and the counts behind it."""
    return f"{with_interval(share.rate, share.ci)} <small>{share.count} of {share.n}</small>"


def class_table(figures: Figures) -> str:
    """One row a class, those with objects first; classes without objects and detections are left out."""
    rows = [
        (
            escape(name),
            row.n,
            with_interval(row.map50, row.ci_map50),
            with_interval(row.map50_95, row.ci_map50_95),
            row.precision,
            row.recall,
            row.operating_point,
        )
        for name, row in sorted(figures.metrics.per_class.items(), key=lambda item: -item[1].n)
        if row.n or row.precision is not None
    ]
    return table(("class", "objects", "mAP50", "mAP50-95", "precision", "recall", "at confidence"), rows)


def hazard_table(figures: Figures, names: Mapping[str, str]) -> str:
    """One row a hazard; `names` are their readable names."""
    rows = [
        (
            f"{escape(names.get(code, code))}<br><small>{escape(code)}</small>",
            score.judged_photos,
            score.n,
            with_interval(score.precision, score.ci_precision),
            with_interval(score.recall, score.ci_recall),
            with_interval(score.fp_per_image, score.ci_fp_per_image),
            share_text(score.pairs) if score.pairs.n else "–",
            score.needs_site_check + score.needs_second_frame,
            score.found,
        )
        for code, score in figures.per_hazard.items()
    ]
    head = (
        "hazard", "photos judged", "showing it", "precision", "recall", "false alarms a photo",
        "pairs told right", "asked for more", "reported in all",
    )  # fmt: skip
    return table(head, rows)


def look_alike_table(figures: Figures) -> str:
    """False alarms on each hard negative; nothing when no photo shows one."""
    rows = [
        (
            escape(name.replace("_", " ")),
            escape(code),
            share.n,
            share.count,
            with_interval(share.rate, share.ci),
        )
        for code, score in figures.per_hazard.items()
        for name, share in score.hard_negatives.items()
    ]
    return table(("look-alike", "hazard", "photos", "false alarms", "rate"), rows) if rows else ""


def cable_table(score: CableScore) -> str:
    """Ends and length of power cords that were reached, and photos without one that still got a box."""
    rows = (
        ("power cords with both ends reached", score.both_ends),
        ("source ends reached", score.source_ends),
        ("sink ends reached", score.sink_ends),
        ("points along cords covered", score.length),
        ("photos without a power cord that got a box", score.stray_photos),
    )
    return table(
        ("", "share", "95 %", "of"),
        [(name, s.rate, "–" if s.ci is None else f"{s.ci[0]:.2f} to {s.ci[1]:.2f}", s.n) for name, s in rows],
    )


def heat_table(counts: NDArray[np.int64], true: Sequence[str], said: Sequence[str]) -> str:
    """Counts by true row and said column, tinted by their share of the row; empty rows and columns are left out."""
    kept_rows, kept_columns = (np.flatnonzero(counts.sum(axis=axis)).tolist() for axis in (1, 0))
    head = "".join(f'<th class="up"><span>{escape(said[c])}</span></th>' for c in kept_columns)
    body = ""
    for r in kept_rows:
        total = int(counts[r].sum())
        cells = "".join(_heat_cell(int(counts[r, c]), total, true[r] == said[c]) for c in kept_columns)
        body += f"<tr><th>{escape(true[r])}</th>{cells}</tr>"
    return f'<div class="scroll"><table class="heat"><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _heat_cell(count: int, total: int, right: bool) -> str:
    if not count:
        return "<td></td>"
    css = "good" if right else "bad"
    return f'<td class="{css}" style="--share:{count / total:.3f}">{count}</td>'
