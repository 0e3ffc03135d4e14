"""`firewarden quantise`: int8 files of a model, one for each runtime, kept only where accuracy stays within a point."""

import json
import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from firewarden.errors import DatasetError
from firewarden.inference.rules_file import load_rules
from firewarden.inference.runtime_choice import REFERENCE, RuntimeChoice
from firewarden.inference.tune import Effort
from firewarden.models.manifest import INT8_RECORD_FILE, Artefact, ModelManifest, write_manifest
from firewarden.training.quantise_gate import MAX_DROP_POINTS
from firewarden.training.quantise_photos import choose_photos
from firewarden.training.quantise_record import conditions, measure_standing
from firewarden.training.quantise_trial import Bench, Measured, OnStep, Recipes, Trial, try_recipes
from firewarden.training.tag_expectations import find_expectations

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
        told = expect or find_expectations(data, Path(folder), loaded)
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
    measured = conditions(fp32.report, hazard_data, made)
    record = {
        "model_sha256": manifest.sha256,
        "max_drop_points": MAX_DROP_POINTS,
        "selection": _SELECTION,
        "artefacts": {**records, **{key: {**row, "measured": measured} for key, row in report.items()}},
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


def _row(
    trial: Trial, choice: RuntimeChoice, tried: Sequence[Trial], fp32: Measured, effort: Effort
) -> dict[str, Any]:
    """What is kept of one runtime: the verdict, both figures, distance from fp32 and speed beside it, its answers, and
    the recipes that were tried."""
    standing = measure_standing(trial.bench, choice, effort)
    return {
        "sha256": trial.artefact.sha256,
        **trial.to_json(),
        "fp32": fp32.figures.to_json(),
        **standing.to_json(),
        "tried": [each.to_json() for each in tried],
        "answers": standing.answers,
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
