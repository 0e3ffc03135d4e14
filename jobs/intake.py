"""What was uploaded, as items of a job: every photo is stored by its content before the job that names it is.

Uploaded files lie on disk under numbers, their names stand in items and messages alone; archives are read by the rules of
`firewarden.bulk.archives`, manifests by those of `firewarden.bulk.manifests`. A manifest names photos of the same upload:
its paths are looked up among them and never opened, so nothing of the server can be named.
"""

import hashlib
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from firewarden.bulk.archives import Limits, archive_items
from firewarden.bulk.container import Container
from firewarden.bulk.items import (
    MAX_BYTES,
    BrokenReader,
    Facts,
    FileReader,
    Item,
    Reader,
    Unreadable,
    repeated,
)
from firewarden.bulk.manifests import Check, manifest_items
from firewarden.errors import HazardError
from firewarden.jobs.records import NewItem, printable
from firewarden.ledger.blobs import BlobStore

_GROUP_BYTES = 32 * 2**20  # photos in memory before they are written
_GROUP_PHOTOS = 64
_MAX_NAME_CHARS = 255  # as file systems have it; every item of an archive repeats its name
_STALE_S = 24 * 3600
Refuse = Callable[[Facts], str | None]
Paint = Callable[[Sequence[Facts], Reader], Reader]


class TooManyItems(HazardError):
    """The upload holds more items than one job may have."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded file: the name it came with, made safe, and where it lies."""

    name: str
    path: Path

    @property
    def container(self) -> Container:
        return Container(self.name, lambda: self.path.open("rb"))


@dataclass(frozen=True, slots=True)
class Uploads:
    """Uploaded files. `manifest` says which photos to score, in which order, and what is known about them; without it, all
    are."""

    photos: tuple[Upload, ...] = ()
    archives: tuple[Upload, ...] = ()
    manifest: Upload | None = None


@dataclass(frozen=True, slots=True)
class IntakePolicy:
    """What an upload may hold. `refuse` says why a photo with such facts may not be kept at all, None where it may; `check`
    what is wrong with a row of the manifest, None where it can be scored; `needs` are the facts that every row has to
    give. `paint` takes out of a photo what the facts it is listed with forbid to keep."""

    limits: Limits
    max_items: int
    refuse: Refuse = lambda facts: None
    check: Check = lambda item: None
    needs: tuple[str, ...] = ()
    paint: Paint = lambda listed, reader: reader


@dataclass(slots=True)
class _Kept:
    """Photos by the names under which a manifest may look for them: their sha256, or what is wrong with them. One that
    was refused gives its name up to a sound one."""

    by_name: dict[str, NewItem] = field(default_factory=dict)
    doubled: set[str] = field(default_factory=set)
    taken: dict[str, str] = field(default_factory=dict)  # photo -> place of the row that has it

    def add(self, item: NewItem) -> None:
        for name in _names(item.path):
            known = self.by_name.get(name)
            if known is not None and item.error is not None:
                continue
            if known is not None and known.error is None:
                self.doubled.add(name)
            self.by_name[name] = item


def safe_file_name(given: str | None, taken: set[str], default: str) -> str:
    """The last part of a name that a client chose, short, without control characters, and not one of `taken`, which it
    joins."""
    plain = printable(re.split(r"[/\\]", given or "")[-1]).strip(" .") or default
    if len(plain) > _MAX_NAME_CHARS:
        half = _MAX_NAME_CHARS // 2
        plain = f"{plain[: half - 1]}~{plain[-half:]}"
    name, number = plain, 1
    while name in taken:
        number += 1
        name = f"{number}-{plain}"
    taken.add(name)
    return name


@contextmanager
def incoming_folder(root: Path) -> Iterator[Path]:
    """A folder for one upload, gone at the end; drops those that a process left behind when it died."""
    root.mkdir(parents=True, exist_ok=True)
    for left in root.iterdir():
        with suppress(FileNotFoundError):  # other uploads end meanwhile
            if time.time() - left.stat().st_mtime > _STALE_S:
                shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()
    with TemporaryDirectory(dir=root) as folder:
        yield Path(folder)


def take_in(uploads: Uploads, blobs: BlobStore, policy: IntakePolicy, now: datetime) -> tuple[NewItem, ...]:
    """The items of an upload in order, their photos safe on disk. Raises TooManyItems, DatasetError for a manifest that
    cannot be read, OSError where the disk does not take the photos."""
    if uploads.manifest is None:
        items = _limited(_without_repeats(_uploaded(uploads, policy.limits)), policy.max_items)
        return tuple(_keep(items, blobs, policy))
    rows = _keyed(list(_limited(_manifest_rows(uploads, policy, now), policy.max_items)), policy)
    kept = _Kept()
    strangers: list[NewItem] = []
    pictures = _limited(_uploaded(uploads, policy.limits), policy.max_items)
    for item in _keep(_only(rows, pictures, policy, strangers), blobs, policy):
        kept.add(item)
    return (*(_listed(row, kept) for row in rows), *strangers)


def _uploaded(uploads: Uploads, limits: Limits) -> Iterator[Item]:
    for photo in uploads.photos:
        yield Item(photo.name, FileReader(photo.path, min(limits.member_bytes, MAX_BYTES)))
    for archive in uploads.archives:
        for item in archive_items(archive.container, limits):
            yield replace(item, key=printable(item.key), place=printable(item.place))


