"""A real training on drawn photos, and one that is killed and gone on with. Random weights, no download."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: install firewarden[train]")
pytest.importorskip("ultralytics", reason="training needs ultralytics: install firewarden[train]")
pytest.importorskip("albumentations", reason="training needs albumentations: install firewarden[train]")

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from tiny_data import Photo, build_data_folder
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils import ROOT, YAML

from firewarden.errors import DatasetError
from firewarden.training.finish import finish
from firewarden.training.pillow import restore_pillow_open
from firewarden.training.train import resume, train
from firewarden.training.training_set import ExtraFolder

restore_pillow_open()  # importing the trainer changes Pillow for every test of this process

CONFIG = """\
name: smoke
seed: 0
compose:
repeat:
extra: [{path: drawn, share: 0.25}]
val_extra: true
trainer: {epochs: 3, imgsz: 64, batch: 4, optimizer: AdamW, warmup_epochs: 0, close_mosaic: 1, plots: false, freeze: 2}
"""
TRAIN = """\
import sys
from pathlib import Path
from firewarden.training.train import train

config, data, weights, runs = map(Path, sys.argv[1:])
train(config, data=data, weights=weights, runs=runs, overrides={"epochs": 2}, command="firewarden train tiny")
"""
DIE_AFTER_ONE_EPOCH = """\
import os, signal
from ultralytics.utils import callbacks

die = lambda trainer: os.kill(os.getpid(), signal.SIGKILL)  # the first epoch's checkpoint is written by then
callbacks.default_callbacks["on_fit_epoch_end"].append(die)
"""
RESUME = """\
import sys
from pathlib import Path
from firewarden.training.train import resume, train
from firewarden.training.training_set import ExtraFolder

