"""Boxes matched to boxes."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.cctv.tracker import assign, iou, match_boxes, shift
from firewarden.inference.cctv_rules import Nearness

NEAR = Nearness(iou_gte=0.3, shift_lte=0.5, moved_after_looks=3)


@pytest.mark.parametrize(
    ("a", "b", "overlap", "moved"),
    [
        ((0, 0, 3, 4), (0, 0, 3, 4), 1, 0),
        ((0, 0, 2, 2), (1, 0, 3, 2), 1 / 3, 1 / 8**0.5),
        ((0, 0, 3, 4), (6, 8, 9, 12), 0, 2),  # centres 10 apart, diagonal 5
        ((1, 1, 1, 1), (1, 1, 1, 1), 0, 0),
    ],
)
def test_overlap_and_shift(a, b, overlap, moved):
    assert iou(a, b) == pytest.approx(overlap) and shift(a, b) == pytest.approx(moved)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4).flatmap(lambda n: st.lists(
    st.lists(st.integers(0, 30), min_size=5, max_size=5), min_size=n, max_size=n)))  # fmt: skip
def test_no_assignment_is_cheaper(cost):
    pairs = assign(cost)
    assert sorted(i for i, _ in pairs) == list(range(len(cost)))
    assert len({j for _, j in pairs}) == len(cost)
    best = min(
        sum(row[j] for row, j in zip(cost, chosen, strict=True))
        for chosen in permutations(range(5), len(cost))
    )
    assert sum(cost[i][j] for i, j in pairs) == best


@pytest.mark.parametrize(
    ("known", "seen", "pairs"),
    [
        pytest.param([], [(0, 0, 1, 1)], [], id="nothing known"),
        pytest.param([(0, 0, 1, 1)], [], [], id="nothing seen"),
        pytest.param([(0, 0, 2, 2)], [(8, 8, 9, 9), (0, 0, 2, 2)], [(0, 1)], id="the far one is another"),
        pytest.param([(0, 0, 2, 2), (2, 0, 4, 2)], [(1, 0, 3, 2), (3, 0, 5, 2)], [(0, 0), (1, 1)], id="two that moved alike"),
        pytest.param([(0, 0, 2, 2), (0, 0, 2, 2.2), (5, 5, 6, 6)], [(0, 0, 2, 2)], [(0, 0)], id="more known than seen"),
        pytest.param([(0, 0, 2, 2)], [(1.9, 0, 3.9, 2)], [], id="moved by 0.67 diagonals"),
    ],
)  # fmt: skip
def test_matching(known, seen, pairs):
    assert match_boxes(known, seen, NEAR) == pairs


def test_where_a_thing_strayed_to_speaks_after_its_place():
    place, strayed = (0, 0, 2, 2), (1.9, 0, 3.9, 2)
    assert match_boxes([place], [strayed], NEAR, [strayed]) == [(0, 0)]
    assert match_boxes([place], [strayed, (0, 0, 1, 1.5)], NEAR, [strayed]) == [(0, 1)]  # an IoU of 1.5 / 4
