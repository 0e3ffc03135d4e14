"""Raw network rows to Detections."""

import numpy as np
from numpy.typing import NDArray

from firewarden.detections import Detections
from firewarden.inference.letterbox import Letterbox


def decode_end2end(
    raw: NDArray[np.float32], letterbox: Letterbox, *, confidence_threshold: float = 0.0
) -> Detections:
    """Rows `raw (k, 6)`: xyxy in input pixels, confidence, class id; to Detections in original pixels.

    Boxes are clipped to the picture; rows without area or below the threshold are dropped. Order: falling confidence.
    """
    confidence = raw[:, 4]
    boxes = letterbox.undo_boxes(raw[:, :4])
    has_area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    rows = np.flatnonzero(has_area & (confidence >= confidence_threshold) & (confidence > 0))
    rows = rows[np.argsort(-confidence[rows], kind="stable")]
    return Detections(boxes[rows], confidence[rows].clip(0, 1), raw[rows, 5].astype(np.int64))
