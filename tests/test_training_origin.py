"""What a run says of the run it started from."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs torch: install firewarden[train]")

from firewarden.training.train import _origin


def add_parent(run: Path, curves: str | None) -> Path:
    """A run that says it did 6 epochs."""
    weights = run / "train" / "weights"
    weights.mkdir(parents=True)
    (weights / "best.pt").write_bytes(b"abc")
    (run / "run.json").write_text(json.dumps({"weights": "coco.pt", "epochs_done": 6}))
    if curves is not None:
        (run / "train" / "results.csv").write_text(curves)
    return weights / "best.pt"


@pytest.mark.parametrize(
    ("curves", "epochs"),
    [
        pytest.param("epoch,time\n1,2.5\n2,2.5\n", 2, id="a run: as many as it has curves for"),
        pytest.param(None, 6, id="a mean has no curves: what it says itself"),
    ],
)
def test_the_epochs_of_the_run_before(tmp_path: Path, curves: str | None, epochs: int) -> None:
    origin = _origin(add_parent(tmp_path / "run", curves))
    assert origin["parent"]["epochs_done"] == epochs
    assert origin["weights"] == "coco.pt"
    assert origin["weights_sha256"].startswith("ba7816bf8f01cfea")  # FIPS 180-2, message "abc"


def test_weights_of_no_run_have_no_parent(tmp_path: Path) -> None:
    (tmp_path / "coco.pt").write_bytes(b"abc")
    assert _origin(tmp_path / "coco.pt").keys() == {"weights", "weights_sha256"}
