"""What the register records of the photos themselves: how many, of how many places, and one digest of all files.

The digest is the sha256 of the photos' sha256 sums in order, one a line; names do not enter:
`sha256sum PHOTOS | cut -c1-64 | sort | sha256sum`.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from firewarden.datasets.manifest import SPLITS, PhotoRecord
from firewarden.datasets.register import Register, SourceEntry
from firewarden.errors import DatasetError

_BLOCK = re.compile(r"(?m)^(?=\[\[source\]\])")


@dataclass(frozen=True, slots=True)
class Counts:
    """Photos of one source by split, their place groups, and their digest."""

    train: int
    val: int
    test: int
    places: int
    sha256: str


def digest(hashes: Iterable[str]) -> str:
    """One sha256 over the hex sha256 of files, whatever their order."""
    return hashlib.sha256("".join(f"{one}\n" for one in sorted(hashes)).encode()).hexdigest()


def count_sources(
    records: Sequence[PhotoRecord], hashes: Mapping[str, str], register: Register
) -> dict[str, Counts]:
    """Counts by id of every registered source of photos that the records name. `hashes` by file; a photo without one is
    missing from the digest."""
    found: dict[str, Counts] = {}
    for source in _photo_sources(register):
        mine = [record for record in records if record.source == source.manifest_source]
        if mine:
            splits = [record.split for record in mine]
            train, val, test = (splits.count(split) for split in SPLITS)
            places = {record.place for record in mine}
            seen = [hashes[record.file] for record in mine if record.file in hashes]
            found[source.id] = Counts(train, val, test, len(places), digest(seen))
    return found


def changed_sources(
    records: Sequence[PhotoRecord], hashes: Mapping[str, str], register: Register
) -> tuple[SourceEntry, ...]:
    """Sources whose photos are not those that the register records; sources without a digest there are left out."""
    found = count_sources(records, hashes, register)
    return tuple(
        source
        for source in _photo_sources(register)
        if source.id in found and source.sha256 and source.sha256 != found[source.id].sha256
    )


def write_counts(path: Path, found: Mapping[str, Counts]) -> None:
    """Set train, val, test (where there are any), places and sha256 of the named sources in a register file; every other line stays as it is."""
    head, *blocks = _BLOCK.split(path.read_text(encoding="utf-8"))
    ids = [re.search(r'(?m)^id = "(.*)"$', block) for block in blocks]
    names = [match[1] if match else "" for match in ids]
    if missing := sorted(set(found) - set(names)):
        raise DatasetError(f'{path}: no lines id = "..." for {missing}, expected one for each source.')
    texts = [
        _with_counts(block, found[name]) if name in found else block
        for name, block in zip(names, blocks, strict=True)
    ]
    path.write_text(head + "".join(texts), encoding="utf-8")


def _photo_sources(register: Register) -> tuple[SourceEntry, ...]:
    return tuple(source for source in register.sources if source.kind == "photos")


def _with_counts(block: str, counts: Counts) -> str:
    """The lines of one source with its counts after the other keys, before blank lines and comments at its end."""
    lines = block.splitlines()
    kept = [line for line in lines if not re.match(r"(train|val|test|places|sha256) = ", line)]
    end = max(number for number, line in enumerate(kept) if line and not line.startswith("#")) + 1
    new = [
        f"train = {counts.train}",
        f"val = {counts.val}",
        *([f"test = {counts.test}"] if counts.test else []),
        f"places = {counts.places}",
        f'sha256 = "{counts.sha256}"',
    ]
    return "\n".join([*kept[:end], *new, *kept[end:]]) + "\n"
