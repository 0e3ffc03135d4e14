"""Ends and length of cords that predicted boxes reach, worked out by hand in 1000 x 1000 px: a reach of 30 px."""

import numpy as np
import pytest

from firewarden.datasets.cables import Cable
from firewarden.training.cable_scores import CableScore, reached, score_with_places
from firewarden.training.shares import Places

HW = (1000, 1000)
NONE = np.empty((0, 4), np.float32)


def cord(*points, kind="power", source="above", sink="vehicle"):
    return Cable(np.array(points, np.float32), kind, source, sink)


def scored(true, predicted, image_hws, groups) -> CableScore:
    return score_with_places(true, predicted, image_hws, Places.of(groups))


LEVEL = cord((0.1, 0.5), (0.9, 0.5))


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("predicted", "both", "source", "sink", "length"),
    [
        pytest.param(boxes((100, 490, 900, 510)), 1, 1, 1, 1.0, id="one box round the whole"),
        pytest.param(NONE, 0, 0, 0, 0.0, id="nothing"),
        pytest.param(boxes((100, 490, 300, 510)), 0, 1, 0, 230 / 800, id="the source's quarter and the reach"),
        pytest.param(boxes((130, 490, 870, 510)), 1, 1, 1, 1.0, id="both ends within 30 px"),
        pytest.param(boxes((131, 490, 869, 510)), 0, 0, 0, 798 / 800, id="both ends just beyond it"),
        pytest.param(
            boxes((80, 480, 180, 520), (820, 480, 920, 520)), 1, 1, 1, 220 / 800, id="a piece at each end"
        ),
        pytest.param(boxes((100, 541, 900, 560)), 0, 0, 0, 0.0, id="a box 41 px below"),
    ],
)  # fmt: skip
def test_one_cord(predicted, both, source, sink, length):
    score = scored([[LEVEL]], [predicted], [HW], ["a"])
    assert [s.count for s in (score.both_ends, score.source_ends, score.sink_ends)] == [both, source, sink]
    assert score.length.rate == pytest.approx(length, abs=0.01)


def test_cords_of_many_photos_and_wires_that_do_not_count():
    """Three power cords, one reached at both ends; telecom wires are nobody's; one of two clear photos got a box."""
    wire = cord((0, 0.1), (1, 0.1), kind="telecom")
    true = [[LEVEL, cord((0.5, 0), (0.5, 0.4))], [LEVEL, wire], [wire], []]
    predicted = [boxes((100, 490, 900, 510)), boxes((100, 490, 300, 510)), boxes((0, 90, 1000, 110)), NONE]
    score = scored(true, predicted, [HW] * 4, ["a", "b", "c", "d"])
    assert (score.both_ends.n, score.both_ends.count) == (3, 1)
    assert (score.source_ends.count, score.sink_ends.count) == (2, 1)
    assert (score.stray_photos.n, score.stray_photos.count) == (2, 1)
    low, high = score.both_ends.ci
    assert low <= 1 / 3 <= high


def test_hidden_ends_of_a_cord_seen_in_parts_count_neither_way():
    """Two stretches of one cord, only the first boxed: its source end is reached, its sink end is not, and where it goes
    behind something nothing is an end. 300 of 600 points."""
    first, second = (
        cord((0.1, 0.5), (0.4, 0.5), sink="hidden"),
        cord((0.6, 0.5), (0.9, 0.5), source="hidden"),
    )
    score = scored([[first, second]], [boxes((100, 490, 400, 510))], [HW], ["a"])
    assert score.cords == 2
    assert (score.both_ends.n, score.both_ends.rate) == (0, None)
    assert (score.source_ends.n, score.source_ends.count) == (1, 1)
    assert (score.sink_ends.n, score.sink_ends.count) == (1, 0)
    assert score.length.rate == pytest.approx(0.5, abs=0.01)
    assert score.stray_photos.n == 0


def test_reach_follows_the_long_side():
    """1000 x 500: 30 px; the cord's end at x = 100 is 25 px from the box."""
    score = scored([[LEVEL]], [boxes((125, 240, 900, 260))], [(500, 1000)], ["a"])
    assert score.both_ends.count == 1
    short = scored(
        [[LEVEL]], [boxes((62, 240, 450, 260))], [(500, 500)], ["a"]
    )  # end at 50, reach 15: 12 px off
    assert short.source_ends.count == 1


def test_no_photos_give_no_rates():
    score = scored([], [], [], [])
    assert score.both_ends.rate is None is score.stray_photos.rate
    assert score.to_json()["both_ends"] == {"cables": 0, "reached": 0, "rate": None, "ci": None}


def test_points_in_grown_boxes():
    points = np.array([[0.0, 0.0], [10, 0], [10.1, 0]])
    assert reached(points, boxes((0, 5, 5, 9)), reach_px=5).tolist() == [True, True, False]
