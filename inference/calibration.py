"""From a detector's confidence to the probability that a detection is right. It routes findings and does nothing else. Pure."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firewarden.detections import Detections
from firewarden.findings import Finding
from firewarden.models.tuning import CalibrationCurve

_EDGE = 1e-6  # confidences are kept this far from 0 and 1: a logit is finite


def calibrate(confidence: ArrayLike, curve: CalibrationCurve | None) -> NDArray[np.float64]:
    """Probabilities of the same shape, in [0, 1] and never falling with confidence. Without a curve they are the
    confidences themselves; beyond the outer knots the curve is flat."""
    values = np.asarray(confidence, np.float64)
    if curve is None:
        return values
    if isinstance(curve, tuple):
        knots = np.array(curve, np.float64)
        return np.asarray(np.interp(values, knots[:, 0], knots[:, 1]), np.float64)
    inside = values.clip(_EDGE, 1 - _EDGE)
    return np.asarray(1 / (1 + np.exp(-np.log(inside / (1 - inside)) / curve)), np.float64)


def routing_probability(
    finding: Finding,
    detections: Detections,
    class_names: tuple[str, ...],
    calibration: Mapping[str, CalibrationCurve],
) -> float:
    """The probability that the detection is right which gave the finding its confidence.

    A finding whose confidence is no detection's (that of a guessed scene) keeps it.
    """
    rows = np.array(finding.evidence, np.int64)
    rows = rows[detections.confidence[rows] == np.float32(finding.confidence)]
    if not len(rows) or not calibration:
        return finding.confidence
    curves = (calibration.get(class_names[int(detections.class_id[row])]) for row in rows)
    return min(float(calibrate(finding.confidence, curve)) for curve in curves)
