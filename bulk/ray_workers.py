"""What runs in the processes of a Ray cluster: the feed of chunks, the task that reads from it, the actors that score."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import ray
from ray.cloudpickle import dumps, loads
from ray.data import Datasource, ReadTask
from ray.data.block import BlockMetadata

from firewarden.bulk.engine import Loaded, load_item, score_loaded
from firewarden.bulk.items import Item
from firewarden.bulk.scorer import OpenScorer, Row, error_row

_FREE_DEATHS = 1  # processes that may die over a chunk before its pictures are looked at one by one
_FATAL = (
    "the process that scored it died over it repeatedly; look at the picture, or score it with --engine local"
)


@dataclass(frozen=True, slots=True)
class Told:
    """An input and the identity of its finished row, None where there is none."""

    item: Item
    finished: str | None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Inputs that travel together; a Ray block holds one chunk."""

    position: int
    inputs: tuple[Told, ...]

    def to_bytes(self) -> bytes:
        return bytes(dumps(self))


class Feed:
    """The chunks under way, by position; an actor of its own, on the machine that lists.

    Nothing is taken out before its rows are safe: a reading task that Ray starts anew is given the same chunks again."""

    def __init__(self) -> None:
        self._chunks: dict[int, bytes] = {}
        self._put = 0
        self._ended = False
        self._changed = asyncio.Condition()
        self._begun: Counter[int] = Counter()
        self._touched: dict[int, int] = {}
        self._blamed: dict[int, set[int]] = defaultdict(set)

    async def put(self, chunk: bytes) -> None:
        async with self._changed:
            self._chunks[self._put] = chunk
            self._put += 1
            self._changed.notify_all()

    async def end(self) -> None:
        """No chunk will follow."""
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def take(self, position: int) -> bytes | None:
        """The chunk at a position, as soon as it is there; empty where it is done already, None after the last one."""
        async with self._changed:
            await self._changed.wait_for(lambda: position < self._put or self._ended)
            return self._chunks.get(position, b"") if position < self._put else None

    async def drop(self, position: int) -> None:
        """The rows of a chunk are written."""
        for held in (self._chunks, self._begun, self._touched, self._blamed):
            held.pop(position, None)

    async def begin(self, position: int) -> tuple[bool, frozenset[int]]:
        """Asked by a scorer before each try: whether to `touch` every input of the chunk before scoring it, because
        processes have died over the chunk, and which inputs to leave alone, because one died over them even so."""
        self._begun[position] += 1
        if (last := self._touched.pop(position, None)) is not None:
            self._blamed[position].add(last)
        return self._begun[position] > _FREE_DEATHS, frozenset(self._blamed[position])

    async def touch(self, position: int, index: int) -> None:
        """The input at `index` of a chunk is next."""
        self._touched[position] = index


class FeedSource(Datasource):
    """The feed as a Ray dataset: one task reads it for as long as the batch lasts, one block a chunk."""

    def __init__(self, feed: Any) -> None:
        self._feed = feed

    def estimate_inmemory_data_size(self) -> int | None:
        return None

    def get_read_tasks(self, parallelism: int, *_: Any, **__: Any) -> list[ReadTask]:
        feed = self._feed
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(lambda: read_feed(feed), unknown)]


def read_feed(feed: Any) -> Iterator[pa.Table]:
    """Tables of one row with `chunk` (binary), empty for a chunk that is done."""
    position = 0
    while (data := ray.get(feed.take.remote(position))) is not None:
        yield pa.table({"chunk": pa.array([data], pa.large_binary())})
        position += 1


class ChunkScorer:
    """A model actor: chunks in, rows out. `readers` threads read the inputs of a chunk while earlier ones are scored."""

    def __init__(self, open_scorer: OpenScorer, feed: Any, readers: int) -> None:
        self._scorer = open_scorer()
        self._feed = feed
        self._readers = ThreadPoolExecutor(readers)

    def __call__(self, table: pa.Table) -> pa.Table:
        """One chunk a table; `rows` are pickled pairs of position and rows, None for an input that was finished."""
        done = [
            dumps((chunk.position, self._rows(chunk)))
            for chunk in (loads(data) for data in table["chunk"].to_pylist() if data)
        ]
        return pa.table({"rows": pa.array(done, pa.large_binary())})

    def _rows(self, chunk: Chunk) -> list[Row | None]:
        careful, blamed = ray.get(self._feed.begin.remote(chunk.position))
        loading = [self._readers.submit(load_item, told.item) for told in chunk.inputs]
        rows: list[Row | None] = []
        for index, (told, future) in enumerate(zip(chunk.inputs, loading, strict=True)):
            if index in blamed:
                rows.append(error_row(told.item, _FATAL))
                continue
            if careful:
                ray.get(self._feed.touch.remote(chunk.position, index))
            rows.append(self._row(told, future.result()))
        if careful:  # through: nothing to blame if the rows are lost on their way
            ray.get(self._feed.touch.remote(chunk.position, len(chunk.inputs)))
        return rows

    def _row(self, told: Told, loaded: Loaded | Row) -> Row | None:
        if not isinstance(loaded, Loaded):
            return loaded
        if told.finished and told.finished == self._scorer.identity(told.item, loaded.sha256):
            return None
        return score_loaded(self._scorer, loaded)
