"""Many cameras watched at once: capture processes bring pictures, threads look at them, a sink takes what changed.

    capture processes --newest picture of each camera--> mailbox --in turn--> looks (gate, network, time logic) --> sink

Nothing queues: a picture that is overtaken is dropped and counted. Files are the exception, they wait.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from firewarden.cctv.camera import Camera
from firewarden.cctv.event_store import Dismissal
from firewarden.cctv.events import EventChange
from firewarden.cctv.frame import Frame, Pixels
from firewarden.cctv.runner_mailbox import Arrival, Mailbox
from firewarden.cctv.runner_memory import Memory
from firewarden.cctv.runner_status import CameraStatus, Pace, find_problems, judged
from firewarden.cctv.sink import EventSink, SinkUnavailable
from firewarden.cctv.stream_group import Limits
from firewarden.cctv.stream_supervisor import GROUP_SIZE, Supervisor
from firewarden.cctv.video_messages import Picture
from firewarden.cctv.video_source import Source
from firewarden.cctv.watch import Watcher
from firewarden.inference.inspector import Inspector

_TICK_S = 0.1
_SAVE_EVERY_S, _ASK_EVERY_S, _REPORT_EVERY_S = 60.0, 5.0, 15.0
_RETRY_S = (0.5, 10.0)  # first and longest wait for a sink
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Effort:
    """`workers` threads look at pictures, each camera by one at a time; `group_size` cameras share a capture process."""

    workers: int = 1
    group_size: int = GROUP_SIZE
    limits: Limits = field(default_factory=Limits)


Watched = Sequence[tuple[Camera, Source]]


class Register(Protocol):
    """A register that may change while its cameras are watched."""

    def follow(self, adopt: Callable[[Watched], None]) -> None:
        """Hand all cameras over where any has changed since; where that cannot be told now, do nothing."""
        ...

    def release(self) -> None:
        """No camera is watched any more, and what was followed is kept."""
        ...


@dataclass(slots=True)
class _Chore:
    """What is done now and then beside the looks. `due_s` is monotonic."""

    do: Callable[[], None]
    every_s: float
    due_s: float


@dataclass(slots=True)
class _Post:
    """One camera as the runner keeps it. `camera` is as the register has it; the watcher adopts it at its next look."""

    camera: Camera
    watcher: Watcher
    source: Source
    pace: Pace
    failed_looks: int = 0
    error: str | None = None
    dismissed: deque[Dismissal] = field(default_factory=deque)  # not yet told to the watcher


def utc_now() -> datetime:
    return datetime.now(UTC)


class Runner:
    """Watches cameras until it is stopped, or until all of them were files and have ended. Runs once."""

    def __init__(
        self,
        cameras: Watched,
        inspector: Inspector,
        sink: EventSink,
        *,
        effort: Effort = Effort(),
        memory: Memory | None = None,
        register: Register | None = None,
        report: Callable[[Iterable[CameraStatus]], None] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`sink` is offered every change, again and again while it cannot take it; `memory` is read now and written now
        and then. With a `register`, its changes are followed and the end of all files is no end. `report` is told of all
        cameras now and then."""
        self._sink, self._effort, self._memory = sink, effort, memory
        self._register, self._report = register, report
        self._inspector, self._clock = inspector, clock
        self._posts = {camera.id: self._post(camera, source) for camera, source in cameras}
        self._mailbox = Mailbox()
        self._supervisor = Supervisor(
            [source for _, source in cameras],
            self._receive,
            group_size=effort.group_size,
            limits=effort.limits,
        )
        self._dismissed: set[Dismissal] = set()
        self._given_up = threading.Event()
        self._unwritten: SinkUnavailable | None = None

    def run(self, stop: threading.Event, *, for_s: float | None = None) -> None:
        """Watch until `stop`, for `for_s` seconds, or to the end of all files; then look at what has come, keep the state
        and return. Raises SinkUnavailable where the sink could not take all changes in the end."""
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(self._effort.workers)]
        for worker in workers:
            worker.start()
        self._supervisor.start()
        try:
            self._wait(stop, for_s)
        finally:
            self._drain(workers)
        if self._unwritten is not None:
            raise self._unwritten

    def statuses(self) -> Iterator[CameraStatus]:
        """Every camera now, in the order of the register. Thread-safe."""
        captures = self._supervisor.captures()
        for camera_id, post in self._posts.items():
            if camera_id not in captures:  # taken in just now
                continue
            capture, restarts = captures[camera_id]
            health = post.watcher.watch.health
            capture = judged(capture, health)
            yield CameraStatus(
                camera_id=camera_id,
                state=capture.state,
                problems=find_problems(post.watcher.problems(), capture),
                fps=post.pace.fps(time.monotonic()),
                backlog=self._mailbox.backlog(camera_id),
                taken=capture.taken,
                dropped=capture.dropped + self._mailbox.dropped(camera_id),
                errors=capture.errors,
                corrupt=capture.corrupt,
                clock_off=capture.clock_off,
                reconnects=capture.reconnects,
                failures=capture.failures,
                restarts=restarts,
                failed_looks=post.failed_looks,
                health=health,
                last_frame_at=post.watcher.watch.last_at,
                last_frame_age_s=post.watcher.last_frame_age_s(),
                last_error=post.error or capture.last_error,
            )

    def pace(self, camera_id: str) -> Pace:
        """When pictures of a camera came and how long each took."""
        return self._posts[camera_id].pace

    def pids(self) -> dict[str, int | None]:
        """The capture process of each camera."""
        return self._supervisor.pids()

    def adopt(self, cameras: Watched) -> None:
        """Watch these cameras from now on. One that stays goes on with what it follows, one that is new with what was
        kept of it."""
        posts = {}
        for camera, source in cameras:
            post = self._posts.get(camera.id) or self._post(camera, source)
            post.camera, post.source = camera, source
            posts[camera.id] = post
        _log.info("the register changed: %d cameras were watched, now %d", len(self._posts), len(posts))
        self._posts = posts  # replaced as a whole: other threads read it
        self._supervisor.adopt([source for _, source in cameras])

    def _post(self, camera: Camera, source: Source) -> _Post:
        remembered = self._memory.load(camera.id) if self._memory else None
        watcher = Watcher(camera, self._inspector, self._clock, remembered=remembered)
        return _Post(camera, watcher, source, Pace(time.monotonic()))

    def _receive(self, picture: Picture, pixels: Pixels) -> None:
        post = self._posts.get(picture.camera_id)
        if post is not None:
            self._mailbox.put(Arrival(picture, pixels), wait=not post.source.is_live)

    def _wait(self, stop: threading.Event, for_s: float | None) -> None:
        began = time.monotonic()
        chores = self._chores(began, stop)
        while not stop.wait(_TICK_S):
            now = time.monotonic()
            for chore in (chore for chore in chores if now >= chore.due_s):
                if not stop.is_set():  # each may wait for a database that is locked
                    chore.due_s = now + chore.every_s
                    chore.do()
            if for_s is not None and now - began >= for_s:
                return
            if self._register is None and self._supervisor.finished and self._mailbox.is_idle:
                return

    def _chores(self, now: float, stop: threading.Event) -> list[_Chore]:
        listed: list[tuple[Callable[[], None], float]] = []
        if (register := self._register) is not None:  # first: what has gone to another process is not saved
            listed.append((lambda: register.follow(self.adopt), _ASK_EVERY_S))
        if self._memory is not None:
            listed += [(lambda: self._save(stop), _SAVE_EVERY_S), (self._ask, _ASK_EVERY_S)]
        if (report := self._report) is not None:
            listed.append((lambda: report(self.statuses()), _REPORT_EVERY_S))
        return [_Chore(do, every_s, now + every_s) for do, every_s in listed]

    def _drain(self, workers: list[threading.Thread]) -> None:
        self._mailbox.close()
        self._supervisor.stop()
        self._given_up.set()
        for worker in workers:
            worker.join()
        self._save()
        if self._register is not None:
            self._register.release()

    def _save(self, stop: threading.Event | None = None) -> None:
        """Keep what is followed at each camera, as far as that can be kept now; one that is to `stop` does it at its end."""
        memory = self._memory
        if memory is None:
            return
        for camera_id, post in self._posts.items():
            is_over = stop is not None and stop.is_set()
            if is_over or not memory.save(camera_id, post.watcher.watch.confirming):
                return

    def _ask(self) -> None:
        """Have the threads that look tell their cameras what was dismissed since."""
        posts = self._posts
        for dismissal in self._memory.dismissals(posts) if self._memory is not None else ():
            if dismissal not in self._dismissed:
                self._dismissed.add(dismissal)
                posts[dismissal.camera_id].dismissed.append(dismissal)

    def _work(self) -> None:
        while (arrival := self._mailbox.take()) is not None:
            camera_id = arrival.picture.camera_id
            post = self._posts.get(camera_id)
            if post is None:  # it left the register meanwhile
                self._mailbox.done(camera_id)
                continue
            try:
                self._look(post, arrival)
            except Exception as error:  # noqa: BLE001 - one camera's picture must not end the others' watch
                post.failed_looks += 1
                post.error = f"internal error: {error!r}; report it"
                _log.warning("camera %s: %s", camera_id, post.error)
            finally:
                self._mailbox.done(camera_id)

    def _look(self, post: _Post, arrival: Arrival) -> None:
        picture = arrival.picture
        changes: list[EventChange] = []
        if post.camera != post.watcher.camera:
            post.watcher.adopt(post.camera)
        while post.dismissed:
            dismissal = post.dismissed.popleft()
            changes += post.watcher.dismiss(dismissal.event_id, dismissal.until, dismissal.event)
        skipped, began_s = post.watcher.watch.health.skipped, time.thread_time()
        changes += post.watcher.see(Frame(picture.camera_id, arrival.pixels, picture.at))
        gate_s = time.thread_time() - began_s if post.watcher.watch.health.skipped > skipped else None
        post.pace.note(picture.received_s, time.monotonic(), gate_s)
        for change in changes:
            self._write(change)

    def _write(self, change: EventChange) -> None:
        """Offer a change until it is taken. While it is not, this thread stands and pictures are dropped instead; when the
        run ends it is offered once more."""
        wait, longest = _RETRY_S
        while True:
            last = self._given_up.is_set()
            try:
                self._sink.write(change)
                return
            except SinkUnavailable as error:
                _log.warning("event %s cannot be kept yet: %s", change.event.id, error)
                if last:
                    self._unwritten = error
                    return
            self._given_up.wait(wait)
            wait = min(wait * 2, longest)
