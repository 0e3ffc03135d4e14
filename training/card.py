"""CARD.md: what a model was trained on, what was measured, and what it cannot see. Facts come from files alone."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firewarden.datasets.labels import read_classes
from firewarden.datasets.licences import LicenceChoice, choose_records
from firewarden.datasets.manifest import PhotoRecord, split_records
from firewarden.datasets.register import read_register
from firewarden.models.manifest import SCENE_FILE
from firewarden.training.ablation_recipes import markdown_table
from firewarden.training.card_hazards import hazard_sections, number, places_never_told, with_interval
from firewarden.training.card_objects import CLASS_HEAD, class_cells, object_sections
from firewarden.training.card_provenance import made_pictures, reproduce, starting_weights
from firewarden.training.made_by import with_parts_told
from firewarden.training.run_folder import ancestry, made_parts, shipped_start
from firewarden.training.seen import NOT_STATED, Seen, count_seen, seen_by

CARD_FILE = "CARD.md"
FEW_TRAIN_OBJECTS = 30  # below this a class is named as a blind spot
FEW_VAL_OBJECTS = 8  # below this its figures are called unreliable; see operating_points.py
_UNCLEAR = ("none", "unstated", NOT_STATED, "doubtful", "not cleared")
_LIMITS = """\
## Limits: what one photo cannot show

