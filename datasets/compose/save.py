"""A house folder of composed pictures: every picture of a pair goes through the same camera step before it is written."""

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from firewarden import __version__
from firewarden.datasets.compose.composed import Composed
from firewarden.datasets.compose.kinds import KINDS
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.labels import write_labels
from firewarden.datasets.manifest import PART_SEPARATOR
from firewarden.datasets.manifest_rows import COLUMNS, ManifestTable, write_table
from firewarden.datasets.paste import one_camera
from firewarden.errors import DatasetError

Progress = Callable[[int, int], None]
MADE_BY = "made_by.json"
_FOLDERS = ("images", "labels", "ignore", "cables")
_CAMERA = 1  # keeps the camera's random numbers apart from the maker's
_JPEG_QUALITY = 95


def write_composed(
    sources: Sources, counts: Mapping[str, int], out: Path, *, seed: int, progress: Progress | None = None
) -> int:
    """Write a house folder with cables/, expect.json and made_by.json; returns how many pictures it holds.

    `counts` says how many pairs of each kind to make. Each pair has its own random stream, seeded by (seed, kind, index), so
    that it does not depend on the others.
    """
    unknown = sorted(set(counts) - set(KINDS))
    if unknown:
        raise DatasetError(f"got the kinds {unknown}, expected some of {sorted(KINDS)}.")
    for folder in _FOLDERS:
        (out / folder).mkdir(parents=True, exist_ok=True)
    total, done = sum(counts.values()), 0
    rows: list[dict[str, str]] = []
    expected: dict[str, Any] = {}
    for name, count in counts.items():
        for index in range(count):
            stream = (seed, KINDS[name].stream, index)
            sources.lent.clear()
            for composed in KINDS[name].make(sources, np.random.default_rng(stream), index):
                row = save(composed, out, np.random.default_rng((*stream, _CAMERA)))
                rows.append({**row, "part_sources": part_sources(sources, row.get("parts", ""))})
                expected[composed.stem] = composed.expect.to_json()
            done += 1
            if progress is not None:
                progress(done, total)
    (out / "classes.txt").write_text("".join(f"{name}\n" for name in sources.classes), encoding="utf-8")
    write_table(out / "manifest.csv", ManifestTable((*COLUMNS, "parts", "part_sources"), tuple(rows)))
    (out / "expect.json").write_text(
        json.dumps(expected, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    write_made_by(out, sources, seed, counts)
    return len(rows)


def write_made_by(out: Path, sources: Sources, seed: int, counts: Mapping[str, int]) -> None:
    """Write made_by.json: the command that makes this set, its options one by one, and the version. Nothing in it depends on
    machine, folder or time."""
    kinds = ",".join(f"{name}={count}" for name, count in counts.items())
    words = f"firewarden data compose --split {sources.split} --seed {seed} --kinds {kinds}".split()
    table = {
        "command": shlex.join([*words, *sources.licence_options]),
        "split": sources.split,
        "seed": seed,
        "kinds": dict(counts),
        "firewarden": __version__,
    }
    (out / MADE_BY).write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def part_sources(sources: Sources, parts: str) -> str:
    """The cell of `part_sources`: the sources of the named photos, and every catalogue set that the maker asked for,
    whether or not it used a crop. `parts` are stems, parted by blanks."""
    return PART_SEPARATOR.join(sorted({sources.source_of[stem] for stem in parts.split()} | sources.lent))


def save(composed: Composed, out: Path, rng: np.random.Generator) -> dict[str, str]:
    """Write one picture and its files; returns its manifest row. Equal streams give equal blur, noise and recompression."""
    picture = one_camera(composed.picture, rng)
    file = f"images/{composed.stem}.jpg"
    cv2.imwrite(str(out / file), picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    write_labels(out / "labels" / f"{composed.stem}.txt", composed.labels)
    write_labels(out / "ignore" / f"{composed.stem}.txt", composed.ignore)
    if composed.cables:
        cables = json.dumps([dict(row) for row in composed.cables], ensure_ascii=False)
        (out / "cables" / f"{composed.stem}.json").write_text(cables + "\n", encoding="utf-8")
    h, w = picture.shape[:2]
    size = {"width": str(w), "height": str(h), "boxes": str(len(composed.labels))}
    return {**composed.manifest, "file": file, **size}
