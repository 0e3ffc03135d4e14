"""`firewarden export`: best checkpoint of a run to a model folder with ONNX, manifest, evaluation, parity and card."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firewarden.errors import DatasetError
from firewarden.inference.detector import OnnxDetector
from firewarden.inference.image import decode_image
from firewarden.models.manifest import (
    LICENCE,
    MANIFEST_FILE,
    MODEL_FILE,
    TRAINING_FILE,
    ModelManifest,
    file_sha256,
    write_manifest,
)
from firewarden.training.card import CARD_FILE, write_card
from firewarden.training.evaluate import (
    EvaluationReport,
    evaluate,
)
from firewarden.training.graph_export import OPSET, STRIDES, export_onnx, row_count
from firewarden.training.measured_folder import (
    EVALUATION_FILE,
    EXPECT_FILE,
    MeasuredOn,
    check_untrained,
    measure_folder,
    write_json,
)
from firewarden.training.operating_points import DEFAULT_OPERATING_POINT
from firewarden.training.parity import OnnxRawModel, compare_map, compare_tensors, parity_report
from firewarden.training.run_folder import read_record
from firewarden.training.train import package_versions

PARITY_FILE = "parity.json"
_OUTDATED = (PARITY_FILE, EVALUATION_FILE, MANIFEST_FILE, EXPECT_FILE, TRAINING_FILE, CARD_FILE)


def export(
    run: Path,
    out: Path,
    *,
    input_size: int,
    calibration_images: Sequence[Path],
    data: Path,
    split: str = "val",
    hazard_data: Sequence[Path] = (),
    also_on: Sequence[Path] = (),
    model_id: str | None = None,
    add_scene: Callable[[Path], tuple[str, ...]] | None = None,
    command: str = "",
    on_photo: Callable[[int, int], None] | None = None,
) -> Path:
    """Export `run/train/weights/best.pt` to `out` and prove parity; returns `out`.

    Tensors are compared on `calibration_images`; mAP50-95, calibration and operating points come from `split` of `data`,
    those that a hazard decides also from that split of `hazard_data`, folders with expect.json. All pictures of `also_on`
    are measured and choose nothing. `add_scene` may add a scene output to the ONNX file, before it is hashed and compared,
    and returns the scene names. parity.json is written last but for the card, so that a folder cut short cannot be promoted.
    """
    checkpoint, record = _read_run(run)
    check_untrained(also_on, record)
    out.mkdir(parents=True, exist_ok=True)
    for name in _OUTDATED:
        (out / name).unlink(missing_ok=True)
    export_onnx(checkpoint, out / MODEL_FILE, input_size=input_size)
    scene_names = add_scene(out / MODEL_FILE) if add_scene else ()
    manifest = replace(_first_manifest(out, record, input_size, model_id), scene_names=scene_names)
    write_manifest(manifest)

    from firewarden.training.checkpoint import TorchSession

    reference = TorchSession(checkpoint, top_k=row_count(input_size))
    images = {path.name: decode_image(path.read_bytes()) for path in calibration_images}
    onnx_model = OnnxRawModel(manifest.model_path)
    tensors = compare_tensors(reference, onnx_model, images, input_size=input_size, stride=manifest.stride)
    on = MeasuredOn(data, split, hazard_data, also_on)
    report = measure_folder(manifest, on, command=command, on_photo=on_photo)
    sceneless = OnnxDetector(replace(manifest, scene_names=()), reference)
    expected = evaluate(sceneless, None, data, split, draws=1, on_photo=on_photo)
    write_json(out / PARITY_FILE, _parity(manifest, checkpoint, tensors, report, expected))
    write_json(out / TRAINING_FILE, record)
    write_card(out, run=run, data=data)
    return out


def _read_run(run: Path) -> tuple[Path, dict[str, Any]]:
    checkpoint, record = run / "train" / "weights" / "best.pt", read_record(run)
    if not checkpoint.is_file():
        raise DatasetError(
            f"{checkpoint} is missing, expected a finished run. Train first, or name another run."
        )
    return checkpoint, record


def _first_manifest(
    out: Path, record: Mapping[str, Any], input_size: int, model_id: str | None
) -> ModelManifest:
    return ModelManifest(
        id=model_id or record["name"],
        folder=out,
        sha256=file_sha256(out / MODEL_FILE),
        class_names=tuple(record["classes"]),
        input_size=input_size,
        stride=max(STRIDES),
        layout="end2end",
        operating_points={},
        default_operating_point=DEFAULT_OPERATING_POINT,
        licence=LICENCE,
        dataset_sha256=record["dataset_sha256"],
        git_sha=record["git_sha"],
        metrics={},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _parity(
    manifest: ModelManifest,
    checkpoint: Path,
    tensors: Sequence[Mapping[str, Any]],
    measured: EvaluationReport,
    expected: EvaluationReport,
) -> dict[str, Any]:
    conditions = {
        "model_sha256": manifest.sha256,
        "checkpoint_sha256": file_sha256(checkpoint),
        "opset": OPSET,
        "versions": {**measured.versions, **package_versions()},
        "machine": measured.machine,
    }
    map_row = {
        **compare_map(expected.metrics.map50_95, measured.metrics.map50_95),
        "data": measured.data,
        "data_sha256": measured.data_sha256,
        "split": measured.split,
        "images": measured.images,
    }
    return parity_report(tensors, map_row, conditions)
