"""The source register: where photos come from, under which terms, and what they may be used for.

The register is data (sources.toml). What it does not list is not allowed: an unknown source passes no filter.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from firewarden.errors import DatasetError

USES = ("train", "val", "test", "evaluation", "cutouts")
KINDS = ("photos", "cutouts", "made")
_COMPOSED = "composed "  # manifests name what a composed picture stands on: "composed SOURCE"
_RENDERED = "rendered"
_TYPES = {"licence_clear": bool, "used_for": tuple} | dict.fromkeys(
    ("train", "val", "test", "places", "pictures"), int
)
_PROSE = ("head", "photos", "after_photos", "cutouts", "tail")


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One source. `manifest_source` and `licence_stated` stand word for word in manifest.csv; `licence` is a short name
    to choose by; `licence_clear`: the right to use every photo is beyond doubt. Counts are photos, or pictures of a
    cut-out set; `places` are place groups; `sha256` is the `digest` of all photos, empty where none is recorded."""

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
    test: int = 0
    places: int = 0
    sha256: str = ""
    pictures: int = 0

    @property
    def photos(self) -> int:
        """Of all splits."""
        return self.train + self.val + self.test

    def allows(self, split: str) -> bool:
        """Whether photos of this source may stand in a split. `evaluation` allows the splits that measure, and `val`
        allows `test`, which asks less of a photo."""
        implied = {"val": {"evaluation"}, "test": {"evaluation", "val"}}.get(split, set())
        return split in self.used_for or bool(implied & set(self.used_for))


ENTRY_FIELDS = tuple(field.name for field in fields(SourceEntry) if field.default is MISSING)


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

    def cutouts(self, name: str) -> SourceEntry | None:
        """The catalogue set with this id or this folder name."""
        return next(
            (s for s in self.sources if s.kind == "cutouts" and name in (s.id, s.manifest_source)), None
        )

    def sources_of(self, name: str) -> tuple[SourceEntry, ...]:
        """What a photo of this manifest string is made of: its source; for a composed picture the composer, then the
        source of the photo below. The last one's terms are those of the photo. Empty where one is not registered."""
        own = self.entry(name)
        if own is None or not name.startswith(_COMPOSED):
            return (own,) if own is not None else ()
        below = self.sources_of(name.removeprefix(_COMPOSED))
        return (own, *below) if below else ()

    def allows(self, name: str, split: str) -> bool:
        """Whether photos of this manifest string may stand in a split, by all that they are made of."""
        made_of = self.sources_of(name)
        return bool(made_of) and all(source.allows(split) for source in made_of)


def is_composed(name: str) -> bool:
    """Whether a manifest string says that a picture was composed."""
    return name == _COMPOSED.strip() or name.startswith(_COMPOSED)


def is_made(name: str) -> bool:
    """Whether a manifest string says that a picture was composed or rendered."""
    return name == _RENDERED or is_composed(name)


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
    known = {field.name: field.type for field in fields(SourceEntry)}
    _check_keys(row, where, required=set(ENTRY_FIELDS), known=set(known))
    values = dict(row)
    if isinstance(values["used_for"], list):
        values["used_for"] = tuple(values["used_for"])
    for name, value in values.items():
        kind = _TYPES.get(name, str)
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
