"""Operating points, worked out by hand on short curves."""

import numpy as np
import pytest

from firewarden.training.metrics import PrCurve
from firewarden.training.operating_points import choose_operating_point, choose_operating_points


def curve(confidence: list[float], hits: list[bool], n: int) -> PrCurve:
    hit = np.array(hits, np.bool_)
    return PrCurve(np.array(confidence, np.float32), hit.cumsum(), (~hit).cumsum(), n)


@pytest.mark.parametrize(
    ("confidence", "hits", "n", "expected"),
    [
        # F1 = 2 TP / (rows + n)
        pytest.param([0.9, 0.6, 0.4], [True, True, False], 8, 0.6, id="2/9 4/10 4/11: the second row"),
        pytest.param([0.9, 0.6, 0.4], [True, False, True], 8, 0.4, id="2/9 2/10 4/11: the last row"),
        pytest.param(
            [0.9, 0.6, 0.4],
            [True, False, False],
            8,
            0.9,
            id="misses only lower it",
        ),
        pytest.param(
            [0.99, 0.98, 0.97, 0.96, 0.95, 0.94, 0.93, 0.92, 0.6],
            [True] * 4 + [False] * 4 + [True],
            8,
            0.96,
            id="8/12 against 10/17",
        ),
        pytest.param([0.9, 0.5], [True, False], 7, 0.25, id="seven objects: the default"),
        pytest.param([0.9, 0.5], [False, False], 8, 0.25, id="no hit: the default"),
        pytest.param([0.09, 0.05], [True, True], 8, 0.25, id="hits only below 0.10: the default"),
        pytest.param([0.3, 0.09], [True, True], 8, 0.3, id="never below 0.10 although F1 would rise"),
        pytest.param([], [], 8, 0.25, id="no detections: the default"),
    ],
)
def test_choose_operating_point(confidence: list[float], hits: list[bool], n: int, expected: float) -> None:
    assert choose_operating_point(curve(confidence, hits, n)) == pytest.approx(expected, abs=1.01e-4)


def test_equal_f1_takes_the_smaller_threshold() -> None:
    # n = 8: one hit of one row 2/9; four hits of 28 rows 8/36 = 2/9
    hits = [True] + [False] * 24 + [True] * 3
    confidence = [float(v) for v in np.linspace(0.9, 0.2, 28)]
    assert choose_operating_point(curve(confidence, hits, 8)) == pytest.approx(0.2, abs=1.01e-4)


def test_the_threshold_lets_its_own_detection_pass() -> None:
    confidence = 0.123456
    point = choose_operating_point(curve([confidence], [True], 8))
    assert point == 0.1234


def test_every_class_gets_a_threshold() -> None:
    curves = {"door": curve([0.5], [True], 9), "carton": curve([], [], 0)}
    assert choose_operating_points(curves, default=0.4) == {"door": 0.5, "carton": 0.4}
