"""Expected hazards worked out from labels and scene tags, for photos that nobody judged by hand.

Only what tags can settle is settled: an e-bike labelled in a photo tagged indoors is an indoor e-bike, and no photo tagged
outdoors or without an e-bike shows one. Every other hazard is left open (optional).
"""

import json
from pathlib import Path

from firewarden.datasets.labels import read_classes, read_labels
from firewarden.datasets.manifest import read_manifest
from firewarden.inference.rules import Rules
from firewarden.training.hazard_points import CLASS, HAZARD
from firewarden.training.scene_head import MERGED_SCENES, OUTDOOR


def write_tag_expectations(target: Path, data: Path, rules: Rules) -> Path:
    """Write an expect.json for every photo of `data` with a scene tag and a fully checked e-bike class."""
    ebike = read_classes(data).index(CLASS)
    open_hazards = [code for code in rules.hazards if code != HAZARD]
    rows = {}
    for record in read_manifest(data):
        scene = MERGED_SCENES.get(record.scene)
        name = f"{record.stem}.txt"
        labelled = ebike in read_labels(data / "labels" / name).class_id
        unsure = not labelled and ebike in read_labels(data / "ignore" / name).class_id
        if scene is None or unsure:
            continue
        shown = labelled and scene != OUTDOOR
        rows[record.stem] = {
            "scene": scene,
            "hazards": [HAZARD] if shown else [],
            "optional_hazards": open_hazards,
        }
    target.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return target
