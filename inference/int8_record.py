"""parity_int8.json: what accepted int8 artefacts answered to the packaged photos when their accuracy was measured.

Int8 moves boxes further than another fp32 runtime may, so it is accepted by its accuracy on labelled photos. What that
proves holds only where the same answers come out: some processors and runtimes saturate or misread quantised layers.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from firewarden.detections import Detections
from firewarden.errors import ModelMismatch
from firewarden.inference.detector import OnnxDetector
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.inference.runtime_parity import Answer, compare_answers, fixed_photos, operating_points
from firewarden.inference.session import ModelSession
from firewarden.models.manifest import INT8_RECORD_FILE, ModelManifest

PROOFS = "proofs"  # of an artefact: what it did on other machines than the one it was made on
_FLOOR = 0.01  # far enough below any operating point to hold the partner of every detection above one


def recorded_answers(manifest: ModelManifest, session: ModelSession) -> dict[str, list[list[float]]]:
    """Rows (class id, confidence, x0, y0, x1, y1) of each packaged photo, in original pixels, as they are recorded."""
    detector = OnnxDetector(manifest, session)
    rows = {}
    for name, image in fixed_photos(input_size=manifest.input_size).items():
        seen = detector.detect(image, confidence_threshold=_FLOOR)
        rows[name] = [
            [
                int(seen.class_id[row]),
                round(float(seen.confidence[row]), 4),
                *seen.xyxy[row].round(2).tolist(),
            ]
            for row in range(len(seen))
        ]
    return rows


def refusal_by_record(manifest: ModelManifest, choice: RuntimeChoice, session: ModelSession) -> str:
    """Why this machine's int8 answers may not be used: no accepted record of this very artefact, or answers that differ
    from all that were recorded where its accuracy was accepted. "" where they may."""
    record = _read_record(manifest.folder / INT8_RECORD_FILE).get(choice.key)
    artefact = manifest.artefacts.get(choice.key)
    if artefact is None or record is None or record.get("sha256") != artefact.sha256:
        return f"{INT8_RECORD_FILE} has no record of this {choice.key} artefact; make one with `firewarden quantise`"
    got = {name: _to_answer(rows) for name, rows in recorded_answers(manifest, session).items()}
    listed = [record["answers"], *(proof["answers"] for proof in record.get(PROOFS, ()) if proof["accepted"])]
    compared = []
    for answers in listed:
        expected = {name: _to_answer(rows) for name, rows in answers.items()}
        if got.keys() != expected.keys():
            return f"{INT8_RECORD_FILE} tells of other photos than this version has; run `firewarden quantise` again"
        compared.append(compare_answers(expected, got, operating_points(manifest)))
    if any(parity.passed for parity in compared):
        return ""
    nearest = min(compared, key=lambda parity: parity.largest_gap)
    return (
        f"not the answers on record: {nearest.describe()}; `firewarden quantise --prove` measures them here"
    )


def _read_record(path: Path) -> Mapping[str, Any]:
    """Records by runtime and precision; empty without a file."""
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["artefacts"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelMismatch(f"{path} is damaged ({error!r}). Quantise the model again.") from error


def _to_answer(rows: list[list[float]]) -> Answer:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Answer(Detections(table[:, 2:], table[:, 1], table[:, 0].astype(np.int64)), ())
