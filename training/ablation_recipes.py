"""How the rows of an ablation were trained: pictures of every folder, command, start. Facts come from run.json alone."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from firewarden.errors import DatasetError
from firewarden.training.expectations import ORIGINS, REAL

Table = Mapping[str, Any]


def checked_pictures(name: str, run: Table) -> list[dict[str, Any]]:
    """The folders of a run, the real one first. A row that is named for an origin of which its run had no picture, or that
    leaves out one it had, is a DatasetError; names that speak of no origin are free."""
    parts = [{**part, "origins": {REAL: part["photos"]}} for part in (run.get("real"),) if part]
    parts += [dict(part) for part in run.get("extra") or ()]
    told = {origin for part in parts for origin in part.get("origins", {})}
    named = set(re.findall(r"[a-z]+", name.lower())) & set(ORIGINS)
    unknown = any("origins" not in part for part in parts) or not told <= set(ORIGINS)
    if parts and named and not unknown and named != told:
        raise DatasetError(
            f"got a row named {name!r}, its run was trained on {' + '.join(sorted(told))} pictures. Name the row for them."
        )
    return parts


def training_record(run: Table) -> dict[str, Any]:
    """What started a run: the command where it was kept, else configuration and folders; its start and its commit."""
    parent = run.get("parent") or {}
    return {
        "command": run.get("command") or None,
        "config": run.get("config"),
        "git_sha": run.get("git_sha"),
        "start_sha256": run.get("weights_sha256"),
        "start": f"run `{parent['name']}`" if parent else f"`{run.get('weights')}`",
        "start_is_mean": bool(parent.get("averaged")),
        "start_made": _made_before(parent),
    }


def _made_before(parent: Table) -> list[str]:
    """Made pictures that the start had seen, as its own record and those before it say."""
    if not parent:
        return []
    kinds = (parent.get("config", {}).get("compose") or {}).items()
    own = [f"{count} {kind.replace('_', ' ')}" for kind, count in kinds if count]
    own += [f"{part['photos']} of `{part['name']}`" for part in parent.get("extra") or ()]
    return own + [text for text in _made_before(parent.get("parent") or {}) if text not in own]


def picture_table(rows: Iterable[Table]) -> list[str]:
    """Markdown lines: one for each folder of each row."""
    head = ("recipe", "folder", "pictures are", "different pictures", "listed", "share", "sha256", "made by")
    cells = [
        (row["recipe"], f"`{part['name']}`", origins_text(part), str(part["photos"]), _plain(part.get("listed")),
         _plain(part.get("share")), f"`{part['sha256'][:12]}`", made_by_text(part))
        for row in rows
        for part in row["pictures"]
    ]  # fmt: skip
    return markdown_table(head, cells)


def origins_text(part: Table) -> str:
    """'composed', '40 composed + 8 rendered', '-' where nobody said."""
    counts = part.get("origins") or {}
    if len(counts) < 2:
        return next(iter(counts), "-")
    return " + ".join(f"{count} {origin}" for origin, count in sorted(counts.items()))


def made_by_text(part: Table) -> str:
    """The command that made a folder, as code; a dash where the folder does not say."""
    return f"`{part['made_by']}`".replace("|", "\\|") if part.get("made_by") else "-"


def recipe_lines(row: Table) -> list[str]:
    """How one row was trained, what it started from, how it was measured."""
    training = row["training"]
    measured = f"  - measured by `{row['command']}`, model sha256 `{row['model_sha256'][:12]}`"
    if not training:
        return [f"- {row['recipe']}: no run.json", measured]
    mean = ", a mean," if training["start_is_mean"] else ""
    seen = ", ".join(training["start_made"])
    return [
        f"- {row['recipe']}:",
        f"  - trained {_trained_by(row)}, at commit `{training['git_sha']}`",
        f"  - start: {training['start']}{mean} sha256 `{training['start_sha256']}`; made pictures it had seen: {seen or 'none'}",
        measured,
    ]


def _trained_by(row: Table) -> str:
    training = row["training"]
    if training["command"]:
        return f"by `{training['command']}`"
    folders = " ".join(f"--extra {p['name']}:{p['share']}" for p in row["pictures"] if p.get("share"))
    given = f"`{folders}`" if folders else "no further folder"
    config = json.dumps(training["config"], sort_keys=True)
    return f"with {given} and the configuration `{config}` (the command itself was not kept)"


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table."""
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(row)} |" for row in rows)]


def _plain(value: Any) -> str:
    return "-" if value is None else str(value)
