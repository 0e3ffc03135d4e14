"""Choosing photos by licence. It fails closed: what the register does not cover is left out.

Of a composed picture everything counts: the photo below it, and what was set in, as far as the manifest's column
`part_sources` names it. A composed picture without that column may hold anything, so it passes no choice.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from firewarden.datasets.manifest import SPLITS, PhotoRecord, read_manifest
from firewarden.datasets.register import Register, SourceEntry, is_composed
from firewarden.errors import DatasetError


@dataclass(frozen=True, slots=True)
class LicenceChoice:
    """Photos under some of `licences` (short names of the register, case apart); `clear_only`: of sources whose rights
    are beyond doubt."""

    register: Register
    licences: tuple[str, ...]
    clear_only: bool = False

    def __post_init__(self) -> None:
        known = {source.licence.casefold(): source.licence for source in self.register.sources}
        wanted = sorted({name.strip().casefold() for name in self.licences})
        if strange := [name for name in wanted if name not in known]:
            raise DatasetError(f"got licences {strange}, expected some of {sorted(known)}.")
        object.__setattr__(self, "licences", tuple(known[name] for name in wanted))

    def covers(self, source: SourceEntry) -> bool:
        """Whether a source passes."""
        named = source.licence.casefold() in {name.casefold() for name in self.licences}
        return named and (source.licence_clear or not self.clear_only)

    def lends(self, catalogue_set: str) -> bool:
        """Whether crops of a catalogue set may be used; an unregistered set may not."""
        source = self.register.cutouts(catalogue_set)
        return source is not None and self.covers(source)

    def passes(self, record: PhotoRecord) -> bool:
        """Whether a photo passes, with all that it is made of and in the words of its own row."""
        made_of = self.register.sources_of(record.source)
        if not made_of or made_of[-1].licence_stated != record.licence or not self.covers(made_of[-1]):
            return False
        if self.clear_only and not all(source.licence_clear for source in made_of):
            return False
        return not is_composed(record.source) or self._parts_pass(record)

    def _parts_pass(self, record: PhotoRecord) -> bool:
        if record.part_sources is None:
            return False
        found = [self.register.entry(name) or self.register.cutouts(name) for name in record.part_sources]
        return all(source is not None and self.covers(source) for source in found)

    def choose(self, records: Iterable[PhotoRecord], where: Path) -> tuple[PhotoRecord, ...]:
        """The records that pass; none at all is an error that says what the folder `where` holds instead."""
        records = tuple(records)
        chosen = tuple(record for record in records if self.passes(record))
        if not chosen:
            asked = ", ".join(self.licences) + (" with --clear-only" if self.clear_only else "")
            raise DatasetError(
                f"no photo of {where} passes --licences {asked}; it holds {self._held(records)}. "
                f"Name more licences or register its sources."
            )
        return chosen

    def _held(self, records: Sequence[PhotoRecord]) -> str:
        """Counts by short licence name, most first."""
        names = Counter(self._name_of(record) for record in records)
        return ", ".join(f"{count} {name}" for name, count in names.most_common()) or "no photo at all"

    def _name_of(self, record: PhotoRecord) -> str:
        made_of = self.register.sources_of(record.source)
        if not made_of:
            return "not registered"
        if is_composed(record.source) and record.part_sources is None:
            return "composed without part_sources (compose them anew)"
        return made_of[-1].licence


def licence_choice(
    register: Register, licences: Iterable[str] | None, *, clear_only: bool = False
) -> LicenceChoice | None:
    """The choice of a command line (names may be joined by commas); None where it makes none."""
    names = tuple(name for part in licences or () for name in part.split(","))
    if clear_only and not names:
        raise DatasetError("--clear-only says which of the --licences to keep; give --licences too.")
    return LicenceChoice(register, names, clear_only) if names else None


def choose_records(
    folder: Path, *, split: str | None = None, choice: LicenceChoice | None = None
) -> tuple[PhotoRecord, ...]:
    """Manifest rows of a data folder, of one split and under some licences; none at all is an error."""
    if split is not None and split not in SPLITS:
        raise DatasetError(f"--split: got {split!r}, expected one of {SPLITS}.")
    records = tuple(record for record in read_manifest(folder) if split in (None, record.split))
    if not records:
        where = f"{folder} holds no photo" + (f" of split {split!r}" if split else "")
        raise DatasetError(f"{where}, expected at least one. Add rows to manifest.csv or name another split.")
    return choice.choose(records, folder) if choice is not None else records
