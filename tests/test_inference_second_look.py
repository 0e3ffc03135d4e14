"""The second look of outward pictures: regions worked out by hand, which rows count, and whose session it uses."""

import gc
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from firewarden.detections import Detections
from firewarden.inference.detector import Sight
from firewarden.inference.release import find_private
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.inference.runtime_onnx import OnnxSession
from firewarden.inference.second_look import (
    LEAST_PLATED,
    look_again,
    may_be_persons,
    may_be_plated,
    plated_regions,
)
from firewarden.inference.session import find_reference, open_session
from firewarden.models.registry import find_manifest

GREY = np.full((300, 400, 3), 128, np.uint8)


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


def test_vehicles_count_from_a_confidence_that_is_too_low_for_persons_and_findings():
    low, too_low = 1.2 * LEAST_PLATED, 0.8 * LEAST_PLATED
    rows = [(0.9, 0), (0.5, 1), (low, 2), (low, 1), (low, 0), (too_low, 1), (too_low, 2)]
    found = look_again(GREY, Seer(rows))
    assert found.persons.confidence.tolist() == pytest.approx([0.9])
    assert found.plated.class_id.tolist() == [1, 2, 1]


@pytest.mark.parametrize(
    ("confidence", "wh", "counts"),
    [
        # a quarter of 400 is 100
        pytest.param(0.01, (40, 100), True, id="far and hardly seen"),
        pytest.param(0.019, (40, 101), False, id="near and hardly seen"),
        pytest.param(0.019, (101, 40), False, id="wide and hardly seen"),
        pytest.param(0.021, (300, 400), True, id="near and likely enough"),
        pytest.param(0.0099, (10, 20), False, id="far and not seen"),
    ],
)
def test_an_unsure_person_counts_where_it_is_small(confidence, wh, counts):
    box = np.array([[7, 5, 7 + wh[0], 5 + wh[1]]], np.float32)
    row = Detections(box, np.array([confidence], np.float32), np.array([0]))
    assert may_be_persons(row, 400).tolist() == [counts]
    assert may_be_persons(row[np.array([False])], 400).tolist() == []


@pytest.mark.parametrize(
    ("confidence", "wh", "counts"),
    [
        # half of 400 x 300 is 60,000: 300 x 200
        pytest.param(0.006, (300, 200), True, id="leaves half of the picture"),
        pytest.param(0.009, (300, 201), False, id="as large as a lift car, hardly seen"),
        pytest.param(0.011, (400, 300), True, id="near and seen"),
        pytest.param(0.004, (40, 30), False, id="small and not seen"),
    ],
)
def test_the_unsurest_vehicle_counts_where_it_leaves_half_of_the_picture(confidence, wh, counts):
    box = np.array([[0, 0, *wh]], np.float32)
    row = Detections(box, np.array([confidence], np.float32), np.array([2]))
    assert may_be_plated(row, (300, 400)).tolist() == [counts]
    assert may_be_plated(row[np.array([False])], (300, 400)).tolist() == []


def test_a_model_without_a_class_finds_none_of_it():
    seer = Seer([(0.9, 0)])
    seer.manifest = SimpleNamespace(class_names=("door", "vehicle"))
    found = look_again(GREY, seer)
    assert (len(found.persons), len(found.plated)) == (0, 0)


def test_what_is_listed_is_covered_beside_what_a_second_look_finds():
    """The result is of a photo twice as large; the second look finds 1, 2, 30, 40 in the picture itself."""
    listed = [
        {"class_name": "person", "xyxy": (200, 100, 300, 500)},
        {"class_name": "vehicle", "xyxy": (400, 200, 600, 400)},
        {"class_name": "door", "xyxy": (0, 0, 100, 500)},
        {"class_name": "extinguisher", "xyxy": (0, 0, 40, 100)},
    ]
    result = {"image_hw": (600, 800), "detections": listed}
    private = find_private(GREY, result, Seer([(0.5, 1), (0.02, 0)]))
    assert private.listed.tolist() == [[100, 50, 150, 250]]
    assert private.persons.tolist() == [[100, 50, 150, 250], [1, 2, 30, 40]]
    assert private.extinguishers.tolist() == [[0, 0, 20, 50]]
    # a gauge on the extinguisher, where no listed person is; and a face on the wall
    faces = np.array([[2, 4, 12, 14], [300, 10, 310, 20]], np.float32)
    assert private.without_gauges(faces).tolist() == [[300, 10, 310, 20]]
    # a tenth of 100 and 100; a tenth of 29 and 38
    assert private.plated == pytest.approx(
        np.array([[190, 90, 310, 210], [-1.9, -1.8, 32.9, 43.8]]), abs=1e-3
    )


def test_the_shipped_model_finds_nobody_in_an_empty_picture_and_leaves_it_writeable():
    pixels = GREY.copy()
    found = look_again(pixels)
    assert (len(found.persons), len(found.plated)) == (0, 0)
    assert pixels.flags.writeable


def test_the_session_of_an_inspector_is_shared_as_long_as_it_lives_and_only_in_fp32():
    manifest = replace(find_manifest(), sha256="0" * 64)  # no other test has it open
    assert find_reference(manifest) is None
    session = open_session(manifest, threads=1)
    assert find_reference(manifest) is session
    del session
    gc.collect()
    assert find_reference(manifest) is None
    int8 = open_session(manifest, runtime=RuntimeChoice(precision="int8"), threads=1)
    assert int8 is not None and find_reference(manifest) is None


def test_a_session_that_keeps_no_buffers_answers_the_same():
    path = find_manifest().model_path
    batch = np.random.default_rng(2).random((1, 3, 128, 128), np.float32)
    keeping, lean = (OnnxSession(path, threads=1, keep_buffers=keeps).run(batch) for keeps in (True, False))
    assert np.array_equal(keeping.rows, lean.rows)