resume(Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Eight drawn photos and three made ones, a configuration, and an untrained nano network that calls its classes by COCO's names."""
    folder = tmp_path_factory.mktemp("inputs")
    photos = [
        Photo(
            f"p{index}",
            "train" if index < 6 else "val",
            labels=[(index * 2, 0.5, 0.5, 0.5, 0.6), (15, 0.2, 0.2, 0.3, 0.3)],
            ignore=[(10, 0.5, 0.5, 1, 1)],
            hw=(64 + 4 * index, 96 - 4 * index),
        )
        for index in range(8)
    ]
    data = build_data_folder(folder / "real", photos, CLASSES)
    made = [
        Photo(f"m{index}", split, [(3, 0.5, 0.5, 0.4, 0.4)])
        for index, split in enumerate(("train", "train", "val"))
    ]
    build_data_folder(folder / "drawn", made, CLASSES)
    (folder / "smoke.yaml").write_text(CONFIG)
    torch.manual_seed(0)
    model = DetectionModel("yolo26n.yaml", nc=80, verbose=False)
    model.names = YAML.load(ROOT / "cfg" / "datasets" / "coco.yaml")["names"]
    torch.save({"model": model}, folder / "untrained.pt")
    return {"config": folder / "smoke.yaml", "data": data, "weights": folder / "untrained.pt"}


def call(code: str, *arguments: Path, settings: Path) -> int:
    """Exit status of a Python process of its own: the trainer sets threads, seeds and settings for a whole process."""
    offline = {"YOLO_CONFIG_DIR": str(settings), "YOLO_OFFLINE": "true", "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *map(str, arguments)],
        env={**os.environ, **offline}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-2000:]
    return done.returncode


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("settings")


@pytest.fixture(scope="module")
def finished(inputs: dict[str, Path], settings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("finished")
    assert call(TRAIN, *inputs.values(), runs, settings=settings) == 0
    (run,) = runs.iterdir()
    return run


@pytest.fixture(scope="module")
def killed(inputs: dict[str, Path], settings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a training that got SIGKILL after its first epoch."""
    runs = tmp_path_factory.mktemp("killed")
    assert call(DIE_AFTER_ONE_EPOCH + TRAIN, *inputs.values(), runs, settings=settings) == -signal.SIGKILL
    (run,) = runs.iterdir()
    return run


def record_of(run: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((run / "run.json").read_text())
    return record


def epochs_of(run: Path) -> list[int]:
    lines = (run / "train" / "results.csv").read_text().splitlines()
    return [int(line.split(",")[0]) for line in lines[1:]]


def test_a_run_leaves_its_record(finished: Path) -> None:
    record = record_of(finished)
    assert len(record["dataset_sha256"]) == 64 and record["git_sha"]
    assert record["command"] == "firewarden train tiny"
    assert (record["train_photos"], record["val_photos"]) == (8, 2)
    (drawn,) = record["extra"]
    assert (drawn["name"], drawn["photos"], drawn["listed"], drawn["share"]) == ("drawn", 2, 2, 0.25)
    assert [(row["split"], row["photos"]) for row in record["seen"]["photos"]] == [("train", 8), ("val", 2)]
    assert len(drawn["sha256"]) == 64 and record["real"]["listed"] == 6
    assert (record["classes"], record["weights"]) == (list(CLASSES), "untrained.pt")
    assert record["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert {"python", "firewarden", "numpy", "albumentations"} <= record["versions"].keys()
    assert (record["arguments"]["epochs"], record["arguments"]["imgsz"]) == (
        2,
        64,
    )  # overrides win, the rest stays
    assert (record["config"]["trainer"]["epochs"], record["arguments"]["seed"]) == (3, 0)
    assert all(isinstance(value, float) for value in record["metrics"].values())
    assert "metrics/mAP50-95(B)" in record["metrics"]
    assert record["started_at"] < record["finished_at"]
    assert epochs_of(finished) == [1, 2] and record["epochs_done"] == 2


def test_a_run_ends_with_pictures_and_real_and_made_photos_apart(finished: Path) -> None:
    for name in ("curves", "confusion_matrix", "confusion_matrix_made"):
        assert (finished / f"{name}.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    validated = record_of(finished)["validated"]
    assert (validated["checkpoint"], validated["input_size"]) == ("last.pt", 64)
    assert (validated["val"]["photos"], validated["val_made"]["photos"]) == (2, 1)
    counts = {name: row["n"] for name, row in validated["val"]["per_class"].items()}
    assert {name: n for name, n in counts.items() if n} == {CLASSES[12]: 1, CLASSES[14]: 1, CLASSES[15]: 2}
    with (finished / "confusion_matrix.csv").open(newline="") as stream:
        table = list(csv.reader(stream))
    assert [row[0] for row in table[1:]] == [*CLASSES, "nothing"]
    assert (
        sum(int(cell) for row in table[1:-1] for cell in row[1:]) == 4
    )  # every labelled object is in one cell


def test_a_shipped_model_is_trained_on(inputs: dict[str, Path], settings: Path, tmp_path: Path) -> None:
    """The frozen first layer of what comes out is that of the restored model."""
    given = {**inputs, "weights": Path("firewarden-n")}
    assert call(TRAIN, *given.values(), tmp_path, settings=settings) == 0
    (run,) = tmp_path.iterdir()
    record = record_of(run)
    assert (record["restored"]["model"], record["weights"]) == ("firewarden-n", "yolo26n_coco_dq.pt")
    assert record["parent"]["name"] == "firewarden-n-boxes"
    start, last = (
        torch.load(path, weights_only=False)["model"].float().model[0].conv.weight.detach()
        for path in (run / "firewarden-n.pt", run / "train" / "weights" / "last.pt")
    )
    assert start.abs().max() > 0.1
    assert last == pytest.approx(start, rel=2**-11, abs=1e-6)  # stored in half precision


@pytest.mark.parametrize("name", ["last.pt", "best.pt"])
def test_checkpoints_know_the_evidence_classes(finished: Path, name: str) -> None:
    checkpoint = torch.load(finished / "train" / "weights" / name, weights_only=False)
    model = checkpoint["model"]
    assert list(model.names.values()) == list(CLASSES) and model.model[-1].nc == 16
    assert checkpoint["optimizer"] is None  # stripped: small enough to keep
    assert all(torch.isfinite(p).all() for p in model.parameters())


@pytest.mark.parametrize(("layer", "least", "most"), [(0, 0, 2e-4), (1, 0, 2e-4), (3, 1e-3, 1)])
def test_training_moves_the_weights_that_are_not_frozen(
    finished: Path, inputs: dict[str, Path], layer: int, least: float, most: float
) -> None:
    before = torch.load(inputs["weights"], weights_only=False)["model"].model[layer].conv.weight
    after = torch.load(finished / "train" / "weights" / "last.pt", weights_only=False)["model"].model[layer]
    assert least <= (after.conv.weight.float() - before).abs().max() < most  # stored in half precision


def test_a_killed_run_is_finished_as_it_stands(killed: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(killed, tmp_path / "run", symlinks=True))
    (run / "run.json").write_text(json.dumps({**record_of(run), "epochs_done": 0, "metrics": {}}))
    record = finish(run)
    assert record == record_of(run) and "finished_at" not in record  # it can still be gone on with
    assert record["epochs_done"] == 1 and record["metrics"].keys() >= {"metrics/mAP50-95(B)", "val/box_loss"}
    assert record["validated"]["val"]["photos"] == 2
    assert (run / "curves.png").is_file() and (run / "confusion_matrix.png").is_file()


def test_a_copied_run_goes_on_without_touching_the_first_one(
    killed: Path, settings: Path, tmp_path: Path
) -> None:
    copied = Path(shutil.copytree(killed, tmp_path / "copy", symlinks=True))
    first = {path: path.read_bytes() for path in killed.rglob("*") if path.is_file()}
    assert call(RESUME, copied, settings=settings) == 0
    assert epochs_of(copied) == [1, 2] and "finished_at" in record_of(copied)
    assert {path: path.read_bytes() for path in killed.rglob("*") if path.is_file()} == first


def test_a_killed_run_goes_on_from_its_checkpoint(killed: Path, settings: Path) -> None:
    before = record_of(killed)
    assert "finished_at" not in before and epochs_of(killed) == [1]
    assert before["epochs_done"] == 1 and before["metrics"].keys() >= {"metrics/mAP50(B)"}
    assert call(RESUME, killed, settings=settings) == 0
    after = record_of(killed)
    assert before["started_at"] < after["resumed_at"] < after["finished_at"]
    assert epochs_of(killed) == [1, 2]
    assert {name: after[name] for name in before if name not in ("epochs_done", "metrics")} == {
        name: value for name, value in before.items() if name not in ("epochs_done", "metrics")
    }
    assert after["epochs_done"] == 2 and after["validated"]["val"]["photos"] == 2
    assert after["metrics"].keys() >= {"metrics/mAP50(B)", "metrics/mAP50-95(B)"}
    model = torch.load(killed / "train" / "weights" / "last.pt", weights_only=False)["model"]
    assert list(model.names.values()) == list(CLASSES)


def test_a_finished_run_is_not_gone_on_with(finished: Path) -> None:
    before = record_of(finished)
    with pytest.raises(DatasetError, match="finished at .*, expected a stopped run"):
        resume(finished)
    assert record_of(finished) == before


def test_a_run_without_a_checkpoint_is_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"last\.pt is missing"):
        resume(tmp_path)


def test_a_missing_extra_folder_is_named_before_anything_is_made(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match="rendered.*expected data folders"):
        train(**_arguments(inputs, tmp_path / "runs"), extra=[ExtraFolder(tmp_path / "rendered", 0.3)])
    assert not (tmp_path / "runs").exists()


def test_a_folder_without_val_photos_is_refused_before_anything_is_made(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    data = build_data_folder(tmp_path / "real", [Photo("a")], CLASSES)
    build_data_folder(tmp_path / "drawn", [Photo("m")], CLASSES)
    with pytest.raises(DatasetError, match="no val photo to train with"):
        train(**{**_arguments(inputs, tmp_path / "runs"), "data": data})
    assert not (tmp_path / "runs").exists()


def _arguments(inputs: dict[str, Path], runs: Path) -> dict[str, Any]:
    return {
        "config_path": inputs["config"],
        "data": inputs["data"],
        "weights": inputs["weights"],
        "runs": runs,
        "overrides": {},
    }
