"""An evaluation as tables in a terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table

from firewarden.training.evaluate import EvaluationReport


def print_evaluation(console: Console, report: EvaluationReport) -> None:
    """Per class and per hazard figures with their 95 % intervals; a dash where nothing could be measured."""
    wire = report.to_json()
    console.print(
        f"model {wire['model_id']} ({wire['model_sha256'][:12]}) on {wire['data']}, split {wire['split']}"
    )
    console.print(
        f"{wire['images']} photos, {wire['excluded_shared_places']} left out (places shared between splits); "
        f"mAP50 {_number(wire['map50'])}, mAP50-95 {_number(wire['map50_95'])}"
    )
    classes = Table("class", "n", "mAP50", "95 %", "mAP50-95", "recall")
    for name, row in wire["per_class"].items():
        classes.add_row(
            name, str(row["n"]), _number(row["map50"]), _interval(row["ci_map50"]), _number(row["map50_95"]),
            _number(row["recall"]),
        )  # fmt: skip
    console.print(classes)
    hazards = Table("hazard", "n", "precision", "recall", "false alarms / photo")
    for name, row in wire["per_hazard"].items():
        hazards.add_row(
            name, str(row["n"]), _number(row["precision"]), _number(row["recall"]), _number(row["fp_per_image"])
        )  # fmt: skip
    console.print(hazards)


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(bounds: Any) -> str:
    return "-" if not bounds or bounds[0] is None else f"{bounds[0]:.2f}-{bounds[1]:.2f}"
