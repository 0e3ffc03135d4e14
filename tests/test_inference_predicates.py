"""Geometric tests of the relation rules, worked out by hand."""

import numpy as np
import pytest

from firewarden.inference import predicates as p


@pytest.mark.parametrize(
    ("box", "top"),
    [
        ((0, 0, 100, 300), 200.0),  # tall: a third of 300 is more than 0.4 of 100
        ((0, 0, 100, 90), 50.0),  # as wide as tall: 0.4 of 100 is more than a third of 90
        ((0, 0, 100, 30), 0.0),  # a pallet: 0.4 of 100 is more than its whole height
    ],
)
def test_what_of_an_object_stands_on_the_floor(box, top):
    parts = p.lower_parts(np.array([box], np.float32), share=1 / 3, share_w=0.4)
    assert parts[0].tolist() == [0.0, pytest.approx(top, abs=1e-3), 100.0, float(box[3])]


@pytest.mark.parametrize(
    ("sign", "expected"),
    [
        ((100, 0, 120, 20), (70, 0, 150, 220)),  # square: 2 x 20 to either side of 110, 10 x 20 below 20
        ((100, 0, 104, 20), (74, 0, 130, 220)),  # from the side: 4 wide counts as 14
        ((100, 0, 140, 10), (40, 0, 200, 290)),  # a plate: 10 high counts as 28
    ],
)
def test_where_an_extinguisher_belongs_to_a_sign(sign, expected):
    zone = p.near_zone(np.array(sign, np.float32), dx_w=2.0, below_h=10.0, side_gte=0.7)
    assert zone.tolist() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("sign", "marks"),
    [
        ((450, 220, 550, 260), True),  # 40 px above a door of 200 x 400 px
        ((450, -140, 550, -100), True),  # a door's height above its top
        ((450, -141, 550, -101), False),
        ((450, 500, 550, 540), True),  # on the door, 200 px below its top
        ((450, 501, 550, 541), False),
        ((590, 220, 690, 260), True),  # centres 140 px apart
        ((600, 220, 700, 260), False),  # 150 px: three quarters of its width
        ((300, 220, 400, 260), False),  # as far to the other side
    ],
)
def test_which_sign_marks_a_door(sign, marks):
    door, box = np.array((400, 300, 600, 700), np.float32), np.array(sign, np.float32)
    assert p.signs_door(door, box, above_lte_h=1.0, below_top_lte_h=0.5, dx_lt_w=0.75) is marks
