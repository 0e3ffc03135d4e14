"""`firewarden quantise`: int8 files of a model, one for each runtime, kept only where accuracy stays within a point."""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from firewarden.errors import HazardError
from firewarden.inference.detector import OnnxDetector
from firewarden.inference.inspector import Inspector
from firewarden.inference.int8_record import recorded_answers
from firewarden.inference.machine import cpu_name, usable_cores
from firewarden.inference.rules import Rules, load_rules
from firewarden.inference.runtime_choice import REFERENCE, RuntimeChoice
from firewarden.inference.runtime_parity import answer_photos, compare_answers, fixed_photos, operating_points
from firewarden.inference.session import ModelSession, open_runtime
from firewarden.inference.speed import Load, measure_side_by_side
from firewarden.inference.tune import Effort, prepare_picture
from firewarden.models.manifest import (
    INT8_RECORD_FILE,
    MODEL_FILE,
    Artefact,
    ModelManifest,
    file_sha256,
    write_manifest,
)
from firewarden.training.evaluate import EvaluationReport, OnePassDetector, evaluate
from firewarden.training.quantise_photos import QuantisePhotos, choose_photos
from firewarden.training.versions import installed_versions

MAX_DROP_POINTS = 1.0  # of mAP50-95, and of any hazard's recall
_PACKAGES = ("onnxruntime", "onnx", "openvino", "nncf", "numpy")
Quantiser = Callable[[Path, Path, QuantisePhotos], tuple[str, int]]
"""`quantiser(model_path, target, photos)` writes the int8 file (and a `.bin` beside an `.xml`) and returns its method in words and
how many photos it used."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Accuracy on the val photos: mAP50-95, and recall by hazard that some photo is known to show."""

    map50_95: float
    recall: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        return {"map50_95": self.map50_95, "recall": dict(self.recall)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Points lost against fp32; negative where int8 is better. `worst_hazard` lost most recall ("" if none is known)."""

    map_drop: float
    recall_drop: float
    worst_hazard: str

    @property
    def accepted(self) -> bool:
        return self.map_drop <= MAX_DROP_POINTS and self.recall_drop <= MAX_DROP_POINTS

    def describe(self) -> str:
        hazard = (
            f"recall of {self.worst_hazard} falls by {self.recall_drop:.2f}"
            if self.worst_hazard
            else "no hazard known"
        )
        return f"mAP50-95 falls by {self.map_drop:.2f} points, {hazard} (each at most {MAX_DROP_POINTS:g})"


def judge(reference: Figures, got: Figures) -> Verdict:
    """How much accuracy int8 costs."""
    drops = {name: 100 * (value - got.recall.get(name, 0.0)) for name, value in reference.recall.items()}
    worst = max(drops, key=lambda name: drops[name], default="")
    return Verdict(100 * (reference.map50_95 - got.map50_95), drops.get(worst, 0.0), worst)


def quantise(
    manifest: ModelManifest,
    data: Path,
    out: Path,
    *,
    photos: int = 300,
    expect: Path | None = None,
    rules: Path | None = None,
    effort: Effort | None = None,
    quantisers: Mapping[RuntimeChoice, tuple[str, Quantiser]] | None = None,
    on_step: Callable[[str], object] = lambda text: None,
) -> dict[str, Any]:
    """Quantise on train photos of `data`, measure on its val photos, and write model folder `out` with what is accepted.

    Returns what parity_int8.json says of each artefact, refused ones included. `out` may be the model's own folder.
    """
    loaded, chosen = load_rules(rules), choose_photos(manifest, data, photos)
    report: dict[str, Any] = {}
    accepted: dict[str, Artefact] = {}
    with tempfile.TemporaryDirectory() as folder:
        told = expect or _tag_expectations(Path(folder), data, loaded)
        bench = _Bench(manifest, data, told, loaded, effort or Effort())
        on_step("measuring fp32")
        fp32 = bench.measure(REFERENCE)
        for choice, (name, quantiser) in (default_quantisers() if quantisers is None else quantisers).items():
            on_step(f"quantising for {choice.runtime}")
            target = Path(folder) / name
            method, used = quantiser(manifest.model_path, target, chosen)
            on_step(f"measuring {choice.key}")
            draft = _draft(target, method, used, manifest)
            trial = replace(bench, manifest=_with_draft(manifest, Path(folder), choice, draft))
            got = trial.measure(choice)
            verdict = judge(fp32, got)
            artefact = replace(
                draft,
                map50_95=round(got.map50_95, 5),
                map_drop_points=round(verdict.map_drop, 3),
                recall_drop_points=round(verdict.recall_drop, 3),
            )
            report[choice.key] = _row(trial, choice, artefact, verdict, fp32, got)
            if verdict.accepted:
                accepted[choice.key] = artefact
        _write_folder(manifest, out, Path(folder), accepted)
    record = {**_conditions(manifest, data, bench.last), "artefacts": report}
    (out / INT8_RECORD_FILE).write_text(
        json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return record


def default_quantisers() -> dict[RuntimeChoice, tuple[str, Quantiser]]:
    """One for each runtime with int8; OpenVINO's only where its packages are installed."""
    from firewarden.training.quantise_onnx import quantise_onnx
    from firewarden.training.quantise_openvino import is_installed, quantise_openvino

    found: dict[RuntimeChoice, tuple[str, Quantiser]] = {
        RuntimeChoice("onnxruntime", "int8"): ("model.int8.onnx", quantise_onnx)
    }
    if is_installed():
        found[RuntimeChoice("openvino", "int8")] = ("model.int8.xml", quantise_openvino)
    return found


@dataclass(slots=True)
class _Bench:
    """Measures a choice of a model on the val photos. `last` is the newest report, whose conditions go on record."""

    manifest: ModelManifest
    data: Path
    expect: Path
    rules: Rules
    effort: Effort
    last: EvaluationReport | None = None

    def open(self, choice: RuntimeChoice, *, threads: int) -> ModelSession:
        return open_runtime(self.manifest, replace(choice, threads=threads))

    def measure(self, choice: RuntimeChoice) -> Figures:
        detector = OnePassDetector(OnnxDetector(self.manifest, self.open(choice, threads=usable_cores())))
        inspector = Inspector(detector, self.rules)
        self.last = report = evaluate(detector, inspector, self.data, "val", draws=1, expect=self.expect)
        known = {name: score.recall for name, score in report.per_hazard.items()}
        return Figures(
            report.metrics.map50_95 or 0.0, {name: r for name, r in known.items() if r is not None}
        )


def _tag_expectations(folder: Path, data: Path, rules: Rules) -> Path:
    from firewarden.training.tag_expectations import write_tag_expectations

    told = data / "expect.json"
    return told if told.is_file() else write_tag_expectations(folder / "expect.json", data, rules)


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


def _row(
    bench: _Bench, choice: RuntimeChoice, artefact: Artefact, verdict: Verdict, fp32: Figures, got: Figures
) -> dict[str, Any]:
    """What is kept of one artefact: the verdict, both figures, distance from fp32 and speed beside it, its answers."""
    manifest = bench.manifest
    photos = fixed_photos(input_size=manifest.input_size)
    exact, reduced = bench.open(REFERENCE, threads=1), bench.open(choice, threads=1)
    apart = compare_answers(
        answer_photos(manifest, exact, bench.rules, photos),
        answer_photos(manifest, reduced, bench.rules, photos),
        operating_points(manifest),
    )
    speeds = measure_side_by_side(
        {"fp32": (exact, Load()), "int8": (reduced, Load())},
        prepare_picture(manifest, photos["sample"]),
        rounds=bench.effort.rounds,
        seconds=bench.effort.seconds,
    )
    return {
        "accepted": verdict.accepted,
        "told": verdict.describe(),
        "sha256": artefact.sha256,
        "method": artefact.method,
        "calibration_photos": artefact.calibration_photos,
        "fp32": fp32.to_json(),
        "int8": got.to_json(),
        "map_drop_points": artefact.map_drop_points,
        "recall_drop_points": artefact.recall_drop_points,
        "times_as_fast_as_onnxruntime_fp32_one_thread": round(speeds["int8"] / speeds["fp32"], 2),
        "apart_from_fp32": apart.to_json(),
        "answers": recorded_answers(manifest, reduced),
    }


def _conditions(manifest: ModelManifest, data: Path, report: EvaluationReport | None) -> dict[str, Any]:
    if report is None:
        raise HazardError(f"nothing was measured on {data}, expected val photos. Check manifest.csv.")
    return {
        "model_sha256": manifest.sha256,
        "data": report.data,
        "data_sha256": report.data_sha256,
        "split": report.split,
        "images": report.images,
        "machine": f"{cpu_name()}, {usable_cores()} cores",
        "versions": installed_versions(_PACKAGES),
        "max_drop_points": MAX_DROP_POINTS,
    }


def _write_folder(manifest: ModelManifest, out: Path, made: Path, accepted: Mapping[str, Artefact]) -> None:
    """Copy the model folder to `out` where it is another one, then the accepted files, then the manifest that names them."""
    if out.resolve() != manifest.folder.resolve():
        shutil.copytree(manifest.folder, out, dirs_exist_ok=True)
    for stale in out.glob("model.int8.*"):
        stale.unlink()
    for artefact in accepted.values():
        for name in artefact.files:
            shutil.copyfile(made / name, out / name)
    write_manifest(replace(manifest, folder=out, artefacts=accepted))
