"""`firewarden quantise`: int8 files of a model, one for each runtime, kept only where accuracy stays within a point."""

import json
import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from firewarden.errors import DatasetError
from firewarden.inference.int8_record import recorded_answers
from firewarden.inference.machine import cpu_name, usable_cores
from firewarden.inference.rules import Rules
from firewarden.inference.rules_file import load_rules
from firewarden.inference.runtime_choice import REFERENCE, RuntimeChoice
from firewarden.inference.runtime_parity import answer_photos, compare_answers, fixed_photos, operating_points
from firewarden.inference.speed import Load, measure_side_by_side
from firewarden.inference.tune import Effort, prepare_picture
from firewarden.models.manifest import INT8_RECORD_FILE, Artefact, ModelManifest, write_manifest
from firewarden.training.evaluate import EvaluationReport
from firewarden.training.quantise_gate import MAX_DROP_POINTS
from firewarden.training.quantise_photos import choose_photos
from firewarden.training.quantise_trial import Bench, Measured, OnStep, Recipes, Trial, try_recipes
from firewarden.training.versions import installed_versions

_PACKAGES = ("onnxruntime", "onnx", "openvino", "nncf", "numpy")
_SELECTION = (
    "recipes are tried in the order of `tried` until one is accepted on these val photos, so the figures of a file that "
    "was not the first are those of a choice, not independent ones"
)


