"""`firewarden quantise --prove`: whether the int8 files that a model has do as well on this machine as where they were made.

Rounding is a matter of luck in the last digit: another processor adds what stays in floating point in another order, a value
between two steps falls to the other side, and the noise of rounding is drawn anew. Answers on record cannot be met there, and
accuracy that was measured on one processor is measured again on the other.
"""

import json
import shutil
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from firewarden.errors import DatasetError
from firewarden.inference.int8_record import PROOFS
from firewarden.inference.rules_file import load_rules
from firewarden.inference.runtime_choice import REFERENCE, RuntimeChoice
from firewarden.inference.tune import Effort
from firewarden.models.manifest import INT8_RECORD_FILE, ModelManifest
from firewarden.training.quantise_gate import confidence_distance, judge
from firewarden.training.quantise_record import conditions, machine_and_versions, measure_standing
from firewarden.training.quantise_trial import Bench, Measured, OnStep
from firewarden.training.tag_expectations import find_expectations


def prove(
    manifest: ModelManifest,
    data: Path,
    out: Path,
    *,
    expect: Path | None = None,
    rules: Path | None = None,
    hazard_data: Sequence[Path] = (),
    runtimes: Collection[str] = (),
    effort: Effort | None = None,
    on_step: OnStep = lambda text: None,
) -> dict[str, Any]:
    """Measure the int8 files of a model as `quantise` measures new ones, and add what they did here to the record in model
    folder `out`, their answers with it where they are accepted. Returns what was added, by runtime and precision.

    Of `runtimes` alone where some are named. Raises DatasetError where the model has no such file or no record of it, and where
    a proof of this machine that rests on `hazard_data` would give way to one without.
    """
    choices = _int8_choices(manifest, runtimes)
    for choice in choices:
        _check_record(manifest, choice.key, told_hazards=bool(hazard_data))
    loaded = load_rules(rules)
    with tempfile.TemporaryDirectory() as folder:
        told = expect or find_expectations(data, Path(folder), loaded)
        bench = Bench(manifest, data, told, loaded, tuple(hazard_data))
        on_step("measuring fp32")
        fp32 = bench.measure(REFERENCE)
        found = {}
        for choice in choices:
            on_step(f"measuring {choice.key}")
            found[choice.key] = _proof(bench, choice, fp32, effort or Effort())
            found[choice.key]["measured"] = conditions(fp32.report, hazard_data)
    if out.resolve() != manifest.folder.resolve():
        shutil.copytree(manifest.folder, out, dirs_exist_ok=True)
    _add(out / INT8_RECORD_FILE, found)
    return found


def _int8_choices(manifest: ModelManifest, runtimes: Collection[str]) -> list[RuntimeChoice]:
    have = {
        key.removesuffix("-int8"): RuntimeChoice(key.removesuffix("-int8"), "int8")
        for key in manifest.artefacts
    }
    if not have or (strange := sorted(set(runtimes) - have.keys())):
        wanted = ", ".join(strange) if have else "any runtime"
        raise DatasetError(f"{manifest.folder} has no int8 file for {wanted}; make one: leave out --prove.")
    return [choice for name, choice in have.items() if not runtimes or name in runtimes]


def _check_record(manifest: ModelManifest, key: str, *, told_hazards: bool) -> None:
    """Refuse, before minutes of measuring, what could not be added to the record or would weaken it."""
    path = manifest.folder / INT8_RECORD_FILE
    try:
        row = json.loads(path.read_text(encoding="utf-8"))["artefacts"][key]
        proofs, known = row.get(PROOFS, []), row["sha256"] == manifest.artefacts[key].sha256
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        known = False
    if not known:
        raise DatasetError(
            f"{path} has no record of the {key} file, so nothing can be added to it. Restore it, or make the file anew: leave "
            "out --prove."
        )
    here = machine_and_versions()
    if not told_hazards and any(_where(old) == here and old["measured"]["hazard_data"] for old in proofs):
        raise DatasetError(
            f"{path}: this machine has proven the {key} file on made pictures of hazards, which real val photos hardly show. "
            "Name such pictures again with --hazard-data."
        )


def _proof(bench: Bench, choice: RuntimeChoice, fp32: Measured, effort: Effort) -> dict[str, Any]:
    got = bench.measure(choice)
    verdict = judge(fp32.figures, got.figures)
    standing = measure_standing(bench, choice, effort)
    return {
        "accepted": verdict.accepted,
        "told": verdict.describe(),
        "int8": got.figures.to_json(),
        "fp32": fp32.figures.to_json(),
        "rms_confidence_from_fp32": round(confidence_distance(fp32.detections, got.detections), 4),
        **standing.to_json(),
        **({"answers": standing.answers} if verdict.accepted else {}),
    }


def _add(path: Path, found: dict[str, dict[str, Any]]) -> None:
    """Into the record; what the same machine proved before with the same versions goes."""
    record = json.loads(path.read_text(encoding="utf-8"))
    for key, proof in found.items():
        row = record["artefacts"][key]
        others = [old for old in row.get(PROOFS, []) if _where(old) != _where(proof)]
        row[PROOFS] = [*others, proof]
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _where(proof: dict[str, Any]) -> tuple[str, Any]:
    return proof["measured"]["machine"], proof["measured"]["versions"]
