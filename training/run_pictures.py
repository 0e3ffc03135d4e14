"""A run as pictures: curves over epochs, and the confusion matrix."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
_LOSSES = {"box": "box_loss", "class": "cls_loss", "l1": "l1_loss", "dfl": "dfl_loss"}
_SCORES = {
    "mAP50": "metrics/mAP50(B)", "mAP50-95": "metrics/mAP50-95(B)", "precision": "metrics/precision(B)",
    "recall": "metrics/recall(B)",
}  # fmt: skip


def read_curves(path: Path) -> dict[str, list[float]]:
    """Columns of the trainer's results.csv by name, one value an epoch; an epoch that was done again after a stop counts
    once, as it went the last time. A missing file is no columns."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as stream:
        rows = {int(row["epoch"]): row for row in csv.DictReader(stream, skipinitialspace=True)}
    ordered = [rows[epoch] for epoch in sorted(rows)]
    return {name: [float(row[name]) for row in ordered] for name in (ordered[0] if ordered else ())}


def last_metrics(curves: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Validation figures of the last finished epoch."""
    wanted = ("metrics/", "val/")
    return {name: values[-1] for name, values in curves.items() if name.startswith(wanted) and values}


def draw_curves(curves: Mapping[str, Sequence[float]], path: Path, title: str) -> Path:
    """Losses of train (solid) and val (dashed) on the left, val scores on the right, over epochs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = curves["epoch"]
    mark = "o" if len(epochs) < 3 else ""
    for number, (label, column) in enumerate(_LOSSES.items()):
        for part, line in (("train", "-"), ("val", "--")):
            values = curves.get(f"{part}/{column}")
            if values:
                left.plot(epochs, values, line, marker=mark, color=f"C{number}", label=f"{label}, {part}")
    for label, column in _SCORES.items():
        if column in curves:
            right.plot(epochs, curves[column], marker=mark, label=label)
    left.set(xlabel="epoch", title="loss", yscale="log")
    right.set(xlabel="epoch", title="validation", ylim=(0, 1))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
        if axes.lines:
            axes.legend(fontsize=8)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=110)
    return path


def write_confusion(table: Counts, classes: Sequence[str], path: Path) -> Path:
    """The table as CSV: a row for each class that was there, a column for each that was seen."""
    names = [*classes, "nothing"]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["was \\ seen as", *names])
        writer.writerows([name, *row] for name, row in zip(names, table.tolist(), strict=True))
    return path


def draw_confusion(table: Counts, classes: Sequence[str], path: Path, title: str) -> Path:
    """The table as a picture: counts, shaded by share of what was there; the row of nothing is shaded by its own sum."""
    from matplotlib.figure import Figure

    names = [*classes, "nothing"]
    sums = table.sum(axis=1, keepdims=True)
    share = np.divide(table, sums, out=np.zeros(table.shape), where=sums > 0)
    figure = Figure(figsize=(10, 9), layout="constrained")
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(table):
        if count:
            ink = "white" if share[row, column] > 0.55 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=ink, fontsize=8)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(
        range(len(names)), [f"{name} ({int(n)})" for name, n in zip(names, sums[:, 0], strict=True)]
    )
    axes.set(xlabel="seen as", ylabel="was there")
    axes.set_title(title, fontsize=10)
    figure.savefig(path, dpi=110)
    return path


def metrics_of(values: Mapping[str, Any]) -> dict[str, float]:
    """The trainer's figures as plain numbers."""
    return {name: float(value) for name, value in values.items()}
