"""The source register: where photos come from, under which terms, and what they may be used for.

The register is data (sources.toml). What it does not list is not allowed: an unknown source passes no filter.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from firewarden.datasets.manifest import SPLITS, PhotoRecord, read_manifest
from firewarden.errors import DatasetError

USES = ("train", "val", "test", "evaluation", "cutouts")
KINDS = ("photos", "cutouts", "made")
_COMPOSED = "composed "  # manifests name what a composed picture stands on: "composed SOURCE"
_PROSE = ("head", "photos", "after_photos", "cutouts", "tail")


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One source. `manifest_source` and `licence_stated` stand word for word in manifest.csv; `licence` is a short name
    to choose by; `licence_clear`: the right to use every photo is beyond doubt. Counts are photos, or pictures of a
    cut-out set."""

    id: str
    kind: str
    manifest_source: str
    origin: str
    shows: str
    licence: str
    licence_stated: str
    licence_clear: bool
    used_for: tuple[str, ...]
    notes: str
    use: str = ""
    train: int = 0
    val: int = 0
    pictures: int = 0

    def allows(self, split: str) -> bool:
        """Whether photos of this source may stand in a split. `evaluation` allows the splits that measure, and `val`
        allows `test`, which asks less of a photo."""
        implied = {"val": {"evaluation"}, "test": {"evaluation", "val"}}.get(split, set())
        return split in self.used_for or bool(implied & set(self.used_for))


@dataclass(frozen=True, slots=True)
class Register:
    """All sources in file order, and the prose of SOURCES.md by section."""

    sources: tuple[SourceEntry, ...]
    prose: Mapping[str, str]

    def entry(self, name: str) -> SourceEntry | None:
        """The source of photos or made pictures with this id or this manifest string; a composed picture is looked up as
        such, whatever photo it stands on."""
        sought = _COMPOSED.strip() if name.startswith(_COMPOSED) else name
        return next(
            (s for s in self.sources if s.kind != "cutouts" and sought in (s.id, s.manifest_source)), None
        )


def read_register(path: Path | None = None) -> Register:
    """Read a register file (default: the packaged sources.toml). Unknown, missing and double entries are errors."""
    where = str(path) if path else "sources.toml"
    try:
        text = (path or files("firewarden.datasets") / "sources.toml").read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{where}: {error}. Expected a TOML file with version, [prose] and [[source]]."
        ) from error
    _check_keys(table, where, required={"version", "source"}, known={"version", "prose", "source"})
    if table["version"] != 1:
        raise DatasetError(
            f"{where}: got version {table['version']!r}, expected 1. Use the release that wrote it."
        )
    if not isinstance(table["source"], list) or not isinstance(table.get("prose", {}), dict):
        raise DatasetError(f"{where}: expected [[source]] entries and a [prose] table. Fix the brackets.")
    prose = dict.fromkeys(_PROSE, "") | table.get("prose", {})
    _check_keys(prose, f"{where} [prose]", required=set(), known=set(_PROSE))
    sources = tuple(
        _source_entry(row, f"{where} source {number}") for number, row in enumerate(table["source"], 1)
    )
    for name in ("id", "manifest_source"):
        _check_single([getattr(source, name) for source in sources], f"{where}: {name}")
    return Register(sources, prose)


def _source_entry(row: Mapping[str, Any], where: str) -> SourceEntry:
    optional = {field.name for field in fields(SourceEntry) if field.default is not MISSING}
    known = {field.name: field.type for field in fields(SourceEntry)}
    _check_keys(row, where, required=set(known) - optional, known=set(known))
    values = dict(row)
    if isinstance(values["used_for"], list):
        values["used_for"] = tuple(values["used_for"])
    for name, value in values.items():
        kind = {"licence_clear": bool, "used_for": tuple, "train": int, "val": int, "pictures": int}.get(
            name, str
        )
        if type(value) is not kind:
            raise DatasetError(f"{where}: {name} is {value!r}, expected {kind.__name__}. Fix the entry.")
    strange = [use for use in values["used_for"] if use not in USES]
    if strange or values["kind"] not in KINDS:
        raise DatasetError(
            f"{where}: got kind {values['kind']!r} and used_for {strange or list(values['used_for'])}, "
            f"expected kind of {KINDS} and uses of {USES}. Fix the entry."
        )
    return SourceEntry(**values)


def _check_keys(table: Mapping[str, Any], where: str, *, required: set[str], known: set[str]) -> None:
    missing, strange = sorted(required - set(table)), sorted(set(table) - known)
    if missing or strange:
        raise DatasetError(
            f"{where}: missing {missing}, unknown {strange}, expected keys {sorted(known)}. Fix the entry."
        )


def _check_single(names: list[str], where: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DatasetError(f"{where} {twice} stand more than once, expected once each. Merge the entries.")


def with_licences(
    records: Iterable[PhotoRecord], register: Register, licences: Iterable[str], *, clear_only: bool = False
) -> tuple[PhotoRecord, ...]:
    """Records whose source bears one of these licences (short names of the register, case apart).

    It fails closed: a source that is not registered, and a photo whose own licence text differs from its source's,
    are left out. `clear_only` leaves out sources whose rights are in doubt as well.
    """
    known = {source.licence.casefold() for source in register.sources}
    wanted = {name.strip().casefold() for name in licences}
    if strange := sorted(wanted - known):
        raise DatasetError(f"got licences {strange}, expected some of {sorted(known)}.")
    by_name = {s.manifest_source: s for s in register.sources if s.kind == "photos"}

    def passes(record: PhotoRecord) -> bool:
        source = by_name.get(record.source)
        return (
            source is not None
            and source.licence.casefold() in wanted
            and source.licence_stated == record.licence
            and (source.licence_clear or not clear_only)
        )

    return tuple(record for record in records if passes(record))


def choose_records(
    folder: Path,
    register: Register,
    *,
    split: str | None = None,
    licences: Iterable[str] | None = None,
    clear_only: bool = False,
) -> tuple[PhotoRecord, ...]:
    """Manifest rows of a data folder, of one split and under some licences (names may be joined by commas)."""
    if split is not None and split not in SPLITS:
        raise DatasetError(f"--split: got {split!r}, expected one of {SPLITS}.")
    names = [name for part in licences or () for name in part.split(",")]
    if clear_only and not names:
        raise DatasetError("--clear-only says which of the --licences to keep; give --licences too.")
    records = tuple(record for record in read_manifest(folder) if split in (None, record.split))
    return with_licences(records, register, names, clear_only=clear_only) if names else records
