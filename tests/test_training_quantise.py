"""Quantisation: what stays in floating point, the accuracy gate by hand, and a folder written from real int8 files."""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES

onnx = pytest.importorskip(
    "onnx", reason="quantising needs onnx: install firewarden[dev] or firewarden[quantise]"
)
from onnx import TensorProto, helper, numpy_helper
from tiny_data import Photo, build_data_folder
from tiny_model import build_model_folder

from firewarden.detections import Detections
from firewarden.errors import DatasetError
from firewarden.inference.int8_record import refusal_by_record
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.inference.session import open_session
from firewarden.inference.tune import Effort
from firewarden.models.manifest import INT8_RECORD_FILE, ModelManifest, file_sha256, load_manifest
from firewarden.training.quantise import quantise
from firewarden.training.quantise_gate import Figures, confidence_distance, judge
from firewarden.training.quantise_onnx import quantise_onnx
from firewarden.training.quantise_photos import QuantisePhotos, choose_photos
from firewarden.training.quantise_prove import prove
from firewarden.training.quantise_scope import float_patterns, head_prefix, stage_prefixes
from firewarden.training.quantise_silu import silu_inputs, with_fused_silu
from firewarden.training.quantise_trial import Bench, Quantiser

DOOR, CARTON, SIGN = (CLASSES.index(name) for name in ("door", "carton", "exit_sign"))
ROWS = [(16, 16, 48, 48, 0.9, DOOR)]
LABEL = (DOOR, 0.5, 0.5, 0.5, 0.5)  # the same box of a 64 x 64 photo
ORT, OPENVINO = RuntimeChoice("onnxruntime", "int8"), RuntimeChoice("openvino", "int8")


@pytest.mark.parametrize(
    ("fp32", "int8", "accepted", "worst"),
    [
        pytest.param((0.420, {"a": 0.90}), (0.411, {"a": 0.90}), True, "a", id="0.9 points of mAP"),
        pytest.param((0.420, {"a": 0.90}), (0.409, {"a": 0.90}), False, "a", id="1.1 points of mAP"),
        pytest.param(
            (0.420, {"a": 0.90, "b": 0.5}), (0.430, {"a": 0.95, "b": 0.489}), False, "b", id="one hazard"
        ),
        pytest.param((0.420, {"a": 0.90}), (0.430, {}), False, "a", id="a hazard that is no longer found"),
        pytest.param((0.420, {}), (0.420, {}), True, "", id="no hazard known"),
        pytest.param((0.420, {"a": 0.5}), (0.430, {"a": 0.6}), True, "a", id="better"),
    ],
)
def test_accuracy_may_fall_by_one_point(
    fp32: tuple[float, dict[str, float]], int8: tuple[float, dict[str, float]], accepted: bool, worst: str
) -> None:
    verdict = judge(Figures(*fp32), Figures(*int8))
    assert (verdict.accepted, verdict.worst_hazard) == (accepted, worst)


def named(*specs: tuple[str, str]) -> onnx.ModelProto:
    """A chain of nodes from (op type, name)."""
    nodes = [helper.make_node(op, [f"t{i}"], [f"t{i + 1}"], name=name) for i, (op, name) in enumerate(specs)]
    return helper.make_model(helper.make_graph(nodes, "chain", [], []))


def test_first_stages_tail_of_the_head_attention_and_pooled_outputs_stay_floating() -> None:
    import re

    specs = {
        "/model.0/conv/Conv": True,
        "/model.2/cv1/conv/Conv": False,
        "/model.10/m/m.0/attn/qkv/conv/Conv": False,
        "/model.10/m/m.0/attn/Softmax": True,
        "/model.23/one2one_cv2.0/one2one_cv2.0.0/conv/Conv": False,
        "/model.23/one2one_cv2.0/one2one_cv2.0.2/Conv": True,
        "/model.23/Concat_26": True,
        "/model.23/TopK": True,
    }
    model = named(*((name.rpartition("/")[2].partition("_")[0], name) for name in specs), ("Flatten", ""))
    patterns = [re.compile(pattern) for pattern in float_patterns(model, stages=1)]
    assert head_prefix(model) == "/model.23/"
    assert {name: any(p.match(name) for p in patterns) for name in specs} == specs
    assert any(p.match("t9") for p in patterns)  # the unnamed node, by its output
    assert stage_prefixes(model) == ["/model.0/", "/model.2/", "/model.10/", "/model.23/"]
    more = [re.compile(pattern) for pattern in float_patterns(model, stages=2)]
    assert any(p.match("/model.2/cv1/conv/Conv") for p in more)
    assert not any(p.match("/model.10/m/m.0/attn/qkv/conv/Conv") for p in more)


