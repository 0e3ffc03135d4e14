"""The detector: letterbox, run, decode. Holds the session and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firewarden.detections import Detections
from firewarden.inference.decode import decode_end2end
from firewarden.inference.image import Image
from firewarden.inference.letterbox import Letterbox
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.inference.session import ModelSession, open_session
from firewarden.models.manifest import ModelManifest


@dataclass(frozen=True, slots=True)
class Sight:
    """What the network saw in one photo: all rows it gave, and probabilities by scene name (may be empty)."""

    detections: Detections
    scene: Mapping[str, float]


class Detector(Protocol):
    """Anything that finds evidence objects in a photo."""

    @property
    def manifest(self) -> ModelManifest: ...

    def see(self, image: Image) -> Sight: ...


class OnnxDetector:
    """A detector over one session."""

    def __init__(self, manifest: ModelManifest, session: ModelSession) -> None:
        self._manifest = manifest
        self._session = session

    @property
    def manifest(self) -> ModelManifest:
        return self._manifest

    def see(self, image: Image) -> Sight:
        """One pass: detections in original pixels by falling confidence, and the scene."""
        manifest = self._manifest
        letterbox = Letterbox.fit(image.pixels_hw, manifest.input_size, manifest.stride, image.original_hw)
        output = self._session.run(to_batch(letterbox.apply_image(image.pixels)))
        detections = decode_end2end(output.rows[0], letterbox)
        scene = {name: float(p) for name, p in zip(manifest.scene_names, output.scene[0], strict=True)}
        return Sight(detections, scene)

    def detect(self, image: Image, *, confidence_threshold: float = 0.0) -> Detections:
        """Detections at or above a confidence."""
        detections = self.see(image).detections
        return detections[detections.confidence >= confidence_threshold]


def open_detector(
    manifest: ModelManifest,
    *,
    runtime: RuntimeChoice | None = None,
    threads: int | None = None,
    cache_dir: Path | None = None,
) -> OnnxDetector:
    """Open the model of a manifest; `open_session` tells the options."""
    return OnnxDetector(
        manifest, open_session(manifest, runtime=runtime, threads=threads, cache_dir=cache_dir)
    )


def to_batch(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """One letterboxed BGR picture (h, w, 3) uint8 to a batch (1, 3, h, w) float32 RGB in [0, 1]."""
    batch = np.empty((1, 3, *pixels.shape[:2]), np.float32)
    batch[0] = pixels[..., ::-1].transpose(2, 0, 1)
    batch *= np.float32(1 / 255)
    return batch
