"""Whether boxes are drawn larger or smaller than their labels: a habit that mean precision shows only as a lower figure.

Labels that are turned by their corners during training teach a network boxes that are too wide, on every photo by the same share.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firewarden.detections import Detections
from firewarden.geometry import Boxes, iou_batch
from firewarden.training.metrics import GroundTruth

FEWEST = 10  # objects; a median of fewer describes single photos
_SAME_OBJECT_IOU = 0.5
Sizes = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BoxSize:
    """Medians over the `n` labelled objects that are found at IoU 0.5: width and height of the box over those of the label."""

    n: int
    width: float
    height: float

    def to_json(self) -> dict[str, float]:
        return {"n": self.n, "width": self.width, "height": self.height}


def box_sizes(
    photos: Iterable[tuple[Detections, GroundTruth]], class_names: Sequence[str]
) -> Mapping[str, BoxSize]:
    """By class with at least ten such objects. Each label takes the box of its class that covers it best."""
    ratios: dict[int, list[Sizes]] = {}
    for seen, truth in photos:
        for class_id in np.intersect1d(seen.class_id, truth.class_id):
            boxes = seen.xyxy[seen.class_id == class_id]
            labels = truth.xyxy[truth.class_id == class_id]
            ratios.setdefault(int(class_id), []).append(_ratios(boxes, labels))
    pooled = {class_id: np.concatenate(rows) for class_id, rows in sorted(ratios.items())}
    return {
        class_names[class_id]: BoxSize(len(rows), *(round(float(v), 3) for v in np.median(rows, axis=0)))
        for class_id, rows in pooled.items()
        if len(rows) >= FEWEST
    }


def _ratios(boxes: Boxes, labels: Boxes) -> Sizes:
    """Width and height (k, 2) of the best boxes (n, 4) over those of the labels (m, 4) that one reaches, k <= m."""
    iou = iou_batch(labels, boxes)
    found = iou.max(axis=1) >= _SAME_OBJECT_IOU
    best, labels = boxes[iou.argmax(axis=1)[found]], labels[found]
    return np.asarray((best[:, 2:] - best[:, :2]) / (labels[:, 2:] - labels[:, :2]), np.float64)
