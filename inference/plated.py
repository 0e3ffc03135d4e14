"""Where vehicles with plates may be: for blurring alone, where a needless region costs little and a missed one a plate.

Findings rest on the operating points of the classes. Here the shipped model looks at the outward picture once more, and rows
that it is hardly sure of count as well. Such a box often holds the lower part of a vehicle only, so it is widened.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from firewarden.detections import Detections
from firewarden.geometry import Boxes
from firewarden.inference.detector import Detector, open_detector
from firewarden.inference.image import Image
from firewarden.models.registry import find_manifest

PLATED_CLASSES = ("vehicle", "ebike")
# chosen on val photos; benchmarks/privacy.py measures what it covers, and what needlessly
LEAST_CONFIDENCE = 0.01
_SURE = 0.25
_MARGIN = 0.1  # of width and height, on every side
_UNSURE_ABOVE, _UNSURE_BESIDE = 0.8, 0.2  # of height and of width
Pixels = NDArray[np.uint8]


def find_plated(pixels: Pixels, detector: Detector | None = None) -> Detections:
    """What may be a vehicle or an e-bike in `pixels` (h, w, 3) BGR, in pixels of it; by the shipped model if none is given."""
    detector = detector or _shipped_detector()
    names = detector.manifest.class_names
    found = detector.see(Image(pixels.view(), pixels.shape[:2], "", "image/jpeg")).detections
    found = found[found.rows_of([names.index(name) for name in PLATED_CLASSES if name in names])]
    return found[found.confidence >= LEAST_CONFIDENCE]


def plated_regions(boxes: Boxes, confidence: NDArray[np.float32]) -> Boxes:
    """What to soften round boxes (n, 4) of confidence (n,): more where it is unsure; may leave the picture."""
    x0, y0, x1, y1 = boxes.T
    w, h = x1 - x0, y1 - y0
    sure = confidence >= _SURE
    beside, above = np.where(sure, _MARGIN, _UNSURE_BESIDE) * w, np.where(sure, _MARGIN, _UNSURE_ABOVE) * h
    return np.stack([x0 - beside, y0 - above, x1 + beside, y1 + _MARGIN * h], axis=1).astype(np.float32)


@cache
def _shipped_detector() -> Detector:
    """Opened at the first picture; one thread, because pictures are made beside inspections."""
    return open_detector(find_manifest(), threads=1)
