"""Private windows and polygons: what is painted, what stays, how much of a box lies where."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

sys.path.insert(0, str(Path(__file__).parent))
from cctv_stage import at

from firewarden.cctv.frame import Frame
from firewarden.cctv.masks import MASK_GREY, assess_clear, clear_grey, paint_out
from firewarden.cctv.motion import to_blocks
from firewarden.cctv.polygons import check_polygon, covered_by, fill_polygons, share_inside
from firewarden.cctv.watch import to_image

SQUARE = ((0.25, 0.25), (0.5, 0.25), (0.5, 0.5), (0.25, 0.5))
L_SHAPE = (
    (0.0, 0.0),
    (1.0, 0.0),
    (1.0, 0.5),
    (0.5, 0.5),
    (0.5, 1.0),
    (0.0, 1.0),
)  # all but the lower right quarter


def test_a_square_with_its_edges():
    painted = paint_out(np.zeros((8, 8, 3), np.uint8), (SQUARE,))
    expected = np.zeros((8, 8), bool)
    expected[1:5, 1:5] = True  # 0.25 * 8 = 2 to 0.5 * 8 = 4, and the pixels on the other side of the edges
    assert_array_equal(painted[..., 0] == MASK_GREY, expected)


triangles = st.lists(
    st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=3, unique=True
).map(tuple)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(polygon=triangles, h=st.integers(20, 60), w=st.integers(20, 60), seed=st.integers(0, 9))
def test_masked_pixels_are_constant_and_others_untouched(polygon, h, w, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (h, w, 3), np.uint8)
    before, mask = pixels.copy(), fill_polygons((polygon,), (h, w))
    painted = paint_out(pixels, (polygon,))
    assert (painted[mask] == MASK_GREY).all()
    assert_array_equal(painted[~mask], before[~mask])
    assert_array_equal(pixels, before)
    x, y = np.meshgrid((np.arange(w) + 0.5) / w, (np.arange(h) + 0.5) / h)
    assert mask[_inside(polygon, x, y)].all(), "every pixel whose centre lies inside is painted"


@settings(max_examples=200, deadline=None)
@given(polygon=triangles, h=st.integers(2, 60), w=st.integers(2, 60), seed=st.integers(0, 9))
def test_every_pixel_that_a_polygon_touches_is_painted(polygon, h, w, seed):
    """Points of the triangle and of its sides, each in the pixel that it lies in."""
    shares = np.random.default_rng(seed).dirichlet(np.ones(3), 3000)
    shares[1000:2000, 0] = 0  # on one side
    x, y = (shares / shares.sum(axis=1, keepdims=True) @ np.array(polygon)).T
    rows, columns = np.minimum((y * h).astype(int), h - 1), np.minimum((x * w).astype(int), w - 1)
    assert fill_polygons((polygon,), (h, w))[rows, columns].all()


def test_the_quality_of_a_masked_picture_is_that_of_the_rest(rules):
    """The right half alternates between 27 and 227: mean 127, standard deviation 100. With a window as large as it of one
    grey it would be 71 or less."""
    right_half = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
    left_half = ((0.0, 0.0), (0.498, 0.0), (0.498, 1.0), (0.0, 1.0))
    pixels = np.zeros((320, 640, 3), np.uint8)
    pixels[:, 320:] = np.where(np.arange(320) // 2 % 2, 227, 27)[None, :, None]
    bounds = replace(rules.quality, min_contrast=90)

    def problems(window):
        masked = to_image(Frame("c", paint_out(pixels, (window,)), at(0)))
        grey = clear_grey(to_blocks(masked.pixels, grid_w=48, grid_h=27), (window,), (320, 640))
        return assess_clear(masked, (window,), grey, bounds).problems

    assert problems(left_half) == ()
    assert problems(right_half) == ("dark", "flat", "blurred")


def _inside(triangle, x, y):
    a, b, c = (np.array(corner) for corner in triangle)
    sides = [(q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]) for p, q in ((a, b), (b, c), (c, a))]
    margin = 0.02  # rounding to whole pixels at the edge
    return np.all([s > margin for s in sides], axis=0) | np.all([s < -margin for s in sides], axis=0)


@pytest.mark.parametrize(
    ("box", "share"),
    [((0.0, 0.0, 0.5, 0.5), 1.0), ((0.5, 0.5, 1.0, 1.0), 0.0), ((0.0, 0.0, 1.0, 1.0), 0.75), ((0.25, 0.5, 0.75, 1), 0.5)],
)  # fmt: skip
def test_share_of_a_box_in_a_concave_zone(box, share):
    assert share_inside(box, (L_SHAPE,)) == pytest.approx(share, abs=0.03)
    assert check_polygon([list(c) for c in L_SHAPE]) == L_SHAPE


def test_cover_counts_overlapping_boxes_once():
    left, middle = (
        (0.25, 0.25, 0.375, 0.5),
        (0.3125, 0.25, 0.4375, 0.5),
    )  # together three quarters of the square
    assert covered_by([left, middle], SQUARE) == pytest.approx(0.75, abs=0.04)
    assert covered_by([], SQUARE) == 0
