"""Capture processes kept running: one that ends, falls silent or hangs is killed and started anew, the others go on."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from firewarden.cctv.stream_backoff import Backoff
from firewarden.cctv.stream_group import Group, Limits, OnPicture
from firewarden.cctv.video_source import Capture, CaptureState, Source

GROUP_SIZE = 8  # cameras a process: one that breaks disturbs so few, and a process costs 60 MB
_CHECK_S = 0.2
_HALVED_AFTER = 2  # breaks of a group within a short time
_STEADY_S = 60.0  # a process that lived so long was well
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Kept:
    """A group with its past. `due_at`: when it is started again (monotonic s), None while it runs."""

    group: Group
    backoff: Backoff = field(default_factory=Backoff)
    started_at: float = 0.0
    due_at: float | None = None


class Supervisor:
    """All cameras in groups. A camera that hung gets a process of its own, so that it disturbs its group once only."""

    def __init__(
        self,
        sources: Sequence[Source],
        on_picture: OnPicture,
        *,
        group_size: int = GROUP_SIZE,
        limits: Limits | None = None,
    ) -> None:
        self._on_picture, self._limits, self._group_size = on_picture, limits or Limits(), group_size
        self._kept = [_Kept(self._group(part)) for part in grouped(sources, group_size)]
        self._past: dict[str, Capture] = {s.camera_id: Capture(s.camera_id) for s in sources}
        self._restarts = dict.fromkeys(self._past, 0)
        self._wanted: tuple[Source, ...] | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        for kept in self._kept:
            self._start(kept)
        self._thread.start()

    def stop(self, patience_s: float = 2.0) -> None:
        """End all processes; no picture comes after that."""
        self._stop.set()
        self._thread.join()
        for kept in self._kept:
            kept.group.ask_to_stop()
        for kept in self._kept:
            kept.group.end(patience_s)

    def adopt(self, sources: Sequence[Source]) -> None:
        """Capture these from now on, soon: new ones in groups of their own; groups that hold others are started anew
        without them."""
        with self._lock:
            self._wanted = tuple(sources)

    @property
    def finished(self) -> bool:
        """Whether every camera was a file and has ended."""
        with self._lock:
            return all(kept.group.finished for kept in self._kept)

    def captures(self) -> dict[str, tuple[Capture, int]]:
        """Counts of each camera since the start, and how often its process was restarted."""
        with self._lock:
            now = {c.camera_id: c for kept in self._kept for c in kept.group.captures.values()}
            return {
                name: (added(past, now[name]) if name in now else past, self._restarts[name])
                for name, past in self._past.items()
            }

    def pids(self) -> dict[str, int | None]:
        """The capture process of each camera."""
        with self._lock:
            return {s.camera_id: kept.group.pid for kept in self._kept for s in kept.group.sources}

    def _group(self, sources: tuple[Source, ...]) -> Group:
        return Group(sources, self._on_picture, self._limits)

    def _start(self, kept: _Kept) -> None:
        """Start a group's process, later where the machine has none to give now: the others are watched over meanwhile."""
        kept.started_at, kept.due_at = time.monotonic(), None
        try:
            kept.group.start()
        except (OSError, RuntimeError) as error:  # RuntimeError: a thread could not be started
            kept.group.end()
            kept.due_at = time.monotonic() + kept.backoff.next_s()
            names = ", ".join(source.camera_id for source in kept.group.sources)
            _log.warning("capture process of %s cannot be started (%s); trying again", names, error)

    def _watch(self) -> None:
        while not self._stop.wait(_CHECK_S):
            with self._lock:
                wanted, self._wanted = self._wanted, None
            if wanted is not None:
                self._change(wanted)
            for kept in tuple(self._kept):
                self._check(kept)

    def _check(self, kept: _Kept) -> None:
        now = time.monotonic()
        if kept.due_at is not None:
            if now >= kept.due_at:
                self._start(kept)
            return
        if now - kept.started_at > _STEADY_S:
            kept.backoff.reset()
        fault = kept.group.fault()
        if fault is not None:
            self._replace(kept, *fault)

    def _change(self, wanted: tuple[Source, ...]) -> None:
        known = {source for kept in self._kept for source in kept.group.sources}
        fresh = [source for source in wanted if source not in known]
        changed = [kept for kept in self._kept if not set(kept.group.sources) <= set(wanted)]
        for kept in changed:
            kept.group.end(_CHECK_S)
        parts = [tuple(s for s in kept.group.sources if s in wanted) for kept in changed]
        begun = [_Kept(self._group(part)) for part in (*parts, *grouped(fresh, self._group_size)) if part]
        for kept in begun:
            self._start(kept)
        with self._lock:
            for kept in changed:
                self._add_up(kept.group)
                self._kept.remove(kept)
            self._kept += begun
            names = [source.camera_id for source in wanted]
            self._past = {name: self._past.get(name, Capture(name)) for name in names}
            self._restarts = {name: self._restarts.get(name, 0) for name in names}

    def _add_up(self, group: Group) -> None:
        for name, capture in group.captures.items():
            self._past[name] = added(self._past[name], capture)

    def _replace(self, kept: _Kept, what: str, hanging: tuple[str, ...]) -> None:
        """Kill a process and have it started again, without the cameras that hang."""
        names = [source.camera_id for source in kept.group.sources]
        _log.warning("capture process of %s %s; starting it anew", ", ".join(hanging or names), what)
        kept.group.end()
        with self._lock:
            self._add_up(kept.group)
            for name in names:
                self._restarts[name] += 1
            parts = parted(kept.group.sources, hanging, halve=kept.backoff.failures >= _HALVED_AFTER)
            self._kept.remove(kept)
            self._kept += [self._again(kept, part) for part in parts]

    def _again(self, kept: _Kept, sources: tuple[Source, ...]) -> _Kept:
        backoff = replace(kept.backoff)
        return _Kept(self._group(sources), backoff, due_at=time.monotonic() + backoff.next_s())


def parted(sources: tuple[Source, ...], hanging: Sequence[str], *, halve: bool) -> list[tuple[Source, ...]]:
    """The groups a broken one goes on as: cameras that hang by themselves; where nobody knows which camera breaks it, in
    halves once `halve` says that it broke too often."""
    rest = tuple(source for source in sources if source.camera_id not in hanging)
    middle = len(rest) // 2 if halve and not hanging else 0
    parts = [(source,) for source in sources if source.camera_id in hanging]
    return [part for part in (*parts, rest[:middle], rest[middle:]) if part]


def grouped(sources: Sequence[Source], size: int) -> list[tuple[Source, ...]]:
    """Groups of at most `size`; files that end and cameras that go on are kept apart, since only the latter may be
    dropped from."""
    parts = []
    for live in (True, False):
        kind = [source for source in sources if source.is_live is live]
        parts += [tuple(kind[start : start + size]) for start in range(0, len(kind), size)]
    return parts


def added(past: Capture, now: Capture) -> Capture:
    """Counts of a process that is gone on top of those of the present one."""
    counts = ("taken", "dropped", "errors", "corrupt", "clock_off", "opened", "failures")
    sums = {name: getattr(past, name) + getattr(now, name) for name in counts}
    state = now.state if now.opened or now.failures or not past.opened else CaptureState.CONNECTING
    last_error, error_at = (now.last_error or past.last_error), (now.error_at or past.error_at)
    return replace(now, state=state, last_error=last_error, error_at=error_at, **sums)
