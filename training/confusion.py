"""Which class is taken for which, at IoU 0.5 and at the operating points."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firewarden.geometry import iou_batch
from firewarden.models.manifest import ModelManifest
from firewarden.training.figures import MeasuredPhoto

_IOU = 0.5


def confusion_matrix(photos: Sequence[MeasuredPhoto], manifest: ModelManifest) -> NDArray[np.int64]:
    """Counts (c + 1, c + 1), true class by said class. The last row is no object (false alarms), the last column no
    detection (misses). Detections that an ignore region excuses are left out."""
    n = len(manifest.class_names)
    table = np.zeros((n + 1, n + 1), np.int64)
    for photo in photos:
        for true, said in _pairs(photo, manifest):
            table[true, said] += 1
    return table


def evident(photo: MeasuredPhoto, manifest: ModelManifest) -> NDArray[np.bool_]:
    """Rows (n,) of the photo's detections at or above their class's operating point."""
    points = np.array([manifest.operating_point(name) for name in manifest.class_names], np.float32)
    return np.asarray(photo.detections.confidence >= points[photo.detections.class_id], np.bool_)


def _pairs(photo: MeasuredPhoto, manifest: ModelManifest) -> list[tuple[int, int]]:
    """(true, said) class ids; objects and detections are joined by falling overlap, one to one, their class preferred."""
    nothing = len(manifest.class_names)
    rows = np.flatnonzero(evident(photo, manifest))
    said, true = photo.detections.class_id[rows], photo.truth.class_id
    iou = iou_batch(photo.truth.xyxy, photo.detections.xyxy[rows])
    merit = np.where(iou >= _IOU, iou + (true[:, None] == said[None]), 0.0)  # (objects, detections)
    pairs, free_objects, free_rows = [], set(range(len(true))), set(range(len(rows)))
    for flat in np.argsort(-merit, axis=None, kind="stable")[: np.count_nonzero(merit)]:
        i, j = divmod(int(flat), len(rows))
        if i in free_objects and j in free_rows:
            pairs.append((int(true[i]), int(said[j])))
            free_objects.remove(i)
            free_rows.remove(j)
    pairs += [(int(true[i]), nothing) for i in free_objects]
    return pairs + [(nothing, int(said[j])) for j in free_rows if not photo.match.ignored[0, rows[j]]]
