"""Raw network rows to Detections."""

import numpy as np
from numpy.typing import NDArray

from firewarden.detections import Detections
from firewarden.geometry import iou_batch
from firewarden.inference.letterbox import Letterbox

DUPLICATE_IOU = (
    0.7  # the NMS-free head still answers twice now and then; objects that overlap more are one object
)


def decode_end2end(
    raw: NDArray[np.float32], letterbox: Letterbox, *, confidence_threshold: float = 0.0
) -> Detections:
    """Rows `raw (k, 6)`: xyxy in input pixels, confidence, class id; to Detections in original pixels.

    Boxes are clipped to the picture; rows without area, below the threshold or repeating a surer row are dropped. Order:
    falling confidence.
    """
    confidence = raw[:, 4]
    boxes = letterbox.undo_boxes(raw[:, :4])
    has_area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    rows = np.flatnonzero(has_area & (confidence >= confidence_threshold) & (confidence > 0))
    rows = rows[np.argsort(-confidence[rows], kind="stable")]
    found = Detections(boxes[rows], confidence[rows].clip(0, 1), raw[rows, 5].astype(np.int64))
    return drop_duplicates(found, iou_threshold=DUPLICATE_IOU)


def drop_duplicates(detections: Detections, *, iou_threshold: float) -> Detections:
    """Class-aware greedy suppression of rows sorted by falling confidence: a row goes when a kept row of its class has IoU
    above the threshold. Doing it twice changes nothing."""
    same_class = detections.class_id[:, None] == detections.class_id[None]
    clash = np.triu(same_class & (iou_batch(detections.xyxy, detections.xyxy) > iou_threshold), k=1)
    keep = np.ones(len(detections), bool)
    for row in np.flatnonzero(clash.any(axis=1)):
        if keep[row]:
            keep &= ~clash[row]
    return detections[keep]