def conv_model(path: Path) -> Path:
    """images (1, 3, h, w) -> convolution -> SiLU -> convolution -> y, and its mean by an unnamed node -> embedding."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["images", "v"], ["x"], name="/model.0/conv/Conv", kernel_shape=[3, 3]),
        helper.make_node("Sigmoid", ["x"], ["s"], name="/model.0/act/Sigmoid"),
        helper.make_node("Mul", ["x", "s"], ["m"], name="/model.0/act/Mul"),
        helper.make_node("Conv", ["m", "w"], ["y"], name="/model.1/conv/Conv", kernel_shape=[3, 3]),
        helper.make_node("GlobalAveragePool", ["y"], ["embedding"]),
    ]
    weights = [
        numpy_helper.from_array(rng.normal(0, 0.3, (8, channels, 3, 3)).astype(np.float32), name)
        for name, channels in (("v", 3), ("w", 8))
    ]
    graph = helper.make_graph(
        nodes,
        "conv",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("y", "embedding")],
        weights,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    photos = [
        Photo(f"{split}{i}", split, labels=[LABEL], hw=(64, 64))
        for split in ("train", "val")
        for i in range(3)
    ]
    return build_data_folder(tmp_path / "data", photos, CLASSES)


@pytest.fixture
def manifest(tmp_path: Path) -> ModelManifest:
    return load_manifest(build_model_folder(tmp_path / "tiny", CLASSES, ROWS))


def test_an_int8_convolution_answers_nearly_alike(
    tmp_path: Path, data: Path, manifest: ModelManifest
) -> None:
    source, target = conv_model(tmp_path / "conv.onnx"), tmp_path / "conv.int8.onnx"
    photos = choose_photos(manifest, data, 3)
    words, used = quantise_onnx(source, target, photos, float_stages=1)
    assert "U8S8" in words and used == 3
    nodes = {node.op_type: node for node in onnx.load(str(target)).graph.node}
    assert nodes["GlobalAveragePool"].output[0] == "embedding"  # not rounded afterwards
    assert (
        nodes["QuickGelu"].input[0] == "x"
    )  # straight from the first convolution, which is not rounded either
    batch = next(iter(photos))
    exact, rounded = (
        onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(
            ["y"], {"images": batch}
        )[0]
        for path in (source, target)
    )
    assert 0 < np.abs(exact - rounded).mean() < 0.02 * np.ptp(exact)


def test_a_product_with_its_own_sigmoid_alone_becomes_one_silu(tmp_path: Path) -> None:
    model = with_fused_silu(onnx.load(str(conv_model(tmp_path / "conv.onnx"))))
    assert [node.op_type for node in model.graph.node] == ["Conv", "QuickGelu", "Conv", "GlobalAveragePool"]
    assert silu_inputs(model) == ["x"]
    picture = {"images": np.random.default_rng(1).random((1, 3, 16, 16), np.float32)}
    exact, fused = (
        onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"]).run(["y"], picture)[0]
        for source in (str(tmp_path / "conv.onnx"), model.SerializeToString())
    )
    np.testing.assert_allclose(fused, exact, rtol=1e-4, atol=1e-4)

    gated = named(("Sigmoid", "gate"))  # t0 -> t1, and t1 is used twice: the sigmoid has to stay
    product = helper.make_node("Mul", ["t0", "t1"], ["t2"], name="product")
    gated.graph.node.extend([product, helper.make_node("Neg", ["t1"], ["t3"], name="other")])
    assert [node.op_type for node in with_fused_silu(gated).graph.node] == ["Sigmoid", "Mul", "Neg"]


def seen(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


@pytest.mark.parametrize(
    ("fp32", "int8", "expected"),
    [
        pytest.param([], [], 0.0, id="nothing seen"),
        pytest.param([(0, 0, 10, 10, 0.5, 1)], [(0, 0, 10, 10, 0.4, 1)], 0.1, id="one gap, from both sides"),
        pytest.param([(0, 0, 10, 10, 0.5, 1)], [], 0.5, id="lost"),
        pytest.param([(0, 0, 10, 10, 0.3, 1)], [(0, 0, 10, 10, 0.3, 2)], 0.3, id="another class"),
        pytest.param([(0, 0, 10, 10, 0.3, 1)], [(0, 6, 10, 16, 0.3, 1)], 0.3, id="another place: IoU 0.25"),
        pytest.param([(0, 0, 10, 10, 0.01, 1)], [(0, 0, 10, 10, 0.015, 1)], 0.0, id="too weak to compare"),
        pytest.param(
            [(0, 0, 10, 10, 0.5, 1), (0, 0, 10, 9, 0.3, 1)],
            [(0, 0, 10, 9, 0.5, 1)],
            0.0,
            id="only the surest at a place counts",
        ),
    ],
)
def test_confidences_are_compared_place_by_place(
    fp32: list[tuple[float, float, float, float, float, int]],
    int8: list[tuple[float, float, float, float, float, int]],
    expected: float,
) -> None:
    assert confidence_distance([seen(*fp32)], [seen(*int8)]) == pytest.approx(expected, abs=1e-6)


def test_calibration_takes_train_photos_at_even_steps(data: Path, manifest: ModelManifest) -> None:
    photos = choose_photos(manifest, data, 2)
    assert [path.stem for path in photos.paths] == ["train0", "train1"]
    assert [batch.shape for batch in photos] == [(1, 3, 64, 64)] * 2
    assert len(photos.at_most(1)) == 1
    with pytest.raises(DatasetError, match="no train photo"):
        choose_photos(manifest, build_data_folder(data / "more", [Photo("v", "val")], CLASSES), 2)


def copied(source: Path, target: Path, photos: QuantisePhotos) -> tuple[str, int]:
    """A quantiser that loses nothing."""
    shutil.copyfile(source, target)
    return "copied", len(photos)


def test_what_loses_accuracy_is_refused_and_what_does_not_is_shipped(
    tmp_path: Path, data: Path, manifest: ModelManifest
) -> None:
    blind = build_model_folder(tmp_path / "blind", CLASSES, [(0, 0, 1, 1, 0.0, 0)]) / "model.onnx"

    def blinded(source: Path, target: Path, photos: QuantisePhotos) -> tuple[str, int]:
        return copied(blind, target, photos)

    out = tmp_path / "out"
    quick = Effort(rounds=1, seconds=0.0)
    record = quantise(
        manifest, data, out, photos=2, effort=quick, recipes={ORT: ("model.int8.onnx", [copied])}
    )
    assert record["artefacts"][ORT.key]["accepted"] is True
    written = load_manifest(out)
    artefact = written.artefacts[ORT.key]
    assert (artefact.map50_95, artefact.map_drop_points, artefact.calibration_photos) == (1.0, 0.0, 2)
    assert refusal_by_record(written, ORT, open_session(written, runtime=ORT)) == ""

    again = quantise(
        written, data, out, photos=2, effort=quick, recipes={ORT: ("model.int8.onnx", [blinded])}
    )
    assert again["artefacts"][ORT.key]["accepted"] is False
    assert "falls by 100.00 points" in again["artefacts"][ORT.key]["told"]
    assert load_manifest(out).artefacts == {}
    assert not (out / "model.int8.onnx").exists()


def test_recipes_are_tried_in_order_up_to_the_first_accepted(
    tmp_path: Path, data: Path, manifest: ModelManifest
) -> None:
    blind = build_model_folder(tmp_path / "blind", CLASSES, [(0, 0, 1, 1, 0.0, 0)]) / "model.onnx"

    def blinded(source: Path, target: Path, photos: QuantisePhotos) -> tuple[str, int]:
        return copied(blind, target, photos)

    def never(source: Path, target: Path, photos: QuantisePhotos) -> tuple[str, int]:
        raise AssertionError("tried after one was accepted")

    out = tmp_path / "out"
    quick = Effort(rounds=1, seconds=0.0)
    recipes = {ORT: ("model.int8.onnx", [blinded, copied, never])}
    row = quantise(manifest, data, out, photos=2, effort=quick, recipes=recipes)["artefacts"][ORT.key]
    assert row["accepted"] is True
    assert [(each["accepted"], each["map_drop_points"]) for each in row["tried"]] == [
        (False, 100.0),
        (True, 0.0),
    ]
    assert [each["rms_confidence_from_fp32"] for each in row["tried"]] == [pytest.approx(0.9), 0.0]
    assert "not independent" in json.loads((out / INT8_RECORD_FILE).read_text())["selection"]
    written = load_manifest(out)
    assert written.artefact_path(ORT.key).read_bytes() == manifest.model_path.read_bytes()


def test_a_hazard_of_made_pictures_decides_too(tmp_path: Path, data: Path, manifest: ModelManifest) -> None:
    """Real val shows no blocked exit; made val shows one, which a file that moves the carton away does not find."""
    sees = [(8, 4, 40, 44, 0.9, DOOR), (10, 34, 38, 54, 0.8, CARTON), (20, 0, 28, 4, 0.9, SIGN)]
    model = load_manifest(build_model_folder(tmp_path / "sees", CLASSES, sees))
    moved = [sees[0], (50, 0, 63, 6, 0.8, CARTON), sees[2]]
    misses = build_model_folder(tmp_path / "misses", CLASSES, moved) / "model.onnx"
    made = build_data_folder(tmp_path / "made", [Photo("shown", "val", hw=(64, 64))], CLASSES)
    shown = {"shown": {"scene": "indoor", "hazards": ["blocked_exit"], "origin": "composed"}}
    (made / "expect.json").write_text(json.dumps(shown))

    def missing(source: Path, target: Path, photos: QuantisePhotos) -> tuple[str, int]:
        return copied(misses, target, photos)

    def judged(quantiser: Quantiser, folders: Sequence[Path]) -> dict[str, Any]:
        recipes = {ORT: ("model.int8.onnx", [quantiser])}
        told = quantise(
            model, data, tmp_path / "out", photos=1, effort=Effort(rounds=1, seconds=0.0), recipes=recipes,
            hazard_data=folders,
        )  # fmt: skip
        return told["artefacts"][ORT.key]

    assert judged(copied, [made])["accepted"] is True
    refused = judged(missing, [made])
    assert refused["accepted"] is False
    assert "recall of blocked_exit on made pictures falls by 100.00" in refused["told"]


def test_one_runtime_alone_leaves_the_file_and_the_record_of_another(
    tmp_path: Path, data: Path, manifest: ModelManifest
) -> None:
    def never(source: Path, target: Path, photos: QuantisePhotos) -> tuple[str, int]:
        raise AssertionError("not asked for")

    quick = Effort(rounds=1, seconds=0.0)
    recipes = {ORT: ("model.int8.onnx", [copied]), OPENVINO: ("model.int8.xml", [never])}
    with pytest.raises(DatasetError, match=r"got runtimes \['tensorrt'\]"):
        quantise(manifest, data, tmp_path / "none", runtimes=["tensorrt"], recipes=recipes)
    first, out = tmp_path / "first", tmp_path / "out"
    quantise(manifest, data, first, photos=1, effort=quick, recipes=recipes, runtimes=["onnxruntime"])
    had = load_manifest(first)
    other = replace(had.artefacts[ORT.key], file="model.int8.xml", weights_sha256="ab" * 32)
    (first / "model.int8.xml").write_text("<net/>")
    (first / "model.int8.bin").write_bytes(b"weights")
    (first / INT8_RECORD_FILE).write_text(json.dumps({"artefacts": {OPENVINO.key: {"told": "before"}}}))
    both = replace(had, artefacts={OPENVINO.key: other})
    told = quantise(both, data, out, photos=1, effort=quick, recipes=recipes, runtimes=["onnxruntime"])
    assert told["artefacts"][OPENVINO.key] == {"told": "before"}
    assert told["artefacts"][ORT.key]["measured"]["split"] == "val"
    assert sorted(path.name for path in out.glob("model.int8.*")) == [
        "model.int8.bin", "model.int8.onnx", "model.int8.xml",
    ]  # fmt: skip
    assert json.loads((out / INT8_RECORD_FILE).read_text()) == told


def test_other_answers_than_those_on_record_are_refused(
    tmp_path: Path, data: Path, manifest: ModelManifest
) -> None:
    out = tmp_path / "out"
    quick = Effort(rounds=1, seconds=0.0)
    quantise(manifest, data, out, photos=1, effort=quick, recipes={ORT: ("model.int8.onnx", [copied])})
    written = load_manifest(out)
    moved = load_manifest(build_model_folder(tmp_path / "moved", CLASSES, [(17, 16, 49, 48, 0.9, DOOR)]))
    assert "worst IoU" in refusal_by_record(written, ORT, open_session(moved))
    told = json.loads((out / INT8_RECORD_FILE).read_text())
    told["artefacts"][ORT.key]["sha256"] = "0" * 64
    (out / INT8_RECORD_FILE).write_text(json.dumps(told))
    assert "no record of this" in refusal_by_record(written, ORT, open_session(written, runtime=ORT))


def test_a_file_is_proven_where_it_answers_otherwise_than_on_record(
    tmp_path: Path, data: Path, manifest: ModelManifest
) -> None:
    """The record of another machine, played by answers that were changed by hand; then one whose fp32 sees nothing."""
    out, proven = tmp_path / "out", tmp_path / "proven"
    quick = Effort(rounds=1, seconds=0.0)
    with pytest.raises(DatasetError, match="no int8 file for any runtime"):
        prove(manifest, data, out, effort=quick)
    quantise(manifest, data, out, photos=1, effort=quick, recipes={ORT: ("model.int8.onnx", [copied])})
    told = json.loads((out / INT8_RECORD_FILE).read_text())
    for rows in told["artefacts"][ORT.key]["answers"].values():
        for row in rows:
            row[1] -= 0.1
    (out / INT8_RECORD_FILE).write_text(json.dumps(told))
    written = load_manifest(out)
    session = open_session(written, runtime=ORT)
    assert "largest confidence gap 0.100" in refusal_by_record(written, ORT, session)
    with pytest.raises(DatasetError, match="no int8 file for openvino"):
        prove(written, data, proven, effort=quick, runtimes=["openvino"])

    row = prove(written, data, proven, effort=quick)[ORT.key]
    assert (row["accepted"], row["rms_confidence_from_fp32"]) == (True, 0.0)
    assert row["measured"]["split"] == "val" and "made" not in row["measured"]
    proof = load_manifest(proven)
    assert refusal_by_record(proof, ORT, session) == ""
    prove(proof, data, proven, effort=quick)
    kept = json.loads((proven / INT8_RECORD_FILE).read_text())["artefacts"][ORT.key]
    assert len(kept["proofs"]) == 1, "the same machine once"
    assert kept["answers"] == told["artefacts"][ORT.key]["answers"]

    blind = build_model_folder(tmp_path / "blind", CLASSES, [(0, 0, 1, 1, 0.0, 0)]) / "model.onnx"
    shutil.copyfile(blind, proven / "model.int8.onnx")
    artefact = replace(proof.artefacts[ORT.key], sha256=file_sha256(blind))
    with pytest.raises(DatasetError, match="no record of the onnxruntime-int8 file"):
        prove(replace(proof, artefacts={ORT.key: artefact}), data, proven, effort=quick)
    record = json.loads((proven / INT8_RECORD_FILE).read_text())
    record["artefacts"][ORT.key]["sha256"] = artefact.sha256
    (proven / INT8_RECORD_FILE).write_text(json.dumps(record))
    swapped = replace(proof, artefacts={ORT.key: artefact})
    lost = prove(swapped, data, proven, effort=quick)[ORT.key]
    assert not lost["accepted"] and "answers" not in lost
    assert "falls by 100.00 points" in lost["told"]
    assert "not the answers" in refusal_by_record(swapped, ORT, session)


def test_what_could_not_be_recorded_is_refused_before_it_is_measured(
    tmp_path: Path, data: Path, manifest: ModelManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measuring takes minutes. A proof on made pictures, too, must not give way to one on real photos alone."""
    out, quick = tmp_path / "out", Effort(rounds=1, seconds=0.0)
    quantise(manifest, data, out, photos=1, effort=quick, recipes={ORT: ("model.int8.onnx", [copied])})
    written = load_manifest(out)
    prove(written, data, out, effort=quick)
    monkeypatch.setattr(Bench, "measure", lambda *_: pytest.fail("measured"))
    record = json.loads((out / INT8_RECORD_FILE).read_text())
    (proof,) = record["artefacts"][ORT.key]["proofs"]
    proof["measured"]["hazard_data"] = ["composed_val"]
    (out / INT8_RECORD_FILE).write_text(json.dumps(record))
    with pytest.raises(DatasetError, match="Name such pictures again with --hazard-data"):
        prove(written, data, out, effort=quick)
    (out / INT8_RECORD_FILE).write_text("{")
    with pytest.raises(DatasetError, match="has no record of the onnxruntime-int8 file"):
        prove(written, data, out, effort=quick)
    (out / INT8_RECORD_FILE).unlink()
    with pytest.raises(DatasetError, match="has no record of the onnxruntime-int8 file"):
        prove(written, data, out, effort=quick)
