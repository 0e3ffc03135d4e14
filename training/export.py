"""`firewarden export`: best checkpoint of a run to a model folder with ONNX, manifest, evaluation, parity and card."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firewarden.errors import DatasetError
from firewarden.inference.detector import OnnxDetector, open_detector
from firewarden.inference.image import decode_image
from firewarden.inference.inspector import Inspector, open_inspector
from firewarden.inference.rules_file import load_rules
from firewarden.models.manifest import (
    LICENCE,
    MANIFEST_FILE,
    MODEL_FILE,
    TRAINING_FILE,
    ModelManifest,
    file_sha256,
    write_manifest,
)
from firewarden.training.calibration import GroupCalibration, curves_by_class, fit_calibration
from firewarden.training.card import write_card
from firewarden.training.evaluate import (
    Evaluation,
    EvaluationReport,
    OnePassDetector,
    evaluate,
    evaluate_photos,
)
from firewarden.training.figures import MeasuredPhoto
from firewarden.training.graph_export import OPSET, STRIDES, export_onnx, row_count
from firewarden.training.hazard_points import choose_hazard_points
from firewarden.training.made_by import read_made_by
from firewarden.training.metrics import DetectionMetrics
from firewarden.training.operating_points import DEFAULT_OPERATING_POINT, choose_operating_points
from firewarden.training.parity import OnnxRawModel, compare_map, compare_tensors, parity_report
from firewarden.training.run_folder import ancestry, read_record
from firewarden.training.tag_expectations import write_tag_expectations
from firewarden.training.train import package_versions

PARITY_FILE = "parity.json"
EVALUATION_FILE = "evaluation.json"
EXPECT_FILE = "expect.json"


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
    _check_untrained(also_on, record)
    out.mkdir(parents=True, exist_ok=True)
    for name in (PARITY_FILE, EVALUATION_FILE, MANIFEST_FILE, EXPECT_FILE):
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
    tuned, calibration = _tune(manifest, data, hazard_data, split, on_photo)
    write_manifest(tuned)
    report = _measure(tuned, data, split, command)
    sceneless = OnnxDetector(replace(manifest, scene_names=()), reference)
    expected = evaluate(sceneless, None, data, split, draws=1, on_photo=on_photo)
    write_manifest(replace(tuned, metrics=_flat_metrics(report.metrics)))
    evaluation = {
        **_evaluation(report, tuned, calibration),
        "made_by": read_made_by(data),
        "also_on": [
            *(_measure_beside(tuned, d, _split_of(d, split), command, chose=True) for d in hazard_data),
            *(_measure_beside(tuned, d, None, command, chose=False) for d in also_on),
        ],
    }
    _write_json(out / EVALUATION_FILE, evaluation)
    _write_json(out / PARITY_FILE, _parity(manifest, checkpoint, tensors, report, expected))
    _write_json(out / TRAINING_FILE, record)
    write_card(out, run=run, data=data)
    return out


def _evaluation(
    report: EvaluationReport, tuned: ModelManifest, calibration: Mapping[str, GroupCalibration]
) -> dict[str, Any]:
    """The figures of the split, with the budgets and calibration that were chosen on it."""
    return {
        **report.to_json(),
        "hazard_budgets": {hazard: asdict(row) for hazard, row in tuned.hazard_budgets.items()},
        "calibration": {name: group.to_json() for name, group in calibration.items()},
    }


def _tune(
    manifest: ModelManifest,
    data: Path,
    hazard_data: Sequence[Path],
    split: str,
    on_photo: Callable[[int, int], None] | None,
) -> tuple[ModelManifest, dict[str, GroupCalibration]]:
    """The manifest with operating points, hazard budgets and calibration, all chosen on the split."""
    rules, detector = load_rules(), open_detector(manifest)
    judged = _has_hazards(manifest)
    settled = manifest.folder / EXPECT_FILE  # where nobody judged the photos: what labels and tags settle
    expect = (
        write_tag_expectations(settled, data, rules) if judged and not (data / EXPECT_FILE).exists() else None
    )
    seen = evaluate_photos(detector, None, data, split, expect=expect, draws=1, on_photo=on_photo)
    points = choose_operating_points({n: row.curve for n, row in seen.report.metrics.per_class.items()})
    calibration = fit_calibration(
        [p.match for p in seen.photos], [p.listed.place for p in seen.photos], manifest.class_names
    )
    tuned = replace(manifest, operating_points=points, calibration=curves_by_class(calibration))
    if not judged:
        return tuned, calibration
    more = [evaluate_photos(detector, None, d, _split_of(d, split), draws=1) for d in hazard_data]
    told = [seen, *more]
    chosen = choose_hazard_points(_all_photos(told), tuned, rules, _folders_by_origin(told))
    tuned = replace(tuned, operating_points={**points, **chosen.points}, hazard_budgets=chosen.budgets)
    return tuned, calibration


def _has_hazards(manifest: ModelManifest) -> bool:
    """Whether the rules can be asked; a network of other classes has no hazards."""
    return set(load_rules().class_lines) <= set(manifest.class_names)


def _all_photos(evaluations: Sequence[Evaluation]) -> list[MeasuredPhoto]:
    return [photo for evaluation in evaluations for photo in evaluation.photos]


def _folders_by_origin(evaluations: Sequence[Evaluation]) -> dict[str, str]:
    """Names of the folders that have photos of each origin."""
    names: dict[str, list[str]] = {}
    for report in (evaluation.report for evaluation in evaluations):
        for origin in report.by_origin:
            names.setdefault(origin, []).append(report.data)
    return {origin: "+".join(folders) for origin, folders in names.items()}


def _check_untrained(folders: Sequence[Path], record: Mapping[str, Any]) -> None:
    """Refuse to measure on a folder that a run, or one before it, names among its own."""
    trained = {part["name"] for run in ancestry(record) for part in run.get("extra") or ()}
    for folder in folders:
        if folder.resolve().name in trained:
            raise DatasetError(
                f"got --also-on {folder.name}, which the run was trained on; expected pictures that it never saw. Name "
                "another folder."
            )


def _split_of(folder: Path, split: str) -> str | None:
    """The split where the folder has one, else every photo."""
    return split if (folder / "manifest.csv").exists() else None


def _measure_beside(
    manifest: ModelManifest, folder: Path, split: str | None, command: str, *, chose: bool
) -> dict[str, Any]:
    """The figures of a further folder, whether thresholds were chosen on it, and what made it."""
    report = _measure(manifest, folder, split, command)
    return {**report.to_json(), "chose_thresholds": chose, "made_by": read_made_by(folder)}


def _measure(manifest: ModelManifest, folder: Path, split: str | None, command: str) -> EvaluationReport:
    """How the finished folder does, nobody naming the place. Hazards are judged by the folder's own expect.json or, in the
    data folder, by what labels and tags settle."""
    own, settled = folder / EXPECT_FILE, manifest.folder / EXPECT_FILE
    expect = own if own.exists() else settled
    if not _has_hazards(manifest) or not expect.exists():
        return evaluate(open_detector(manifest), None, folder, split, command=command)
    inspector = open_inspector(manifest.folder)
    detector = OnePassDetector(inspector.detector)
    judge = Inspector(detector, inspector.rules)
    return evaluate(detector, judge, folder, split, expect=expect, command=command, decode=inspector.decode)


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


def _flat_metrics(metrics: DetectionMetrics) -> dict[str, float]:
    """map50, map50_95 and recall_NAME of the classes that were measured."""
    flat = {"map50": metrics.map50, "map50_95": metrics.map50_95}
    flat |= {f"recall_{name}": row.recall for name, row in metrics.per_class.items()}
    return {name: round(value, 5) for name, value in flat.items() if value is not None}


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


def _write_json(path: Path, table: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
