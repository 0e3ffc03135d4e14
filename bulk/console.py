"""A batch in a terminal: a bar with rate and time left while it runs, a few lines when it is done."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from firewarden.bulk.engine import OnProgress, Tally
from firewarden.bulk.job import JobResult

_SHOWN_ERRORS = 5
_SHOW_EVERY_S = 0.1


@contextmanager
def shown_progress(console: Console, total: int | None, *, quiet: bool) -> Iterator[OnProgress]:
    """Feed the bar with tallies; there is none where the console is no terminal or `quiet`."""
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("[red]{task.fields[failed]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("batch", total=total, rate="", failed="")

        shown_s = -_SHOW_EVERY_S

        def show(tally: Tally) -> None:
            nonlocal shown_s
            if (
                time.monotonic() - shown_s < _SHOW_EVERY_S
            ):  # the bar works out its rate anew each time it is told
                return
            shown_s = time.monotonic()
            speed = bar.tasks[0].speed
            failed = f"{tally.failed} not scored" if tally.failed else ""
            bar.update(task, completed=tally.done, rate=f"{speed:.1f}/s" if speed else "", failed=failed)

        yield show


def print_batch(console: Console, result: JobResult, out: Path) -> None:
    """What is in the file, and the first errors."""
    summary, tally = result.summary, result.tally
    levels = ", ".join(f"{count} {name}" for name, count in summary.to_json()["levels"].items() if count)
    console.print(
        f"{escape(str(out))}: {summary.inputs} inputs, {summary.failed} not scored, {tally.skipped} from earlier runs; "
        f"pictures by level: {levels or 'none'}",
        highlight=False,
    )
    for path, error in summary.errors[:_SHOWN_ERRORS]:
        console.print(f"  [red]error[/] {escape(path)}: {escape(error)}", highlight=False)
    if tally.unread:
        console.print(f"  {tally.unread} inputs could not be read; the same command tries them again")
