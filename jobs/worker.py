"""A worker: takes items, scores them as `firewarden batch` does, writes their rows; gives back what it cannot finish."""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from firewarden.bulk.engine import Effort, run
from firewarden.bulk.items import Item, Unreadable
from firewarden.bulk.scorer import Row, Scorer
from firewarden.jobs.claims import Claim, ClaimStore, Outcome
from firewarden.jobs.records import JobContext
from firewarden.ledger.blobs import BlobDamaged, BlobStore

STALLED = 75  # exit code of a worker that hung: EX_TEMPFAIL
_FLUSH_ROWS = 16
_FLUSH_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BlobReader:
    """A stored photo."""

    blobs: BlobStore
    sha256: str

    def read(self) -> bytes:
        try:
            return self.blobs.get(self.sha256)
        except BlobDamaged as error:
            _log.error("%s", error)  # it names a path of this server
            raise Unreadable("the stored photo is gone or damaged; see the worker's log") from error
        except OSError as error:
            raise Unreadable(f"the stored photo cannot be read: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class Pace:
    """`chunk` items are taken at a time; an idle worker asks again after `poll_s`; one that brings no row for `stall_s`
    is taken to hang; chores are done every `chores_s`."""

    chunk: int = 32
    poll_s: float = 1.0
    stall_s: float = 300.0
    chores_s: float = 3600.0


class Worker:
    """One process's work. `stop` may be called from a signal handler: items that were begun get their rows."""

    def __init__(
        self,
        claims: ClaimStore,
        blobs: BlobStore,
        scorer: Scorer,
        effort: Effort,
        pace: Pace = Pace(),
        chores: Callable[[], object] | None = None,
    ) -> None:
        """`chores` (retention) are done between two claims."""
        self._claims, self._blobs, self._scorer = claims, blobs, scorer
        self._effort, self._pace, self._chores = effort, pace, chores
        self._chores_due_s = 0.0
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()

    def run(self, *, until_done: bool = False) -> None:
        """Work until stopped; with `until_done`, until every job is over. A database that does not answer is asked again."""
        while not self._stopping.is_set():
            try:
                self._do_chores()
                if self._work_once():
                    continue
                if until_done and not self._claims.has_work():
                    return
            except SQLAlchemyError as error:
                _log.warning("the database does not answer (%s); trying again", error.__class__.__name__)
            self._stopping.wait(self._pace.poll_s)

    def _do_chores(self) -> None:
        now = time.monotonic()
        if self._chores is not None and now >= self._chores_due_s:
            self._chores_due_s = now + self._pace.chores_s
            try:
                self._chores()
            except OSError as error:
                _log.warning("what is old was not all deleted (%s); tried again later", error)

    def _work_once(self) -> bool:
        """Work off one claim; False where there was none."""
        claim = self._claims.claim(self._pace.chunk)
        if claim is None:
            return False
        sink = _ClaimSink(self._claims, claim)
        with _kept_up(sink, self._pace.stall_s):
            try:
                run(self._items(sink), lambda: self._scorer_of(claim.context), sink, effort=self._effort)
            except Exception:
                with contextlib.suppress(
                    SQLAlchemyError
                ):  # what was begun stays begun, or it would be begun for ever
                    sink.flush()
                raise
            sink.close()
        return True

    def _scorer_of(self, context: JobContext) -> Scorer:
        return Scorer(self._scorer.inspector, context.inspection, context.min_confidence)

    def _items(self, sink: "_ClaimSink") -> Iterator[Item]:
        for item in sink.claim_items.items:
            if self._stopping.is_set() or sink.lost.is_set():
                return
            yield Item(item.path, BlobReader(self._blobs, item.sha256), item.facts, item.place)


class _ClaimSink:
    """Rows of one claim on their way to the database. A row without identity may come out better another time."""

    def __init__(self, claims: ClaimStore, claim: Claim) -> None:
        self._claims = claims
        self.claim_items = claim
        self.lost = threading.Event()
        self.row_at_s = time.monotonic()
        self._by_path = {item.path: item for item in claim.items}
        self._outcomes: list[Outcome] = []
        self._flushed_s = time.monotonic()
        self._lock = threading.Lock()  # heartbeat and rows lock the same items in different orders

    def claim(self, key: str, place: str) -> str | None:
        return None

    def is_finished(self, key: str, identity: str) -> bool:
        return False

    def finished_id(self, key: str) -> str | None:
        return None

    def write(self, row: Row) -> None:
        again = "error" in row and row["batch"]["id"] is None
        self._outcomes.append(Outcome(self._by_path[row["path"]], row, again))
        self.row_at_s = time.monotonic()
        if len(self._outcomes) >= _FLUSH_ROWS or self.row_at_s - self._flushed_s >= _FLUSH_S:
            self.flush()

    def keep(self) -> None:
        """Tell that the worker lives."""
        with self._lock:
            if not self._claims.keep(self.claim_items):
                self.lost.set()

    def close(self) -> None:
        """Write the rows that are there and give back what was not begun."""
        self.flush()
        with self._lock:
            self._claims.release(self.claim_items)

    def flush(self) -> None:
        """Write rows; asks a database that does not answer again, as long as the claim may hold."""
        give_up_s = time.monotonic() + self._claims.lease.lease_s
        while True:
            try:
                with self._lock:
                    self._claims.finish(self.claim_items, self._outcomes)
                break
            except SQLAlchemyError:
                if time.monotonic() > give_up_s:
                    raise
                _log.warning("rows could not be written; trying again")
                time.sleep(1.0)
        self._outcomes, self._flushed_s = [], time.monotonic()


@contextlib.contextmanager
def _kept_up(
    sink: _ClaimSink, stall_s: float, on_stall: Callable[[], object] = lambda: os._exit(STALLED)
) -> Iterator[None]:
    """Keep the claim while the body runs. A body that brings no row for `stall_s` hangs in a photo: the process is ended,
    and others take over when the lease has run out."""
    over = threading.Event()
    every_s = sink._claims.lease.lease_s / 3

    def beat() -> None:
        while not over.wait(min(every_s, stall_s / 2)):
            if time.monotonic() - sink.row_at_s > stall_s:
                _log.critical("no row for %.0f s: a photo hangs; this worker ends", stall_s)
                on_stall()
                return
            try:
                sink.keep()
            except SQLAlchemyError:
                _log.warning("the claim could not be renewed; trying again")

    thread = threading.Thread(target=beat, daemon=True, name="claim")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
