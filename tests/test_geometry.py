"""Boxes and polygons against numbers worked out by hand, and their properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.geometry import (
    clip_polygon,
    covered_share,
    inside_share_batch,
    iou_batch,
    polygon_area,
    sample_polygon,
)

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], np.float32)


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("a", "b", "iou", "share"),
    [
        pytest.param((0, 0, 10, 10), (0, 0, 10, 10), 1.0, 1.0, id="same"),
        pytest.param((0, 0, 10, 10), (5, 0, 15, 10), 50 / 150, 0.5, id="half"),
        pytest.param((0, 0, 10, 10), (10, 0, 20, 10), 0.0, 0.0, id="touching"),
        pytest.param((0, 0, 10, 10), (0, 0, 100, 100), 0.01, 1.0, id="inside"),
        pytest.param((5, 5, 5, 5), (0, 0, 10, 10), 0.0, 0.0, id="no area"),
    ],
)
def test_iou_and_inside_share(a, b, iou, share):
    assert iou_batch(boxes(a), boxes(b))[0, 0] == pytest.approx(iou)
    assert inside_share_batch(boxes(a), boxes(b))[0, 0] == pytest.approx(share)


def test_pairwise_of_nothing_is_nothing():
    assert iou_batch(boxes(), boxes((0, 0, 1, 1))).shape == (0, 1)


coordinate = st.floats(0, 1000, width=32)
any_box = st.tuples(coordinate, coordinate, coordinate, coordinate).map(
    lambda c: (min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3]))
)


@given(any_box, any_box)
def test_iou_is_symmetric_and_bounded(a, b):
    there, back = iou_batch(boxes(a), boxes(b))[0, 0], iou_batch(boxes(b), boxes(a))[0, 0]
    assert there == pytest.approx(back) and 0 <= there <= 1 + 1e-6


@pytest.mark.parametrize(
    ("box", "area"),
    [
        pytest.param((0, 0, 10, 10), 100, id="whole"),
        pytest.param((5, 5, 50, 50), 25, id="quarter"),
        pytest.param((20, 20, 30, 30), 0, id="outside"),
    ],
)
def test_clipped_area(box, area):
    assert polygon_area(clip_polygon(SQUARE, np.array(box, np.float32))) == pytest.approx(area)


@pytest.mark.parametrize(
    ("covers", "share"),
    [
        pytest.param([], 0.0, id="nothing"),
        pytest.param([(0, 0, 5, 10)], 0.5, id="half"),
        pytest.param([(0, 0, 5, 10), (0, 0, 5, 10)], 0.5, id="the same half twice is a union"),
        pytest.param([(0, 0, 5, 5), (5, 5, 10, 10)], 0.5, id="two quarters"),
        pytest.param([(-5, -5, 20, 20)], 1.0, id="all"),
    ],
)
def test_covered_share(covers, share):
    assert covered_share(SQUARE, boxes(*covers)) == pytest.approx(share, abs=0.03)
    assert covered_share(SQUARE[::-1], boxes(*covers)) == pytest.approx(share, abs=0.03)


@given(st.lists(any_box, max_size=4), any_box)
def test_more_boxes_never_cover_less(rows, extra):
    triangle = np.array([[100, 100], [900, 200], [400, 900]], np.float32)
    assert covered_share(triangle, boxes(*rows, extra)) >= covered_share(triangle, boxes(*rows))


@given(st.lists(any_box, max_size=4))
def test_boxes_together_and_one_by_one_look_at_the_same_points(rows):
    triangle = np.array([[100, 100], [900, 200], [400, 900]], np.float32)
    alone = [covered_share(triangle, boxes(row)) > 0 for row in rows]
    assert sample_polygon(triangle).cover(boxes(*rows))[1].tolist() == alone


def test_a_polygon_without_area_is_covered_by_nothing():
    line = np.array([[0, 0], [10, 0], [10, 0]], np.float32)
    share, touched = sample_polygon(line).cover(boxes((-5, -5, 20, 20)))
    assert share == 0 and touched.tolist() == [False]
