"""A training configuration (YAML) as values that are checked before anything is written."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from firewarden.datasets.compose import ComposePlan
from firewarden.datasets.fields import read_text
from firewarden.errors import DatasetError
from firewarden.training.balance import Balance
from firewarden.training.photo_rows import CableLabels
from firewarden.training.training_set import ExtraFolder

_REQUIRED = ("name", "seed", "trainer")
_KINDS: Mapping[str, tuple[type, ...]] = {
    "name": (str,), "seed": (int,), "trainer": (dict,), "compose": (dict,), "compose_share": (int, float), "repeat": (dict,),
    "balance": (dict,), "listed": (int,), "extra": (list,), "val_extra": (bool,), "cable_labels": (str,), "teacher": (str,),
    "widen": (bool,),
}  # fmt: skip
_VALUES: Mapping[str, tuple[type, ...]] = {
    "compose": (int, type(None)),
    "repeat": (int,),
    "balance": (int, float),
}


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
    table = _read_table(path)
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


def _read_table(path: Path) -> dict[str, Any]:
    """What the file says, each key known and of its kind; a key without a value is as if it were not there."""
    try:
        table = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise DatasetError(f"{path}: {' '.join(str(error).split())}. Correct the YAML.") from error
    if not isinstance(table, dict):
        raise DatasetError(f"{path} holds a {type(table).__name__}, expected keys {list(_KINDS)}.")
    told = {key: value for key, value in table.items() if value is not None}
    unknown, missing = sorted(map(str, set(told) - set(_KINDS))), sorted(set(_REQUIRED) - set(told))
    if unknown or missing:
        raise DatasetError(
            f"{path}: unknown keys {unknown}, missing keys {missing}; known are {sorted(_KINDS)}."
        )
    for key, value in told.items():
        _check_kind(value, _KINDS[key], f"{path}: {key}")
        for name, one in value.items() if key in _VALUES else ():
            _check_kind(one, _VALUES[key], f"{path}: {key}.{name}")
    _check_ranges(told, path)
    return told


def _check_ranges(table: Mapping[str, Any], path: Path) -> None:
    """What would else be refused only after pictures were composed."""
    counts = {
        f"{key}.{name}": value for key in ("compose", "repeat") for name, value in table.get(key, {}).items()
    }
    below = [f"{name} is {value}, expected 0 or more" for name, value in counts.items() if value < 0]
    if table.get("listed", 1) < 1:
        below.append(f"listed is {table['listed']}, expected 1 or more")
    if not 0 < table.get("compose_share", 0.5) < 1:
        below.append(f"compose_share is {table['compose_share']}, expected a value between 0 and 1")
    if below:
        raise DatasetError(f"{path}: {'; '.join(below)}. Correct the configuration.")


def _check_kind(value: object, kinds: tuple[type, ...], where: str) -> None:
    if type(value) not in kinds:
        names = " or ".join(kind.__name__ for kind in kinds if kind is not type(None))
        raise DatasetError(f"{where} is {value!r}, expected {names}. Correct the configuration.")


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
        raise DatasetError(
            f"{path}: balance has {sorted(map(str, entry))}, expected some of {sorted(known)}."
        )
    return Balance(**entry)


def _extra(entry: Any, beside: Path, path: Path) -> ExtraFolder:
    if not isinstance(entry, Mapping) or "path" not in entry or set(entry) - {"path", "share"}:
        raise DatasetError(
            f"{path}: extra has {entry!r}, expected a path and perhaps a share, as in {{path: rendered, share: 0.3}}."
        )
    _check_kind(entry["path"], (str,), f"{path}: path of extra")
    _check_kind(entry.get("share"), (int, float, type(None)), f"{path}: share of extra {entry['path']}")
    return ExtraFolder(beside / entry["path"], entry.get("share"))
