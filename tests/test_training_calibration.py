"""Fitting the routing confidence on matches whose share of right ones is known."""

import numpy as np
import pytest

from firewarden.inference.calibration import calibrate
from firewarden.training.calibration import (
    Verdicts,
    calibration_error,
    collect_verdicts,
    curves_by_class,
    fit_calibration,
    fit_isotonic,
    fit_temperature,
)
from firewarden.training.metrics import PhotoMatch
from firewarden.training.shares import Places


def match_of(confidence: list[float], right: list[int], ignored: list[int] | None = None) -> PhotoMatch:
    """E-bikes (class 0) of one photo."""
    n = len(confidence)
    hit = np.tile(np.array(right, np.bool_), (10, 1))
    excused = np.tile(np.array(ignored or [0] * n, np.bool_), (10, 1))
    return PhotoMatch(
        np.array(confidence, np.float32), np.zeros(n, np.int64), hit, excused, np.empty(0, np.int64)
    )


def test_a_temperature_is_found_again() -> None:
    """Confidence 0.8 (odds 4) that is right 2 of 3 times (odds 2), and 0.2 right 1 of 3: temperature 2."""
    confidence, right = np.array([0.8, 0.8, 0.8, 0.2, 0.2, 0.2]), np.array([1, 1, 0, 1, 0, 0], float)
    assert fit_temperature(confidence, right) == pytest.approx(2.0, rel=0.02)


def test_isotonic_pools_what_falls() -> None:
    """Ten rows at each of 0.1, 0.2, 0.3 with 2, 6 and 4 right: the last two are pooled to 10 of 20."""
    confidence = np.repeat([0.1, 0.2, 0.3], 10)
    right = np.concatenate([np.arange(10) < k for k in (2, 6, 4)]).astype(float)
    curve = fit_isotonic(confidence, right)
    assert curve == ((0.1, pytest.approx(3 / 12)), (0.25, pytest.approx(11 / 22)))


def test_a_single_level_is_no_curve() -> None:
    assert fit_isotonic(np.repeat([0.1, 0.9], 10), np.ones(20)) is None
    assert fit_isotonic(np.repeat([0.1, 0.9], 10), np.repeat([1.0, 0.0], 10)) is None


def test_calibration_error_by_hand() -> None:
    """Two rows at 0.9 of which one is right (gap 0.4) and two at 0.15, none right (gap 0.15): mean 0.275."""
    verdicts = Verdicts(
        np.array([0.9, 0.9, 0.15, 0.15]),
        np.array([1.0, 0, 0, 0]),
        np.array([0, 0, 1, 1]),
        np.zeros(4, np.int64),
    )
    error, ci = calibration_error(verdicts.confidence, verdicts, Places.of(["p", "q"], draws=200))
    assert error == pytest.approx(0.275)
    assert ci == (pytest.approx(0.15), pytest.approx(0.4))  # one place alone


def test_excused_and_faint_rows_are_left_out() -> None:
    verdicts = collect_verdicts([match_of([0.9, 0.5, 0.04], [1, 0, 1], [0, 1, 0]), match_of([0.3], [0])])
    assert verdicts.confidence == pytest.approx([0.9, 0.3])
    assert (verdicts.right.tolist(), verdicts.photo.tolist()) == ([1.0, 0.0], [0, 1])


def test_overconfidence_is_taken_back_and_written_by_class() -> None:
    """40 places, each with e-bikes at 0.9 of which half are right, and one at 0.1, never right."""
    matches = [match_of([0.9, 0.9, 0.1], [1, 0, 0]) for _ in range(40)]
    places = [str(i) for i in range(40)]
    fitted = fit_calibration(matches, places, ["ebike", "bicycle", "door"], draws=50)
    two_wheelers = fitted["two_wheelers"]
    assert two_wheelers.kind == "isotonic" and two_wheelers.n == 120
    assert two_wheelers.ece_before == pytest.approx((80 * 0.4 + 40 * 0.1) / 120)
    assert two_wheelers.ece_after is not None and two_wheelers.ece_after < 0.05
    curves = curves_by_class(fitted)
    assert curves.keys() == {"ebike", "bicycle"}
    assert float(calibrate(0.9, curves["ebike"])) == pytest.approx(0.5, abs=0.02)
    assert fitted["exits"].kind == "none" and fitted["exits"].curve is None


def test_a_few_rows_get_no_curve() -> None:
    fitted = fit_calibration([match_of([0.9, 0.8], [0, 0])] * 5, list("abcde"), ["ebike"], draws=5)
    assert (fitted["two_wheelers"].kind, fitted["two_wheelers"].n) == ("none", 10)
