"""The scene output: a linear layer fitted on features, and put behind a graph whose answer is worked out in numpy."""

import sys
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip(
    "onnx", reason="the scene output needs onnx: install firewarden[dev] or firewarden[train]"
)

import onnxruntime
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parent))
from tiny_data import Photo, build_data_folder

from firewarden.training.card_hazards import hazard_sections
from firewarden.training.scene_fit import SceneHead, Seen, fit_scene_head
from firewarden.training.scene_head import add_embedding, add_scene, attach_scene_head

NAMES = ("elevator_car", "indoor")
SCALE, SHIFT = np.array([1, 200, 0.01], np.float32), np.array([5, -300, 2], np.float32)


def blobs(seed: int, counts: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Two clouds of features 8 standard deviations apart, each axis with its own scale and shift."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(2), counts)
    clouds = rng.normal(size=(sum(counts), 3)) + np.array([[-4, 0, 0], [4, 0, 0]])[labels]
    return (clouds * SCALE + SHIFT).astype(np.float32), labels.astype(np.int64)


def seen(features: np.ndarray, labels: np.ndarray) -> Seen:
    """Every two neighbouring views are of one place."""
    return Seen(features, labels, [f"place{row // 2}" for row in range(len(labels))])


def upsampler(*nodes: object) -> onnx.ModelProto:
    """images (b, 3, h, w) -> features = 3 * images -> nodes -> output0."""
    graph = helper.make_graph(
        [helper.make_node("Mul", ["images", "three"], ["features"]), *nodes],
        "upsampler",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, "h", "w"])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, ["batch", 3, "h2", "w2"])],
        [
            numpy_helper.from_array(np.float32(3), "three"),
            numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def resize(source: str, target: str) -> object:
    return helper.make_node("Resize", [source, "", "twice"], [target], mode="nearest")


def run(model: onnx.ModelProto, batch: np.ndarray) -> dict[str, np.ndarray]:
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"images": batch}), strict=True))


@pytest.fixture
def batch() -> np.ndarray:
    return np.random.default_rng(0).random((2, 3, 4, 6), dtype=np.float32)


def test_the_embedding_is_the_mean_of_what_the_first_upsampling_reads(batch: np.ndarray) -> None:
    model = upsampler(
        resize("features", "larger"),
        helper.make_node("Neg", ["larger"], ["negative"]),
        resize("negative", "output0"),
    )
    add_embedding(model)
    outputs = run(model, batch)
    assert list(outputs) == ["output0", "embedding"]
    np.testing.assert_allclose(outputs["embedding"], 3 * batch.mean(axis=(2, 3)), rtol=1e-5)
    np.testing.assert_allclose(outputs["output0"], -3 * batch.repeat(4, axis=2).repeat(4, axis=3), rtol=1e-6)


def test_a_graph_without_an_upsampling_is_refused() -> None:
    model = upsampler(helper.make_node("Neg", ["features"], ["output0"]))
    before = model.SerializeToString()
    with pytest.raises(ValueError, match="no Resize node"):
        add_embedding(model)
    assert model.SerializeToString() == before


def test_the_scene_is_the_softmax_of_the_linear_layer(batch: np.ndarray) -> None:
    weight = np.array([[1, 0, 0], [0, 2, 0]], np.float32)  # not square: a missing transpose would not run
    head = SceneHead(NAMES, weight, np.array([0.5, -1], np.float32), {})
    model = upsampler(resize("features", "output0"))
    add_embedding(model)
    add_scene(model, head)
    outputs = run(model, batch)
    red, green, _ = 3 * batch.mean(axis=(2, 3)).T
    share = 1 / (1 + np.exp((2 * green - 1) - (red + 0.5)))  # softmax of two
    np.testing.assert_allclose(outputs["scene"], np.stack([share, 1 - share], axis=1), rtol=1e-5)


def test_an_even_head_says_so(batch: np.ndarray) -> None:
    model = upsampler(resize("features", "output0"))
    add_embedding(model)
    add_scene(
        model, SceneHead(("a", "b", "c", "d"), np.zeros((4, 3), np.float32), np.zeros(4, np.float32), {})
    )
    assert run(model, batch)["scene"].tolist() == [[0.25] * 4] * 2


def test_two_clouds_are_told_apart_on_raw_features() -> None:
    pytest.importorskip("torch", reason="the fit needs torch: install firewarden[train]")
    features, labels = blobs(0, (80, 20))
    val_features, val_labels = blobs(1, (30, 30))
    head = fit_scene_head(seen(features, labels), seen(val_features, val_labels), NAMES)
    assert head.names == NAMES and head.weight.shape == (2, 3) and head.bias.shape == (2,)
    assert (head.weight.dtype, head.bias.dtype) == (np.float32, np.float32)
    logits = val_features @ head.weight.T + head.bias
    assert (logits.argmax(axis=1) == val_labels).all()
    assert head.report["val_accuracy"] == head.report["val_recall_indoor"] == 1.0
    assert (head.report["cross_validated_n"], head.report["val_n"]) == (100, 60)
    # the scaling is folded in: raw features give the loss that was measured on scaled ones
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert -log_p[np.arange(60), val_labels].mean() == pytest.approx(head.report["val_log_loss"], rel=1e-3)
    assert head.report["val_log_loss"] < 0.1


