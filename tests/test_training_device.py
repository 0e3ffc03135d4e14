"""Where a training runs: what reaches the trainer, what the record says, and the step of a loss in bfloat16."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

torch = pytest.importorskip("torch", reason="training needs torch: install firewarden[train]")
pytest.importorskip("ultralytics", reason="training needs ultralytics: install firewarden[train]")
pytest.importorskip("cv2", reason="training needs OpenCV: install firewarden[train]")

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from tiny_data import Photo, build_data_folder
from typer.testing import CliRunner

from firewarden.cli import app
from firewarden.errors import DatasetError, ModelMismatch
from firewarden.training import train as training
from firewarden.training import widen as widening
from firewarden.training.finish import validate, write_record
from firewarden.training.ignore_loss import IgnoreAwareModel
from firewarden.training.trainer import DetectionTrainer, EvidenceTrainer, _has_fast_bf16


class Started(SimpleNamespace):
    """What a start handed to the trainer, and the record it began."""

    arguments: dict[str, Any]
    record: dict[str, Any]


class Starter:
    """`firewarden train` on two drawn photos, stopped where the trainer would begin."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        photos = [Photo("a", labels=[(0, 0.5, 0.5, 0.5, 0.6)]), Photo("b", "val")]
        self.count = 0
        self.folder, self.data = folder, build_data_folder(folder / "real", photos, CLASSES)
        (folder / "coco.pt").write_bytes(b"weights")
        monkeypatch.setattr(training, "_build_trainer", lambda arguments: arguments)
        monkeypatch.setattr(training, "_run", self._run)

    def _run(self, arguments: dict[str, Any], run: Path, record: dict[str, Any]) -> Path:
        self.started = Started(arguments=arguments, record=record)
        return run

    def __call__(self, *options: str, widen: bool = False, **trainer: Any) -> Started:
        recipe = {"name": "r", "seed": 3, "widen": widen, "trainer": {"epochs": 1, "imgsz": 64, **trainer}}
        (self.folder / "r.yaml").write_text(yaml.safe_dump(recipe))
        self.count += 1  # run folders are named by the second
        told = ["train", self.folder / "r.yaml", "--data", self.data, "--weights", self.folder / "coco.pt"]
        told += ["--runs", self.folder / f"runs{self.count}", *options]
        done = CliRunner().invoke(app, [str(word) for word in told], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return self.started


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Starter:
    return Starter(tmp_path, monkeypatch)


def with_gpus(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(names))
    monkeypatch.setattr(torch.cuda, "get_device_name", names.__getitem__)


def test_the_device_of_the_command_line_reaches_the_trainer(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gpus(monkeypatch, "Small Card", "Large Card")
    started = start("--device", "1", device="cpu", batch=8)
    assert (started.arguments["device"], started.arguments["batch"]) == ("1", 8)
    assert started.record["arguments"]["device"] == "1"
    assert started.record["machine"] == "Large Card"


def test_without_it_the_configuration_decides(start: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, "Small Card")
    started = start(device=0)
    assert started.arguments["device"] == 0
    assert started.record["machine"] == "Small Card"


def test_without_either_it_is_the_processor(start: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, "Small Card")  # is not taken unasked
    monkeypatch.setattr("platform.processor", lambda: "Some Processor")
    started = start()
    assert started.arguments["device"] == "cpu"
    assert started.record["machine"] == "Some Processor"


def test_the_trainer_mixes_precision_only_where_a_configuration_says_so(start: Starter) -> None:
    assert (
        start().arguments["amp"] is False
    )  # the trainer's own way measures first, with weights it downloads
    assert start(amp=True).arguments["amp"] is True


@pytest.mark.parametrize("device", ["1", "0,1", "cuda", "-1"])
def test_a_device_that_is_not_there_is_told_before_anything_is_made(
    start: Starter, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    with_gpus(monkeypatch, "Small Card")
    with pytest.raises(DatasetError, match=f"got device '{device}', but torch sees 1 GPUs"):
        start("--device", device)
    assert not list(start.folder.glob("runs*"))


@pytest.mark.parametrize(
    ("trainer", "message"),
    [
        pytest.param({"imgsz": None}, "got imgsz None under trainer", id="no input size"),
        pytest.param({"imgsz": [64, 32]}, r"got imgsz \[64, 32\]", id="two input sizes"),
        pytest.param({"epochs": 0}, "got epochs 0", id="no epoch"),
        pytest.param({"epoch": 3}, "the trainer refuses its settings: .*'epoch'", id="a key it does not know"),
        pytest.param({"batch": "many"}, "the trainer refuses its settings: .*batch=many", id="a word for a number"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_told_before_anything_is_made(
    start: Starter, trainer: dict[str, Any], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        start(**trainer)
    assert not list(start.folder.glob("runs*"))


def test_the_command_line_may_say_how_large_and_how_long(start: Starter) -> None:
    told = start("--imgsz", "96", "--epochs", "2", imgsz=None, epochs=None).arguments
    assert (told["imgsz"], told["epochs"]) == (96, 2)


def test_a_record_without_an_input_size_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"run\.json names no imgsz"):
        validate(tmp_path, tmp_path / "last.pt", {"arguments": {"epochs": 1}})


def test_a_recipe_that_widens_starts_from_the_wide_network(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    widened: list[Path] = []

    def fake(checkpoint: Path, out: Path) -> Path:
        widened.append(checkpoint)
        return out

    monkeypatch.setattr(widening, "widen_checkpoint", fake)
    monkeypatch.setattr(widening, "check_scale", lambda checkpoint: None)
    assert start().arguments["model"] == str(start.folder / "coco.pt") and not widened
    model = Path(start(widen=True).arguments["model"])
    assert widened == [start.folder / "coco.pt"]
    assert model.name == "coco-wide.pt" and model.parent.parent == start.folder / "runs2"


def test_a_network_that_cannot_be_widened_is_told_before_anything_is_made(start: Starter) -> None:
    torch.save({"model": IgnoreAwareModel("yolo26s.yaml", nc=2, verbose=False)}, start.folder / "coco.pt")
    with pytest.raises(ModelMismatch, match="got a network of scale 's'"):
        start(widen=True)
    assert not list(start.folder.glob("runs*"))


def stopped_run(folder: Path) -> Path:
    """A run that was killed after its first epoch."""
    (folder / "train" / "weights").mkdir(parents=True)
    torch.save({"epoch": 0, "train_args": {"epochs": 2}}, folder / "train" / "weights" / "last.pt")
    write_record(folder, {"name": "r", "machine": "Some Processor"})
    (folder / "data").mkdir()
    (folder / "data" / "data.yaml").write_text("path: /where/it/was/started\ntrain: train\n")
    return folder


def resumed(run: Path, *options: str) -> Any:
    told = ["train", str(run), "--data", "real", "--weights", "coco.pt", "--resume", *options]
    return CliRunner().invoke(app, told, catch_exceptions=False)


def finished(run: Path) -> Any:
    return CliRunner().invoke(app, ["train", str(run), "--finish"], catch_exceptions=False)


def test_a_run_goes_on_where_it_is_told_to(start: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, "Small Card", "Large Card")
    assert resumed(stopped_run(start.folder / "killed"), "--device", "1").exit_code == 0
    assert start.started.arguments["device"] == start.started.record["resumed_device"] == "1"
    assert resumed(stopped_run(start.folder / "killed again")).exit_code == 0
    assert "device" not in start.started.arguments and "resumed_device" not in start.started.record


def test_the_folder_that_is_named_is_the_one_that_goes_on(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stopped_run(start.folder / "copy")
    monkeypatch.chdir(start.folder)
    resumed(Path("copy"))
    assert start.started.arguments["data"] == str(run / "data" / "data.yaml")
    assert start.started.arguments["save_dir"] == str(run / "train")
    table = yaml.safe_load((run / "data" / "data.yaml").read_text())
    assert table == {"path": str(run / "data"), "train": "train"}


def test_a_run_whose_pictures_are_gone_says_so(start: Starter) -> None:
    run = stopped_run(start.folder / "moved")
    (run / "data" / "train" / "images").mkdir(parents=True)
    (run / "data" / "train" / "images" / "a.png").symlink_to(start.folder / "gone" / "a.png")
    with pytest.raises(DatasetError, match=r"lacks 1 pictures, first a\.png"):
        resumed(run)
    (run / "data" / "train" / "images" / "a.png").unlink()
    (run / "data" / "data.yaml").unlink()
    with pytest.raises(DatasetError, match=r"lacks data\.yaml"):
        resumed(run)


def test_a_checkpoint_that_was_cut_short_is_named_with_its_cure(start: Starter) -> None:
    run = stopped_run(start.folder / "killed")
    last = run / "train" / "weights" / "last.pt"
    last.write_bytes(last.read_bytes()[:300])
    for go in (resumed, finished):
        with pytest.raises(DatasetError, match=r"last\.pt cannot be read .*Copy best\.pt over it"):
            go(run)


@pytest.mark.parametrize(
    "checkpoint",
    [
        pytest.param({"epoch": -1, "train_args": {"epochs": 2}}, id="stripped"),
        pytest.param({"epoch": 1, "train_args": {"epochs": 2}}, id="after the last epoch"),
        pytest.param({"model": None}, id="never trained here"),
    ],
)
def test_a_run_that_has_no_epoch_left_is_to_be_finished(start: Starter, checkpoint: dict[str, Any]) -> None:
    run = stopped_run(start.folder / "killed")
    torch.save(checkpoint, run / "train" / "weights" / "last.pt")
    with pytest.raises(DatasetError, match=r"ended, .*`firewarden train .*killed --finish`"):
        resumed(run)


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill while it is written leaves the one before, and what it left is never taken for a checkpoint."""
    trainer = EvidenceTrainer.__new__(EvidenceTrainer)
    trainer.last, trainer.best = tmp_path / "last.pt", tmp_path / "best.pt"

    def save(last: bytes, best: bytes | None, *, killed: bool = False) -> None:
        def write(trainer: EvidenceTrainer) -> bool:
            trainer.last.write_bytes(last)
            if best is not None:
                trainer.best.write_bytes(best)
            if killed:
                raise KeyboardInterrupt
            return True

        monkeypatch.setattr(DetectionTrainer, "save_model", write)
        trainer.save_model()

    save(b"one", b"one")
    with pytest.raises(KeyboardInterrupt):
        save(b"two", b"tw", killed=True)
    assert [path.read_bytes() for path in (trainer.last, trainer.best)] == [b"one", b"one"]
    save(b"two", None)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "last.pt": b"two",
        "best.pt": b"one",
    }


def test_what_a_run_began_with_stays(start: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch)
    with pytest.raises(DatasetError, match="got --resume with --epochs, --imgsz"):
        resumed(stopped_run(start.folder / "killed"), "--epochs", "3", "--imgsz", "64")
    with pytest.raises(DatasetError, match="torch sees 0 GPUs"):
        resumed(stopped_run(start.folder / "killed again"), "--device", "0")


@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param(
            "cuda",
            marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="NO GPU: needs a CUDA card"),
        ),
    ],
)
def test_a_step_in_bfloat16_has_a_finite_loss_in_float32(device: str) -> None:
    torch.manual_seed(0)
    model = IgnoreAwareModel("yolo26n.yaml", nc=3, verbose=False).to(device).train()
    model.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5, epochs=1)
    model.bf16_training = device == "cpu" or _has_fast_bf16(torch.device(device))
    seen: list[torch.dtype] = []
    model.model[1].conv.register_forward_hook(lambda _layer, _inputs, output: seen.append(output.dtype))
    batch = {
        "img": torch.rand(2, 3, 64, 64),
        "batch_idx": torch.tensor([0.0, 1.0, 1.0]),
        "cls": torch.tensor([[0.0], [4.0], [7.0]]),  # an object, an ignore box of class 1, a scene
        "bboxes": torch.tensor([[0.5, 0.5, 0.6, 0.6], [0.5, 0.5, 0.4, 0.4], [0.5, 0.5, 1.0, 1.0]]),
    }
    total, _ = model.loss({name: values.to(device) for name, values in batch.items()})
    total.sum().backward()
    assert seen == [torch.bfloat16 if model.bf16_training else torch.float32]
    assert total.dtype == torch.float32 and torch.isfinite(total).all() and (total > 0)[:2].all()
    gradient = model.model[0].conv.weight.grad
    assert torch.isfinite(gradient).all() and gradient.abs().max() > 0
