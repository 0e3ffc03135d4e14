"""Result files: `benchmarks/results/KIND.json`, one for each kind of measurement, the newest run wins."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firewarden.errors import HazardError

KINDS = (
    "latency", "throughput", "decode", "http", "memory", "peers", "batch", "privacy", "cctv_day", "cctv_photos", "scale",
)  # fmt: skip
SCHEMA_VERSION = 1


def save_result(folder: Path, kind: str, conditions: Mapping[str, Any], measured: Mapping[str, Any]) -> Path:
    """Write one run; returns the path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}.json"
    told = {"schema_version": SCHEMA_VERSION, "kind": kind, "conditions": dict(conditions), **measured}
    path.write_text(json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return path


def load_rehearsal(folder: Path) -> dict[str, Any] | None:
    """Of the records of `firewarden cctv simulate` in a folder, the one with most pictures looked at; None without any."""
    told = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("cctv-*.json"))]
    return max((run for run in told if run.get("frames")), key=lambda run: int(run["frames"]), default=None)


def load_results(folder: Path) -> dict[str, dict[str, Any]]:
    """Runs by kind, of those that are there; raises HazardError where there is no such folder, and on a file that is none of
    ours."""
    if not folder.is_dir():
        raise HazardError(
            f"got {folder}, expected a folder of result files, empty at least. Name the one that `firewarden bench` wrote into."
        )
    found = {}
    for kind in KINDS:
        path, command = folder / f"{kind}.json", kind.replace("_", "-")
        if not path.is_file():
            continue
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise HazardError(
                f"{path} is no JSON: {error}. Measure again with `firewarden bench {command}`."
            ) from error
        if (
            not isinstance(told, dict)
            or told.get("kind") != kind
            or told.get("schema_version") != SCHEMA_VERSION
        ):
            raise HazardError(
                f"{path} is not a {kind} result of schema {SCHEMA_VERSION}. Measure again with `firewarden bench {command}`."
            )
        found[kind] = told
    return found
