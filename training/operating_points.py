"""Confidence thresholds per class, chosen on the validation split.

Choice: the threshold with the best F1 at IoU 0.5, the smallest one among equals, since a missed hazard costs more than
a second look. Never below 0.10, where curves are long tails of single detections. A class with fewer than 8 validation
objects keeps the default: its best threshold would be the confidence of one lucky object. Classes that decide a hazard
have theirs chosen by the hazard instead, see `hazard_points.py`.
"""

import math
from collections.abc import Mapping

import numpy as np

from firewarden.training.metrics import PrCurve

DEFAULT_OPERATING_POINT = 0.25
LOWEST_OPERATING_POINT = 0.10
MIN_OBJECTS = 8


def choose_operating_points(
    curves: Mapping[str, PrCurve], *, default: float = DEFAULT_OPERATING_POINT
) -> dict[str, float]:
    """A threshold for every class of `curves`, with four decimals."""
    return {name: choose_operating_point(curve, default=default) for name, curve in curves.items()}


def choose_operating_point(curve: PrCurve, *, default: float = DEFAULT_OPERATING_POINT) -> float:
    """The smallest threshold with the best F1, rounded down so that its own detection still passes."""
    if curve.n < MIN_OBJECTS:
        return default
    allowed = curve.confidence >= np.float32(LOWEST_OPERATING_POINT)
    if not curve.true_positives[allowed].any():
        return default
    detected = curve.true_positives + curve.false_positives
    f1 = 2 * curve.true_positives[allowed] / (detected[allowed] + curve.n)
    best = np.flatnonzero(f1 == f1.max())[-1]  # rows fall in confidence: the last is the smallest
    return max(LOWEST_OPERATING_POINT, math.floor(float(curve.confidence[best]) * 1e4) / 1e4)
