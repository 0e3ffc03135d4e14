"""Pure parts of the rendered scenes: streams, footprints, camera, labels out of a hand-made mask."""

import math

import numpy as np
import pytest

from firewarden.datasets.synth.camera import look_at
from firewarden.datasets.synth.footprint import Footprint, coverage, free_width, overlap
from firewarden.datasets.synth.hanging import catenary
from firewarden.datasets.synth.instance_labels import (
    amodal_pixels,
    cable_box,
    normalised_row,
    simplified,
    too_small,
    visible_box,
    visible_runs,
)
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.walls import Room


def test_a_stream_is_fixed_by_seed_and_part():
    assert stream(3, "door").random() == stream(3, "door").random()
    assert len({stream(seed, part).random() for seed in range(4) for part in ("door", "sign")}) == 8


def test_a_stream_gives_the_same_numbers_for_ever():
    """A change here silently changes every rendered data set."""
    assert stream(1, "room").integers(0, 1000, 4).tolist() == [375, 884, 488, 483]


ZONE = Footprint(0, 0, 1.0, 1.2)


@pytest.mark.parametrize(
    ("obstacles", "covered", "free"),
    [
        ([], 0.0, 1.0),
        ([Footprint(-0.25, 0, 0.5, 1.2)], 0.5, 0.5),  # left half
        ([Footprint(0, 0.3, 1.0, 0.6)], 0.5, 0.0),  # a bar across: nobody passes
        ([Footprint(-0.4, 0, 0.2, 0.6), Footprint(0.4, 0, 0.2, 0.6)], 0.2, 0.6),
        ([Footprint(3, 0, 1, 1)], 0.0, 1.0),
        ([Footprint(0, 0, 1.2, 1.0, math.pi / 2)], 1.0, 0.0),  # turned: 1.0 wide, 1.2 long
    ],
)
def test_coverage_and_free_width_of_a_zone(obstacles, covered, free):
    assert coverage(ZONE, obstacles) == pytest.approx(covered, abs=0.01)
    assert free_width(ZONE, obstacles) == pytest.approx(free, abs=0.021)


def test_coverage_turns_with_the_zone():
    zone, box = Footprint(2, 1, 1.0, 1.2, 0.7), Footprint(0.3, 0, 0.4, 1.2)
    c, s = math.cos(0.7), math.sin(0.7)
    moved = Footprint(2 + 0.3 * c, 1 + 0.3 * s, 0.4, 1.2, 0.7)
    assert coverage(zone, [moved]) == pytest.approx(coverage(ZONE, [box]), abs=0.02)


@pytest.mark.parametrize(
    ("other", "meets"),
    [
        (Footprint(1.0, 0, 1, 1), False),  # edges touch
        (Footprint(0.99, 0, 1, 1), True),
        (Footprint(1.1, 0, 1, 1, math.pi / 4), True),  # its corner reaches in
        (Footprint(1.1, 1.1, 1, 1, math.pi / 4), False),  # boxes of both meet, the rectangles do not
    ],
)
def test_overlap_of_rectangles(other, meets):
    square = Footprint(0, 0, 1, 1)
    assert overlap(square, other) is meets
    assert overlap(other, square) is meets


def test_projection_by_hand():
    """90 degrees over 400 px: focal length 200 px; a point 2 m ahead and 1 m to the right lies 100 px right."""
    camera = look_at((0, 0, 1.5), (0, 5, 1.5), (400, 300), fov_deg=90)
    pixels, depth = camera.project(np.array([[1.0, 2.0, 1.5], [0.0, 4.0, 2.5], [0.0, -1.0, 1.5]]))
    assert pixels[:2] == pytest.approx(np.array([[300, 150], [200, 100]]))
    assert depth == pytest.approx([2, 4, -1])