def _manifest_rows(uploads: Uploads, policy: IntakePolicy, now: datetime) -> Iterator[Item]:
    """The rows of the manifest, keyed as written there; their readers are never read unless they are broken."""
    assert uploads.manifest is not None
    for item in manifest_items(uploads.manifest.container, now, policy.check):
        item = replace(item, key=printable(item.key), facts=_printable_facts(item.facts))
        if not isinstance(item.reader, BrokenReader):
            problem = _missing(item, policy.needs) or policy.refuse(item.facts)
            if problem is not None:
                item = replace(item, reader=BrokenReader(f"{item.place}: {problem}"))
        yield item


def _missing(item: Item, needs: Iterable[str]) -> str | None:
    absent = [name for name in needs if not getattr(item.facts, name)]
    return f"{' and '.join(absent)} missing; every frame needs {' and '.join(needs)}" if absent else None


def _only(
    rows: list[Item], items: Iterable[Item], policy: IntakePolicy, strangers: list[NewItem]
) -> Iterator[Item]:
    """The uploaded photos that a good row of the manifest lists; one that a row refuses by any of its names, as an item of
    no use. Those of a bad row are passed over, as the row says why; those that no row lists are not kept either, and each
    becomes an item that says so."""
    rows_of: defaultdict[str, list[Item]] = defaultdict(list)
    for row in rows:
        rows_of[_normal(row.key)].append(row)
    for item in items:
        listed = [row for name in _names(item.key) for row in rows_of.get(name, ())]
        refusals = [
            f"{row.place}: {told}" for row in listed if (told := policy.refuse(row.facts)) is not None
        ]
        if refusals:
            yield replace(item, reader=BrokenReader(refusals[0]))
        elif any(row.fault is None for row in listed):
            yield replace(item, reader=policy.paint([row.facts for row in listed], item.reader))
        elif not listed:
            message = _broken_message(item) or "uploaded, but not listed in the manifest; add a row for it"
            strangers.append(NewItem(item.key, place=item.place, error=message))


def _listed(row: Item, kept: _Kept) -> NewItem:
    """The item of a manifest row: its photo among the uploaded ones, or why there is none."""
    told = NewItem(row.key, row.facts, row.place)
    message = _broken_message(row)
    name = _normal(row.key)
    if message is None and name in kept.doubled:
        message = f"{row.place}: two uploaded photos are named so; write archive!member"
    found = kept.by_name.get(name)
    if message is None and found is None:
        message = f"{row.place}: no uploaded photo is named so; send it along, or correct the row"
    if message is None and found is not None and found.error is None:
        first = kept.taken.setdefault(found.path, row.place)
        message = None if first == row.place else _broken_message(repeated(row, first))
    if message is not None or found is None:
        return replace(told, error=message)
    return replace(told, sha256=found.sha256, error=found.error)


def _keyed(rows: list[Item], policy: IntakePolicy) -> list[Item]:
    """Rows of a manifest with keys of their own, in their order. One that is refused keeps its photo from all others, one
    with another fault takes it from none."""

    def rank(number: int) -> int:
        row = rows[number]
        return 0 if policy.refuse(row.facts) else 1 if row.fault is None else 2

    order = sorted(range(len(rows)), key=rank)
    keyed = dict(zip(order, _without_repeats(rows[number] for number in order), strict=True))
    return [keyed[number] for number in range(len(rows))]


def _without_repeats(items: Iterable[Item]) -> Iterator[Item]:
    """Items with keys of their own: what is listed one by one must not be listed twice."""
    met: dict[str, str] = {}
    for item in items:
        if item.key in met:
            item = repeated(item, met[item.key]) if item.place else item
            key, number = item.key, 1
            while item.key in met:
                number += 1
                item = replace(item, key=f"{key} ({number})")
        met[item.key] = item.place
        yield item


def _limited(items: Iterable[Item], max_items: int) -> Iterator[Item]:
    for number, item in enumerate(items, 1):
        if number > max_items:
            raise TooManyItems(f"the upload holds more than {max_items} items; send it in several batches")
        yield item


def _keep(items: Iterable[Item], blobs: BlobStore, policy: IntakePolicy) -> Iterator[NewItem]:
    """Store photos in groups; a photo that cannot be read, or must not be kept, is an item with its error."""
    group: list[tuple[NewItem, bytes]] = []
    held = 0
    for item in items:
        told = NewItem(item.key, item.facts, item.place)
        try:
            data = item.reader.read()
            message = policy.refuse(item.facts)
        except Unreadable as error:
            data, message = b"", str(error)
        sha256 = None if message else hashlib.sha256(data).hexdigest()
        group.append((replace(told, sha256=sha256, error=printable(message) if message else None), data))
        held += len(data)
        if held >= _GROUP_BYTES or len(group) >= _GROUP_PHOTOS:
            yield from _flush(group, blobs)
            group, held = [], 0
    yield from _flush(group, blobs)


def _flush(group: list[tuple[NewItem, bytes]], blobs: BlobStore) -> Iterator[NewItem]:
    photos = {item.sha256: data for item, data in group if item.sha256 is not None}
    for error in blobs.put_all(list(photos.items())):
        if error is not None:
            raise error
    for item, _ in group:
        yield item


def _broken_message(item: Item) -> str | None:
    return printable(item.fault) if item.fault is not None else None


def _printable_facts(facts: Facts) -> Facts:
    told = {name: getattr(facts, name) for name in facts.__slots__}
    return Facts(**{name: value and printable(value) for name, value in told.items()})


def _names(path: str) -> set[str]:
    """What a manifest may call an uploaded photo: `archive!member`, and without its archive."""
    archive, _, member = path.partition("!")
    return {_normal(path), _normal(member or archive)}


def _normal(name: str) -> str:
    """`./a//b.jpg` and `a/b.jpg` are one name."""
    return str(PurePosixPath(name.replace("\\", "/")))
