"""What `doctor --tune` measured, as tables for a terminal."""

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from firewarden.inference.tune import Candidate, Tuning


def print_tuning(console: Console, tuning: Tuning, path: Path) -> None:
    """The runtimes, the settings of the chosen one, and the choice."""
    cores = tuning.conditions.get("cores")
    _print_line(console, f"processor: {tuning.conditions.get('cpu')}, {cores} cores")
    rows: list[tuple[str, ...]] = [
        (
            c.choice.key,
            *_figures(c.one_thread_ms, c.all_cores_ms, c.per_second),
            _standing(c),
        )
        for c in tuning.candidates
    ]
    _print_table(console, ("runtime", "ms, 1 thread", f"ms, {cores} threads", "photos/s", "parity"), rows)
    for candidate in tuning.candidates:
        if candidate.refused:
            why = f"refused: {candidate.refused}" if candidate.installed else candidate.refused
            _print_line(console, f"{candidate.choice.key} {why}")
    best = max(tuning.settings.values())
    settings = [
        (
            str(streams),
            str(max(1, int(cores or 1) // streams)),
            str(batch),
            f"{value:.1f}",
            f"{value / best:.0%}",
        )
        for (streams, batch), value in tuning.settings.items()
    ]
    _print_table(console, ("streams", "threads each", "batch", "photos/s", "of the best"), settings)
    for purpose, choice in (("serve", tuning.serve), ("inspect", tuning.inspect)):
        _print_line(console, f"{purpose}: {choice.key}, {choice.streams} streams of {choice.threads} threads")
    _print_line(console, f"batch: up to {tuning.plan.max_batch}; stored in {path}")


def _standing(candidate: Candidate) -> str:
    """How a candidate came out, in two words at most."""
    if not candidate.installed:
        return "not installed"
    return "refused" if candidate.refused else "accepted"


def _print_line(console: Console, text: str) -> None:
    """Text as it is: cures name extras in square brackets, which would be read as markup, and are pasted whole."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _figures(*values: float) -> tuple[str, ...]:
    return tuple(f"{value:.1f}" if value else "-" for value in values)


def _print_table(console: Console, names: Iterable[str], rows: Iterable[tuple[str, ...]]) -> None:
    table = Table(*names, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console.print(table)