def test_barrel_keeps_corners_and_projection_follows_the_bent_picture():
    camera = look_at((0, 0, 2), (0, 2, 0), (320, 240), fov_deg=100, barrel=0.2)
    corners = np.array([[-160.0, -120.0], [160.0, 120.0]])
    assert camera.source_offsets(corners) == pytest.approx(corners)
    point = np.array([[0.4, 1.3, 0.3]])
    flat, _ = look_at((0, 0, 2), (0, 2, 0), (320, 240), fov_deg=100).project(point)
    bent, _ = camera.project(point)
    assert camera.source_offsets(bent - (160, 120)) == pytest.approx(flat - (160, 120), abs=1e-6)
    assert np.linalg.norm(bent - (160, 120)) > np.linalg.norm(flat - (160, 120))  # the middle is magnified


def test_bent_mask_shows_an_instance_where_it_projects():
    camera = look_at((0, 0, 2), (0, 2, 0), (320, 240), fov_deg=100, barrel=0.2)
    flat, _ = look_at((0, 0, 2), (0, 2, 0), (320, 240), fov_deg=100).project(np.array([[0.3, 1.5, 0.2]]))
    x, y = np.rint(flat[0]).astype(int)
    mask = np.zeros((240, 320), np.int32)
    mask[y - 3 : y + 4, x - 3 : x + 4] = 7
    (x0, y0, x1, y1), _ = visible_box(camera.bend_mask(mask), 7)
    bent, _ = camera.project(np.array([[0.3, 1.5, 0.2]]))
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx(tuple(bent[0]), abs=1.0)


def test_visible_box_of_a_mask():
    mask = np.zeros((10, 20), np.int32)
    mask[2:5, 4:9] = 3
    mask[3, 5] = 0
    assert visible_box(mask, 3) == ((4, 2, 9, 5), 14)
    assert visible_box(mask, 1) is None
    assert normalised_row((4, 2, 9, 5), (20, 10)) == pytest.approx((6.5 / 20, 0.35, 0.25, 0.3))


def test_pixels_behind_the_edge_count_as_hidden():
    square = np.array([[90.0, 10], [110, 10], [110, 30], [90, 30]])  # half of it right of a picture 100 wide
    assert amodal_pixels([square], (100, 50)) == pytest.approx(441, abs=45)


@pytest.mark.parametrize(("side", "small"), [(7.9, True), (8.0, False)])
def test_twelve_pixels_at_960_are_eight_at_640(side, small):
    assert too_small((0, 0, 50, side), (640, 480)) is small


def test_a_hidden_stretch_parts_a_cable():
    mask = np.zeros((40, 100), np.int32)
    mask[20, 5:40] = 2
    mask[20, 70:95] = 2
    path = np.stack([np.arange(5, 95, 1.0), np.full(90, 20.5)], axis=1)
    runs = visible_runs(path, np.ones(90), mask, 2)
    assert [(run[0, 0], run[-1, 0]) for run in runs] == [(5, 41), (68, 94)]  # two pixels of tolerance
    assert visible_runs(path, -np.ones(90), mask, 2) == []  # behind the camera
    x0, y0, x1, y1 = cable_box(runs, (960, 40))
    assert (x0, x1, y1 - y0) == (5, 94, 12)  # thickened to 12 px


def test_simplified_keeps_corners():
    path = np.array([[0, 0], [1, 0.1], [2, 0], [3, 5], [4, 10.0]])
    assert simplified(path, 0.5).tolist() == [[0, 0], [2, 0], [4, 10]]


def test_a_hung_cord_touches_both_ends():
    start, end = np.array([0, 0, 2.0]), np.array([1, 2, 0.5])
    path = catenary(start, end, 0.4, 30)
    assert path[0] == pytest.approx(start) and path[-1] == pytest.approx(end)


def test_wall_frames_face_the_room():
    """Half a metre before any wall lies inside; right along the wall is right as seen from inside."""
    room = Room(2.0, 6.0, 2.5)
    assert room.walls["left"].point(1.0, 0.5, 1.2) == pytest.approx((-0.5, 4.0, 1.2))
    assert room.walls["right"].point(1.0, 0.5, 1.2) == pytest.approx((0.5, 2.0, 1.2))
    assert room.walls["end"].point(0.3, 0.5, 0) == pytest.approx((0.3, 5.5, 0))
    assert room.walls["near"].point(0.3, 0.5, 0) == pytest.approx((-0.3, 0.5, 0))
