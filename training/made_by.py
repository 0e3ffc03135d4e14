"""What a run's further data folders are: the command that made each, as its `made_by.json` says, and what its pictures are."""

import json
from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from firewarden.datasets.manifest import read_manifest
from firewarden.errors import DatasetError
from firewarden.training.expectations import REAL, origin_of

MADE_BY_FILE = "made_by.json"
UNSTATED = "unstated"


def read_made_by(folder: Path) -> str | None:
    """The command in `folder/made_by.json`; None where the folder has no such file, or it names no command."""
    path = folder / MADE_BY_FILE
    if not path.is_file():
        return None
    try:
        table: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetError(
            f"{path}: {error}. Expected JSON with a command; make the folder again."
        ) from error
    command = table.get("command") if isinstance(table, dict) else None
    if isinstance(command, list):
        return " ".join(map(str, command))
    return command if isinstance(command, str) and command else None


def read_origins(folder: Path) -> dict[str, str]:
    """Origin by file name, from the sources in manifest.csv; none where the folder has no manifest."""
    if not (folder / "manifest.csv").exists():
        return {}
    return {Path(record.file).name: origin_of(record.source) for record in read_manifest(folder)}


def gives_photos(part: Mapping[str, Any]) -> bool:
    """Whether a further folder, as a record tells it, gave photos alone: all are real, or nobody says what they are and no
    command made them. Of a part without origins, of an older record, that is not known."""
    kinds = set(part.get("origins") or ())
    return kinds == {REAL} or (kinds == {UNSTATED} and not part.get("made_by"))


def with_parts_told(record: dict[str, Any], run: Path) -> dict[str, Any]:
    """A run's record whose further folders say their origins and what made them, as far as the folders that the run's
    pictures are linked from still do. Records say so themselves by now; those of older runs do not."""
    parts = record.get("extra") or []
    if all("origins" in part for part in parts):
        return record
    linked = _linked_pictures(run)
    named = {part["name"] for part in (*parts, record.get("real") or {"name": None})}
    return {**record, "extra": [_told(part, _folders_of(part, named, linked)) for part in parts]}


def _linked_pictures(run: Path) -> dict[Path, set[str]]:
    """Folder -> names of the different train pictures that a run links from it; none of a mean."""
    found: dict[Path, set[str]] = {}
    for link in (run / "data" / "train" / "images").glob("*"):
        picture = link.resolve()
        found.setdefault(picture.parents[1], set()).add(picture.name)
    return found


def _folders_of(
    part: Mapping[str, Any], named: AbstractSet[str | None], linked: Mapping[Path, set[str]]
) -> dict[Path, set[str]]:
    """The folders that a part may be: those of its name or, where it was named by a link, those of no part's name that
    gave as many different pictures."""
    own = {folder: names for folder, names in linked.items() if folder.name == part["name"]}
    if own:
        return own
    return {f: n for f, n in linked.items() if f.name not in named and len(n) == part.get("photos")}


def _told(part: Mapping[str, Any], folders: Mapping[Path, set[str]]) -> dict[str, Any]:
    if "origins" in part or len(folders) != 1:
        return dict(part)
    ((folder, names),) = folders.items()
    origins = read_origins(folder)
    counts = Counter(origins.get(name, UNSTATED) for name in names)
    return {**part, "origins": dict(counts), "made_by": read_made_by(folder)}
