"""What parity_int8.json keeps of an int8 file beside its accuracy: its speed and distance from fp32 on one machine, what it
answered there, and what was measured on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firewarden.inference.int8_record import recorded_answers
from firewarden.inference.machine import cpu_name, usable_cores
from firewarden.inference.runtime_choice import REFERENCE, RuntimeChoice
from firewarden.inference.runtime_parity import answer_photos, compare_answers, fixed_photos, operating_points
from firewarden.inference.speed import Load, measure_side_by_side
from firewarden.inference.tune import Effort, prepare_picture
from firewarden.training.evaluate import EvaluationReport
from firewarden.training.quantise_trial import Bench
from firewarden.training.versions import installed_versions

_PACKAGES = ("onnxruntime", "onnx", "openvino", "nncf", "numpy")


@dataclass(frozen=True, slots=True)
class Standing:
    """How an int8 file does on this machine beside fp32, one thread each: how far apart their reports are, how many times
    as fast it is, and its answers to the packaged photos."""

    apart: dict[str, Any]
    times_as_fast: float
    answers: dict[str, list[list[float]]]

    def to_json(self) -> dict[str, Any]:
        """All but the answers."""
        return {
            "times_as_fast_as_onnxruntime_fp32_one_thread": round(self.times_as_fast, 2),
            "apart_from_fp32": self.apart,
        }


def measure_standing(bench: Bench, choice: RuntimeChoice, effort: Effort) -> Standing:
    """Answers and speed of a choice of the bench's model."""
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
        rounds=effort.rounds,
        seconds=effort.seconds,
    )
    return Standing(apart.to_json(), speeds["int8"] / speeds["fp32"], recorded_answers(manifest, reduced))


def conditions(
    report: EvaluationReport, hazard_data: Sequence[Path], made: Sequence[Path] | None = None
) -> dict[str, Any]:
    """What was measured on, with which versions; `made` are the folders that calibrated, None where nothing was made."""
    machine, versions = machine_and_versions()
    return {
        "data": report.data,
        "data_sha256": report.data_sha256,
        "split": report.split,
        "images": report.images,
        "machine": machine,
        "versions": versions,
        **({"made": [folder.resolve().name for folder in made]} if made is not None else {}),
        "hazard_data": [folder.resolve().name for folder in hazard_data],
    }


def machine_and_versions() -> tuple[str, dict[str, str]]:
    """What answers depend on, as it is recorded."""
    return f"{cpu_name()}, {usable_cores()} cores", installed_versions(_PACKAGES)
