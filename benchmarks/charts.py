"""Bar charts as SVG text: no library, the same bytes for the same figures, readable as source."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _LABEL_W, _VALUE_W, _ROW_H, _TITLE_H = 760, 290, 110, 26, 44
_INK, _FAINT, _OURS, _OTHER = "#1f2430", "#6b7280", "#c2410c", "#94a3b8"


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: `value` at the end of the bar, with the range `low` to `high` as a thin line where it is known; `strong` is
    drawn in the colour of ours."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    strong: bool = False


def bar_chart(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """An SVG picture of horizontal bars from 0, in the order given; the text of each value is printed beside it."""
    longest = max((max(bar.value, bar.high or 0.0) for bar in bars), default=0.0) or 1.0
    height = _TITLE_H + _ROW_H * len(bars) + 10
    rows = [line for i, bar in enumerate(bars) for line in _row(bar, _TITLE_H + i * _ROW_H, longest)]
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
                f'font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="{escape(title)}">'
            ),
            f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
            f'<text x="12" y="20" font-size="15" font-weight="600" fill="{_INK}">{escape(title)}</text>',
            f'<text x="12" y="37" fill="{_FAINT}">{escape(unit)}</text>',
            *rows,
            "</svg>",
            "",
        ]
    )


def _row(bar: Bar, top: float, longest: float) -> list[str]:
    span = _WIDTH - _LABEL_W - _VALUE_W
    middle = top + _ROW_H / 2
    length = span * bar.value / longest
    lines = [
        f'<text x="{_LABEL_W - 8}" y="{middle + 4:.1f}" text-anchor="end" fill="{_INK}">{escape(bar.label)}</text>',
        (
            f'<rect x="{_LABEL_W}" y="{top + 4:.1f}" width="{length:.1f}" height="{_ROW_H - 8}" rx="2" '
            f'fill="{_OURS if bar.strong else _OTHER}"/>'
        ),
    ]
    end = length
    if bar.low is not None and bar.high is not None:
        left, right = _LABEL_W + span * bar.low / longest, _LABEL_W + span * bar.high / longest
        lines.append(f'<path d="M{left:.1f} {middle:.1f}H{right:.1f}" stroke="{_INK}" stroke-width="1.5"/>')
        end = max(length, span * bar.high / longest)
    value_x = _LABEL_W + end + 6
    return [*lines, f'<text x="{value_x:.1f}" y="{middle + 4:.1f}" fill="{_INK}">{bar.value:.4g}</text>']
