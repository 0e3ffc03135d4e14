"""Worker processes: one in this process, or several that are started again when they end by accident."""

import logging
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType

from sqlalchemy import make_url

from firewarden.bulk.engine import Effort
from firewarden.bulk.scorer import ScorerFactory
from firewarden.errors import HazardError
from firewarden.jobs.claims import ClaimStore, Lease
from firewarden.jobs.retention import forget_old_jobs
from firewarden.jobs.worker import Pace, Worker
from firewarden.ledger.blobs import BlobStore
from firewarden.ledger.database import build_engine, prepare

_RESTART_S = 2.0  # a process that ends at once is not started in a hot loop
_CANNOT_BEGIN = 2  # exit code of a process that would end alike if it were started again, as of the command
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything a worker process is made of; can be pickled. `database_url` holds the password."""

    database_url: str
    data_dir: Path
    factory: ScorerFactory = field(default_factory=ScorerFactory)
    effort: Effort = field(default_factory=Effort)
    pace: Pace = field(default_factory=Pace)
    lease: Lease = field(default_factory=Lease)
    until_done: bool = False
    keep_days: int = 30  # jobs, after their end


def run_worker(recipe: Recipe) -> None:
    """Work in this process until SIGTERM or Ctrl-C, then finish what was begun. Ends too when the process that started
    this one is gone."""
    engine = build_engine(make_url(recipe.database_url))
    prepare(engine)
    blobs = BlobStore(recipe.data_dir / "blobs")
    blobs.open()
    chores = partial(forget_old_jobs, engine, blobs, days=recipe.keep_days)
    claims = ClaimStore(engine, recipe.lease)
    worker = Worker(claims, blobs, recipe.factory(), recipe.effort, recipe.pace, chores)
    _on_signals(worker.stop)
    threading.Thread(target=_stop_with_parent, args=(worker,), daemon=True).start()
    try:
        worker.run(until_done=recipe.until_done)
    finally:
        engine.dispose()


def run_workers(recipe: Recipe, processes: int) -> None:
    """Work in so many processes; with one, in this one. Raises HazardError where model, rules or database cannot be used."""
    if processes == 1:
        run_worker(recipe)
        return
    stopping = threading.Event()
    _on_signals(stopping.set)
    running = [_start(recipe) for _ in range(processes)]
    while running:
        wait([process.sentinel for process in running], timeout=0.2)
        if stopping.is_set():
            _end(running)
            return
        for process in [process for process in running if not process.is_alive()]:
            running.remove(process)
            if process.exitcode == _CANNOT_BEGIN:
                _end(running)
                raise HazardError("a worker process cannot begin, for the reason above; all have ended")
            if process.exitcode != 0:
                _log.error("a worker ended with code %s; starting another", process.exitcode)
                time.sleep(_RESTART_S)
                running.append(_start(recipe))


def _stop_with_parent(worker: Worker) -> None:
    """Waits until the process that started this one is gone, if one did."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        worker.stop()


def _start(recipe: Recipe) -> SpawnProcess:
    process = multiprocessing.get_context("spawn").Process(target=_run_started, args=(recipe,))
    process.start()
    return process


def _run_started(recipe: Recipe) -> None:
    """The work of a process that was started for it."""
    try:
        run_worker(recipe)
    except HazardError as error:
        _log.critical("%s", error)
        raise SystemExit(_CANNOT_BEGIN) from error


def _end(processes: list[SpawnProcess]) -> None:
    """Tell all to stop and wait until they have finished what they began."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()


def _on_signals(stop: Callable[[], object]) -> None:
    def heard(number: int, frame: FrameType | None) -> None:
        stop()

    signal.signal(signal.SIGTERM, heard)
    signal.signal(signal.SIGINT, heard)
