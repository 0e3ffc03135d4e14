"""`firewarden data complete`: missing labels from a COCO model."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from firewarden.cli_console import OUT, progress
from firewarden.cli_options import JsonOption
from firewarden.errors import DatasetError


def complete(
    data: Annotated[list[Path], typer.Option(help="Data folder whose train photos to look at; repeatable.")],
    weights: Annotated[Path, typer.Option(help="COCO weights (.pt) of the teacher.")],
    out: Annotated[Path, typer.Option(help="New folder for the completed labels.")],
    agreed: Annotated[
        list[str] | None,
        typer.Option(help="Least confidence of a label, as in person=0.5; repeatable."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Complete missing labels of person, bicycle, vehicle and furniture by what a COCO model sees.

    Labels stay untouched; `firewarden train` merges the completed ones where its configuration names the folder.
    """
    from firewarden.training.teacher import complete_labels
    from firewarden.training.teacher_labels import AGREED, TeacherPolicy

    policy = TeacherPolicy({**AGREED, **_parse_agreed(agreed or [])})
    with progress("looking at photos", quiet=as_json) as on_photo:
        record = complete_labels(data, weights, out, policy, on_photo=on_photo)
    if as_json:
        OUT.print_json(data=record)
    else:
        _print_record(record, out)


def _parse_agreed(entries: list[str]) -> dict[str, float]:
    chosen = {}
    for entry in entries:
        name, _, value = entry.partition("=")
        try:
            chosen[name] = float(value)
        except ValueError as error:
            raise DatasetError(
                f"--agreed: got {entry!r}, expected class=number, as in person=0.5."
            ) from error
    return chosen


def _print_record(record: dict[str, Any], out: Path) -> None:
    """Counts, and precision by confidence where the source had checked the class."""
    counts = Table(
        "class", "labels added", "ignored", "nothing new", title=f"{record['photos']} train photos"
    )
    for name, row in record["counts"].items():
        counts.add_row(name, str(row["label"]), str(row["ignore"]), str(row["none"]))
    OUT.print(counts)
    agreement = record["agreement"]
    table = Table("confidence from", *agreement)
    table.title = "precision of the teacher where the source checked the class"
    for number, row in enumerate(next(iter(agreement.values()), {"by_confidence": []})["by_confidence"]):
        cells = (_share(rows["by_confidence"][number]["precision"]) for rows in agreement.values())
        table.add_row(str(row["confidence"]), *cells)
    table.add_section()
    table.add_row("0.95 or more from", *(_share(rows["least_confidence"]) for rows in agreement.values()))
    table.add_row("agreed", *(_share(record["agreed"].get(name)) for name in agreement))
    table.add_row("objects", *(str(rows["objects"]) for rows in agreement.values()))
    OUT.print(table)
    OUT.print(f"completed labels: {out}", highlight=False)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
