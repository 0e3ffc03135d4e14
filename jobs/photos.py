"""Photos of batches go when no row names them any more. A photo is stored once, whoever sends it, so a batch that goes takes
along only what no other batch and no inspection has. What was stored or sent again within a day stays: the row that will
name it may be on its way.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from sqlalchemy import Engine, select, union

from firewarden.ledger.blobs import BlobStore
from firewarden.ledger.tables import inspections, job_items

_UNUSED_S = 24 * 3600  # far above the time from a photo to the row that names it
_GROUP = 500  # names of one query: databases bound the number of parameters


def forget_photos(engine: Engine, blobs: BlobStore, sha256s: Iterable[str]) -> int:
    """Delete those of the photos that no row names and nobody has sent lately; how many. May be run by several processes at
    once, beside uploads."""
    return sum(
        blobs.discard(sha256, unused_s=_UNUSED_S)
        for group in _groups(sha256s)
        for sha256 in sorted(set(group) - _named(engine, group))
    )


def sweep_photos(engine: Engine, blobs: BlobStore) -> int:
    """The same for every photo there is: those of refused uploads go too, and what a crash left. Reads all folders."""
    return forget_photos(engine, blobs, blobs.names())


def _named(engine: Engine, sha256s: Collection[str]) -> set[str]:
    """Those that an inspection or an item of a batch has."""
    columns = (inspections.c.image_sha256, job_items.c.sha256)
    query = union(*(select(column).where(column.in_(sha256s)) for column in columns))
    with engine.connect() as connection:
        return set(connection.execute(query).scalars())


def _groups(sha256s: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(sha256s)
    while group := list(islice(rest, _GROUP)):
        yield group
