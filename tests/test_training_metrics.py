"""COCO metrics, worked out by hand; the fast AP also equals a textbook loop on random rows."""

import numpy as np
import pytest
from numpy.typing import NDArray

from firewarden.datasets.labels import label_rows
from firewarden.detections import Detections
from firewarden.training.evaluated_data import ground_truth
from firewarden.training.metrics import (
    ClassMetrics,
    DetectionMetrics,
    GroundTruth,
    average_precision,
    match_photo,
    measure,
)

Box = tuple[float, float, float, float]
Row = tuple[Box, float, int]  # box, confidence, class id
NAMES = ("door", "carton")
A: Box = (0, 0, 100, 100)
B: Box = (200, 0, 300, 100)
FAR: Box = (400, 400, 500, 500)


def detections(rows: list[Row]) -> Detections:
    return Detections(
        np.array([r[0] for r in rows], np.float32).reshape(-1, 4),
        np.array([r[1] for r in rows], np.float32),
        np.array([r[2] for r in rows], np.int64),
    )


def truth(objects: list[tuple[Box, int]], ignore: list[tuple[Box, int]] | None = None) -> GroundTruth:
    columns = [
        column
        for rows in (objects, ignore or [])
        for column in (
            np.array([c for _, c in rows], np.int64),
            np.array([b for b, _ in rows], np.float32).reshape(-1, 4),
        )
    ]
    return GroundTruth(*columns)


def measure_one(rows: list[Row], labels: GroundTruth, threshold: float = 0.25) -> DetectionMetrics:
    points = dict.fromkeys(NAMES, threshold)
    return measure([match_photo(detections(rows), labels)], ["here"], NAMES, points, draws=10)


def door(rows: list[Row], labels: GroundTruth, threshold: float = 0.25) -> ClassMetrics:
    return measure_one(rows, labels, threshold).per_class["door"]


HIT_MISS_HIT = (51 * 1 + 50 * 2 / 3) / 101  # recall 0.00-0.50 at precision 1, 0.51-1.00 at 2/3


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([(A, 0.9, 0), (B, 0.8, 0)], 1.0, id="all found"),
        pytest.param([], 0.0, id="nothing found"),
        pytest.param([(A, 0.9, 0)], 51 / 101, id="half found at precision 1"),
        pytest.param([(A, 0.9, 0), (FAR, 0.8, 0), (B, 0.7, 0)], HIT_MISS_HIT, id="a miss between two hits"),
        pytest.param([(B, 0.7, 0), (FAR, 0.8, 0), (A, 0.9, 0)], HIT_MISS_HIT, id="row order does not matter"),
        pytest.param([(A, 0.9, 0), (A, 0.8, 0), (B, 0.7, 0)], HIT_MISS_HIT, id="a double counts as a miss"),
        pytest.param(
            [(A, 0.9, 0), (B, 0.8, 0), (FAR, 0.7, 0)], 1.0, id="a miss after all hits costs nothing"
        ),
        pytest.param([(A, 0.9, 1), (B, 0.8, 1)], 0.0, id="another class does not help"),
    ],
)
def test_map50_of_two_objects(rows: list[Row], expected: float) -> None:
    assert door(rows, truth([(A, 0), (B, 0)])).map50 == pytest.approx(expected)


def test_map50_95_counts_a_loose_box_up_to_its_iou() -> None:
    loose: Box = (200, 0, 300, 72)  # IoU 0.72 with B: a hit at 0.50-0.70, a miss at 0.75-0.95
    row = door([(A, 0.9, 0), (FAR, 0.8, 0), (loose, 0.7, 0)], truth([(A, 0), (B, 0)]))
    assert row.map50_95 == pytest.approx((5 * HIT_MISS_HIT + 5 * 51 / 101) / 10)


