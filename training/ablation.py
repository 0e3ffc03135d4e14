"""Several evaluations side by side: which recipe does what, as JSON and as a markdown table.

`python -m firewarden.training.ablation OUT row1=eval1.json row2=eval2.json ...` writes OUT.json and OUT.md; an evaluation is
what `firewarden evaluate --json` prints. A file `run.json` beside it, or `--run row=run.json`, adds how the row was trained:
the pictures of every folder, the command, the start. A row whose name speaks of composed or rendered pictures that its run
did not have is refused.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from firewarden.errors import DatasetError, HazardError
from firewarden.training.ablation_recipes import (
    checked_pictures,
    markdown_table,
    picture_table,
    recipe_lines,
    training_record,
)
from firewarden.training.card_hazards import number, origins
from firewarden.training.made_by import with_parts_told

CLASSES = ("extinguisher", "extinguisher_sign", "exit_sign", "door", "ebike")
HAZARDS = ("indoor_ebike", "missing_extinguisher", "blocked_exit", "flying_charging_cable")
Row = dict[str, Any]


def ablation_row(name: str, evaluation: Mapping[str, Any], run: Mapping[str, Any] | None = None) -> Row:
    """One recipe: conditions, AP50 of chosen classes on real photos, precision and recall by hazard and origin."""
    trained = run or {}
    arguments = trained.get("arguments", {})
    hazards: dict[str, dict[str, Any]] = {}
    for where, figures in origins(evaluation):
        scores = figures.get("per_hazard", {})
        hazards[where.replace("`", "")] = {
            code: {key: scores[code][key] for key in ("n", "precision", "recall", "fp_per_image", "ci")}
            for code in HAZARDS
            if code in scores and scores[code]["judged_photos"]
        }
    real = next((f for _, f in origins(evaluation) if f.get("origin", "real") == "real"), None)
    return {
        "recipe": name,
        "model_sha256": evaluation["model_sha256"],
        "data": evaluation["data"],
        "data_sha256": evaluation["data_sha256"],
        "split": evaluation["split"],
        "machine": evaluation["machine"],
        "command": evaluation["command"],
        "epochs": arguments.get("epochs"),
        "imgsz": arguments.get("imgsz"),
        "photos": trained.get("train_photos"),
        "pictures": checked_pictures(name, trained) if trained else [],
        "training": training_record(trained) if trained else {},
        "map50_real": real["map50"] if real else None,
        "ap50_real": {name: real["per_class"][name]["map50"] for name in CLASSES if name in real["per_class"]}
        if real
        else {},
        "hazards": {where: scores for where, scores in hazards.items() if scores},
    }


def ablation_markdown(rows: Sequence[Row]) -> str:
    """Tables of pictures, classes and hazards, then how each row was trained and measured."""
    hazards = [
        (r["recipe"], where, code, str(s["n"]), number(s["precision"]), number(s["recall"]), number(s["fp_per_image"]))
        for r in rows
        for where, scores in r["hazards"].items()
        for code, s in scores.items()
    ]  # fmt: skip
    head = ("recipe", "data, origin", "hazard", "n", "precision", "recall", "false alarms a photo")
    parts = (
        "# Ablation",
        _conditions(rows),
        "What each row was trained on, as its run.json says:",
        "\n".join(picture_table(rows)),
        "AP50 on real photos:",
        "\n".join(class_table(rows)),
        "Hazards; origins are never mixed:",
        "\n".join(markdown_table(head, hazards)),
        "How each row was trained and measured:",
        "\n".join(line for r in rows for line in recipe_lines(r)),
    )
    return "\n\n".join(parts) + "\n"


def class_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Markdown lines: AP50 of each row on real photos, all classes and the chosen ones."""
    head = ("recipe", "epochs", "imgsz", "photos", "mAP50", *CLASSES)
    cells = [
        (r["recipe"], *(_plain(r[k]) for k in ("epochs", "imgsz", "photos")), number(r["map50_real"]),
         *(number(r["ap50_real"].get(name)) for name in CLASSES))
        for r in rows
    ]  # fmt: skip
    return markdown_table(head, cells)


def _conditions(rows: Sequence[Row]) -> str:
    data = sorted({f"`{r['data']}` ({r['data_sha256'][:12]}), split {r['split']}" for r in rows})
    machines = sorted({r["machine"] for r in rows})
    return f"Data: {'; '.join(data)}. Machine: {'; '.join(machines)}."


def _plain(value: Any) -> str:
    return "-" if value is None else str(value)


def write_ablation(out: Path, evaluations: Mapping[str, Path], runs: Mapping[str, Path]) -> tuple[Path, Path]:
    """Write OUT.json and OUT.md; a suffix of `out` is dropped. Raises DatasetError naming a file that is no evaluation."""
    rows = [
        ablation_row(name, _read(path, "model_sha256"), _run_of(name, path, runs))
        for name, path in evaluations.items()
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    table, text = out.with_suffix(".json"), out.with_suffix(".md")
    table.write_text(json.dumps({"rows": rows}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    text.write_text(ablation_markdown(rows), encoding="utf-8")
    return table, text


def _run_of(name: str, evaluation: Path, runs: Mapping[str, Path]) -> dict[str, Any] | None:
    beside = evaluation.with_name("run.json")
    path = runs.get(name) or (beside if beside.is_file() else None)
    return with_parts_told(_read(path, "arguments"), path.parent) if path is not None else None


def _read(path: Path, key: str) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: {error}. Write it with `firewarden evaluate --json`.") from error
    if not isinstance(table, dict) or key not in table:
        raise DatasetError(
            f"{path} has no {key!r}, expected an evaluation (or a run.json). Name another file."
        )
    return table


def _named(words: Sequence[str]) -> dict[str, Path]:
    pairs = [word.partition("=") for word in words]
    for name, equals, path in pairs:
        if not (name and equals and path):
            raise DatasetError(f"got {name + equals + path!r}, expected NAME=FILE. Name the row.")
    return {name: Path(path) for name, _, path in pairs}


def main(argv: Sequence[str] | None = None) -> int:
    """The command; 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m firewarden.training.ablation", description=__doc__)
    parser.add_argument("out", type=Path, help="where OUT.json and OUT.md go")
    parser.add_argument("rows", nargs="+", metavar="NAME=evaluation.json")
    parser.add_argument("--run", action="append", default=[], metavar="NAME=run.json")
    words = parser.parse_args(argv)
    try:
        write_ablation(words.out, _named(words.rows), _named(words.run))
    except HazardError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
