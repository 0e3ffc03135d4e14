"""Regions softened for plates: widths worked out by hand, and which rows count."""

from types import SimpleNamespace

import numpy as np
import pytest

from firewarden.detections import Detections
from firewarden.inference.detector import Sight
from firewarden.inference.plated import LEAST_CONFIDENCE, find_plated, plated_regions


@pytest.mark.parametrize(
    ("confidence", "region"),
    [
        # 100 wide, 200 high: a tenth is 10 and 20
        pytest.param(0.25, (90, 80, 210, 320), id="sure: a tenth on every side"),
        # 0.2 of 100 beside, 0.8 of 200 above, a tenth of 200 below
        pytest.param(0.24, (80, -60, 220, 320), id="unsure: perhaps its lower part alone"),
    ],
)
def test_region_of_a_box_from_100_100_to_200_300(confidence, region):
    boxes = np.array([[100, 100, 200, 300]], np.float32)
    assert plated_regions(boxes, np.array([confidence], np.float32))[0] == pytest.approx(region, abs=1e-3)


def test_no_boxes_have_no_regions():
    assert plated_regions(np.empty((0, 4), np.float32), np.empty(0, np.float32)).shape == (0, 4)


class Seer:
    """Answers with the rows it was made with."""

    def __init__(self, rows):
        self.manifest = SimpleNamespace(class_names=("person", "ebike", "vehicle"))
        self.rows = rows

    def see(self, image):
        boxes = np.tile(np.array([[1, 2, 30, 40]], np.float32), (len(self.rows), 1))
        confidence, class_id = (np.array(column) for column in zip(*self.rows, strict=True))
        return Sight(Detections(boxes, confidence.astype(np.float32), class_id.astype(np.int64)), {})


def test_vehicles_count_from_a_confidence_that_is_too_low_for_findings():
    rows = [(0.9, 0), (0.5, 1), (2 * LEAST_CONFIDENCE, 2), (LEAST_CONFIDENCE / 2, 1)]
    found = find_plated(np.zeros((50, 60, 3), np.uint8), Seer(rows))
    assert found.class_id.tolist() == [1, 2]


def test_the_shipped_model_finds_none_in_an_empty_picture_and_leaves_it_writeable():
    pixels = np.full((300, 400, 3), 128, np.uint8)
    assert len(find_plated(pixels)) == 0
    assert pixels.flags.writeable
