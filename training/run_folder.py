"""A run folder of `firewarden train`: its record, or what is wrong with a folder that is none."""

import json
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from firewarden.errors import DatasetError
from firewarden.training.made_by import gives_photos

RECORD_FILE = "run.json"
_NAMED = 6  # runs that a refusal names, the newest


def make_run_folder(runs: Path, name: str) -> Path:
    """A new folder of this name below `runs`, numbered where another run took it in the same second."""
    for number in count(1):
        run = runs / (name if number == 1 else f"{name}-{number}")
        try:
            run.mkdir(parents=True)
        except FileExistsError:
            continue
        return run
    raise AssertionError("unreachable")


def read_record(run: Path) -> dict[str, Any]:
    """What run.json says; raises DatasetError where there is none, naming the runs that lie below."""
    path = run / RECORD_FILE
    if not path.is_file():
        raise DatasetError(f"{path} is missing, so {run} is no run folder. {_cure(run)}")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetError(f"{path} is damaged ({error}). Restore it, or train anew.") from error
    if not isinstance(record, dict):
        raise DatasetError(
            f"{path} holds a {type(record).__name__}, expected a table. Restore it, or train anew."
        )
    return record


def ancestry(run: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The record of a run, that of the one it started from, and so on to the oldest."""
    yield run
    if run.get("parent"):
        yield from ancestry(run["parent"])


def extra_parts(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The further folders that a run and those before it saw, oldest first, those of equal content once."""
    seen = {
        part["sha256"]: dict(part)
        for record in reversed(list(ancestry(run)))
        for part in record.get("extra") or ()
    }
    return list(seen.values())


def made_parts(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those of them that hold made pictures, or may: folders of photos alone are left out."""
    return [part for part in extra_parts(run) if not gives_photos(part)]


def shipped_start(run: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The shipped model, `model` and `sha256`, that the newest run of a lineage went on from; None without one."""
    return next((record["restored"] for record in ancestry(run) if record.get("restored")), None)


def _cure(folder: Path) -> str:
    runs = sorted(
        (path.parent for path in folder.glob(f"*/{RECORD_FILE}")), key=lambda run: run.stat().st_mtime
    )
    if not runs:
        return "Name a folder written by `firewarden train` or `firewarden average`; below this one there is none."
    return f"Name one of the runs below it: {', '.join(str(run) for run in runs[-_NAMED:])}."
