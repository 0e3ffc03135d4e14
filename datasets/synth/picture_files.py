"""Files of a rendered data folder: one picture's files, and the tables over all finished pictures."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firewarden.datasets.labels import LabelRows, label_rows, write_labels
from firewarden.datasets.manifest_rows import COLUMNS, ManifestTable, write_table
from firewarden.datasets.synth.instance_labels import Box, normalised_row
from firewarden.datasets.synth.plan import Task

SOURCE, LICENCE = "rendered", "AGPL-3.0-or-later (made here)"
CLASSES = (
    "person", "bicycle", "ebike", "vehicle", "door", "exit_sign", "extinguisher", "extinguisher_sign",
    "extinguisher_bracket", "fire_cabinet", "carton", "furniture", "clutter", "power_cable", "power_strip", "chain_lock",
)  # fmt: skip
FOLDERS = ("images", "labels", "ignore", "cables", "facts")


def prepare_folder(out: Path) -> None:
    """Make the sub-folders and classes.txt."""
    for name in FOLDERS:
        (out / name).mkdir(parents=True, exist_ok=True)
    (out / "classes.txt").write_text("".join(name + "\n" for name in CLASSES), encoding="utf-8")


def is_finished(out: Path, stem: str) -> bool:
    """A picture is written last, so a picture that is there is complete."""
    return (out / "images" / f"{stem}.jpg").exists()


def label_table(boxes: Sequence[tuple[str, Box]], wh: tuple[int, int]) -> LabelRows:
    """Label rows of (class name, pixel box) pairs."""
    return label_rows([(CLASSES.index(name), *normalised_row(box, wh)) for name, box in boxes])


def write_picture(
    out: Path,
    stem: str,
    jpeg: bytes,
    labels: LabelRows,
    ignored: LabelRows,
    cables: list[dict[str, Any]],
    facts: dict[str, Any],
) -> None:
    """All files of one picture, the image last and in one step."""
    write_labels(out / "labels" / f"{stem}.txt", labels)
    write_labels(out / "ignore" / f"{stem}.txt", ignored)
    for folder, value in (("cables", cables), ("facts", facts)):
        text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
        (out / folder / f"{stem}.json").write_text(text + "\n", encoding="utf-8")
    part = out / "images" / f"{stem}.jpg.part"
    part.write_bytes(jpeg)
    part.replace(out / "images" / f"{stem}.jpg")


def write_tables(out: Path) -> int:
    """manifest.csv and expect.json over all finished pictures of the folder; returns how many there are."""
    expected, rows = {}, []
    for path in sorted((out / "facts").glob("*.json")):
        if is_finished(out, path.stem):
            facts = json.loads(path.read_text(encoding="utf-8"))
            expected[path.stem] = facts["expect"]
            rows.append(facts["manifest"])
    text = json.dumps(expected, ensure_ascii=False, indent=1, sort_keys=True)
    (out / "expect.json").write_text(text + "\n", encoding="utf-8")
    write_table(out / "manifest.csv", ManifestTable(COLUMNS, tuple(rows)))
    return len(rows)


def manifest_row(
    task: Task, scene: str, wh: tuple[int, int], boxes: int, attributions: Sequence[str]
) -> dict[str, str]:
    """The manifest row of one picture."""
    licence = LICENCE + ("; shapes: " + "; ".join(attributions) if attributions else "")
    return {
        "file": f"images/{task.stem}.jpg", "split": task.split, "source": SOURCE, "licence": licence,
        "place_group": task.place, "scene": scene, "width": str(wh[0]), "height": str(wh[1]), "boxes": str(boxes),
    }  # fmt: skip


def expect_row(
    task: Task, scene: str | None, hazards: list[str], optional: list[str], negatives: list[str]
) -> dict[str, Any]:
    """The expect.json row of one picture."""
    return {
        "scene": scene, "hazards": hazards, "optional_hazards": optional, "ambiguous": False, "origin": "rendered",
        "pair": task.place, "variant": f"{task.variant.axis}:{task.variant.name}", "hard_negatives": negatives,
    }  # fmt: skip
