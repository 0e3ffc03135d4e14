"""Labels that a detector disagrees with: candidates for a second look, most striking first.

The detector is not asked here: its detections come in, so that this folder needs no inference.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from firewarden.datasets.label_checks import box_of
from firewarden.datasets.labels import LabelRows
from firewarden.datasets.problems import Box, Problem
from firewarden.detections import Detections
from firewarden.geometry import inside_share_batch, iou_batch

_SURE = 0.6  # a detection this confident speaks against a missing or another label
_SEEN = 0.1  # a label is seen when any detection this weak lies on it
_SAME_IOU = 0.5  # of one object
_TOUCH_IOU = 0.3  # of one object, read generously: boxes of cut-off objects differ
_IGNORED_SHARE = 0.5  # a detection this far inside an ignore region of its class counts neither way


@dataclass(frozen=True, slots=True)
class Sightings:
    """What a detector saw: detections by file stem, upright original pixels, down to a confidence of 0.1 or below."""

    detections: Mapping[str, Detections]
    class_names: tuple[str, ...]


def find_disagreements(
    file: str,
    rows: LabelRows,
    ignored: LabelRows,
    hw: tuple[int, int],
    classes: tuple[str, ...],
    seen: Detections,
    class_names: tuple[str, ...],
) -> list[Problem]:
    """Labels of one photo against the detections in it; classes that only one side knows take no part."""
    ids = np.array([classes.index(n) if n in classes else -1 for n in class_names], np.int64)
    seen = seen[np.isin(seen.class_id, np.flatnonzero(ids >= 0)) & (seen.confidence >= _SEEN)]
    seen_id = ids[seen.class_id]
    label_iou = iou_batch(seen.xyxy, rows.xyxy(hw))  # (detections, labels)
    same = seen_id[:, None] == rows.class_id[None]
    in_ignored = inside_share_batch(seen.xyxy, ignored.xyxy(hw)) >= _IGNORED_SHARE
    counted = ~(in_ignored & (seen_id[:, None] == ignored.class_id[None])).any(axis=1)
    found = (same & (label_iou >= _TOUCH_IOU)).any(axis=0)
    known = np.isin(rows.class_id, ids)
    problems = [
        Problem(
            "label_doubtful",
            (file,),
            f"{classes[rows.class_id[j]]}: not seen",
            box_of(rows, int(j)),
            float(rows.cxcywh[j, 2:].prod()),  # a large thing overlooked is more striking than a small one
        )
        for j in np.flatnonzero(~found & known)
        if 0 <= rows.class_id[j] < len(classes)
    ]
    for i in np.flatnonzero(counted & (seen.confidence >= _SURE)):
        if (same[i] & (label_iou[i] >= _TOUCH_IOU)).any():
            continue
        name, confidence = classes[seen_id[i]], float(seen.confidence[i])
        box = _shares(seen, int(i), hw)
        other = int(label_iou[i].argmax()) if len(rows) else -1
        if other >= 0 and label_iou[i, other] >= _SAME_IOU and 0 <= rows.class_id[other] < len(classes):
            detail = f"labelled {classes[rows.class_id[other]]}, seen as {name} ({confidence:.2f})"
            problems.append(Problem("class_doubtful", (file,), detail, box, confidence))
        else:
            detail = f"{name} seen ({confidence:.2f}), no label"
            problems.append(Problem("label_missing", (file,), detail, box, confidence))
    return problems


def _shares(seen: Detections, index: int, hw: tuple[int, int]) -> Box:
    h, w = hw
    x0, y0, x1, y1 = (float(v) for v in seen.xyxy[index])
    return x0 / w, y0 / h, x1 / w, y1 / h