- It shows one moment. Whether goods stay in an exit for an hour or a minute needs a second photo or a person.
- It shows one direction. What is behind the camera, behind a door or out of frame is unknown, not absent.
- It has no scale. Widths and distances in metres are not measured; ratios are shares of the picture.
- It does not show whether a place is an escape route, whether a door is locked, or whether a battery is charging.
- Dark, blurred or tiny pictures hide objects: that nothing was found never means that a place is safe.
- The detector finds objects. Hazards and risk levels come from the written rules, and a person confirms them."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """The files a card is written from: `records` of the data folder that was measured, `seen` by the run and those before
    it."""

    run: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    parity: Mapping[str, Any]
    records: Sequence[PhotoRecord]
    seen: Seen
    scene: Mapping[str, float] = field(default_factory=dict)


def write_card(exported: Path, *, run: Path, data: Path) -> Path:
    """Write `exported/CARD.md` from run.json, evaluation.json, parity.json and the data folder the run was trained on."""
    return write_card_of(exported, with_parts_told(_read_json(run / "run.json"), run), data)


def write_card_of(exported: Path, record: dict[str, Any], data: Path) -> Path:
    """The same from the record of a run whose folder may be gone, as `training.json` of a model folder keeps it."""
    told = seen_by(record)
    records = trained_on(record, data) if told is None else choose_records(data)
    facts = CardFacts(
        record,
        _read_json(exported / "evaluation.json"),
        _read_json(exported / "parity.json"),
        records,
        count_seen(data, records, read_classes(data)) if told is None else told,
        _read_json(exported / SCENE_FILE) if (exported / SCENE_FILE).is_file() else {},
    )
    path = exported / CARD_FILE
    path.write_text(card_text(facts), encoding="utf-8")
    return path


def trained_on(run: Mapping[str, Any], data: Path) -> tuple[PhotoRecord, ...]:
    """The photos of a data folder, those alone that the run's choice of licences left in: for runs of times when they kept no
    record of what they saw."""
    chosen = run.get("licences")
    choice = LicenceChoice(read_register(), tuple(chosen["chosen"]), chosen["clear_only"]) if chosen else None
    return choose_records(data, choice=choice)


def card_text(facts: CardFacts) -> str:
    """The whole card."""
    sections = (
        _head(facts),
        _sources(facts),
        _figures(facts),
        object_sections(facts.evaluation),
        hazard_sections(facts.evaluation, facts.scene),
        _blind_spots(facts),
        _LIMITS,
        _parity(facts),
        _ablation(facts),
        reproduce(facts.run, facts.evaluation),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(facts: CardFacts) -> str:
    run, evaluation = facts.run, facts.evaluation
    return (
        f"# {evaluation.get('model_id', run['name'])}: model card\n\n"
        f"An object detector for fire inspection photos: {len(run['classes'])} classes of evidence objects. "
        f"Trained from {run['started_at'][:10]}. Licence of the weights: AGPL-3.0-or-later.\n\n"
        f"{starting_weights(run)}\n\n"
        f"`model.onnx` sha256 `{evaluation['model_sha256']}`"
    )


def _sources(facts: CardFacts) -> str:
    rows = Counter(facts.seen.photos)
    sources = sorted({(source, licence) for source, licence, _ in rows})
    table = [
        f"| {_cell(source)} | {_cell(licence)} | {rows[source, licence, 'train']} | {rows[source, licence, 'val']} |"
        for source, licence in sources
    ]
    trained = facts.seen.of_split("train")
    unclear = sum(
        count
        for (_, licence, split), count in rows.items()
        if split == "train" and any(word in _cell(licence).lower() for word in _UNCLEAR)
    )
    return "\n".join(
        [
            "## Data",
            "",
            "| source | licence, as far as it is stated | train photos | val photos |",
            "|---|---|---|---|",
            *table,
            "",
            (
                f"**Licences are mixed and partly unstated**: {unclear} of {trained} train photos come from sources "
                "whose licence entry says, at least in part, that there is none or that it is doubtful. The photos are "
                "not part of this project; whether weights trained on them may be used for a purpose is for the user "
                "to judge."
            ),
            "",
            *_same_sources(facts),
            *_before(facts),
            *_fractions(facts.seen),
            made_pictures(facts.run),
        ]
    )


def _same_sources(facts: CardFacts) -> list[str]:
    """How much of val comes from sources that train has too: other places, and perhaps the same site."""
    trained = {source for source, _, split in facts.seen.photos if split == "train"}
    val = split_records(facts.records, "val")
    shared = sum(record.source in trained for record in val)
    if not shared:
        return []
    return [
        (
            f"**{shared} of {len(val)} val photos come from sources that stand in train, too.** No place stands in both, but "
            "places are walls and rooms as the manifest tells them apart: another wall of the same campus, with boards and "
            "signs of the same make, may. Figures of val are then higher than those of a new site."
        ),
        "",
    ]


def _before(facts: CardFacts) -> list[str]:
    """What the table says of the runs before this one, and that the weights know more photos than it names where those kept
    no record."""
    start, untold = shipped_start(facts.run), facts.seen.untold
    lines = []
    if _merged(facts.run):
        lines.append(
            "Of each source the table counts the most photos that one of the runs behind the weights saw."
        )
    if start is not None and (untold or not facts.run.get("seen")):
        lines.append(
            f"**Trained on from `{start['model']}`**, sha256 `{start['sha256'][:12]}`: the photos that this model was trained "
            "on, and their licences, count here too. Its card names them."
        )
    elif untold:
        lines.append(
            f"**Not all is known**: {', '.join(f'`{name}`' for name in untold)}, before this run, kept no record of their "
            "photos. Those, and their licences, count here too."
        )
    return [text for line in lines for text in (line, "")]


def _merged(run: Mapping[str, Any]) -> bool:
    """Whether the photos are counted from the records of several runs."""
    if not run.get("seen"):
        return False
    entered = [part for part in run.get("averaged") or () if part["run"] not in run["seen"]["untold"]]
    return len(entered) > 1 or sum(bool(record.get("seen")) for record in ancestry(run)) > 1


def _fractions(seen: Seen) -> list[str]:
    """Which runs trained on a share of their pictures alone."""
    if not seen.fractions:
        return []
    shares = ", ".join(f"{share:g} in `{run}`" for run, share in seen.fractions.items())
    return [
        (
            "**Not all train pictures were used**: the trainer took a share of those that were listed, the first by file name: "
            f"{shares}. Train photos and their objects are counted as listed."
        ),
        "",
    ]


def _figures(facts: CardFacts) -> str:
    evaluation = facts.evaluation
    split = f"split `{evaluation['split']}` of" if evaluation["split"] else "all of"
    return "\n".join(
        [
            "## Figures",
            "",
            (
                f"{evaluation['images']} labelled photos, {split} `{evaluation['data']}` (photos and labels sha256 "
                f"`{evaluation['data_sha256'][:12]}`). Left out because another split shows the same place: "
                f"{evaluation['excluded_shared_places']}. 95 % intervals are bootstrapped over places. {_chosen_on_val(facts)} "
                "were chosen on these same photos, so all figures flatter, those of few photos most."
            ),
            "",
            (
                f"mAP50 {with_interval(evaluation['map50'], evaluation['ci_map50'])}, "
                f"mAP50-95 {with_interval(evaluation['map50_95'], evaluation['ci_map50_95'])}, "
                "over the classes with objects."
            ),
            "",
            *markdown_table(CLASS_HEAD, class_cells(evaluation["per_class"])),
        ]
    )


def _chosen_on_val(facts: CardFacts) -> str:
    """What selection has already used the measured photos for."""
    shares = ", the shares of the averaged weights" if facts.run.get("averaged") else ""
    scene = ", the scene output's strength" if "strength" in facts.scene else ""
    calibration = ", calibration" if facts.evaluation.get("calibration") else ""
    return f"Checkpoint{shares}{scene}{calibration} and thresholds"


def _blind_spots(facts: CardFacts) -> str:
    measured = facts.evaluation["per_class"]
    trained = {name: facts.seen.objects.get(name, 0) for name in facts.run["classes"]}
    untrained = [name for name, n in trained.items() if n == 0]
    rare = [f"{name} ({n})" for name, n in trained.items() if 0 < n < FEW_TRAIN_OBJECTS]
    unmeasured = [name for name, row in measured.items() if row["n"] == 0]
    doubtful = [f"{name} ({row['n']})" for name, row in measured.items() if 0 < row["n"] < FEW_VAL_OBJECTS]
    hope = "learned from made pictures alone" if made_parts(facts.run) else "expect nothing to be found"
    of = _counted_of(facts)
    return "\n".join(
        [
            "## Blind spots",
            "",
            f"- No object in any real train photo{of}, {hope}: {_listed(untrained)}.",
            f"- Fewer than {FEW_TRAIN_OBJECTS} objects in real train photos{of}: {_listed(rare)}.",
            f"- Not measured, no labelled object: {_listed(unmeasured)}.",
            f"- Measured on fewer than {FEW_VAL_OBJECTS} objects, figures mean little: {_listed(doubtful)}.",
            f"- Kinds of place never told right: {_listed(list(places_never_told(facts.evaluation)))}.",
        ]
    )


def _counted_of(facts: CardFacts) -> str:
    """Whose photos the counts of objects are of, where runs before this one saw others too."""
    if not (facts.seen.untold if facts.run.get("seen") else shipped_start(facts.run)):
        return ""
    return " counted above" if _merged(facts.run) else " of this run"


def _parity(facts: CardFacts) -> str:
    parity, row = facts.parity, facts.parity["map"]
    apart = [t["before_top_k"]["max_abs"] for t in parity["tensors"]]  # None: not finite
    worst = max((math.inf if value is None else value for value in apart), default=math.inf)
    shapes = sorted({"x".join(map(str, t["input_hw"])) for t in parity["tensors"]})
    return (
        f"## Parity\n\n"
        f"ONNX file against checkpoint: **{'passed' if parity['passed'] else 'FAILED'}**. Largest difference before "
        f"top-k {worst:.2g} over input shapes {', '.join(shapes)} (rtol {parity['tolerance']['rtol']}, atol "
        f"{parity['tolerance']['atol']}); mAP50-95 through the serving decoder {number(row['onnx_map50_95'])} against "
        f"{number(row['checkpoint_map50_95'])} (allowed: {row['allowed_points']} points apart)."
    )


def _ablation(facts: CardFacts) -> str:
    """Where one reads what kinds of made pictures do; the card keeps no copy, which would grow old."""
    if not made_parts(facts.run):
        return ""
    return (
        "## Ablation\n\n"
        "What each kind of made pictures does, in short runs that differ in their pictures alone and are not this model: "
        "`benchmarks/results/ablation.md` and `benchmarks/results/ablation-cables.md` of the project's repository."
    )


def _read_json(path: Path) -> dict[str, Any]:
    table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return table


def _cell(text: str) -> str:
    return text.replace("|", "\\|") or NOT_STATED


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
