"""Boxes of one photo looked at by themselves and against what a detector saw."""

import numpy as np
import pytest

from firewarden.datasets.disagreement import find_disagreements
from firewarden.datasets.label_checks import find_label_problems, short_sides_px
from firewarden.datasets.labels import label_rows
from firewarden.detections import Detections

CLASSES = ("person", "door", "carton")
DOOR = (1, 0.5, 0.5, 0.4, 0.6)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        pytest.param([DOOR], [], id="a sound box"),
        pytest.param([(1, 0.5, 0.5, 1.0, 1.0)], [], id="the whole frame"),
        pytest.param([(1, 0.5, 0.5, 1.003, 1.0)], [], id="rounding is no complaint"),
        pytest.param([(1, 0.9, 0.5, 0.3, 0.5)], ["box_out_of_frame"], id="5 % beyond the right edge"),
        pytest.param([(1, 0.1, 0.5, 0.3, 0.5)], ["box_out_of_frame"], id="5 % beyond the left edge"),
        pytest.param([(1, 0.5, 0.5, 0.0, 0.5)], ["empty_box"], id="no width"),
        pytest.param([(1, 0.5, 0.5, float("nan"), 0.5)], ["empty_box"], id="no number"),
        pytest.param([(3, 0.5, 0.5, 0.2, 0.2)], ["unknown_class"], id="one class too many"),
        pytest.param([(-1, 0.5, 0.5, 0.2, 0.2)], ["unknown_class"], id="a class below zero"),
        pytest.param([(1, 0.5, 0.5, 0.0124, 0.5)], ["tiny_box"], id="11.9 px of 960"),
        pytest.param([(1, 0.5, 0.5, 0.0126, 0.5)], [], id="12.1 px of 960"),
        pytest.param([DOOR, DOOR], ["duplicate_box"], id="the same box twice"),
        pytest.param([DOOR, (2, *DOOR[1:])], [], id="another class in the same box"),
    ],
)
def test_boxes(rows, found) -> None:
    problems = find_label_problems("images/a.png", label_rows(rows), label_rows([]), (480, 640), CLASSES)
    assert [problem.kind for problem in problems] == found


def test_regions_to_ignore_may_be_tiny_but_not_broken() -> None:
    regions = label_rows([(1, 0.5, 0.5, 0.001, 0.001), (9, 0.5, 0.5, 0.5, 0.5)])
    problems = find_label_problems("images/a.png", label_rows([]), regions, (480, 640), CLASSES)
    assert [(p.kind, p.detail) for p in problems] == [
        ("unknown_class", "ignore region: class 9, expected 0 to 2")
    ]


def test_short_sides_are_measured_at_960() -> None:
    # 0.1 x 0.1 of 1920 x 1080 is 192 x 108 px; halved to a long side of 960: 54 px
    assert short_sides_px(label_rows([(0, 0.5, 0.5, 0.1, 0.1)]), (1080, 1920)).tolist() == pytest.approx([54])


def seen(*rows: tuple[float, ...]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        pytest.param([(30, 20, 70, 80, 0.3, 1)], [], id="door seen, weakly"),
        pytest.param([(30, 20, 70, 80, 0.05, 1)], ["label_doubtful"], id="too weak to count"),
        pytest.param([], ["label_doubtful"], id="nothing seen"),
        pytest.param([(30, 20, 70, 80, 0.9, 1), (0, 0, 20, 20, 0.7, 0)], ["label_missing"], id="a carton beside"),
        pytest.param([(30, 20, 70, 80, 0.9, 1), (0, 0, 20, 20, 0.5, 0)], [], id="not sure of the carton"),
        pytest.param([(30, 20, 70, 80, 0.9, 0)], ["class_doubtful", "label_doubtful"], id="a carton, not a door"),
        pytest.param([(30, 20, 70, 80, 0.9, 1), (82, 2, 98, 18, 0.9, 2)], [], id="in the region to ignore"),
        pytest.param([(30, 20, 70, 80, 0.9, 1), (82, 2, 98, 18, 0.9, 0)], ["label_missing"], id="that is for persons"),
        pytest.param([(30, 20, 70, 80, 0.9, 1), (0, 0, 20, 20, 0.9, 3)], [], id="a class the folder lacks"),
    ],
)  # fmt: skip
def test_a_detector_disagrees(rows, found) -> None:
    """100 x 100 px, a door in the middle, persons ignored in the corner; the model's classes have another order."""
    labels, ignored = label_rows([DOOR]), label_rows([(0, 0.9, 0.1, 0.2, 0.2)])
    names = ("carton", "door", "person", "lamp")
    problems = find_disagreements("images/a.png", labels, ignored, (100, 100), CLASSES, seen(*rows), names)
    assert sorted(problem.kind for problem in problems) == found


def test_labels_of_a_class_the_model_lacks_are_not_doubted() -> None:
    labels, nothing = label_rows([DOOR]), label_rows([])
    assert (
        find_disagreements("a", labels, nothing, (100, 100), CLASSES, Detections.empty(), ("person",)) == []
    )