def quantise(
    manifest: ModelManifest,
    data: Path,
    out: Path,
    *,
    photos: int = 300,
    expect: Path | None = None,
    rules: Path | None = None,
    hazard_data: Sequence[Path] = (),
    made: Sequence[Path] = (),
    runtimes: Collection[str] = (),
    effort: Effort | None = None,
    recipes: Mapping[RuntimeChoice, Recipes] | None = None,
    on_step: OnStep = lambda text: None,
) -> dict[str, Any]:
    """Quantise on train photos of `data` and train pictures of `made`, measure on the val photos of `data` and `hazard_data`,
    and write model folder `out` with what is accepted.

    Returns what parity_int8.json says of each artefact and of every recipe tried for it, refused ones included. `out`
    may be the model's own folder. Of `runtimes` alone where some are named: the files of others stay as the model has them,
    with their part of the record.
    """
    listed_recipes = _recipes_of(runtimes, default_recipes() if recipes is None else recipes)
    kept = {k: a for k, a in manifest.artefacts.items() if k not in {c.key for c in listed_recipes}}
    records = _records_of(kept, manifest)
    loaded, chosen = load_rules(rules), choose_photos(manifest, data, photos, made)
    with tempfile.TemporaryDirectory() as folder:
        told = expect or _tag_expectations(Path(folder), data, loaded)
        bench = Bench(manifest, data, told, loaded, tuple(hazard_data))
        on_step("measuring fp32")
        fp32 = bench.measure(REFERENCE)
        tried = {
            choice: try_recipes(bench, choice, listed, chosen, fp32, Path(folder), on_step)
            for choice, listed in listed_recipes.items()
        }
        best = {choice: min(trials, key=_order) for choice, trials in tried.items()}
        report = {
            choice.key: _row(trial, choice, tried[choice], fp32, effort or Effort())
            for choice, trial in best.items()
        }
        accepted = {c.key: trial for c, trial in best.items() if trial.verdict.accepted}
        _write_folder(manifest, out, accepted, kept)
    conditions = {
        **_conditions(fp32.report),
        "made": [folder.resolve().name for folder in made],
        "hazard_data": [folder.resolve().name for folder in hazard_data],
    }
    record = {
        "model_sha256": manifest.sha256,
        "max_drop_points": MAX_DROP_POINTS,
        "selection": _SELECTION,
        "artefacts": {**records, **{key: {**row, "measured": conditions} for key, row in report.items()}},
    }
    (out / INT8_RECORD_FILE).write_text(
        json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return record


def default_recipes() -> dict[RuntimeChoice, Recipes]:
    """Those of each runtime with int8; OpenVINO's only where its packages are installed."""
    from firewarden.training.quantise_onnx import ONNX_RECIPES
    from firewarden.training.quantise_openvino import OPENVINO_RECIPES, is_installed

    found: dict[RuntimeChoice, Recipes] = {
        RuntimeChoice("onnxruntime", "int8"): ("model.int8.onnx", ONNX_RECIPES)
    }
    if is_installed():
        found[RuntimeChoice("openvino", "int8")] = ("model.int8.xml", OPENVINO_RECIPES)
    return found


def _recipes_of(
    runtimes: Collection[str], recipes: Mapping[RuntimeChoice, Recipes]
) -> Mapping[RuntimeChoice, Recipes]:
    """Those of the named runtimes, all where none is named; raises DatasetError for a runtime that has none."""
    known = {choice.runtime for choice in recipes}
    if strange := sorted(set(runtimes) - known):
        raise DatasetError(
            f"got runtimes {strange}, expected some of {sorted(known)}: they make int8 files here."
        )
    return {
        choice: listed for choice, listed in recipes.items() if not runtimes or choice.runtime in runtimes
    }


def _records_of(kept: Mapping[str, Artefact], manifest: ModelManifest) -> dict[str, Any]:
    """What the model's own record says of artefacts that stay."""
    path = manifest.folder / INT8_RECORD_FILE
    told = json.loads(path.read_text(encoding="utf-8"))["artefacts"] if kept else {}
    return {key: told[key] for key in kept}


def _order(trial: Trial) -> tuple[bool, float]:
    """The accepted one first, then the one that loses least."""
    return not trial.verdict.accepted, trial.verdict.loss


def _tag_expectations(folder: Path, data: Path, rules: Rules) -> Path:
    from firewarden.training.tag_expectations import write_tag_expectations

    told = data / "expect.json"
    return told if told.is_file() else write_tag_expectations(folder / "expect.json", data, rules)


def _row(
    trial: Trial, choice: RuntimeChoice, tried: Sequence[Trial], fp32: Measured, effort: Effort
) -> dict[str, Any]:
    """What is kept of one runtime: the verdict, both figures, distance from fp32 and speed beside it, its answers, and
    the recipes that were tried."""
    bench, manifest = trial.bench, trial.bench.manifest
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
        rounds=effort.rounds,
        seconds=effort.seconds,
    )
    return {
        "sha256": trial.artefact.sha256,
        **trial.to_json(),
        "fp32": fp32.figures.to_json(),
        "times_as_fast_as_onnxruntime_fp32_one_thread": round(speeds["int8"] / speeds["fp32"], 2),
        "apart_from_fp32": apart.to_json(),
        "tried": [each.to_json() for each in tried],
        "answers": recorded_answers(manifest, reduced),
    }


def _conditions(report: EvaluationReport) -> dict[str, Any]:
    return {
        "data": report.data,
        "data_sha256": report.data_sha256,
        "split": report.split,
        "images": report.images,
        "machine": f"{cpu_name()}, {usable_cores()} cores",
        "versions": installed_versions(_PACKAGES),
    }


def _write_folder(
    manifest: ModelManifest, out: Path, accepted: Mapping[str, Trial], kept: Mapping[str, Artefact]
) -> None:
    """Copy the model folder to `out` where it is another one, then the accepted files, then the manifest that names them and
    those that are kept."""
    if out.resolve() != manifest.folder.resolve():
        shutil.copytree(manifest.folder, out, dirs_exist_ok=True)
    staying = {name for artefact in kept.values() for name in artefact.files}
    for stale in out.glob("model.int8.*"):
        if stale.name not in staying:
            stale.unlink()
    for trial in accepted.values():
        for name in trial.artefact.files:
            shutil.copyfile(trial.bench.manifest.folder / name, out / name)
    artefacts = {**kept, **{key: trial.artefact for key, trial in accepted.items()}}
    write_manifest(replace(manifest, folder=out, artefacts=artefacts))
