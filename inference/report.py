"""Results for people: lines in a terminal and annotated photos on disk."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from firewarden.findings import RiskLevel
from firewarden.inference.draw import annotated_jpeg
from firewarden.inference.rules import Rules
from firewarden.inspection import InspectionResult

_STYLES = {
    RiskLevel.MAJOR: "bold red",
    RiskLevel.ELEVATED: "dark_orange",
    RiskLevel.GENERAL: "yellow",
    RiskLevel.LOW: "blue",
}
_LEVELS = {
    RiskLevel.MAJOR: "重大 major", RiskLevel.ELEVATED: "较大 elevated", RiskLevel.GENERAL: "一般 general",
    RiskLevel.LOW: "低 low",
}  # fmt: skip


def print_result(console: Console, path: Path, outcome: InspectionResult | str, rules: Rules) -> None:
    """One photo: verdict, then a line for each finding with level, reason and outcome, then what to ask next."""
    if isinstance(outcome, str):
        console.print(f"[bold]{escape(str(path))}[/]: [red]error:[/] {escape(outcome)}", highlight=False)
        return
    console.print(f"[bold]{escape(str(path))}[/]: {outcome.notice.zh} | {outcome.notice.en}", highlight=False)
    for finding, grade in zip(outcome.findings, outcome.assessments, strict=True):
        level = grade.risk_level_initial
        label = _LEVELS[level] if level else grade.outcome.value
        style = _STYLES[level] if level else "dim"
        name = rules.hazards[finding.hazard].name
        flags = " provisional" * grade.provisional + " suspected-major" * grade.suspected_major
        console.print(
            f"  [{style}]{label}[/]{flags}  {name.zh} {name.en}: {grade.reason.zh} | {grade.reason.en}",
            highlight=False,
        )
    for question in outcome.questions[:4]:
        console.print(f"  ? {question.text.zh} | {question.text.en}", style="dim", highlight=False)


def save_annotated_photo(
    folder: Path, path: Path, data: bytes, result: InspectionResult, rules: Rules
) -> Path:
    """Write the annotated picture as `<name>-<first of sha256>.jpg`, so that equal names in two folders do not collide."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{path.stem}-{result.image_sha256[:8]}.jpg"
    target.write_bytes(annotated_jpeg(data, result.to_json(), rules.drawn_names))
    return target
