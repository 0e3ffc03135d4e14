"""Curves and confusion matrix of a run."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("matplotlib", reason="pictures of runs need matplotlib: install firewarden[train]")

from firewarden.training.run_pictures import (
    draw_confusion,
    draw_curves,
    last_metrics,
    read_curves,
    write_confusion,
)

RESULTS = """\
epoch,time,train/box_loss,metrics/mAP50(B),val/box_loss,lr/pg0
1,10,2.0,0.25,2.5,0.001
2,20,1.5,0.5,2.25,0.0005
2,25,1.25,0.375,2.125,0.0005
3,30,1.0,0.75,2.0,0.0001
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    path = tmp_path / "results.csv"
    path.write_text(RESULTS)
    return path


def test_an_epoch_that_was_done_twice_counts_as_it_went_last(results: Path) -> None:
    curves = read_curves(results)
    assert curves["epoch"] == [1, 2, 3] and curves["metrics/mAP50(B)"] == [0.25, 0.375, 0.75]


def test_the_last_metrics_are_of_the_last_epoch(results: Path) -> None:
    assert last_metrics(read_curves(results)) == {"metrics/mAP50(B)": 0.75, "val/box_loss": 2.0}


def test_no_epoch_is_no_curve(tmp_path: Path, results: Path) -> None:
    results.write_text(RESULTS.splitlines()[0] + "\n")
    assert read_curves(results) == read_curves(tmp_path / "absent.csv") == {} == last_metrics({})


def test_curves_are_drawn(results: Path, tmp_path: Path) -> None:
    with Image.open(draw_curves(read_curves(results), tmp_path / "curves.png", "a run")) as picture:
        assert picture.size == (1210, 462) and len(picture.convert("RGB").getcolors(1 << 20) or ()) > 50


def test_the_confusion_matrix_is_written_and_shaded_by_row(tmp_path: Path) -> None:
    table = np.array([[3, 1, 0], [0, 0, 2], [0, 4, 0]])
    path = write_confusion(table, ("door", "carton"), tmp_path / "confusion.csv")
    assert list(csv.reader(path.open(newline=""))) == [
        ["was \\ seen as", "door", "carton", "nothing"],
        ["door", "3", "1", "0"], ["carton", "0", "0", "2"], ["nothing", "0", "4", "0"],
    ]  # fmt: skip
    with Image.open(
        draw_confusion(table, ("door", "carton"), tmp_path / "confusion.png", "a run")
    ) as picture:
        assert picture.size == (1100, 990)
