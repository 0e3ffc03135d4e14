"""A training configuration (YAML) as values that are checked before anything is written."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from firewarden.datasets.compose import ComposePlan
from firewarden.errors import DatasetError
from firewarden.training.balance import Balance
from firewarden.training.photo_rows import CableLabels
from firewarden.training.training_set import ExtraFolder

_KEYS = frozenset(
    {
        "name", "seed", "trainer", "compose", "compose_share", "repeat", "balance", "listed", "extra", "val_extra",
        "cable_labels", "teacher", "widen",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to train on and how. `raw` is the configuration as read; `trainer` goes to ultralytics as it stands."""

    raw: Mapping[str, Any]
    name: str
    seed: int
    trainer: Mapping[str, Any]
    compose: ComposePlan | None
    compose_share: float | None
    repeat: Mapping[str, int]
    balance: Balance | None
    listed: int | None
    extra: tuple[ExtraFolder, ...]
    val_extra: bool
    cable_labels: CableLabels
    teacher: Path | None
    widen: bool  # start from a network of twice the width that answers as the starting one does


def read_recipe(path: Path, data: Path) -> Recipe:
    """Read a configuration. Folders it names are looked for beside `data`, as the cut-outs are."""
    table = yaml.safe_load(path.read_text(encoding="utf-8"))
    unknown, missing = sorted(set(table) - _KEYS), sorted({"name", "seed", "trainer"} - set(table))
    if unknown or missing:
        raise DatasetError(
            f"{path}: unknown keys {unknown}, missing keys {missing}; known are {sorted(_KEYS)}."
        )
    beside = data.resolve().parent
    compose = {kind: count for kind, count in (table.get("compose") or {}).items() if count}
    teacher = table.get("teacher")
    return Recipe(
        raw=table,
        name=table["name"],
        seed=table["seed"],
        trainer=table["trainer"],
        compose=_plan(compose, table["seed"], path) if compose else None,
        compose_share=table.get("compose_share"),
        repeat=table.get("repeat") or {},
        balance=_balance(table.get("balance"), path),
        listed=table.get("listed"),
        extra=tuple(_extra(entry, beside, path) for entry in table.get("extra") or ()),
        val_extra=bool(table.get("val_extra", False)),
        cable_labels=table.get("cable_labels", "whole"),
        teacher=beside / teacher if teacher else None,
        widen=bool(table.get("widen", False)),
    )


def parse_extra(text: str) -> ExtraFolder:
    """`PATH` or `PATH:SHARE`."""
    path, _, share = text.rpartition(":")
    try:
        return ExtraFolder(Path(path), float(share)) if path else ExtraFolder(Path(text))
    except ValueError:  # the colon belongs to the path
        return ExtraFolder(Path(text))


def _plan(counts: Mapping[str, int], seed: int, path: Path) -> ComposePlan:
    kinds = {field.name: 0 for field in fields(ComposePlan) if field.name != "seed"}
    strange = sorted(set(counts) - set(kinds))
    if strange:
        raise DatasetError(f"{path}: compose names {strange}, expected some of {sorted(kinds)}.")
    return ComposePlan(**{**kinds, **counts, "seed": seed})


def _balance(entry: Mapping[str, float] | None, path: Path) -> Balance | None:
    if not entry:
        return None
    known = {field.name for field in fields(Balance)}
    if set(entry) - known:
        raise DatasetError(f"{path}: balance has {sorted(entry)}, expected some of {sorted(known)}.")
    return Balance(**entry)


def _extra(entry: Any, beside: Path, path: Path) -> ExtraFolder:
    if not isinstance(entry, Mapping) or "path" not in entry or set(entry) - {"path", "share"}:
        raise DatasetError(
            f"{path}: extra has {entry!r}, expected a path and perhaps a share, as in {{path: rendered, share: 0.3}}."
        )
    return ExtraFolder(beside / entry["path"], entry.get("share"))
