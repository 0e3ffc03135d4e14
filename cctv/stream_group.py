"""The parent's side of one capture process: it is started, read from, judged and ended here."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection

from firewarden.cctv.frame import Pixels
from firewarden.cctv.video_child import run_child
from firewarden.cctv.video_messages import Beat, Picture, receive_pixels
from firewarden.cctv.video_source import Capture, Source

OnPicture = Callable[[Picture, Pixels], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """Patience of the watchdog, in seconds. FFmpeg's own time limits are shorter: what passes these hangs."""

    start_s: float = 60.0  # to the first sign of life: a busy machine imports slowly
    silent_s: float = 15.0  # a process that was heard before
    step_s: float = 30.0  # one camera in one call


class Group:
    """Cameras that share a capture process."""

    def __init__(self, sources: tuple[Source, ...], on_picture: OnPicture, limits: Limits) -> None:
        self.sources = sources
        self.finished = False
        self._on_picture = on_picture
        self._limits = limits
        self._captures: dict[str, Capture] = {s.camera_id: Capture(s.camera_id) for s in sources}
        self._run: _Run | None = None

    @property
    def captures(self) -> Mapping[str, Capture]:
        """Counts since the process was started last."""
        return self._captures

    @property
    def pid(self) -> int | None:
        return self._run.process.pid if self._run else None

    def start(self) -> None:
        """Start the process and a thread that reads from it."""
        self._run = _Run(self.sources)
        threading.Thread(target=self._read, args=(self._run,), daemon=True).start()

    def ask_to_stop(self) -> None:
        if self._run is not None:
            self._run.control.close()

    def end(self, patience_s: float = 0.0) -> None:
        """End the process, by force after `patience_s`; harmless where there is none."""
        run, self._run = self._run, None
        if run is None:
            return
        run.control.close()
        run.process.join(patience_s)
        if run.process.is_alive():
            run.process.kill()
        run.process.join()

    def fault(self) -> tuple[str, tuple[str, ...]] | None:
        """What is wrong with the process, with the cameras that hang; None while all is well."""
        run, now = self._run, time.monotonic()
        if run is None or self.finished:
            return None
        hanging = tuple(
            capture.camera_id
            for capture in self._captures.values()
            if capture.step_at is not None and run.beat_at - capture.step_at > self._limits.step_s
        )
        if hanging:
            return f"hangs for {self._limits.step_s:g} s", hanging
        if not run.process.is_alive() and run.ended:
            return f"ended with code {run.process.exitcode}", ()
        patience_s = self._limits.silent_s if run.heard else self._limits.start_s
        if run.waiting_since is not None and now - run.waiting_since > patience_s:
            return f"is silent for {patience_s:g} s", ()
        return None

    def _read(self, run: "_Run") -> None:
        """Receive until the process is gone."""
        try:
            while True:
                run.waiting_since = time.monotonic()
                message = run.pictures.recv()
                if isinstance(message, Beat):
                    self._hear(run, message)
                else:
                    pixels = receive_pixels(run.pictures, message)
                    run.heard, run.waiting_since = True, None
                    self._on_picture(message, pixels)
        except (EOFError, OSError):
            run.ended = True
        finally:
            run.pictures.close()

    def _hear(self, run: "_Run", beat: Beat) -> None:
        if run is not self._run:  # a process that was given up
            return
        run.heard, run.beat_at = True, time.monotonic()
        self._captures = {capture.camera_id: capture for capture in beat.captures}
        self.finished |= beat.last


class _Run:
    """One process with its two pipes."""

    def __init__(self, sources: tuple[Source, ...]) -> None:
        context = multiprocessing.get_context("spawn")  # forked threads of a network runtime would hang
        self.pictures: Connection
        self.control: Connection
        self.pictures, pictures_end = context.Pipe(duplex=False)
        control_end, self.control = context.Pipe(duplex=False)
        self.process = context.Process(
            target=run_child, args=(sources, pictures_end, control_end), daemon=True, name="capture"
        )
        self.process.start()
        pictures_end.close()
        control_end.close()
        self.waiting_since: float | None = time.monotonic()
        self.beat_at = 0.0
        self.heard = False
        self.ended = False
