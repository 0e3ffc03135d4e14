"""Charts of the evaluation page as inline SVG: numbers in, markup out. Colours come from the page's style sheet."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

_W, _H = 220, 170  # view box; the page scales it
_LEFT, _RIGHT, _TOP, _BOTTOM = 30, 8, 8, 30
_MOST_POINTS = 120
_TICKS = (0.0, 0.5, 1.0)
Values = NDArray[np.float64]


def rate_chart(
    x: ArrayLike,
    curves: Sequence[tuple[str, ArrayLike, float | None]],
    *,
    x_name: str,
    mark_x: float,
    title: str,
) -> str:
    """Lines over x, both in [0, 1]; each curve is (style class, values, value at the mark), and what is no number is left
    out. `mark_x` is a dashed upright with a dot on every curve."""
    xs = np.asarray(x, np.float64)
    lines = "".join(_line(xs, np.asarray(values, np.float64), css) for css, values, _ in curves)
    dots = "".join(_dot(mark_x, y, css) for css, _, y in curves if y is not None and np.isfinite(y))
    return _frame(_axes(x_name, "") + lines + _upright(mark_x) + dots, title)


def pr_chart(recall: ArrayLike, precision: ArrayLike, *, mark: tuple[float, float] | None, title: str) -> str:
    """Precision over recall with the operating point as a dot."""
    line = _line(np.asarray(recall, np.float64), np.asarray(precision, np.float64), "pr")
    dot = "" if mark is None else _dot(mark[0], mark[1], "pr")
    return _frame(_axes("recall", "precision") + line + dot, title)


def reliability_chart(
    raw: Sequence[tuple[float, float, int]], calibrated: Sequence[tuple[float, float, int]], title: str
) -> str:
    """Share that is right over what was claimed: rows (claimed, right, n) by bin; dots grow with n."""
    diagonal = f'<path class="even" d="M{_x(0):.1f} {_y(0):.1f}L{_x(1):.1f} {_y(1):.1f}"/>'
    most = max([n for *_, n in (*raw, *calibrated)], default=1)
    parts = []
    for css, rows in (("raw", raw), ("cal", calibrated)):
        if rows:
            claimed, right, _ = zip(*rows, strict=True)
            parts.append(_line(np.array(claimed), np.array(right), css))
        for x, y, n in rows:
            radius = 2 + 4 * (n / most) ** 0.5
            parts.append(f'<circle class="{css}" cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="{radius:.1f}"/>')
    return _frame(_axes("claimed", "right") + diagonal + "".join(parts), title)


def _frame(content: str, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {_W} {_H}" role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
        f"{content}</svg>"
    )


def _x(value: float) -> float:
    return _LEFT + value * (_W - _LEFT - _RIGHT)


def _y(value: float) -> float:
    return _H - _BOTTOM - value * (_H - _TOP - _BOTTOM)


def _axes(x_name: str, y_name: str) -> str:
    grid = "".join(
        f'<path class="grid" d="M{_x(0)} {_y(t):.1f}H{_x(1)}M{_x(t):.1f} {_y(0)}V{_y(1)}"/>'
        f'<text x="{_LEFT - 4}" y="{_y(t) + 4:.1f}" text-anchor="end">{t:g}</text>'
        f'<text x="{_x(t):.1f}" y="{_H - _BOTTOM + 13}" text-anchor="middle">{t:g}</text>'
        for t in _TICKS
    )
    middle = _x(0.5)
    side = (
        f'<text x="{_x(0) + 3}" y="{_y(1) + 10:.1f}" class="soft">{escape(y_name)}</text>' if y_name else ""
    )
    below = f'<text x="{middle:.1f}" y="{_H - 4}" text-anchor="middle" class="soft">{escape(x_name)}</text>'
    return grid + side + below


def _line(x: Values, y: Values, css: str) -> str:
    kept = np.isfinite(x) & np.isfinite(y)
    x, y = x[kept], y[kept]
    if len(x) > _MOST_POINTS:
        rows = np.unique(np.linspace(0, len(x) - 1, _MOST_POINTS).round().astype(np.int64))
        x, y = x[rows], y[rows]
    if not len(x):
        return ""
    points = "L".join(f"{_x(a):.1f} {_y(b):.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    return f'<path class="line {css}" d="M{points}"/>'


def _upright(x: float) -> str:
    return f'<path class="mark" d="M{_x(x):.1f} {_y(0):.1f}V{_y(1):.1f}"/>'


def _dot(x: float, y: float, css: str) -> str:
    return f'<circle class="dot {css}" cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="4"/>'
