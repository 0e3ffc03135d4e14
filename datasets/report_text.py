"""The validation report in a terminal: each kind with its first few problems."""

from rich.console import Console
from rich.markup import escape

from firewarden.datasets.problems import KINDS
from firewarden.datasets.validate import ValidationReport

_SHOWN_A_KIND = 5
_STYLES = {"error": "red", "warning": "yellow", "note": "cyan"}


def print_report(console: Console, report: ValidationReport) -> None:
    """Kinds that were found, each level in its colour, and a line of sums."""
    for kind, meaning in KINDS.items():
        problems = report.of_kind(kind)
        if not problems:
            continue
        style = _STYLES[meaning.level]
        console.print(f"[{style}]{meaning.level}[/] {meaning.title}: {len(problems)}", highlight=False)
        for problem in problems[:_SHOWN_A_KIND]:
            first = f"{problem.files[0]}: " if len(problem.files) == 1 else ""
            console.print(f"    {escape(first + problem.detail)}", highlight=False)
        if len(problems) > _SHOWN_A_KIND:
            console.print(f"    ... {len(problems) - _SHOWN_A_KIND} more", highlight=False)
    notes = f", {count} notes" if (count := report.count("note")) else ""
    console.print(
        f"{report.photos} photos: {report.errors} errors, {report.warnings} warnings{notes}", highlight=False
    )
