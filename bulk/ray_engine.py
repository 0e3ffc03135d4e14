"""The engine on a Ray cluster: Ray Data maps chunks of inputs over model actors, this process lists and writes.

    lister (this process) -> feed (actor) -> reading task -> blocks -> map_batches(ChunkScorer), an actor a core -> writer (here)

Claims, finished rows and the sink stay here, as in the local engine, so that a batch begun by one can be continued by the
other. At most a few chunks an actor are under way, so memory does not grow with the batch. A chunk whose actor dies is
scored again by another one; a chunk counts once, whatever Ray delivers.
"""

import logging
import os
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from itertools import count as counted_from
from typing import Any

import ray
from ray.cloudpickle import loads
from ray.data import ActorPoolStrategy, DataContext, Dataset
from ray.exceptions import RayError

from firewarden.bulk.channel import Aborted, Channel
from firewarden.bulk.engine import Effort, OnProgress, RayCluster, Sink, Tally, admit, count
from firewarden.bulk.items import AGAIN, BatchStopped, HeldReader, Item
from firewarden.bulk.ray_workers import Chunk, ChunkScorer, Feed, FeedSource, Told
from firewarden.bulk.scorer import OpenScorer
from firewarden.errors import HazardError

_CHUNK_INPUTS, _CHUNK_BYTES = 16, 16 * 2**20  # bytes of inputs that are held already: members of archives
_TASKS_AN_ACTOR = 2  # one that runs, one that waits: the actor is never idle
_CHUNKS_AN_ACTOR = 4
_STORE_BYTES = 512 * 2**20
_ANSWER_S = 10.0


def run_on_ray(
    items: Iterable[Item],
    open_scorer: OpenScorer,
    sink: Sink,
    effort: Effort,
    cluster: RayCluster,
    on_progress: OnProgress,
) -> Tally:
    """`engine.run` on a cluster; raises BatchStopped where the cluster gives out."""
    open_scorer()  # what is wrong with the model, the rules or the context is told before a cluster starts
    with joined_cluster(cluster, effort):
        actors = effort.workers or _room_for_actors(cluster)
        run = _RayRun(sink, actors)
        try:
            return run.run(
                items, _scorers(run.feed, open_scorer, actors, effort.readers, cluster), on_progress
            )
        except RayError as error:
            raise BatchStopped(
                f"the Ray cluster gave up: {_last_line(error)}. What was written is kept; {AGAIN}"
            ) from error


@contextmanager
def joined_cluster(cluster: RayCluster, effort: Effort) -> Iterator[None]:
    """Inside, this process is connected to Ray: to the one it is connected to already, to `cluster.address`, or to
    processes started for the purpose, with a core for each worker and no dashboard page. What Ray prints meanwhile, e.g.
    that a process died, goes to standard error. Raises HazardError."""
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", "The minimum number of concurrent actors")  # fewer chunks than workers
    with redirect_stdout(sys.stderr):
        if ray.is_initialized():
            yield
            return
        _join(cluster, effort)
        try:
            yield
        finally:
            ray.shutdown()


def _join(cluster: RayCluster, effort: Effort) -> None:
    if cluster.address is not None:
        _check_address(cluster.address)
    local: dict[str, Any] = (
        {"num_cpus": effort.workers or None, "include_dashboard": False, "object_store_memory": _STORE_BYTES}
        if cluster.address is None
        else {}
    )
    address = cluster.address or "local"
    # else a cluster that starts here reports to Ray's makers
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
    except (OSError, RuntimeError, ValueError) as error:  # ConnectionError where nobody answers
        raise HazardError(f"cannot join the Ray cluster {address}: {error}") from error


