"""Windows that cut a door: what stays of each box, worked out by hand."""

import numpy as np
import pytest

pytest.importorskip("cv2", reason="composing needs OpenCV: install firewarden[train]")

from firewarden.datasets.compose.cut_doors import clip_rows, crop, draw_window
from firewarden.datasets.compose.ground import Ground
from firewarden.datasets.labels import label_rows

HW = (200, 400)
DOOR = (100.0, 20.0, 200.0, 180.0)


def test_boxes_are_clipped_to_the_window_and_measured() -> None:
    rows = label_rows([(4, 0.375, 0.5, 0.25, 0.8), (6, 0.875, 0.5, 0.05, 0.2)])  # x 100-200; x 340-360
    clipped, share = clip_rows(rows, HW, (150, 0, 350, 200))
    np.testing.assert_allclose(share, [0.5, 0.5])
    np.testing.assert_allclose(clipped.cxcywh[0], [0.125, 0.5, 0.25, 0.8], atol=1e-6)  # x 0-50 of 200
    np.testing.assert_allclose(clipped.cxcywh[1], [0.975, 0.5, 0.05, 0.2], atol=1e-6)  # x 190-200 of 200


def test_what_hardly_shows_is_ignored_and_what_is_outside_goes() -> None:
    labels = label_rows([(4, 0.375, 0.5, 0.25, 0.8), (6, 0.05, 0.5, 0.05, 0.2)])  # the second at x 10-30
    ground = Ground(np.zeros((*HW, 3), np.uint8), labels, label_rows([]))
    picture, kept, ignore = crop(ground, (190, 0, 400, 200))  # a tenth of the door
    assert picture.shape == (200, 210, 3)
    assert (len(kept), ignore.class_id.tolist()) == (0, [4])


def test_an_edge_of_the_window_runs_through_the_door() -> None:
    windows = [draw_window(DOOR, HW, np.random.default_rng(seed)) for seed in range(40)]
    drawn = [window for window in windows if window is not None]
    assert len(drawn) > 20  # the others are too small to tell anything
    for x0, _, x1, _ in drawn:
        assert (DOOR[0] < x0 < DOOR[2]) != (DOOR[0] < x1 < DOOR[2])
