"""Runtimes behind one interface: the choice as a value, OpenVINO for real, a GPU by a stand-in for its module."""

import itertools
import json
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES

from firewarden.errors import HazardError, ModelMismatch
from firewarden.inference.runtime_choice import PRECISIONS, RuntimeChoice, choice_from_json
from firewarden.inference.runtime_gpu import gpu_providers, open_gpu_session
from firewarden.inference.session import open_session
from firewarden.models.manifest import Artefact, ModelManifest, file_sha256, load_manifest, write_manifest

pytest.importorskip("onnx", reason="the tiny models are written with onnx: install firewarden[dev]")
from tiny_model import build_model_folder

ROWS = [(8, 8, 40, 56, 0.9, CLASSES.index("door")), (10, 30, 38, 56, 0.8, CLASSES.index("carton"))]
BATCH = np.full((1, 3, 64, 64), 0.5, np.float32)


@pytest.fixture
def manifest(tmp_path: Path) -> ModelManifest:
    folder = build_model_folder(
        tmp_path / "tiny", CLASSES, ROWS, scene=(0.25, 0.75), scene_names=("indoor", "outdoor_open")
    )
    return load_manifest(folder)


@pytest.mark.parametrize("runtime", sorted(PRECISIONS))
@pytest.mark.parametrize("threads", [None, 1, 16])
def test_a_choice_survives_json(runtime: str, threads: int | None) -> None:
    for precision in PRECISIONS[runtime]:
        choice = RuntimeChoice(runtime, precision, threads, streams=4)
        assert choice_from_json(json.loads(json.dumps(choice.to_json()))) == choice


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"runtime": "tflite"}, "got runtime 'tflite'"),
        ({"runtime": "onnxruntime", "precision": "bf16"}, "with precision 'bf16'"),
        ({"threads": 0}, "got threads 0"),
        ({"threads": True}, "got threads True"),
        ({"streams": None}, "got streams None"),
        ({"colour": "red"}, "expected the keys"),
    ],
)
def test_a_choice_that_cannot_be_is_named(row: dict[str, Any], message: str) -> None:
    with pytest.raises(HazardError, match=message):
        choice_from_json(RuntimeChoice().to_json() | row)


def test_the_default_is_the_reference(manifest: ModelManifest) -> None:
    output = open_session(manifest).run(BATCH)
    np.testing.assert_array_equal(output.rows[0], np.array(ROWS, np.float32))
    np.testing.assert_array_equal(output.scene, np.array([[0.25, 0.75]], np.float32))


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_rows_are_the_output_called_detections_wherever_it_stands(
    manifest: ModelManifest, runtime: str
) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino", reason="install firewarden[openvino]")
    import onnx

    model = onnx.load(str(manifest.model_path))
    model.graph.node[2].output[0] = model.graph.output[0].name = "detections"
    outputs = [model.graph.output[1], model.graph.output[0]]
    del model.graph.output[:]
    model.graph.output.extend(outputs)
    onnx.save(model, str(manifest.model_path))
    turned = replace(manifest, sha256=file_sha256(manifest.model_path))
    output = open_session(turned, runtime=RuntimeChoice(runtime)).run(BATCH)
    np.testing.assert_array_equal(output.rows[0], np.array(ROWS, np.float32))
    np.testing.assert_array_equal(output.scene, np.array([[0.25, 0.75]], np.float32))


def test_int8_without_an_artefact_names_the_command(manifest: ModelManifest) -> None:
    with pytest.raises(ModelMismatch, match="firewarden quantise"):
        open_session(manifest, runtime=RuntimeChoice("onnxruntime", "int8"))


def with_artefact(manifest: ModelManifest, rows: list[tuple[float, ...]], tmp_path: Path) -> ModelManifest:
    """The same folder with an int8 artefact: another tiny network, so that it shows which of the two answered."""
    scene = [0.5] * len(manifest.scene_names)
    other = build_model_folder(
        tmp_path / "other", CLASSES, rows, scene=scene, scene_names=manifest.scene_names
    )
    target = manifest.folder / "model.int8.onnx"
    (other / "model.onnx").rename(target)
    artefact = Artefact(target.name, file_sha256(target), "", "by hand", 1, "", 0.5, 0.0, 0.0)
    changed = ModelManifest(
        **{name: getattr(manifest, name) for name in ModelManifest.__slots__ if name != "artefacts"},
        artefacts={"onnxruntime-int8": artefact},
    )
    write_manifest(changed)
    return load_manifest(manifest.folder)


def test_int8_opens_its_own_file(manifest: ModelManifest, tmp_path: Path) -> None:
    both = with_artefact(manifest, [(1, 2, 3, 4, 0.5, 0)], tmp_path)
    rows = open_session(both, runtime=RuntimeChoice("onnxruntime", "int8")).run(BATCH).rows
    np.testing.assert_array_equal(rows, np.array([[(1, 2, 3, 4, 0.5, 0)]], np.float32))


def test_a_changed_artefact_is_refused(manifest: ModelManifest, tmp_path: Path) -> None:
    both = with_artefact(manifest, [(1, 2, 3, 4, 0.5, 0)], tmp_path)
    with (both.folder / "model.int8.onnx").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(ModelMismatch, match=r"artefacts.onnxruntime-int8"):
        open_session(both, runtime=RuntimeChoice("onnxruntime", "int8"))


# OpenVINO -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def openvino() -> Any:
    return pytest.importorskip(
        "openvino", reason="OPENVINO ABSENT: install firewarden[openvino] to run this test"
    )


