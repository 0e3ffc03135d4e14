"""Export of a tiny network with random weights: the whole folder, its parity, and that a changed file is caught."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

torch = pytest.importorskip("torch", reason="export needs torch: install firewarden[train]")
pytest.importorskip("ultralytics", reason="export needs ultralytics: install firewarden[train]")

import onnx
from ultralytics.utils import ROOT

from firewarden.errors import DatasetError, InvalidImage, ModelMismatch
from firewarden.inference.detector import open_detector
from firewarden.inference.image import Image, decode_image
from firewarden.models.manifest import load_manifest
from firewarden.training.checkpoint import TorchSession
from firewarden.training.export import export
from firewarden.training.graph_export import export_onnx, name_rows, row_count
from firewarden.training.ignore_loss import IgnoreAwareModel
from firewarden.training.measured_folder import MeasuredOn
from firewarden.training.parity import OnnxRawModel, compare_tensors
from firewarden.training.promote import promote
from firewarden.training.remeasure import remeasure

CLASSES = ("door", "exit_sign", "carton")
SIZE = 64


def random_photo(seed: int, hw: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*hw, 3), dtype=np.uint8)


def add_data(folder: Path) -> Path:
    """Three photos of three shapes: one train, two val."""
    for name in ("images", "labels", "ignore"):
        (folder / name).mkdir(parents=True)
    rows = ["file,split,source,licence,place_group,scene"]
    shapes = {"a": (96, 128), "b": (200, 100), "c": (40, 480)}
    for seed, (stem, hw) in enumerate(shapes.items()):
        PillowImage.fromarray(random_photo(seed, hw)).save(folder / "images" / f"{stem}.png")
        (folder / "labels" / f"{stem}.txt").write_text("0 0.5 0.5 0.9 0.9\n")
        rows.append(
            f"images/{stem}.png,{'train' if stem == 'a' else 'val'},source,none stated,{stem},corridor"
        )
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    (folder / "classes.txt").write_text("\n".join(CLASSES))
    return folder


def add_run(folder: Path, *, kind: str = "26/yolo26n.yaml") -> Path:
    """A run folder as training leaves it, around an untrained network."""
    torch.manual_seed(0)
    config = ROOT / "cfg" / "models" / kind
    model = IgnoreAwareModel(str(config), nc=len(CLASSES), verbose=False)
    model.names = dict(enumerate(CLASSES))
    weights = folder / "train" / "weights"
    weights.mkdir(parents=True)
    torch.save({"model": model, "train_args": {"data": "/somewhere/private/data.yaml"}}, weights / "best.pt")
    record: dict[str, Any] = {
        "name": "tiny", "started_at": "2026-11-21T00:00:00", "git_sha": "c47b89a", "dataset_sha256": "d" * 64,
        "train_photos": 1, "val_photos": 2, "classes": list(CLASSES), "weights": "none", "machine": "m",
        "config": {"name": "tiny", "seed": 0}, "arguments": {}, "versions": {},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_run(tmp_path_factory.mktemp("run"))


def add_constant_scene(model_path: Path) -> tuple[str, ...]:
    """A scene output that always says: surely a lift. Reads the photo only for the batch size."""
    model, make = onnx.load(str(model_path)), onnx.helper.make_node
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros((3, 2), np.float32), "scene_weight"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, 0], np.float32), "scene_bias"))
    model.graph.node.extend(
        [
            make("GlobalAveragePool", ["images"], ["colour_map"]),
            make("Flatten", ["colour_map"], ["colour"]),
            make("Gemm", ["colour", "scene_weight", "scene_bias"], ["scene"]),
        ]
    )
    model.graph.output.append(
        onnx.helper.make_tensor_value_info("scene", onnx.TensorProto.FLOAT, ["batch", 2])
    )
    onnx.save(model, str(model_path))
    return ("elevator_car", "indoor")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, run: Path, data: Path) -> Path:
    out = tmp_path_factory.mktemp("exported") / "tiny"
    photos = [data / "images" / "a.png", data / "images" / "c.png"]
    aside = add_data(tmp_path_factory.mktemp("beside") / "aside")
    (aside / "made_by.json").write_text('{"command": "firewarden data synth aside"}')
    return export(
        run,
        out,
        input_size=SIZE,
        calibration_images=photos,
        data=data,
        add_scene=add_constant_scene,
        also_on=[aside],
    )


@pytest.fixture(scope="module")
def images(data: Path) -> dict[str, Image]:
    return {path.name: decode_image(path.read_bytes()) for path in (data / "images").iterdir()}


def test_a_folder_that_chooses_nothing_is_measured_whole(exported: Path) -> None:
    """Its one train picture and its two val pictures; the data folder has two val photos."""
    evaluation = json.loads((exported / "evaluation.json").read_text())
    (beside,) = evaluation["also_on"]
    assert (evaluation["images"], beside["images"], beside["split"], beside["data"]) == (2, 3, None, "aside")
    assert (beside["chose_thresholds"], beside["made_by"]) == (False, "firewarden data synth aside")
    assert "`aside`, 3 pictures" in (exported / "CARD.md").read_text()


def test_a_folder_that_was_trained_on_is_no_folder_to_measure_on(
    tmp_path: Path, run: Path, data: Path
) -> None:
    other = tmp_path / "run"
    shutil.copytree(run, other)
    record = json.loads((run / "run.json").read_text())
    (other / "run.json").write_text(json.dumps({**record, "extra": [{"name": data.name}]}))
    with pytest.raises(DatasetError, match="which the run was trained on"):
        export(other, tmp_path / "out", input_size=SIZE, calibration_images=[], data=data, also_on=[data])
    assert not (tmp_path / "out").exists()


def test_measured_again_by_the_same_rules_it_says_the_same(
    exported: Path, data: Path, tmp_path: Path
) -> None:
    """The run folder is not needed: its record lies in the model folder."""
    before = json.loads((exported / "evaluation.json").read_text())
    out = remeasure(load_manifest(exported), tmp_path / "again", MeasuredOn(data), command="again")
    after = json.loads((out / "evaluation.json").read_text())
    changed = {key for key in before if before[key] != after[key]}
    assert changed <= {"command", "also_on"}
    assert after["command"] == "again" and after["also_on"] == []
    old, new = load_manifest(exported), load_manifest(out)
    assert (new.operating_points, new.metrics, new.sha256) == (old.operating_points, old.metrics, old.sha256)
    assert "measured on" in (out / "CARD.md").read_text() and "by `again`" in (out / "CARD.md").read_text()
    promote(out, tmp_path / "models", "tiny")


def stop(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_measurement_cut_short_before_its_card_ships_nothing(
    exported: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card that is copied with the folder tells of the figures before."""
    monkeypatch.setattr("firewarden.training.remeasure.write_card_of", stop)
    out = tmp_path / "again"
    with pytest.raises(KeyboardInterrupt):
        remeasure(load_manifest(exported), out, MeasuredOn(data), command="again")
    assert json.loads((out / "evaluation.json").read_text())["command"] == "again"
    with pytest.raises(ModelMismatch, match=r"CARD\.md is missing"):
        promote(out, tmp_path / "models", "tiny")


