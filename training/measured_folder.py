"""What val photos decide about a network and what is measured on them: thresholds by class and hazard, calibration, figures, all
written into its model folder. The network itself, an ONNX file, is given."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from firewarden.errors import DatasetError
from firewarden.inference.detector import open_detector
from firewarden.inference.inspector import Inspector, open_inspector
from firewarden.inference.rules_file import load_rules
from firewarden.models.manifest import ModelManifest, write_manifest
from firewarden.training.calibration import GroupCalibration, curves_by_class, fit_calibration
from firewarden.training.evaluate import (
    Evaluation,
    EvaluationReport,
    OnePassDetector,
    evaluate,
    evaluate_photos,
)
from firewarden.training.figures import MeasuredPhoto
from firewarden.training.hazard_points import choose_hazard_points
from firewarden.training.made_by import read_made_by
from firewarden.training.metrics import DetectionMetrics
from firewarden.training.operating_points import choose_operating_points
from firewarden.training.run_folder import ancestry
from firewarden.training.tag_expectations import write_tag_expectations

EVALUATION_FILE = "evaluation.json"
EXPECT_FILE = "expect.json"
OnPhoto = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class MeasuredOn:
    """`split` of `data` and of `hazard_data` (folders with expect.json) chooses thresholds; all pictures of `also_on` are
    measured and choose nothing."""

    data: Path
    split: str = "val"
    hazard_data: Sequence[Path] = ()
    also_on: Sequence[Path] = ()


def measure_folder(
    manifest: ModelManifest, on: MeasuredOn, *, command: str = "", on_photo: OnPhoto | None = None
) -> EvaluationReport:
    """Choose, measure, and write manifest and evaluation.json into the manifest's folder; the report of the first data."""
    tuned, calibration = _tune(manifest, on, on_photo)
    write_manifest(tuned)
    report = _measure(tuned, on.data, on.split, command)
    write_manifest(replace(tuned, metrics=_flat_metrics(report.metrics)))
    evaluation = {
        **_evaluation(report, tuned, calibration),
        "made_by": read_made_by(on.data),
        "also_on": [
            *(_measure_beside(tuned, d, _split_of(d, on.split), command, chose=True) for d in on.hazard_data),
            *(_measure_beside(tuned, d, None, command, chose=False) for d in on.also_on),
        ],
    }
    write_json(manifest.folder / EVALUATION_FILE, evaluation)
    return report


def check_untrained(folders: Sequence[Path], record: Mapping[str, Any]) -> None:
    """Refuse to measure on a folder that a run, or one before it, names among its own."""
    trained = {part["name"] for run in ancestry(record) for part in run.get("extra") or ()}
    for folder in folders:
        if folder.resolve().name in trained:
            raise DatasetError(
                f"got --also-on {folder.name}, which the run was trained on; expected pictures that it never saw. Name "
                "another folder."
            )


def write_json(path: Path, table: Mapping[str, Any]) -> None:
    """Readable, one key a line."""
    path.write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


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
    manifest: ModelManifest, on: MeasuredOn, on_photo: OnPhoto | None
) -> tuple[ModelManifest, dict[str, GroupCalibration]]:
    """The manifest with operating points, hazard budgets and calibration, all chosen on the split."""
    rules, detector = load_rules(), open_detector(manifest)
    judged = _has_hazards(manifest)
    settled = manifest.folder / EXPECT_FILE  # where nobody judged the photos: what labels and tags settle
    expect = (
        write_tag_expectations(settled, on.data, rules)
        if judged and not (on.data / EXPECT_FILE).exists()
        else None
    )
    seen = evaluate_photos(detector, None, on.data, on.split, expect=expect, draws=1, on_photo=on_photo)
    points = choose_operating_points({n: row.curve for n, row in seen.report.metrics.per_class.items()})
    calibration = fit_calibration(
        [p.match for p in seen.photos], [p.listed.place for p in seen.photos], manifest.class_names
    )
    tuned = replace(manifest, operating_points=points, calibration=curves_by_class(calibration))
    if not judged:
        return tuned, calibration
    more = [evaluate_photos(detector, None, d, _split_of(d, on.split), draws=1) for d in on.hazard_data]
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


def _flat_metrics(metrics: DetectionMetrics) -> dict[str, float]:
    """map50, map50_95 and recall_NAME of the classes that were measured."""
    flat = {"map50": metrics.map50, "map50_95": metrics.map50_95}
    flat |= {f"recall_{name}": row.recall for name, row in metrics.per_class.items()}
    return {name: round(value, 5) for name, value in flat.items() if value is not None}
