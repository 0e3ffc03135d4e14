"""One int8 file after another, made and measured on the val photos, until one is accepted."""

import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from firewarden.detections import Detections
from firewarden.inference.detector import OnnxDetector
from firewarden.inference.inspector import Inspector
from firewarden.inference.machine import usable_cores
from firewarden.inference.rules import Rules
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.inference.session import ModelSession, open_runtime
from firewarden.models.manifest import MODEL_FILE, Artefact, ModelManifest, file_sha256
from firewarden.training.evaluate import EvaluationReport, OnePassDetector, evaluate_photos
from firewarden.training.quantise_gate import Figures, Verdict, confidence_distance, judge
from firewarden.training.quantise_photos import QuantisePhotos

Quantiser = Callable[[Path, Path, QuantisePhotos], tuple[str, int]]
"""`quantiser(model_path, target, photos)` writes the int8 file (and a `.bin` beside an `.xml`) and returns its method in words and
how many photos it used."""
Recipes = tuple[str, Sequence[Quantiser]]
"""Name of the file, and the quantisers that may make it: the best first."""
OnStep = Callable[[str], object]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What came out on the val photos: the report, what the gate looks at, and all detections, photo by photo."""

    report: EvaluationReport
    figures: Figures
    detections: tuple[Detections, ...]


@dataclass(frozen=True, slots=True)
class Bench:
    """Measures a choice of a model on the val photos of `data`; recall by hazard also on those of `hazard_data`, made pictures
    with an expect.json, as real photos show hardly a blocked exit, an empty place or a cord. All made pictures count as
    one set: a point of recall shows only where a hazard has a hundred of them."""

    manifest: ModelManifest
    data: Path
    expect: Path
    rules: Rules
    hazard_data: tuple[Path, ...] = ()

    def open(self, choice: RuntimeChoice, *, threads: int) -> ModelSession:
        return open_runtime(self.manifest, replace(choice, threads=threads))

    def measure(self, choice: RuntimeChoice) -> Measured:
        detector = OnePassDetector(OnnxDetector(self.manifest, self.open(choice, threads=usable_cores())))
        inspector = Inspector(detector, self.rules)
        told = evaluate_photos(detector, inspector, self.data, "val", draws=1, expect=self.expect)
        made = [evaluate_photos(detector, inspector, d, "val", draws=1).report for d in self.hazard_data]
        recalls, pictures = _recalls(told.report)
        more, shown = _recalls(*made)
        recalls |= {f"{name} on made pictures": recall for name, recall in more.items()}
        pictures |= {f"{name} on made pictures": count for name, count in shown.items()}
        figures = Figures(told.report.metrics.map50_95 or 0.0, recalls, pictures)
        return Measured(told.report, figures, tuple(photo.detections for photo in told.photos))


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """An int8 file in a folder of its own, what it answered and how it was judged. `distance` is `confidence_distance`."""

    bench: Bench
    artefact: Artefact
    verdict: Verdict
    figures: Figures
    distance: float

    def to_json(self) -> dict[str, Any]:
        return {
            "accepted": self.verdict.accepted,
            "told": self.verdict.describe(),
            "method": self.artefact.method,
            "calibration_photos": self.artefact.calibration_photos,
            "int8": self.figures.to_json(),
            "map_drop_points": self.artefact.map_drop_points,
            "recall_drop_points": self.artefact.recall_drop_points,
            "rms_confidence_from_fp32": round(self.distance, 4),
        }


def try_recipes(
    bench: Bench,
    choice: RuntimeChoice,
    recipes: Recipes,
    photos: QuantisePhotos,
    fp32: Measured,
    folder: Path,
    on_step: OnStep,
) -> list[Trial]:
    """Make and measure a file by each recipe in turn, up to the first that is accepted; each in a sub-folder of `folder`."""
    name, quantisers = recipes
    trials: list[Trial] = []
    for number, quantiser in enumerate(quantisers, 1):
        on_step(f"quantising for {choice.runtime}, recipe {number} of {len(quantisers)}")
        own = folder / f"{choice.key}-{number}"
        own.mkdir()
        method, used = quantiser(bench.manifest.model_path, own / name, photos)
        on_step(f"measuring {choice.key}")
        trials.append(_measure(bench, choice, _draft(own / name, method, used, bench.manifest), own, fp32))
        if trials[-1].verdict.accepted:
            break
    return trials


def _recalls(*reports: EvaluationReport) -> tuple[dict[str, float], dict[str, int]]:
    """Recall, and number of pictures, by hazard that some picture of a report shows, over all of them."""
    shown: defaultdict[str, int] = defaultdict(int)
    told: defaultdict[str, float] = defaultdict(float)
    for report in reports:
        for name, score in report.per_hazard.items():
            shown[name] += score.n
            told[name] += score.n * (score.recall or 0.0)
    pictures = {name: count for name, count in shown.items() if count}
    return {name: told[name] / count for name, count in pictures.items()}, pictures


def _measure(bench: Bench, choice: RuntimeChoice, draft: Artefact, folder: Path, fp32: Measured) -> Trial:
    own = replace(bench, manifest=_with_draft(bench.manifest, folder, choice, draft))
    got = own.measure(choice)
    verdict = judge(fp32.figures, got.figures)
    artefact = replace(
        draft,
        map50_95=round(got.figures.map50_95, 5),
        map_drop_points=round(verdict.map_drop, 3),
        recall_drop_points=round(verdict.recall_drop, 3),
    )
    distance = confidence_distance(fp32.detections, got.detections)
    return Trial(own, artefact, verdict, got.figures, distance)


def _draft(target: Path, method: str, photos: int, manifest: ModelManifest) -> Artefact:
    weights = target.with_suffix(".bin")
    return Artefact(
        file=target.name,
        sha256=file_sha256(target),
        weights_sha256=file_sha256(weights) if target.suffix == ".xml" else "",
        method=method,
        calibration_photos=photos,
        dataset_sha256=manifest.dataset_sha256,
        map50_95=0.0,
        map_drop_points=0.0,
        recall_drop_points=0.0,
    )


def _with_draft(
    manifest: ModelManifest, folder: Path, choice: RuntimeChoice, draft: Artefact
) -> ModelManifest:
    """The manifest as if its folder were where the new file lies."""
    shutil.copyfile(manifest.model_path, folder / MODEL_FILE)
    return replace(manifest, folder=folder, artefacts={choice.key: draft})
