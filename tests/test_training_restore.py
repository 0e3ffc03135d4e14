"""A shipped ONNX file as a network to train on: it answers as the file does, also where it normalises by the batch."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="restoring needs torch: install firewarden[train]")
pytest.importorskip("ultralytics", reason="restoring needs ultralytics: install firewarden[train]")
onnx = pytest.importorskip("onnx", reason="restoring needs onnx: install firewarden[train]")

from firewarden.errors import DatasetError, ModelMismatch
from firewarden.inference.detector import to_batch
from firewarden.inference.image import decode_image
from firewarden.inference.letterbox import Letterbox
from firewarden.models.manifest import ModelManifest, load_manifest
from firewarden.models.registry import find_manifest, model_folder
from firewarden.training.checkpoint import TorchSession
from firewarden.training.restore import network_of, restore, set_normalisation
from firewarden.training.shipped_start import shipped_model, shipped_origin
from firewarden.training.starting_model import build_model

SAMPLE = Path(__file__).resolve().parents[1] / "inference" / "sample.jpg"
SIDE = 320


@pytest.fixture(scope="module")
def manifest() -> ModelManifest:
    return find_manifest()


@pytest.fixture(scope="module")
def batch() -> "torch.Tensor":
    picture = decode_image(SAMPLE.read_bytes(), min_long_side=SIDE).pixels
    box = Letterbox.fit((picture.shape[0], picture.shape[1]), SIDE, 32)
    return torch.from_numpy(to_batch(box.apply_image(picture)))


@pytest.fixture(scope="module")
def restored(manifest: ModelManifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return restore(manifest, [SAMPLE], tmp_path_factory.mktemp("restored") / "start.pt")


def network(checkpoint: Path):
    return torch.load(checkpoint, weights_only=False)["model"].float()


def one_to_one(model, batch: "torch.Tensor") -> tuple[np.ndarray, np.ndarray]:
    """Boxes (4, anchors) and class confidences (classes, anchors) of the head that serves."""
    with torch.inference_mode():
        answer = model(batch)
    heads = answer[1] if isinstance(answer, tuple) else answer
    one = heads["one2one"]
    return one["boxes"][0].numpy(), one["scores"][0].sigmoid().numpy()


def test_it_answers_as_the_file_does(manifest: ModelManifest, restored: Path, batch: "torch.Tensor") -> None:
    session = onnxruntime.InferenceSession(str(manifest.model_path), providers=["CPUExecutionProvider"])
    (expected,) = session.run(["detections"], {session.get_inputs()[0].name: batch.numpy()})
    rows = TorchSession(restored, top_k=300).run(batch.numpy()).rows
    sure = expected[0, :, 4] > 0.1
    assert sure.sum() >= 3
    assert rows[0, : sure.sum()] == pytest.approx(expected[0, sure], abs=0.01)  # px, and confidence


def test_normalising_by_the_batch_that_set_it_changes_nothing(
    manifest: ModelManifest, batch: "torch.Tensor"
) -> None:
    """Mean and variance of the batch are then those that are kept, whatever the layer."""
    model = network_of(onnx.load(str(manifest.model_path)), manifest.class_names)
    set_normalisation(model, [batch])
    _, kept = one_to_one(model.eval(), batch)
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.train()
    _, by_batch = one_to_one(model, batch)
    assert kept.max() > 0.5
    assert by_batch == pytest.approx(kept, abs=0.02)


def test_convolutions_give_unit_variance(restored: Path) -> None:
    """So a step of the optimiser moves all of them by as much; a channel that never answers stays small."""
    model = network(restored)
    spreads = torch.cat([m.running_var for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)])
    assert ((spreads - 1).abs() < 1e-3).float().mean() > 0.95
    assert spreads.max() < 1.001


def test_the_head_that_export_leaves_out_begins_as_the_one_that_serves(restored: Path) -> None:
    head = network(restored).model[-1]
    for trained, copied in ((head.one2one_cv2, head.cv2), (head.one2one_cv3, head.cv3)):
        for name, value in trained.state_dict().items():
            assert torch.equal(value, copied.state_dict()[name]), name


def test_classes_of_another_list_keep_their_rows_by_name(restored: Path) -> None:
    source = network(restored)
    grown = build_model(source.yaml, source, ["hose_reel", *source.names.values()])
    for old, new in zip(source.model[-1].one2one_cv3, grown.model[-1].one2one_cv3, strict=True):
        assert torch.equal(new[-1].weight[1:], old[-1].weight)
        assert torch.equal(new[-1].bias[1:], old[-1].bias)
        assert new[-1].bias[0] == old[-1].bias.min()


def test_a_graph_of_another_kind_is_refused() -> None:
    make, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    ends = [info(name, onnx.TensorProto.FLOAT, [1]) for name in ("in", "out")]
    graph = onnx.helper.make_graph([make("Abs", ["in"], ["out"])], "g", ends[:1], ends[1:])
    with pytest.raises(ModelMismatch, match="no YOLO26 detector of 2 classes"):
        network_of(onnx.helper.make_model(graph), ["door", "carton"])


def test_without_photos_nothing_is_restored(manifest: ModelManifest, tmp_path: Path) -> None:
    with pytest.raises(ModelMismatch, match="got no photos"):
        restore(manifest, [], tmp_path / "start.pt")


def test_a_shipped_model_goes_by_id_folder_or_file(tmp_path: Path) -> None:
    folder = model_folder("firewarden-n")
    for name in (Path("firewarden-n"), folder, folder / "model.onnx"):
        found = shipped_model(name)
        assert found is not None
        assert found.folder == folder
    (tmp_path / "coco.pt").write_bytes(b"x")
    assert shipped_model(tmp_path / "coco.pt") is None
    with pytest.raises(DatasetError, match=r"no-such is missing.*firewarden-n"):
        shipped_model(Path("no-such"))


def test_the_record_tells_what_the_model_was_trained_on(manifest: ModelManifest) -> None:
    origin = shipped_origin(manifest)
    assert origin["weights"] == "yolo26n_coco_dq.pt"
    assert origin["restored"] == {"model": "firewarden-n", "sha256": manifest.sha256}
    assert origin["parent"] == json.loads((manifest.folder / "training.json").read_text(encoding="utf-8"))


def test_a_model_folder_without_its_training_is_its_own_beginning(
    manifest: ModelManifest, tmp_path: Path
) -> None:
    for name in ("model.onnx", "model.toml"):
        (tmp_path / name).write_bytes((manifest.folder / name).read_bytes())
    (tmp_path / "model.toml").write_text(
        (tmp_path / "model.toml").read_text(encoding="utf-8").split("[artefacts")[0], encoding="utf-8"
    )
    origin = shipped_origin(load_manifest(tmp_path))
    assert origin["weights"] == "firewarden-n"
    assert "parent" not in origin