def test_openvino_answers_like_onnx_runtime(manifest: ModelManifest, openvino: Any) -> None:
    session = open_session(manifest, runtime=RuntimeChoice("openvino", "fp32", threads=1, streams=2))
    expected, got = open_session(manifest).run(BATCH), session.run(BATCH)
    np.testing.assert_allclose(got.rows, expected.rows, atol=1e-5)
    np.testing.assert_allclose(got.scene, expected.scene, atol=1e-5)


def test_openvino_is_thread_safe_and_keeps_answers_apart(manifest: ModelManifest, openvino: Any) -> None:
    """Answers are copies: a later run of the same thread must not change an earlier answer."""
    session = open_session(manifest, runtime=RuntimeChoice("openvino", "fp32", threads=1, streams=2))
    outputs: list[Any] = []

    def work() -> None:
        outputs.extend(session.run(BATCH) for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outputs) == 80
    assert not any(np.shares_memory(a.rows, b.rows) for a, b in itertools.pairwise(outputs))
    for output in outputs:
        np.testing.assert_allclose(output.rows[0], np.array(ROWS, np.float32), atol=1e-5)


def test_openvino_settings_by_hand(openvino: Any) -> None:
    from firewarden.inference.runtime_openvino import compile_settings

    settings = compile_settings(RuntimeChoice("openvino", "int8", threads=2, streams=3))
    assert settings["INFERENCE_NUM_THREADS"] == 6
    assert settings["NUM_STREAMS"] == 3
    assert settings["INFERENCE_PRECISION_HINT"] == "f32"
    assert settings["ENABLE_CPU_PINNING"] is False


@pytest.mark.parametrize(
    ("precision", "capabilities", "allowed"),
    [("bf16", ["FP32", "BF16"], True), ("bf16", ["FP32", "INT8"], False), ("fp32", ["FP32"], True)],
)
def test_bf16_needs_a_processor_that_has_it(precision: str, capabilities: list[str], allowed: bool) -> None:
    from firewarden.inference.runtime_openvino import check_precision

    if allowed:
        check_precision(precision, capabilities)
    else:
        with pytest.raises(HazardError, match="lists BF16"):
            check_precision(precision, capabilities)


# GPU ------------------------------------------------------------------------------------------------------------------


class FakeOrt:
    """Stands in for the module onnxruntime of a GPU build: remembers what it was asked, runs on the CPU's answers."""

    SessionOptions = onnxruntime.SessionOptions

    def __init__(self, available: list[str], used: list[str] | None = None) -> None:
        self.available, self.used = available, used or available
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.preloaded = False

    def get_available_providers(self) -> list[str]:
        return self.available

    def preload_dlls(self) -> None:
        self.preloaded = True

    def InferenceSession(self, path: str, options: Any, providers: Any) -> Any:
        self.asked = providers
        real = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        passed_on = ("get_inputs", "get_outputs", "get_modelmeta", "run")
        return SimpleNamespace(
            get_providers=lambda: self.used, **{name: getattr(real, name) for name in passed_on}
        )


CUDA, TENSORRT, CPU = "CUDAExecutionProvider", "TensorrtExecutionProvider", "CPUExecutionProvider"


def test_the_gpu_session_asks_for_tensorrt_with_its_cache(manifest: ModelManifest, tmp_path: Path) -> None:
    ort = FakeOrt([TENSORRT, CUDA, CPU])
    choice = RuntimeChoice("tensorrt", "fp16")
    session = open_gpu_session(manifest.model_path, choice, cache_dir=tmp_path / "cache", ort=ort)
    names = [name for name, _ in ort.asked]
    options = ort.asked[0][1]
    assert names == [TENSORRT, CUDA, CPU]
    assert options["trt_fp16_enable"] == "True"
    assert options["trt_engine_cache_path"] == str(tmp_path / "cache" / "tensorrt")
    assert (tmp_path / "cache" / "tensorrt").is_dir()
    assert ort.preloaded
    np.testing.assert_array_equal(session.run(BATCH).rows[0], np.array(ROWS, np.float32))


def test_cuda_in_fp32_does_not_round_to_tf32() -> None:
    assert gpu_providers(RuntimeChoice("cuda"), None) == [(CUDA, {"use_tf32": "0"}), (CPU, {})]


def test_without_a_cache_folder_tensorrt_keeps_nothing() -> None:
    assert gpu_providers(RuntimeChoice("tensorrt"), None)[0] == (TENSORRT, {"trt_fp16_enable": "False"})


@pytest.mark.parametrize(
    ("ort", "message"),
    [
        pytest.param(
            FakeOrt([CPU]),
            r"expected CUDAExecutionProvider. Run pip uninstall",
            id="a build without CUDA",
        ),
        pytest.param(FakeOrt([CUDA, CPU], used=[CPU]), "libraries could not be loaded", id="it fell back"),
    ],
)
def test_a_gpu_that_is_not_used_is_an_error(manifest: ModelManifest, ort: FakeOrt, message: str) -> None:
    with pytest.raises(HazardError, match=message):
        open_gpu_session(manifest.model_path, RuntimeChoice("cuda"), cache_dir=None, ort=ort)


@pytest.mark.skipif(
    CUDA not in onnxruntime.get_available_providers(), reason="NO GPU: needs onnxruntime-gpu and a card"
)
def test_a_real_gpu_answers_like_the_cpu(manifest: ModelManifest, tmp_path: Path) -> None:
    session = open_session(manifest, runtime=RuntimeChoice("cuda"), cache_dir=tmp_path)
    np.testing.assert_allclose(session.run(BATCH).rows[0], np.array(ROWS, np.float32), atol=1e-4)
