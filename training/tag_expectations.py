"""Expected hazards worked out from labels and scene tags, for photos that nobody judged by hand.

Only what labels and tags can settle is settled: an e-bike labelled in a photo tagged indoors is an indoor e-bike, and no
photo tagged outdoors or without an e-bike shows one. A photo without any object that another hazard needs does not show
that hazard, nor is an exit blocked where nothing stands that could block it and no lock hangs; one with an extinguisher for
each sign misses none. Everything else is left open (optional).
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from firewarden.datasets.labels import read_classes, read_labels
from firewarden.datasets.manifest import PhotoRecord, read_manifest
from firewarden.inference.relations import ObstructedExit
from firewarden.inference.rules import Rules
from firewarden.training.hazard_sweep import DECIDING
from firewarden.training.scenes import MERGED_SCENES, OUTDOOR

INDOOR_EBIKE, EBIKE, BLOCKED_EXIT = "indoor_ebike", "ebike", "blocked_exit"
_MISSING, _BRACKET, _SIGN, _EXTINGUISHER = (
    "missing_extinguisher", "extinguisher_bracket", "extinguisher_sign", "extinguisher",
)  # fmt: skip


def find_expectations(data: Path, folder: Path, rules: Rules) -> Path:
    """The expect.json of `data`; where it has none, one from labels and tags, written to `folder`."""
    told = data / "expect.json"
    return told if told.is_file() else write_tag_expectations(folder / "expect.json", data, rules)


def write_tag_expectations(target: Path, data: Path, rules: Rules) -> Path:
    """Write an expect.json for every photo of `data` of which something can be settled."""
    classes = read_classes(data)
    rows = {}
    for record in read_manifest(data):
        labelled, ignored = (
            [classes[c] for c in read_labels(data / part / f"{record.stem}.txt").class_id]
            for part in ("labels", "ignore")
        )
        row = settle(record, labelled, ignored, rules)
        if len(row["optional_hazards"]) < len(rules.hazards):
            rows[record.stem] = row
    target.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return target


def settle(
    record: PhotoRecord, labelled: Collection[str], ignored: Collection[str], rules: Rules
) -> dict[str, Any]:
    """One row of expect.json from the class names of a photo's labels and of its ignore regions."""
    scene = MERGED_SCENES.get(record.scene)
    absent = {
        hazard
        for hazard, classes in DECIDING.items()
        if not set(classes) & {*labelled, *ignored}  # nothing to see, and all of it was checked
    }
    if not _blocking(rules) & {*labelled, *ignored}:
        absent.add(BLOCKED_EXIT)
    if _has_its_extinguishers(labelled, ignored):
        absent.add(_MISSING)
    if scene == OUTDOOR:
        absent.add(INDOOR_EBIKE)
    shown = {INDOOR_EBIKE} if EBIKE in labelled and scene not in (None, OUTDOOR) else set()
    return {
        "scene": scene,
        "hazards": sorted(shown),
        "optional_hazards": [code for code in rules.hazards if code not in absent | shown],
    }


def _blocking(rules: Rules) -> set[str]:
    """Classes of what can block or lock an exit."""
    exits = [relation for relation in rules.relations if isinstance(relation, ObstructedExit)]
    return {name for relation in exits for name in (*relation.obstacles, *relation.locks)}


def _has_its_extinguishers(labelled: Collection[str], ignored: Collection[str]) -> bool:
    signs, extinguishers = list(labelled).count(_SIGN), list(labelled).count(_EXTINGUISHER)
    unsure = {_BRACKET, _SIGN} & set(ignored) or _BRACKET in labelled
    return not unsure and 0 < signs <= extinguishers