def _check_address(address: str) -> None:
    """Raises HazardError where nobody answers; Ray itself tries for many minutes."""
    host, _, port = address.rpartition(":")
    if address != "auto" and ("://" in address or not host or not port.isdecimal()):
        raise HazardError(
            f"got --ray-address {address!r}, expected auto or HOST:PORT; run the command on a machine of the cluster"
        )
    if address == "auto":
        return
    try:
        socket.create_connection((host, int(port)), _ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise HazardError(
            f"nobody answers at --ray-address {address} ({error}); start a cluster there with `ray start --head`"
        ) from error


class _RayRun:
    """One run: the feed, the chunks under way and what has become of the inputs. `feed` is an actor on this machine."""

    def __init__(self, sink: Sink, actors: int) -> None:
        self.feed: Any = ray.remote(Feed).options(num_cpus=0, label_selector=_here()).remote()
        self._sink = sink
        self._under_way: Channel[int] = Channel(_CHUNKS_AN_ACTOR * actors)
        self._open: set[int] = set()
        self._overlaps = 0
        self._failure: BaseException | None = None

    def run(self, items: Iterable[Item], scored: Dataset, on_progress: OnProgress) -> Tally:
        tally = Tally()
        lister = threading.Thread(target=self._guard, args=(lambda: self._list(items),), daemon=True)
        lister.start()
        try:
            for table in scored.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
                for data in table["rows"].to_pylist():
                    self._take(loads(data), tally, on_progress)
        finally:
            self._under_way.abort()
            ray.kill(self.feed)
            lister.join()
        if self._failure is not None:
            raise self._failure
        if self._open:
            raise BatchStopped(f"the Ray cluster lost {len(self._open)} chunks; {AGAIN}")
        tally.overlaps = self._overlaps
        return tally

    def _take(self, done: tuple[int, list[Any]], tally: Tally, on_progress: OnProgress) -> None:
        """Write the rows of a chunk and make room for another one; a chunk that comes again is passed over."""
        position, rows = done
        if position not in self._open:
            return
        for row in rows:
            if row is not None:
                self._sink.write(row)
            count(tally, row)
            tally.overlaps = self._overlaps
            on_progress(tally)
        self._open.remove(position)
        self.feed.drop.remote(position)
        next(iter(self._under_way))

    def _guard(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Aborted:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            self._failure = error
        with suppress(RayError):  # the feed is gone where the other side has given up
            ray.get(self.feed.end.remote())

    def _list(self, items: Iterable[Item]) -> None:
        for position, inputs in zip(counted_from(), _chunked(self._admitted(items)), strict=False):
            told = tuple(Told(item, self._sink.finished_id(item.key)) for item in inputs)
            self._under_way.put(position)
            self._open.add(position)
            ray.get(self.feed.put.remote(Chunk(position, told).to_bytes()))

    def _admitted(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            admitted = admit(item, self._sink)
            if admitted is not None:
                yield admitted
            else:
                self._overlaps += 1


def _scorers(feed: Any, open_scorer: OpenScorer, actors: int, readers: int, cluster: RayCluster) -> Dataset:
    """The rows of the feed's chunks, scored as they are asked for."""
    context = DataContext.get_current().copy()
    context.target_max_block_size = (
        1  # bytes: a chunk leaves as soon as it is there, and is not gathered with others
    )
    context.enable_progress_bars = context.print_on_execution_start = False
    with DataContext.current(context):
        chunks = ray.data.read_datasource(
            FeedSource(feed),
            override_num_blocks=1,
            num_cpus=0,  # it waits for most of the time, and must not run within an actor
            label_selector=_here(),
        )
        return chunks.map_batches(
            ChunkScorer,
            batch_size=1,
            batch_format="pyarrow",
            compute=ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=_TASKS_AN_ACTOR),
            fn_constructor_args=(open_scorer, feed, readers),
            num_cpus=1,
            num_gpus=cluster.gpus,
        )


def _chunked(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Items in groups of at most 16, fewer where they hold many bytes."""
    group: list[Item] = []
    held = 0
    for item in items:
        group.append(item)
        held += len(item.reader.data) if isinstance(item.reader, HeldReader) else 0
        if len(group) == _CHUNK_INPUTS or held >= _CHUNK_BYTES:
            yield group
            group, held = [], 0
    if group:
        yield group


def _here() -> dict[str, str]:
    """The label of the machine of this process."""
    return {"ray.io/node-id": ray.get_runtime_context().get_node_id()}


def _room_for_actors(cluster: RayCluster) -> int:
    """As many as the cluster has cores, or GPUs where each needs one."""
    resources = ray.cluster_resources()
    return max(1, int(resources.get("GPU", 0) / cluster.gpus if cluster.gpus else resources.get("CPU", 1)))


def _last_line(error: Exception) -> str:
    """The cause: Ray puts tracebacks of other processes before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:500] if lines else type(error).__name__
