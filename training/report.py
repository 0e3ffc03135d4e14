"""An evaluation in a terminal: progress, then tables."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from firewarden.training.evaluate import EvaluationReport


@contextmanager
def evaluation_progress(console: Console) -> Iterator[Callable[[int, int], None]]:
    """A progress bar; yields the function that is told (photos done, photos in all)."""
    columns = (TextColumn("measuring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("photos", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def print_evaluation(console: Console, report: EvaluationReport) -> None:
    """Per class and per hazard figures with their 95 % intervals, once an origin; a dash where nothing was measured."""
    split = "all splits" if report.split is None else f"split {report.split}"
    console.print(
        f"model {report.model_id} ({report.model_sha256[:12]}) on {report.data}, {split}; "
        f"{report.excluded_shared_places} photos left out (places shared between splits)"
    )
    for figures in report.by_origin.values():
        _print_figures(console, figures.to_json())


def _print_figures(console: Console, wire: dict[str, Any]) -> None:
    console.print(
        f"{wire['images']} {wire['origin']} photos; mAP50 {_number(wire['map50'])}, "
        f"mAP50-95 {_number(wire['map50_95'])}"
    )
    classes = Table("class", "n", "mAP50", "95 %", "mAP50-95", "recall")
    for name, row in wire["per_class"].items():
        classes.add_row(
            name, str(row["n"]), _number(row["map50"]), _interval(row["ci_map50"]), _number(row["map50_95"]),
            _number(row["recall"]),
        )  # fmt: skip
    console.print(classes)
    hazards = Table("hazard", "n", "precision", "recall", "false alarms a photo")
    for name, row in wire["per_hazard"].items():
        cells = ((row[key], row["ci"][key]) for key in ("precision", "recall", "fp_per_image"))
        hazards.add_row(name, str(row["n"]), *(f"{_number(value)} {_interval(ci)}" for value, ci in cells))
    console.print(hazards)
    for line in _share_lines(wire):
        console.print(line, highlight=False)


def _share_lines(wire: dict[str, Any]) -> Iterator[str]:
    """One sentence for each share that has photos behind it."""
    for hazard, row in wire["per_hazard"].items():
        for name, share in row["hard_negatives"].items():
            rate = f"{share['false_alarms']} of {share['photos']} {_interval(share['ci'])}"
            yield f"{name.replace('_', ' ')} taken for {hazard}: {rate}"
    shares = (("clean_photos", "no_hazard", "photos without hazard that get none"),
              ("pairs", "right", "pairs told right"),
              ("bicycles_called_ebike", "called_ebike", "pedal bicycles called e-bike"))  # fmt: skip
    for key, count, words in shares:
        share = wire[key]
        if share["n"]:
            yield f"{words}: {share[count]} of {share['n']} = {_number(share['rate'])} {_interval(share['ci'])}"
    inside = wire["ebikes_indoors"]
    if inside is not None:
        yield f"e-bikes indoors: mAP50 {_number(inside['map50'])} {_interval(inside['ci_map50'])} ({inside['n']} labelled)"
    cables = wire["cables"]
    if cables is not None and cables["both_ends"]["cables"]:
        ends = cables["both_ends"]
        yield f"power cords with both ends reached: {ends['reached']} of {ends['cables']} {_interval(ends['ci'])}"
    scene = wire["scene"]
    if scene is not None and scene["n"]:
        sides = scene["indoor_outdoor"]
        yield (
            f"kind of place told right: {_number(scene['accuracy'])} {_interval(scene['ci'])}, indoors or outdoors: "
            f"{_number(sides['accuracy'])} {_interval(sides['ci'])} ({scene['n']} photos)"
        )


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(bounds: Any) -> str:
    return "-" if not bounds or bounds[0] is None else f"{bounds[0]:.2f}-{bounds[1]:.2f}"
