"""The measured choice of a machine, kept in the data folder and used as long as nothing it depends on has changed."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from firewarden.errors import HazardError
from firewarden.inference.machine import cpu_name, runtime_versions, usable_cores
from firewarden.inference.runtime_choice import RuntimeChoice, choice_from_json
from firewarden.models.manifest import ModelManifest

RUNTIME_FILE = "runtime.json"
CACHE_FOLDER = "runtime_cache"  # what runtimes compile, inside the data folder
Purpose = Literal["serve", "inspect"]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tuned:
    """`serve` is the choice with most photos a second, `inspect` the one with the quickest single answer, both under
    `conditions`; `measured` holds the figures behind them."""

    serve: RuntimeChoice
    inspect: RuntimeChoice
    conditions: Mapping[str, Any]
    measured: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "serve": self.serve.to_json(),
            "inspect": self.inspect.to_json(),
            "conditions": dict(self.conditions),
            "measured": dict(self.measured),
        }


def conditions_of(manifest: ModelManifest) -> dict[str, Any]:
    """What the choice depends on: processor, cores, versions, and the files of the model."""
    return {
        "cpu": cpu_name(),
        "cores": usable_cores(),
        **{f"version of {name}": number for name, number in runtime_versions().items()},
        "model": manifest.sha256,
        **{f"artefact {key}": artefact.sha256 for key, artefact in sorted(manifest.artefacts.items())},
    }


def save_tuned(data_dir: Path, tuned: Tuned) -> Path:
    """Write the choice; a reader sees the old file or the new one."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # photos of homes will lie here too
    path = data_dir / RUNTIME_FILE
    pending = path.with_suffix(".pending")
    pending.write_text(json.dumps(tuned.to_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    pending.replace(path)
    return path


def read_tuned(path: Path) -> Tuned:
    """The inverse of `save_tuned`; raises HazardError where the file is damaged."""
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8"))
        return Tuned(
            choice_from_json(told["serve"]),
            choice_from_json(told["inspect"]),
            dict(told["conditions"]),
            dict(told["measured"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise HazardError(
            f"{path} is damaged ({error!r}). Measure again with `firewarden doctor --tune`."
        ) from error


def stored_choice(data_dir: Path, manifest: ModelManifest, purpose: Purpose) -> RuntimeChoice | None:
    """The choice that was measured for this model on this machine; None, with a line in the log, where there is none or it
    no longer holds."""
    path = data_dir / RUNTIME_FILE
    if not path.is_file():
        _log.info(
            "%s is not there: ONNX Runtime in fp32; `firewarden doctor --tune` may find a faster one", path
        )
        return None
    try:
        tuned = read_tuned(path)
    except HazardError as error:
        _log.warning("%s Using ONNX Runtime in fp32 meanwhile", error)
        return None
    changed = changed_conditions(tuned.conditions, conditions_of(manifest))
    if changed:
        _log.warning(
            "%s no longer holds: %s. Using ONNX Runtime in fp32; measure again with `firewarden doctor --tune`",
            path,
            "; ".join(changed),
        )
        return None
    return tuned.serve if purpose == "serve" else tuned.inspect


def changed_conditions(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One phrase for each condition that differs, appeared or went."""
    names = [*now, *(name for name in then if name not in now)]
    return [
        f"{name} is {now.get(name)}, was {then.get(name)}"
        for name in names
        if now.get(name) != then.get(name)
    ]