def test_an_export_over_another_leaves_nothing_of_it(
    exported: Path, run: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    shutil.copytree(exported, out)
    monkeypatch.setattr("firewarden.training.export.export_onnx", stop)
    with pytest.raises(KeyboardInterrupt):
        export(run, out, input_size=SIZE, calibration_images=[], data=data)
    assert [path.name for path in out.iterdir()] == ["model.onnx"]


def test_a_model_is_not_measured_into_its_own_folder_nor_on_what_it_learned_from(
    exported: Path, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match="own folder"):
        remeasure(load_manifest(exported), exported, MeasuredOn(data))
    record = json.loads((exported / "training.json").read_text())
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    (copy / "training.json").write_text(json.dumps({**record, "extra": [{"name": data.name}]}))
    with pytest.raises(DatasetError, match="was trained on"):
        remeasure(load_manifest(copy), tmp_path / "out", MeasuredOn(data, also_on=[data]))
    (copy / "training.json").unlink()
    with pytest.raises(DatasetError, match=r"training\.json is missing"):
        remeasure(load_manifest(copy), tmp_path / "out", MeasuredOn(data))


def test_the_first_output_is_called_detections_wherever_it_is_read(tmp_path: Path) -> None:
    make, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    nodes = [make("Neg", ["in"], ["output0"]), make("Abs", ["output0"], ["output01"])]
    outputs = [info(name, onnx.TensorProto.FLOAT, [1]) for name in ("output0", "output01")]
    graph = onnx.helper.make_graph(nodes, "g", [info("in", onnx.TensorProto.FLOAT, [1])], outputs)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    name_rows(model)
    onnx.checker.check_model(model)
    assert [(list(n.input), list(n.output)) for n in model.graph.node] == [
        (["in"], ["detections"]),
        (["detections"], ["output01"]),
    ]
    assert [o.name for o in model.graph.output] == ["detections", "output01"]


def test_the_folder_is_whole_and_its_manifest_loads(exported: Path) -> None:
    files = ["CARD.md", "evaluation.json", "model.onnx", "model.toml", "parity.json", "training.json"]
    assert sorted(p.name for p in exported.iterdir()) == files
    assert json.loads((exported / "training.json").read_text())["git_sha"] == "c47b89a"
    manifest = load_manifest(exported)
    assert (manifest.id, manifest.class_names, manifest.input_size, manifest.stride) == (
        "tiny",
        CLASSES,
        SIZE,
        32,
    )
    assert set(manifest.operating_points) == set(CLASSES)


def test_parity_passes_in_several_shapes(exported: Path) -> None:
    parity = json.loads((exported / "parity.json").read_text())
    assert parity["passed"] is True
    assert parity["model_sha256"] == load_manifest(exported).sha256
    assert {tuple(row["input_hw"]) for row in parity["tensors"]} == {(64, 64), (32, 64), (96, 128), (32, 128)}
    assert all(row["before_top_k"]["max_abs"] < 0.01 for row in parity["tensors"])


def test_the_serving_detector_opens_the_file_and_takes_the_thinnest_photo(exported: Path) -> None:
    detector = open_detector(load_manifest(exported), threads=1)
    stream = io.BytesIO()
    PillowImage.fromarray(random_photo(9, (32, 2000))).save(stream, "PNG")
    thin = decode_image(stream.getvalue())
    detections, scene = detector.see(thin).detections, detector.see(thin).scene
    assert len(detections) <= row_count(SIZE)
    assert detections.class_id.max() < len(CLASSES)
    assert scene == {"elevator_car": 1.0, "indoor": 0.0}


@pytest.mark.parametrize(("input_size", "rows"), [(640, 300), (512, 300), (416, 273), (64, 42)])
def test_top_k_never_exceeds_the_anchors_of_the_thinnest_input(input_size: int, rows: int) -> None:
    # 416 x 32: 52 * 4 + 26 * 2 + 13 * 1 = 273
    assert row_count(input_size) == rows


def test_the_graph_takes_batches_and_names_nothing_private(exported: Path) -> None:
    graph = onnx.load(str(exported / "model.onnx"))
    shape = [d.dim_param or d.dim_value for d in graph.graph.input[0].type.tensor_type.shape.dim]
    assert shape == ["batch", 3, "height", "width"]
    assert {p.key for p in graph.metadata_props} >= {"names", "stride", "task", "end2end"}
    assert b"/somewhere" not in (exported / "model.onnx").read_bytes()


def test_a_batch_equals_its_photos_one_by_one(exported: Path) -> None:
    session = OnnxRawModel(exported / "model.onnx")._session
    batch = np.random.default_rng(0).random((3, 3, 64, 96), dtype=np.float32)
    together = session.run(["detections"], {"images": batch})[0]
    single = np.concatenate([session.run(["detections"], {"images": photo[None]})[0] for photo in batch])
    np.testing.assert_allclose(np.sort(together[..., 4]), np.sort(single[..., 4]), rtol=1e-4, atol=1e-5)


def test_a_checkpoint_exports_to_the_same_bytes_again(
    exported: Path, run: Path, data: Path, tmp_path: Path
) -> None:
    export_onnx(run / "train" / "weights" / "best.pt", tmp_path / "again.onnx", input_size=SIZE)
    add_constant_scene(tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == (exported / "model.onnx").read_bytes()


def test_a_file_with_one_changed_bias_fails_parity(
    exported: Path, run: Path, images: dict[str, Image], tmp_path: Path
) -> None:
    graph = onnx.load(str(exported / "model.onnx"))
    bias = next(t for t in graph.graph.initializer if "one2one_cv2.0.2.bias" in t.name)
    bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + np.float32(1), bias.name))
    onnx.save(graph, str(tmp_path / "changed.onnx"))
    reference = TorchSession(run / "train" / "weights" / "best.pt", top_k=row_count(SIZE))
    changed = OnnxRawModel(tmp_path / "changed.onnx")
    rows = compare_tensors(reference, changed, images, input_size=SIZE, stride=32)
    assert not any(row["within"] for row in rows)


def test_an_export_can_be_promoted(exported: Path, tmp_path: Path) -> None:
    assert load_manifest(promote(exported, tmp_path, "firewarden-tiny")).id == "firewarden-tiny"


def test_the_trainer_keeps_its_folder_to_itself(exported: Path, run: Path) -> None:
    assert [p.name for p in (run / "train" / "weights").iterdir()] == ["best.pt"]


def test_a_network_without_the_one_to_one_head_is_refused(tmp_path: Path) -> None:
    other = add_run(tmp_path, kind="11/yolo11n.yaml")
    with pytest.raises(ModelMismatch, match="no one-to-one head"):
        TorchSession(other / "train" / "weights" / "best.pt", top_k=10)


def test_an_unreadable_photo_stays_one_after_the_trainer_was_imported() -> None:
    with pytest.raises(InvalidImage):
        decode_image(b"no picture")


def test_an_unfinished_run_is_refused(tmp_path: Path, data: Path) -> None:
    (tmp_path / "run.json").write_text('{"finished": false}', encoding="utf-8")
    with pytest.raises(DatasetError, match=r"best\.pt is missing"):
        export(tmp_path, tmp_path / "out", input_size=SIZE, calibration_images=[], data=data)
    assert not (tmp_path / "out").exists()
