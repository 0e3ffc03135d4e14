"""All cores for a photo that comes alone: while nobody else is served, the other cores have nothing to do.

A second session of the same runtime and precision, on several threads. It rests for a while after a run that was no quicker
than one of the usual session on an idle machine: then another program wants the cores, or sharing them out does not help.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from firewarden.errors import HazardError
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.inference.session import ModelSession, NetworkOutput, model_file, open_runtime
from firewarden.models.manifest import ModelManifest

_REST_S = 10.0
_GPU = ("cuda", "tensorrt")
_log = logging.getLogger(__name__)


class SoloSession:
    """A session for one photo at a time. `usual_s` is what the usual session takes for `usual_pixels` of input."""

    def __init__(
        self,
        session: ModelSession,
        usual_s: float,
        usual_pixels: int,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._session = session
        self._s_per_pixel = usual_s / usual_pixels
        self._clock = clock
        self._rests_until_s = -np.inf

    @property
    def is_rested(self) -> bool:
        """Whether the next photo that comes alone may be given to it."""
        return bool(self._clock() >= self._rests_until_s)

    def run(self, batch: NDArray[np.float32]) -> NetworkOutput:
        """As any session; after a run slower than the usual one it rests."""
        start_s = self._clock()
        output = self._session.run(batch)
        end_s = self._clock()
        if end_s - start_s > self._s_per_pixel * _pixels(batch):
            self._rests_until_s = end_s + _REST_S
        return output


def open_solo(
    manifest: ModelManifest, choice: RuntimeChoice, threads: int, usual_s: float
) -> SoloSession | None:
    """A session of `threads` threads beside that of `choice`, which takes `usual_s` for an upright photo of 3:4; None where
    it would be no wider, or cannot be opened."""
    if choice.threads is None or threads <= choice.threads or choice.runtime in _GPU:
        return None
    try:
        session = _open(manifest, choice, threads)
    except HazardError as error:
        _log.warning("photos that come alone get as many threads as others: %s", error)
        return None
    long_side = manifest.input_size
    batch = np.full((1, 3, long_side, long_side * 3 // 4), 0.5, np.float32)
    session.run(batch)  # the first run is slow
    return SoloSession(session, usual_s, _pixels(batch))


def _open(manifest: ModelManifest, choice: RuntimeChoice, threads: int) -> ModelSession:
    if choice.runtime != "onnxruntime":
        return open_runtime(manifest, replace(choice, threads=threads, streams=1))
    from firewarden.inference.runtime_onnx import OnnxSession

    return OnnxSession(model_file(manifest, choice), threads=threads, spin=True)


def _pixels(batch: NDArray[np.float32]) -> int:
    return int(batch.shape[2] * batch.shape[3])