def test_the_stronger_detection_takes_its_best_object_and_leaves_the_other() -> None:
    first, second = (0, 0, 100, 100), (0, 30, 100, 130)  # IoU 70/130 with each other
    match = match_photo(detections([(second, 0.9, 0), (first, 0.8, 0)]), truth([(first, 0), (second, 0)]))
    assert match.hit[0].tolist() == [True, True]
    assert match.hit[-1].tolist() == [True, True]


@pytest.mark.parametrize(
    ("ignore", "expected"),
    [
        pytest.param([], HIT_MISS_HIT, id="no ignore box"),
        pytest.param([(FAR, 0)], 1.0, id="inside an ignore box"),
        pytest.param([((400, 400, 450, 500), 0)], 1.0, id="half inside"),
        pytest.param([((400, 400, 449, 500), 0)], HIT_MISS_HIT, id="49 percent inside"),
        pytest.param(
            [((400, 400, 440, 500), 0), ((440, 400, 500, 440), 0)],
            HIT_MISS_HIT,
            id="in two boxes, half in neither",
        ),
        pytest.param([(FAR, 1)], HIT_MISS_HIT, id="ignore box of another class"),
        pytest.param([((0, 0, 640, 640), 0)], 1.0, id="full-image box: a match takes precedence"),
    ],
)
def test_ignore_boxes_excuse_the_miss_between_two_hits(
    ignore: list[tuple[Box, int]], expected: float
) -> None:
    rows: list[Row] = [(A, 0.9, 0), (FAR, 0.8, 0), (B, 0.7, 0)]
    assert door(rows, truth([(A, 0), (B, 0)], ignore)).map50 == pytest.approx(expected)


def test_a_loose_match_inside_an_ignore_box_is_excused_where_it_is_no_match() -> None:
    match = match_photo(detections([((0, 0, 100, 72), 0.9, 0)]), truth([(A, 0)], [(A, 0)]))
    assert match.hit[:, 0].tolist() == [True] * 5 + [False] * 5
    assert match.ignored[:, 0].tolist() == [False] * 5 + [True] * 5


def test_a_class_without_objects_is_unknown_and_not_in_the_mean() -> None:
    metrics = measure_one([(A, 0.9, 0), (FAR, 0.8, 1)], truth([(A, 0)]))
    carton = metrics.per_class["carton"]
    assert (carton.n, carton.map50, carton.map50_95, carton.recall) == (0, None, None, None)
    assert carton.precision == 0.0
    assert metrics.map50 == pytest.approx(1.0)


def test_no_photos_and_no_objects_give_none_everywhere() -> None:
    points = dict.fromkeys(NAMES, 0.25)
    for metrics in (measure([], [], NAMES, points, draws=5), measure_one([], truth([]))):
        assert (metrics.map50, metrics.map50_95, metrics.ci_map50) == (None, None, None)
        assert metrics.per_class["door"].precision is None


@pytest.mark.parametrize(
    ("threshold", "precision", "recall"),
    [(0.95, None, 0.0), (0.9, 1.0, 0.5), (0.75, 0.5, 0.5), (0.7, 2 / 3, 1.0)],
)
def test_precision_and_recall_at_the_operating_point(
    threshold: float, precision: float | None, recall: float
) -> None:
    rows: list[Row] = [(A, 0.9, 0), (FAR, 0.8, 0), (B, 0.7, 0)]
    row = door(rows, truth([(A, 0), (B, 0)]), threshold)
    assert (row.precision, row.recall) == (pytest.approx(precision), pytest.approx(recall))


def test_rows_of_equal_confidence_stand_or_fall_together_on_the_curve() -> None:
    curve = door([(A, 0.9, 0), (FAR, 0.5, 0), (B, 0.5, 0)], truth([(A, 0), (B, 0)])).curve
    assert curve.confidence.tolist() == pytest.approx([0.9, 0.5])
    assert curve.precision.tolist() == pytest.approx([1.0, 2 / 3])
    assert curve.recall.tolist() == pytest.approx([0.5, 1.0])


