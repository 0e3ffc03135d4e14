"""What may be a person, or a vehicle with a plate: for blurring alone, where a needless region costs little and a missed one a
head or a plate.

Findings rest on the operating points of the classes. Here the shipped model looks at the outward picture once more, and rows
that it is hardly sure of count as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from firewarden.detections import Detections
from firewarden.geometry import Boxes
from firewarden.inference.detector import Detector, OnnxDetector
from firewarden.inference.image import Image
from firewarden.inference.session import find_reference
from firewarden.models.registry import find_manifest

PLATED_CLASSES = ("vehicle", "ebike")
# chosen on train and val photos; benchmarks/privacy.py measures what they cover, and what needlessly
LEAST_PERSON, LEAST_PLATED = 0.01, 0.005
_LEAST_NEAR = 0.01  # of confidence, for what takes more than that share of the picture's area: so near, it is seen better
_NEAR = 0.5
_LIKELY_PERSON = 0.02
_FAR = 0.25  # of the picture's long side: a larger person is near and seen with more confidence
_SURE = 0.25
_MARGIN = 0.1  # of width and height, on every side
_UNSURE_ABOVE, _UNSURE_BESIDE = 0.8, 0.2  # of height and of width
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class SecondLook:
    """What may be a person and what may bear a plate, in pixels of the picture that was looked at."""

    persons: Detections
    plated: Detections


def look_again(pixels: Pixels, detector: Detector | None = None) -> SecondLook:
    """What may be a person, a vehicle or an e-bike in `pixels` (h, w, 3) BGR; by the shipped model if none is given."""
    detector = detector or _shipped_detector()
    found = detector.see(Image(pixels.view(), pixels.shape[:2], "", "image/jpeg")).detections
    names = detector.manifest.class_names
    persons, plated = _of(found, ("person",), names), _of(found, PLATED_CLASSES, names)
    return SecondLook(
        persons[may_be_persons(persons, max(pixels.shape[:2]))],
        plated[may_be_plated(plated, pixels.shape[:2])],
    )


def may_be_persons(rows: Detections, long_side: int) -> NDArray[np.bool_]:
    """Which rows (n) of persons count in a picture of that long side, in pixels: likely ones, and unsure ones that are small."""
    side = (rows.xyxy[:, 2:] - rows.xyxy[:, :2]).max(axis=1, initial=0)
    unsure = (rows.confidence >= LEAST_PERSON) & (side <= _FAR * long_side)
    return np.asarray((rows.confidence >= _LIKELY_PERSON) | unsure)


def may_be_plated(rows: Detections, hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Which rows (n) of vehicles count in a picture of (h, w) pixels: the unsurest only where they leave half of it to be seen,
    for a false one of the size of a lift car would soften all that a reviewer has to look at."""
    sides = rows.xyxy[:, 2:] - rows.xyxy[:, :2]
    near = sides[:, 0] * sides[:, 1] > _NEAR * hw[0] * hw[1]
    return np.asarray(rows.confidence >= np.where(near, _LEAST_NEAR, LEAST_PLATED))


def plated_regions(boxes: Boxes, confidence: NDArray[np.float32]) -> Boxes:
    """What to soften round vehicles (n, 4) of confidence (n,); may leave the picture. A box that is unsure often holds the
    lower part of its vehicle alone, so more is softened round it."""
    x0, y0, x1, y1 = boxes.T
    w, h = x1 - x0, y1 - y0
    sure = confidence >= _SURE
    beside, above = np.where(sure, _MARGIN, _UNSURE_BESIDE) * w, np.where(sure, _MARGIN, _UNSURE_ABOVE) * h
    return np.stack([x0 - beside, y0 - above, x1 + beside, y1 + _MARGIN * h], axis=1).astype(np.float32)


def _of(found: Detections, wanted: Sequence[str], names: Sequence[str]) -> Detections:
    return found[found.rows_of([names.index(name) for name in wanted if name in names])]


@cache
def _shipped_detector() -> Detector:
    """Settled at the first picture: over the session of the inspector where that is the shipped model in fp32, for an int8 one
    misses more plates at so low a confidence. Else over one of its own, with one thread, because pictures are made beside
    inspections, and without buffers kept, because they are made seldom."""
    manifest = find_manifest()
    session = find_reference(manifest)
    if session is None:
        from firewarden.inference.runtime_onnx import OnnxSession

        session = OnnxSession(manifest.model_path, threads=1, keep_buffers=False)
    return OnnxDetector(manifest, session)