def test_a_scene_without_val_photos_has_no_recall_and_breaks_nothing() -> None:
    pytest.importorskip("torch", reason="the fit needs torch: install firewarden[train]")
    features, labels = blobs(0, (40, 40))
    head = fit_scene_head(seen(features, labels), seen(*blobs(1, (30, 0))), (*NAMES, "outdoor_open"))
    assert head.weight.shape == (3, 3)
    assert (head.report["val_recall_indoor"], head.report["val_recall_outdoor_open"]) == (0.0, 0.0)
    assert head.report["val_accuracy"] == head.report["val_recall_elevator_car"] == 1.0


def test_without_a_tagged_val_photo_train_alone_decides() -> None:
    """As with too few of them: the same layer, and no figure of val but the count."""
    pytest.importorskip("torch", reason="the fit needs torch: install firewarden[train]")
    train = seen(*blobs(0, (40, 40)))
    none = Seen(np.empty((0, 0), np.float32), np.empty(0, np.int64), [])
    head, few = fit_scene_head(train, none, NAMES), fit_scene_head(train, seen(*blobs(1, (9, 9))), NAMES)
    np.testing.assert_array_equal(head.weight, few.weight)
    assert head.report["temperature"] == few.report["temperature"]
    assert {name: v for name, v in head.report.items() if name.startswith("val")} == {"val_n": 0}
    assert np.isfinite(list(head.report.values())).all()


def saved_upsampler(folder: Path) -> Path:
    path = folder / "model.onnx"
    onnx.save(upsampler(resize("features", "output0")), str(path))
    return path


def test_without_a_tagged_train_photo_the_model_gets_no_scene_output(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photos = [Photo("a", scene=""), Photo("b", "val", scene="corridor"), Photo("c", scene="close_up")]
    data, path = build_data_folder(tmp_path / "data", photos, ("door",)), saved_upsampler(tmp_path)
    before = path.read_bytes()
    head = attach_scene_head(path, data, [data], input_size=32, stride=32)
    assert head.names == () and "no train photo has a scene tag" in caplog.text
    assert path.read_bytes() == before
    assert "No scene output: no real train photo had a scene tag." in hazard_sections(
        {"data": "d"}, head.report
    )


def test_a_scene_output_needs_no_tagged_val_photo(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the fit needs torch: install firewarden[train]")
    photos = [Photo("a"), Photo("b", scene="outdoor"), Photo("c", "val", scene="")]
    data, path = build_data_folder(tmp_path / "data", photos, ("door",)), saved_upsampler(tmp_path)
    head = attach_scene_head(path, data, [], input_size=32, stride=32)
    assert head.report["cross_validated_n"] == 6  # two photos, three views of each
    assert head.report["val_n"] == 0
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["output0", "embedding", "scene"]


def test_probabilities_are_softened_where_places_left_out_are_told_wrong() -> None:
    """Labels by chance: whatever the layer learned by heart does not carry over, and the temperature says so."""
    pytest.importorskip("torch", reason="the fit needs torch: install firewarden[train]")
    rng = np.random.default_rng(3)
    features, labels = rng.normal(size=(60, 30)).astype(np.float32), rng.integers(0, 2, 60)
    head = fit_scene_head(seen(features, labels), seen(features, labels), NAMES)
    assert head.report["temperature"] > 1.5
    assert head.report["cross_validated_log_loss"] < 0.8  # near log 2 = 0.69: it says that it does not know


@pytest.mark.parametrize(("count", "softened"), [(50, True), (49, False)])
def test_new_places_that_are_told_wrong_soften_what_the_network_knows(count: int, softened: bool) -> None:
    """Train places lie apart, one val photo in five lies on the wrong side: nobody may be sure of a side by more than 0.8.
    Fewer than fifty photos do not say so."""
    pytest.importorskip("torch", reason="the fit needs torch: install firewarden[train]")
    features, labels = blobs(0, (60, 60))
    val_features, val_labels = blobs(1, (count, 0))
    val_labels = np.where(np.arange(count) % 5 == 0, 1 - val_labels, val_labels)
    head = fit_scene_head(seen(features, labels), seen(val_features, val_labels), NAMES)
    logits = val_features @ head.weight.T + head.bias
    surest = (1 / (1 + np.exp(-np.abs(logits[:, 0] - logits[:, 1])))).mean()
    assert surest == pytest.approx(0.8, abs=0.05) if softened else surest > 0.95


def test_made_pictures_that_are_easily_told_make_it_no_surer() -> None:
    pytest.importorskip("torch", reason="the fit needs torch: install firewarden[train]")
    rng = np.random.default_rng(3)
    features, labels = rng.normal(size=(60, 3)).astype(np.float32), rng.integers(0, 2, 60)
    real, (easy, told) = seen(features, labels), blobs(1, (60, 60))
    made = Seen(easy, told, [f"made {i}" for i in range(120)])
    alone, joined = fit_scene_head(real, real, NAMES), fit_scene_head(real, real, NAMES, made=made)
    assert joined.report["cross_validated_n"] == alone.report["cross_validated_n"] == 60
    assert joined.report["temperature"] > 1.5
