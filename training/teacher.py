"""`firewarden data complete`: a COCO model looks at train photos and completes missing labels. Needs torch.

Source labels stay as they are: `OUT/rows/STEM.json` holds what the teacher adds, with its origin, and
`training_set.build_training_set` merges it. `OUT/record.json` says how often the teacher was right where the source had
checked a class: the grounds for the agreed confidences.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from firewarden.datasets.contact_sheet import choose_photos, contact_sheet
from firewarden.datasets.labels import LabelRows, list_images, read_classes, read_labels, write_labels
from firewarden.datasets.manifest import PhotoRecord, read_manifest, split_records
from firewarden.detections import Detections
from firewarden.errors import DatasetError
from firewarden.inference.detector import OnnxDetector
from firewarden.inference.image import decode_image
from firewarden.training.evaluated_data import ground_truth
from firewarden.training.metrics import PhotoMatch, match_photo, measure
from firewarden.training.photo_rows import TEACHER_ROWS, read_teacher
from firewarden.training.teacher_labels import TEACHES, TeacherPolicy, Use, house_detections, uses_of

RECORD_FILE, SHEET_FILE = "record.json", "sheet.png"
INPUT_SIZE = 640
THRESHOLDS = (0.15, 0.3, 0.4, 0.5, 0.55, 0.6, 0.7, 0.8)
WANTED_PRECISION = 0.95
_SHEET_PHOTOS = 40


@dataclass(frozen=True, slots=True)
class Agreement:
    """A class where the source checked it: `rows` of (confidence, precision, recall) and the least confidence of them from
    which precision stays at 0.95 or more (None: never)."""

    objects: int
    rows: tuple[tuple[float, float | None, float | None], ...]
    least: float | None


def complete_labels(
    folders: Sequence[Path],
    weights: Path,
    out: Path,
    policy: TeacherPolicy,
    *,
    on_photo: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Look at the train photos of data folders and write `out`; returns the record. `out` must not exist or be empty."""
    if not weights.is_file():
        raise DatasetError(f"{weights} is missing, expected COCO weights (.pt) as the teacher. Name them.")
    if out.exists() and any(out.iterdir()):
        raise DatasetError(f"{out} is not empty, expected a new folder for the completed labels.")
    from firewarden.training.torch_detector import open_checkpoint

    teacher = open_checkpoint(weights, input_size=INPUT_SIZE)
    photos = [(folder, image) for folder in folders for image in train_images(folder)]
    if len({image.stem for _, image in photos}) < len(photos):
        raise DatasetError(
            f"two photos of {[f.name for f in folders]} share a name. Complete each by itself."
        )
    (out / TEACHER_ROWS).mkdir(parents=True, exist_ok=True)
    tally = _Tally(read_classes(folders[0]), policy)
    for done, (folder, image) in enumerate(photos, 1):
        entry = tally.add(teacher, folder, image)
        if entry["rows"]:
            text = json.dumps({**entry, "origin": f"{weights.stem} at {INPUT_SIZE} px"}, indent=1)
            (out / TEACHER_ROWS / f"{image.stem}.json").write_text(text + "\n", encoding="utf-8")
        if on_photo is not None:
            on_photo(done, len(photos))
    record = {
        "data": [folder.resolve().name for folder in folders],
        "photos": len(photos),
        "weights": weights.name,
        "weights_sha256": teacher.manifest.sha256,
        "input_size": INPUT_SIZE,
        "agreed": dict(policy.agreed),
        "floor": policy.floor,
        "counts": tally.counts_by_class(),
        "agreement": {n: _agreement_json(a) for n, a in agreement(tally.matches, tally.classes).items()},
    }
    (out / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    draw_sheet(out, photos, tally.classes)
    return record


def train_images(folder: Path) -> list[Path]:
    """Train photos of a data folder; all of them where it has no manifest."""
    if not (folder / "manifest.csv").exists():
        return list_images(folder)
    return [folder / record.file for record in split_records(read_manifest(folder), "train")]


def agreement(matches: Sequence[PhotoMatch], classes: tuple[str, ...]) -> dict[str, Agreement]:
    """How the teacher does on each class it may label. Ignore regions count neither way, and where one covers the whole photo
    labels of its class do not either: only what the source checked is compared."""
    measured = measure(
        matches, [str(n) for n in range(len(matches))], classes, dict.fromkeys(classes, 0.5), draws=1
    )
    found = {}
    for name in (name for name in TEACHES if name in classes):
        curve = measured.per_class[name].curve
        rows = tuple((threshold, *curve.at(threshold)) for threshold in THRESHOLDS)
        found[name] = Agreement(curve.n, rows, least_confidence(rows))
    return found


def least_confidence(rows: Sequence[tuple[float, float | None, float | None]]) -> float | None:
    """The lowest threshold from which on precision is 0.95 or more at every higher one that has detections."""
    least = None
    for threshold, precision, _ in reversed(rows):
        if precision is not None and precision < WANTED_PRECISION:
            break
        least = threshold if precision is not None else least
    return least


class _Tally:
    """Collects verdicts photo by photo."""

    def __init__(self, classes: tuple[str, ...], policy: TeacherPolicy) -> None:
        self.classes, self._policy = classes, policy
        self.matches: list[PhotoMatch] = []
        self._counts: Counter[tuple[str, Use]] = Counter()

    def add(self, teacher: OnnxDetector, folder: Path, image: Path) -> dict[str, Any]:
        """Look at one photo; returns what is written about it."""
        photo = decode_image(image.read_bytes(), min_long_side=INPUT_SIZE)
        seen = teacher.detect(photo, confidence_threshold=self._policy.floor)
        seen = house_detections(seen, teacher.manifest.class_names, self.classes)
        labels = read_labels(folder / "labels" / f"{image.stem}.txt")
        ignore = read_labels(folder / "ignore" / f"{image.stem}.txt")
        hw = photo.original_hw
        self.matches.append(match_photo(seen, ground_truth((labels, ignore), hw)))
        uses = uses_of(seen, labels, ignore, hw, self.classes, self._policy)
        self._counts.update((self.classes[c], use) for c, use in zip(seen.class_id, uses, strict=True))
        return {"image": image.name, "sha256": photo.sha256, "rows": self._rows(seen, uses, hw)}

    def counts_by_class(self) -> dict[str, dict[str, int]]:
        """Labels and ignore regions added by class; `none`: detections that said nothing new."""
        names = sorted({name for name, _ in self._counts}, key=self.classes.index)
        return {name: {use: self._counts[name, use] for use in ("label", "ignore", "none")} for name in names}

    def _rows(self, seen: Detections, uses: Sequence[Use], hw: tuple[int, int]) -> list[dict[str, Any]]:
        size = np.array([hw[1], hw[0]], np.float64)
        return [
            {
                "class": self.classes[class_id],
                "use": use,
                "confidence": round(float(confidence), 3),
                "cxcywh": [
                    round(float(v), 6)
                    for v in ((box[:2] + box[2:]) / 2 / size, (box[2:] - box[:2]) / size)
                    for v in v
                ],
            }
            for box, confidence, class_id, use in zip(
                seen.xyxy, seen.confidence, seen.class_id, uses, strict=True
            )
            if use != "none"
        ]


def draw_sheet(out: Path, photos: Sequence[tuple[Path, Path]], classes: tuple[str, ...]) -> Path | None:
    """A contact sheet of completed labels alone, ignore regions hatched; None where there is no completed label."""
    taught = {}
    for _, image in photos:
        labels, ignore = read_teacher(out, image, classes)
        if len(labels):
            taught[image] = labels, ignore
    if not taught:
        return None
    records = [PhotoRecord(f"images/{image.name}", "train", "", "", "completed", "") for image in taught]
    with TemporaryDirectory() as name:
        folder = _sheet_folder(Path(name), taught, classes)
        sheet = contact_sheet(folder, choose_photos(records, _SHEET_PHOTOS, 0), columns=8)
    sheet.save(out / SHEET_FILE, "PNG")
    return out / SHEET_FILE


def _sheet_folder(
    folder: Path, taught: Mapping[Path, tuple[LabelRows, LabelRows]], classes: tuple[str, ...]
) -> Path:
    for part in ("images", "labels", "ignore"):
        (folder / part).mkdir()
    (folder / "classes.txt").write_text("\n".join(classes) + "\n")
    for image, (labels, ignore) in taught.items():
        (folder / "images" / image.name).symlink_to(image.resolve())
        write_labels(folder / "labels" / f"{image.stem}.txt", labels)
        write_labels(folder / "ignore" / f"{image.stem}.txt", ignore)
    return folder


def _agreement_json(row: Agreement) -> dict[str, Any]:
    return {
        "objects": row.objects,
        "least_confidence": row.least,
        "by_confidence": [{"confidence": t, "precision": p, "recall": r} for t, p, r in row.rows],
    }
