"""The end of a run, planned or not: last metrics into run.json, curves and confusion matrix as pictures.

Works on what the run folder holds: `data/val` is what the run was validated on.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firewarden.datasets.labels import list_images, read_labels
from firewarden.errors import DatasetError
from firewarden.inference.detector import OnnxDetector
from firewarden.inference.image import decode_image
from firewarden.training.confusion import confusion_matrix
from firewarden.training.evaluate import CONFIDENCE_FLOOR, MAX_DETECTIONS
from firewarden.training.evaluated_data import ListedPhoto, ground_truth
from firewarden.training.figures import MeasuredPhoto
from firewarden.training.metrics import ClassMetrics, match_photo, measure
from firewarden.training.photo_rows import decode_ignore
from firewarden.training.run_folder import read_record
from firewarden.training.run_pictures import (
    draw_confusion,
    draw_curves,
    last_metrics,
    read_curves,
    write_confusion,
)
from firewarden.training.training_set import VAL, VAL_MADE

OPERATING_POINT = 0.25  # of the confusion matrix; thresholds by class are chosen at export
_STRIDE = 32


def finish(run: Path) -> dict[str, Any]:
    """Measure the last checkpoint of a run on its val photos and draw its pictures; returns the new record.

    A run that was stopped stays one: it can be gone on with, or exported as it stands.
    """
    record, last = read_record(run), run / "train" / "weights" / "last.pt"
    if not last.is_file():
        raise DatasetError(
            f"{last} is missing, expected a run with a finished epoch. Name a run folder of `firewarden train`."
        )
    _check_readable(last)
    curves = read_curves(run / "train" / "results.csv")
    if curves:
        record |= {
            "epochs_done": int(curves["epoch"][-1]),
            "metrics": {**record.get("metrics", {}), **last_metrics(curves)},
        }
        draw_curves(curves, run / "curves.png", f"{record['name']}, started {record['started_at'][:10]}")
    record["validated"] = validate(run, last, record)
    write_record(run, record)
    return record


def _check_readable(checkpoint: Path) -> None:
    from firewarden.training.checkpoint import read_checkpoint

    read_checkpoint(checkpoint)


def validate(run: Path, checkpoint: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Figures of a checkpoint on each val folder of the run, real and made ones apart; writes the confusion matrices."""
    from firewarden.training.torch_detector import open_checkpoint

    told = record.get("arguments", {}).get("imgsz")
    if not isinstance(told, int):
        raise DatasetError(
            f"{run / 'run.json'} names no imgsz among its arguments (got {told!r}), expected the input size the run was trained "
            "at. Write it there."
        )
    size = -(-told // _STRIDE) * _STRIDE
    detector = open_checkpoint(checkpoint, input_size=size, operating_point=OPERATING_POINT)
    found: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(),
        "checkpoint": checkpoint.name,
        "sha256": detector.manifest.sha256,
        "input_size": size,
    }
    for part in (VAL, VAL_MADE):
        if (run / "data" / part / "images").is_dir():
            found[part] = _measure_part(run, part, detector, str(record["name"]))
    return found


def _measure_part(run: Path, part: str, detector: OnnxDetector, name: str) -> dict[str, Any]:
    """Figures of one val folder; its confusion matrix as CSV and PNG."""
    classes = detector.manifest.class_names
    photos = [_see(run / "data" / part, path, detector) for path in list_images(run / "data" / part)]
    suffix = part.removeprefix(VAL)
    kind = "made" if suffix else "real"
    title = f"{name}: {len(photos)} {kind} val pictures, confidence ≥ {OPERATING_POINT}, IoU ≥ 0.5"
    table = confusion_matrix(photos, detector.manifest)
    write_confusion(table, classes, run / f"confusion_matrix{suffix}.csv")
    draw_confusion(table, classes, run / f"confusion_matrix{suffix}.png", title)
    points = dict.fromkeys(classes, OPERATING_POINT)
    places = [photo.listed.place for photo in photos]
    measured = measure([photo.match for photo in photos], places, classes, points, draws=1)
    return {
        "photos": len(photos),
        "map50": measured.map50,
        "map50_95": measured.map50_95,
        "per_class": {name: _row(row) for name, row in measured.per_class.items()},
    }


def _see(folder: Path, path: Path, detector: OnnxDetector) -> MeasuredPhoto:
    """One photo of a prepared folder with what the detector sees in it; every photo is its own place."""
    photo = decode_image(path.read_bytes(), min_long_side=detector.manifest.input_size)
    coded = read_labels(folder / "labels" / f"{path.stem}.txt")
    truth = ground_truth(decode_ignore(coded, len(detector.manifest.class_names)), photo.original_hw)
    seen = detector.detect(photo, confidence_threshold=CONFIDENCE_FLOOR)[:MAX_DETECTIONS]
    return MeasuredPhoto(
        ListedPhoto(path, path.stem), photo.original_hw, truth, seen, match_photo(seen, truth), {}, None, None
    )


def _row(row: ClassMetrics) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("n", "map50", "map50_95", "precision", "recall")}


def write_record(run: Path, record: dict[str, Any]) -> None:
    """Write run.json whole or not at all: a run may be killed at any moment."""
    draft = run / "run.json.part"
    draft.write_text(
        json.dumps(record, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8"
    )
    draft.replace(run / "run.json")
