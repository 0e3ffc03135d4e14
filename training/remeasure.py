"""`firewarden remeasure`: a model's thresholds, calibration, figures and card anew, by the rules and photos of today.

The network stays as it is, and so do its proof of parity, its int8 files and the record of its training. When rules change, so
does what a threshold costs and finds; the checkpoint need not be there any more to say so.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from firewarden.errors import DatasetError
from firewarden.models.manifest import TRAINING_FILE, ModelManifest
from firewarden.training.card import CARD_FILE, write_card_of
from firewarden.training.measured_folder import (
    EVALUATION_FILE,
    EXPECT_FILE,
    MeasuredOn,
    check_untrained,
    measure_folder,
)


def remeasure(
    model: ModelManifest,
    out: Path,
    on: MeasuredOn,
    *,
    command: str = "",
    on_photo: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the model folder `out`; returns it. Raises DatasetError where `out` is the model's own folder, or where a folder
    to measure on is one that the model was trained on, or the record of its training is missing."""
    if out.resolve() == model.folder.resolve():
        raise DatasetError(
            f"got the model's own folder {out} to write to, expected another. Promote it once it is measured."
        )
    record = _read_record(model.folder / TRAINING_FILE)
    check_untrained(on.also_on, record)
    shutil.copytree(model.folder, out, dirs_exist_ok=True)
    for name in (EVALUATION_FILE, EXPECT_FILE, CARD_FILE):
        (out / name).unlink(missing_ok=True)
    bare = replace(model, folder=out, operating_points={}, hazard_budgets={}, calibration={}, metrics={})
    measure_folder(bare, on, command=command, on_photo=on_photo)
    write_card_of(out, record, on.data)
    return out


def _read_record(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DatasetError(
            f"{path} is missing, expected the record of the model's training. Export the model again."
        )
    return dict(json.loads(path.read_text(encoding="utf-8")))
