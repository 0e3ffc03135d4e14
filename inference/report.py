"""Results for people: lines in a terminal and annotated photos on disk."""

import os
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from firewarden.findings import RiskLevel
from firewarden.inference.draw import annotated_jpeg
from firewarden.inference.draw_marks import words_of
from firewarden.inference.rules import Rules
from firewarden.inspection import InspectionResult

_STYLES = {
    RiskLevel.MAJOR: "bold red",
    RiskLevel.ELEVATED: "dark_orange",
    RiskLevel.GENERAL: "yellow",
    RiskLevel.LOW: "blue",
}
_LONGEST_STEM = 200  # bytes: file systems take names of 255


def print_result(console: Console, path: Path, outcome: InspectionResult | str, rules: Rules) -> None:
    """One photo: verdict, then a line for each finding with level, reason and outcome, then what to ask next."""
    if isinstance(outcome, str):
        console.print(f"[bold]{escape(str(path))}[/]: [red]error:[/] {escape(outcome)}", highlight=False)
        return
    console.print(f"[bold]{escape(str(path))}[/]: {outcome.notice.zh} | {outcome.notice.en}", highlight=False)
    for finding, grade, told in zip(
        outcome.findings, outcome.assessments, outcome.to_json()["findings"], strict=True
    ):
        level, words, name = grade.risk_level_initial, words_of(told), rules.hazards[finding.hazard].name
        label = f"{words.zh}（系统提示） {words.en}" if level else f"{words.zh} {words.en}"
        console.print(
            f"  [{_STYLES[level] if level else 'dim'}]{label}[/]  {name.zh} {name.en}: "
            f"{grade.reason.zh} | {grade.reason.en}",
            highlight=False,
        )
    for question in outcome.questions:
        console.print(f"  ? {question.text.zh} | {question.text.en}", style="dim", highlight=False)


def save_annotated_photo(
    folder: Path, path: Path, data: bytes, result: InspectionResult, rules: Rules
) -> Path:
    """Write the annotated picture into an existing folder as `<name>-<first of sha256>.jpg`, so that equal names in two
    folders do not collide; a long name is cut. Raises OSError where it cannot be written."""
    target = folder / f"{_short(path.stem)}-{result.image_sha256[:8]}.jpg"
    target.write_bytes(annotated_jpeg(data, result.to_json(), rules.drawn_names))
    return target


def _short(stem: str) -> str:
    while len(os.fsencode(stem)) > _LONGEST_STEM:
        stem = stem[:-1]
    return stem
