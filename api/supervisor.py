"""Several serving processes behind one listening socket: started, replaced when they die, ended together."""

import logging
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import FrameType

from prometheus_client.multiprocess import mark_process_dead

from firewarden.api.ports import InspectorPort
from firewarden.api.server import run_server
from firewarden.api.settings import Settings
from firewarden.errors import HazardError

Build = Callable[[Settings], InspectorPort]
UNUSABLE = 2  # exit code of a worker whose model or rules cannot be used: starting it again would not help
_LOOK_S = 0.2
_SHORT_LIFE_S = 5.0
_LONGEST_PAUSE_S = 10.0
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Slot:
    """One place for a worker; a worker that keeps dying young is replaced ever later."""

    process: SpawnProcess
    started_s: float
    young_deaths: int = 0
    start_at_s: float | None = None


@dataclass(slots=True, eq=False)
class Supervisor:
    """Runs `settings.workers` processes; `build` must be importable, as each process calls it for its own inspector."""

    settings: Settings
    listener: socket.socket
    build: Build
    _slots: list[_Slot] = field(default_factory=list)
    _stop: bool = False

    def run(self) -> int:
        """Until SIGTERM or Ctrl-C; the exit code."""
        self._share_metrics()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._on_signal)
        self._slots = [_Slot(self._start(), time.monotonic()) for _ in range(self.settings.workers)]
        code = 0
        while not self._stop and code == 0:
            wait([slot.process.sentinel for slot in self._slots if slot.start_at_s is None], _LOOK_S)
            if not self._stop:  # else workers that were told too end, and need no successors
                code = max(self._look_after(slot) for slot in self._slots)
        self._end_all()
        return code

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """The first signal ends all in order, the second at once."""
        if self._stop:
            for slot in self._slots:
                slot.process.kill()
        self._stop = True

    def _share_metrics(self) -> None:
        """An empty folder for the counts of all workers, which find it by a variable of their environment."""
        shutil.rmtree(self.settings.metrics_dir, ignore_errors=True)
        self.settings.metrics_dir.mkdir(parents=True)
        os.putenv("PROMETHEUS_MULTIPROC_DIR", str(self.settings.metrics_dir))

    def _start(self) -> SpawnProcess:
        context = multiprocessing.get_context("spawn")
        process = context.Process(
            target=run_worker, args=(self.settings, self.listener, self.build), name="firewarden-worker"
        )
        process.start()
        return process

    def _look_after(self, slot: _Slot) -> int:
        """Replace a dead worker, in time; its exit code where no other would fare better, else 0."""
        now_s = time.monotonic()
        if slot.start_at_s is None and slot.process.exitcode is not None:
            if slot.process.exitcode == UNUSABLE:
                return UNUSABLE
            mark_process_dead(slot.process.pid, str(self.settings.metrics_dir))  # type: ignore[no-untyped-call]
            slot.young_deaths = slot.young_deaths + 1 if now_s - slot.started_s < _SHORT_LIFE_S else 0
            pause_s = min(_LONGEST_PAUSE_S, 0.5 * (2 ** min(slot.young_deaths, 16) - 1))
            _log.error(
                "worker %s ended with %s; replaced in %.1f s",
                slot.process.pid,
                slot.process.exitcode,
                pause_s,
            )
            slot.start_at_s = now_s + pause_s
        if slot.start_at_s is not None and now_s >= slot.start_at_s:
            slot.process, slot.started_s, slot.start_at_s = self._start(), now_s, None
        return 0

    def _end_all(self) -> None:
        """Ask all to finish; those that do not within the drain time are killed."""
        self.listener.close()
        processes = [slot.process for slot in self._slots]
        for process in processes:
            process.terminate()
        until_s = (
            time.monotonic() + self.settings.drain_notice_s + self.settings.drain_timeout_s + _SHORT_LIFE_S
        )
        for process in processes:
            process.join(max(0.0, until_s - time.monotonic()))
            if process.exitcode is None:
                process.kill()
                process.join()


def run_worker(settings: Settings, listener: socket.socket, build: Build) -> None:
    """The body of one worker process. Ctrl-C goes to all processes of a terminal; the supervisor says what follows of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    try:
        run_server(build(settings), settings, listener, supervised=True)
    except HazardError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(UNUSABLE)


def _end_with_parent() -> None:
    """A worker whose supervisor was killed would keep the address; it drains instead."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
