"""The e-bike threshold: counted by hand on ten photos without the hazard."""

import pytest

from firewarden.training.hazard_points import LOWEST, Sight, choose_point

QUIET = [Sight(0.0, True, False)] * 7


@pytest.mark.parametrize(
    ("clear", "budget", "expected"),
    [
        pytest.param([0.9, 0.5, 0.3], 0.0, 0.9001, id="no false alarm allowed: above the surest"),
        pytest.param([0.9, 0.5, 0.3], 0.1, 0.5001, id="one of ten allowed: above the second"),
        pytest.param([0.9, 0.5, 0.3], 0.29, 0.3001, id="two of ten allowed"),
        pytest.param([0.9, 0.5, 0.3], 1.0, LOWEST, id="all allowed: the lowest"),
        pytest.param([0.02, 0.01, 0.0], 0.0, LOWEST, id="never below the lowest"),
    ],
)
def test_choice(clear, budget, expected):
    sights = [Sight(c, True, False) for c in clear] + QUIET + [Sight(0.2, True, True)]
    assert choose_point(sights, budget=budget) == pytest.approx(expected)


def test_outdoor_photos_raise_no_alarm_and_shown_ones_are_not_false():
    sights = [Sight(0.9, False, False)] * 5 + [Sight(0.9, True, True)] * 5
    assert choose_point(sights, budget=0.0) == LOWEST