def textbook_ap(hit: NDArray[np.bool_], objects: int) -> float:
    """COCO's definition, point by point: at each of 101 recalls, the best precision at that recall or beyond."""
    points = [(hit[: k + 1].sum() / objects, hit[: k + 1].sum() / (k + 1)) for k in range(len(hit))]
    sampled = [max((p for r, p in points if r >= t), default=0.0) for t in np.linspace(0, 1, 101)]
    return float(np.mean(sampled))


@pytest.mark.parametrize("seed", range(20))
def test_ap_equals_the_textbook_also_when_places_are_drawn_more_than_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hit, group = rng.random(40) < 0.4, rng.integers(0, 4, 40)
    objects = np.bincount(group[hit], minlength=4) + rng.integers(0, 3, 4)
    drawn = rng.multinomial(4, [0.25] * 4).astype(float)
    got = average_precision(hit, group, objects, np.stack([np.ones(4), drawn]))
    times = drawn[group].astype(int)
    repeated = np.repeat(hit, times)
    total = int(drawn @ objects)
    assert got[0] == pytest.approx(textbook_ap(hit, int(objects.sum())))
    assert got[1] == pytest.approx(textbook_ap(repeated, total)) if total else np.isnan(got[1])


def two_places(found: tuple[bool, bool], draws: int = 200) -> DetectionMetrics:
    matches = [match_photo(detections([(A, 0.9, 0)] if f else []), truth([(A, 0)])) for f in found]
    return measure(matches, ["p", "q"], NAMES, dict.fromkeys(NAMES, 0.25), draws=draws, seed=1)


def test_intervals_span_what_places_say() -> None:
    # two places, one found (AP 1) and one not (AP 0): draws give 0, 51/101 and 1
    metrics = two_places((True, False))
    assert metrics.per_class["door"].ci_map50 == (0.0, 1.0)
    assert metrics.map50 == pytest.approx(51 / 101)
    assert two_places((True, True)).ci_map50 == (1.0, 1.0)


def test_intervals_are_reproducible_and_need_two_places() -> None:
    assert two_places((True, False), draws=7).ci_map50 == two_places((True, False), draws=7).ci_map50
    assert measure_one([(A, 0.9, 0)], truth([(A, 0)])).per_class["door"].ci_map50 is None


def test_photos_of_one_place_are_drawn_together() -> None:
    labels = truth([(A, 0)])
    found, missed = match_photo(detections([(A, 0.9, 0)]), labels), match_photo(detections([]), labels)
    points = dict.fromkeys(NAMES, 0.25)
    # each place has one found and one missed photo: every draw has AP 51/101
    metrics = measure([found, missed, found, missed], ["p", "p", "q", "q"], NAMES, points, draws=50)
    assert metrics.ci_map50 == (pytest.approx(51 / 101), pytest.approx(51 / 101))


def test_a_class_that_was_not_checked_counts_neither_way():
    """Class 0 has an ignore row over the whole picture beside a label: one hit and one false box of it leave no trace. Class 1
    has one over a corner alone, and keeps its label."""
    labels = label_rows([(0, 0.25, 0.25, 0.5, 0.5), (1, 0.75, 0.75, 0.5, 0.5)])
    ignore = label_rows([(0, 0.5, 0.5, 1.0, 1.0), (1, 0.1, 0.1, 0.2, 0.2)])
    truth = ground_truth((labels, ignore), (100, 100))
    assert truth.class_id.tolist() == [1] and truth.xyxy.tolist() == [[50, 50, 100, 100]]
    seen = Detections(
        np.array([[0, 0, 50, 50], [60, 0, 90, 30], [50, 50, 100, 100]], np.float32),
        np.array([0.9, 0.8, 0.7], np.float32),
        np.array([0, 0, 1], np.int64),
    )
    match = match_photo(seen, truth)
    assert match.ignored[0].tolist() == [True, True, False]
    assert match.hit[0].tolist() == [False, False, True]
