"""A batch on a console: a bar in a terminal, else a line a minute, with rate and time left; a few lines when it is done."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from firewarden.bulk.engine import OnProgress, Tally
from firewarden.bulk.job import JobResult

_SHOWN_ERRORS = 5
_SHOW_EVERY_S = 0.1
_LINE_EVERY_S = 60.0


@contextmanager
def shown_progress(console: Console, total: int | None) -> Iterator[OnProgress]:
    """Feed the bar with tallies, or where the console is no terminal, a line a minute."""
    if console.is_terminal:
        with _bar(console, total) as show:
            yield show
    else:
        yield line_a_minute(lambda line: console.print(line, highlight=False, soft_wrap=True), total)


def line_a_minute(
    print_line: Callable[[str], object], total: int | None, clock: Callable[[], float] = time.monotonic
) -> OnProgress:
    """What has come, how many a second since the line before, and how long the rest takes at that rate. `clock` in s."""
    told_s, told = clock(), 0

    def show(tally: Tally) -> None:
        nonlocal told_s, told
        now = clock()
        if now - told_s < _LINE_EVERY_S:
            return
        rate = (tally.done - told) / (now - told_s)
        told_s, told = now, tally.done
        of = f" of {total}" if total is not None else ""
        left_s = (total - tally.done) / rate if total is not None and rate else None
        left = f", {timedelta(seconds=max(0, round(left_s)))} left" if left_s is not None else ""
        print_line(f"{tally.done}{of} inputs, {tally.failed} not scored, {rate:.1f}/s{left}")

    return show


@contextmanager
def _bar(console: Console, total: int | None) -> Iterator[OnProgress]:
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("[red]{task.fields[failed]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
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
    if (more := summary.failed - _SHOWN_ERRORS) > 0:
        console.print(f"  and {more} more errors, each a row of {escape(out.name)}", highlight=False)
    if tally.unread:
        inputs, them = ("1 input", "it") if tally.unread == 1 else (f"{tally.unread} inputs", "them")
        console.print(f"  {inputs} could not be read; the same command tries {them} again")
