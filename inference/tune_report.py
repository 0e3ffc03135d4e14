"""What `doctor --tune` measured, as tables for a terminal."""

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from firewarden.inference.tune import Tuning


def print_tuning(console: Console, tuning: Tuning, path: Path) -> None:
    """The runtimes, the settings of the chosen one, and the choice."""
    cores = tuning.conditions.get("cores")
    console.print(f"processor: {tuning.conditions.get('cpu')}, {cores} cores", highlight=False)
    rows: list[tuple[str, ...]] = [
        (
            c.choice.key,
            *_figures(c.one_thread_ms, c.all_cores_ms, c.per_second),
            "refused" if c.refused else "accepted",
        )
        for c in tuning.candidates
    ]
    _print_table(console, ("runtime", "ms, 1 thread", f"ms, {cores} threads", "photos/s", "parity"), rows)
    for candidate in tuning.candidates:
        if candidate.refused:
            console.print(f"{candidate.choice.key} refused: {candidate.refused}", highlight=False)
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
        console.print(
            f"{purpose}: {choice.key}, {choice.streams} streams of {choice.threads} threads", highlight=False
        )
    console.print(f"batch: up to {tuning.plan.max_batch}; stored in {path}", highlight=False)


def _figures(*values: float) -> tuple[str, ...]:
    return tuple(f"{value:.1f}" if value else "-" for value in values)


def _print_table(console: Console, names: Iterable[str], rows: Iterable[tuple[str, ...]]) -> None:
    table = Table(*names, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console.print(table)
