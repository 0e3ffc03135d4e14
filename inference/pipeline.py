"""The inspector for many callers at once: the same stages and answers as `Inspector.inspect`, with the network shared."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import simplejpeg

from firewarden.findings import InspectionContext
from firewarden.inference.batch_plan import BatchPlan
from firewarden.inference.batcher import Abandoned, Batcher, Cancelled, never
from firewarden.inference.detector import Detector, OnnxDetector
from firewarden.inference.image import MAX_PIXELS
from firewarden.inference.inspector import Inspector, timed
from firewarden.inference.quality import assess_quality
from firewarden.inference.rules import Rules
from firewarden.inference.rules_file import load_rules
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.inference.session import open_session
from firewarden.inference.solo import SoloSession, open_solo
from firewarden.inference.tiles import TileSettings
from firewarden.inspection import InspectionResult
from firewarden.models.registry import find_manifest


class Pipeline:
    """An inspector whose detector runs its network through `batcher`. Thread-safe: call `inspect` from `photos_at_once`
    threads."""

    def __init__(
        self,
        inspector: Inspector,
        batcher: Batcher,
        open_solo: Callable[[float], SoloSession | None] = lambda usual_s: None,
    ) -> None:
        """`open_solo` is called once, in a thread of its own, when the warm-up has told what the network takes for a photo."""
        self._inspector = inspector
        self._batcher = batcher
        self._open_solo = open_solo
        self._solo_opener: threading.Thread | None = None
        self._pace_s: float | None = None
        # quality needs the photo alone: measured beside the network, it costs a lone caller no time
        self._side = ThreadPoolExecutor(batcher.plan.streams, thread_name_prefix="quality")

    @property
    def detector(self) -> Detector:
        return self._inspector.detector

    @property
    def rules(self) -> Rules:
        return self._inspector.rules

    @property
    def photos_at_once(self) -> int:
        """How many threads keep the machine busy."""
        return self._batcher.plan.photos_at_once

    @property
    def runs_at_once(self) -> int:
        """How many runs of the network go on side by side."""
        return self._batcher.plan.streams

    def listen(self, on_run: Callable[[int, float], object]) -> None:
        """Tell `on_run` of every run from now on: photos that shared it, and seconds this one waited for them."""
        self._batcher.on_run = on_run

    def inspect(
        self,
        data: bytes,
        context: InspectionContext | None = None,
        *,
        sha256: str | None = None,
        on_decoded: Callable[[], object] = lambda: None,
        cancelled: Cancelled = never,
    ) -> InspectionResult:
        """Inspect image bytes; raises InvalidImage, or Abandoned between two stages once `cancelled()` holds.

        `on_decoded` is called when the photo has proven readable, before the network runs.
        """
        timings: dict[str, float] = {}
        with self._batcher.photo(cancelled):
            image = timed(timings, "decode", lambda: self._inspector.decode(data, sha256=sha256))
            on_decoded()
            quality = self._side.submit(assess_quality, image, self.rules.quality)
            sight = timed(timings, "inference", lambda: self.detector.see(image))
        if cancelled():
            raise Abandoned
        context = context or InspectionContext()
        return self._inspector.judge(image, sight, context, quality=quality.result(), timings=timings)

    def warm_up(self) -> float:
        """Inspect plain photos of the usual shapes; the seconds one takes once all is warm. Done once, however often it is
        asked for."""
        if self._pace_s is None:
            self._pace_s, usual_s = self._measure_pace()
            # no daemon: a program that ends at once must not do so in the middle of a runtime's start
            self._solo_opener = threading.Thread(target=self._add_solo, args=(usual_s,), name="solo")
            self._solo_opener.start()
        return self._pace_s

    def close(self) -> None:
        if self._solo_opener is not None:
            self._solo_opener.join()
        self._batcher.close()
        self._side.shutdown()

    def _measure_pace(self) -> tuple[float, float]:
        """Seconds of one photo once all is warm, and of the network alone."""
        long_side = self.detector.manifest.input_size
        photos = [_plain_jpeg(long_side * 3 // 4, long_side), _plain_jpeg(long_side, long_side * 3 // 4)]
        for photo in photos:
            self.inspect(photo)
        start = time.perf_counter()
        result = self.inspect(photos[1])
        return time.perf_counter() - start, result.timings_ms["inference"] / 1000

    def _add_solo(self, usual_s: float) -> None:
        self._batcher.solo = self._open_solo(usual_s)


def open_pipeline(
    plan: BatchPlan,
    model: str | Path | None = None,
    rules: Path | None = None,
    *,
    runtime: RuntimeChoice | None = None,
    threads: int | None = None,
    cache_dir: Path | None = None,
    max_pixels: int = MAX_PIXELS,
    tiles: TileSettings | None = None,
    solo_threads: int = 1,
) -> Pipeline:
    """A pipeline over what `open_inspector` would open, shared by `plan`. A photo that comes alone gets `solo_threads`,
    once that is found to be quicker."""
    loaded = load_rules(rules)  # first: it is quick, and a damaged file should not wait for the model
    manifest = find_manifest(model)
    choice = replace(runtime or RuntimeChoice(), threads=threads or (runtime.threads if runtime else None))
    session = open_session(manifest, runtime=choice, cache_dir=cache_dir)
    batcher = Batcher(session, plan)
    inspector = Inspector(OnnxDetector(manifest, batcher), loaded, max_pixels=max_pixels, tiles=tiles)
    return Pipeline(inspector, batcher, lambda usual_s: open_solo(manifest, choice, solo_threads, usual_s))


def _plain_jpeg(h: int, w: int) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.full((h, w, 3), 114, np.uint8), colorspace="BGR"))
