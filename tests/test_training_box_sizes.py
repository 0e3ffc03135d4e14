"""Boxes against labels, worked out by hand."""

import numpy as np
import pytest

from firewarden.detections import Detections
from firewarden.training.box_sizes import BoxSize, box_sizes
from firewarden.training.metrics import GroundTruth

NOTHING = np.empty((0, 4), np.float32)


def photo(seen, labelled, class_id=0):
    """Boxes and labels of one class."""
    seen, labelled = (np.array(rows, np.float32).reshape(-1, 4) for rows in (seen, labelled))
    truth = GroundTruth(np.full(len(labelled), class_id), labelled, np.empty(0, np.int64), NOTHING)
    confidence = np.linspace(0.9, 0.1, len(seen), dtype=np.float32)
    return Detections(seen, confidence, np.full(len(seen), class_id)), truth


def test_boxes_ten_per_cent_too_wide_and_five_too_low():
    # 100 x 200 labelled, 110 x 190 drawn: IoU 19,000 / (20,000 + 20,900 - 19,000) = 0.87; the far box is nearer to none
    photos = [photo([[95, 0, 205, 190], [400, 0, 500, 100]], [[100, 0, 200, 200]])] * 10
    assert box_sizes(photos, ("extinguisher",)) == {"extinguisher": BoxSize(10, 1.1, 0.95)}


def test_what_is_missed_and_what_is_of_another_class_does_not_count():
    found = [photo([[0, 0, 10, 10]], [[0, 0, 10, 10]])] * 9
    missed = [photo([[0, 0, 10, 4.9]], [[0, 0, 10, 10]])]  # IoU 0.49
    other = [photo([[0, 0, 30, 10]], [[0, 0, 20, 10]], class_id=1)] * 10
    assert box_sizes([*found, *missed, *other], ("a", "b")) == {"b": BoxSize(10, 1.5, 1.0)}
    assert box_sizes([*found, *found, *missed], ("a", "b"))["a"].n == 18


@pytest.mark.parametrize(("best", "width"), [(0, 1.0), (1, 1.2)])
def test_each_label_takes_the_box_that_covers_it_best(best, width):
    boxes = [[0, 0, 100, 100], [0, 0, 120, 100]] if best == 0 else [[0, 0, 55, 100], [0, 0, 120, 100]]
    assert box_sizes([photo(boxes, [[0, 0, 100, 100]])] * 10, ("a",))["a"].width == pytest.approx(width)


def test_no_photos_are_a_value():
    assert box_sizes([], ("a",)) == {}
