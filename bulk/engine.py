"""Engines: items through a scorer into a sink. The local one overlaps listing, reading, scoring and writing by threads;
the one on a Ray cluster is in `ray_engine`.

    lister --todo--> readers (bytes, sha256, done already?) --loaded--> workers (decode, network, rules) --done--> writer

The queues between them are short, so memory does not grow with the batch; decoding and the network leave the interpreter
lock, so the workers keep the cores busy. The caller's thread writes.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from firewarden.bulk.channel import Aborted, Channel
from firewarden.bulk.items import Item, Unreadable, repeated
from firewarden.bulk.scorer import OpenScorer, Row, Scorer, error_row
from firewarden.errors import HazardError


class EngineName(StrEnum):
    """Where a batch is computed."""

    LOCAL = "local"
    RAY = "ray"


class Sink(Protocol):
    """Where rows go, and what is there already. Thread-safe."""

    def claim(self, key: str, place: str) -> str | None:
        """None for a key this run has not met, else the place where it met it first."""
        ...

    def is_finished(self, key: str, identity: str) -> bool: ...

    def finished_id(self, key: str) -> str | None:
        """The identity of the row that is there for a key; None where there is none, or only an error to try again."""
        ...

    def write(self, row: Row) -> None:
        """Raises BatchStopped where nothing more can be written."""
        ...


@dataclass(slots=True)
class Tally:
    """What became of the inputs: `scored` and `failed` were written now, `skipped` were finished by an earlier run,
    `overlaps` were named by two sources, `unread` of the failed will be tried again by the next run."""

    scored: int = 0
    failed: int = 0
    unread: int = 0
    skipped: int = 0
    overlaps: int = 0

    @property
    def done(self) -> int:
        return self.scored + self.failed + self.skipped + self.overlaps


@dataclass(frozen=True, slots=True)
class Effort:
    """How many threads read and how many score. More readers hide the latency of an object store. On Ray, `workers` are
    actors, each with `readers` threads; 0: as many as the cluster has room for."""

    readers: int = 4
    workers: int = 1


@dataclass(frozen=True, slots=True)
class RayCluster:
    """Where Ray runs: at the `address` of a cluster, or for None in processes of this machine, for this batch alone.
    `gpus` is what each actor needs of them."""

    address: str | None = None
    gpus: float = 0


@dataclass(frozen=True, slots=True)
class Loaded:
    """An input whose bytes are there."""

    item: Item
    data: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class _Done:
    """A row to write, or None for an input that needs none."""

    row: Row | None
    overlap: bool = False


OnProgress = Callable[[Tally], object]


def run(
    items: Iterable[Item],
    open_scorer: OpenScorer,
    sink: Sink,
    *,
    engine: EngineName = EngineName.LOCAL,
    effort: Effort = Effort(),
    cluster: RayCluster = RayCluster(),
    on_progress: OnProgress = lambda tally: None,
) -> Tally:
    """Score every item that the sink has not got yet: one row each, failures included, in any order.

    `open_scorer` can be pickled, so that an engine may call it in other processes.
    """
    check_engine(engine)
    if engine is EngineName.RAY:
        from firewarden.bulk.ray_engine import run_on_ray

        return run_on_ray(items, open_scorer, sink, effort, cluster, on_progress)
    return _Local(open_scorer(), sink, effort).run(items, on_progress)


def check_engine(engine: EngineName) -> None:
    """Raises HazardError for an engine whose package is not installed."""
    if engine is EngineName.RAY:
        try:
            import ray.data  # noqa: F401
        except ImportError as error:
            raise HazardError(
                "engine ray needs the package ray, which is not installed: pip install -e '.[ray]' in the checkout, "
                "or use --engine local"
            ) from error


class _Local:
    """One run of the local engine."""

    def __init__(self, scorer: Scorer, sink: Sink, effort: Effort) -> None:
        self._scorer, self._sink, self._effort = scorer, sink, effort
        self._todo: Channel[Item] = Channel(effort.readers)
        self._loaded: Channel[Loaded] = Channel(effort.workers + 1, producers=effort.readers)
        self._done: Channel[_Done] = Channel(64, producers=1 + effort.readers + effort.workers)
        self._failure: BaseException | None = None

    def run(self, items: Iterable[Item], on_progress: OnProgress) -> Tally:
        tally = Tally()
        threads = self._start(items)
        try:
            for done in self._done:
                if done.row is not None:
                    self._sink.write(done.row)
                count(tally, done.row, overlap=done.overlap)
                on_progress(tally)
        except Aborted:
            pass
        finally:
            self._abort()
            for thread in threads:
                thread.join()
        if self._failure is not None:
            raise self._failure
        return tally

    def _start(self, items: Iterable[Item]) -> list[threading.Thread]:
        steps: list[Callable[[], None]] = [lambda: self._list(items)]
        steps += [self._read] * self._effort.readers + [self._work] * self._effort.workers
        threads = [threading.Thread(target=self._guard, args=(step,), daemon=True) for step in steps]
        for thread in threads:
            thread.start()
        return threads

    def _guard(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Aborted:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            self._failure = self._failure or error
            self._abort()

    def _abort(self) -> None:
        channels: tuple[Channel[Any], ...] = (self._todo, self._loaded, self._done)
        for channel in channels:
            channel.abort()

    def _list(self, items: Iterable[Item]) -> None:
        for item in items:
            admitted = admit(item, self._sink)
            if admitted is not None:
                self._todo.put(admitted)
            else:
                self._done.put(_Done(None, overlap=True))
        self._todo.leave()
        self._done.leave()

    def _read(self) -> None:
        for item in self._todo:
            loaded = load_item(item)
            if not isinstance(loaded, Loaded):
                self._done.put(_Done(loaded))
            elif self._sink.is_finished(item.key, self._scorer.identity(item, loaded.sha256)):
                self._done.put(_Done(None))
            else:
                self._loaded.put(loaded)
        self._loaded.leave()
        self._done.leave()

    def _work(self) -> None:
        for loaded in self._loaded:
            self._done.put(_Done(score_loaded(self._scorer, loaded)))
        self._done.leave()


def admit(item: Item, sink: Sink) -> Item | None:
    """The item to work on: itself, the error that it repeats another row of a list, or its own under a key that tells the
    row; None where two sources name it. Whoever lists first takes the key: list what is faulty last."""
    first = sink.claim(item.key, item.place)
    if first is not None and item.place:
        item = repeated(item, first)
        first = sink.claim(item.key, item.place)
    return item if first is None else None


def load_item(item: Item) -> Loaded | Row:
    """The bytes of an item, or the row that says why there are none."""
    try:
        data = item.reader.read()
    except Unreadable as error:
        return error_row(item, str(error), final=error.final)
    except (HazardError, ValueError) as error:  # e.g. a package or a bucket's name of one URL of a manifest
        return error_row(item, f"cannot be read: {error}")
    return Loaded(item, data, hashlib.sha256(data).hexdigest())


def score_loaded(scorer: Scorer, loaded: Loaded) -> Row:
    """The row of an input, failures included."""
    try:
        return scorer.score(loaded.item, loaded.data, loaded.sha256)
    except Exception as error:  # noqa: BLE001 - one picture must not cost the others
        return error_row(loaded.item, f"internal error: {error!r}; report it", loaded.sha256)


def count(tally: Tally, row: Row | None, *, overlap: bool = False) -> None:
    """Add one input to the tally."""
    if row is None:
        tally.overlaps += overlap
        tally.skipped += not overlap
        return
    tally.failed += "error" in row
    tally.scored += "error" not in row
    tally.unread += row["batch"]["id"] is None
