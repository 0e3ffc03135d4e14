"""Calibration moves the route of a finding and nothing else."""

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.detections import Detections
from firewarden.findings import (
    Assessment,
    Finding,
    InspectionContext,
    Outcome,
    Routing,
    SceneEstimate,
    Source,
    Text,
)
from firewarden.inference.calibration import calibrate, routing_probability
from firewarden.inference.grading import assess
from firewarden.inference.rules_file import load_rules

RULES = load_rules()
NAMES = ("door", "carton")
SEEN = Detections(
    np.array([[0, 0, 9, 9]] * 2, np.float32), np.array([0.8, 0.3], np.float32), np.array([0, 1], np.int64)
)


def finding_of(confidence: float, hazard: str = "blocked_exit") -> Finding:
    return Finding(hazard, Outcome.HAZARD, (0, 0, 9, 9), confidence, Text("中", "en"), evidence=(0, 1))


def judge(finding: Finding, probability: float | None) -> Assessment:
    scene = SceneEstimate("stairwell", Source.PERSON, 1.0, False, Text("", ""))
    context = InspectionContext(venue_type="restaurant")
    return assess(finding, scene, RULES, context, probability=probability)


@pytest.mark.parametrize(
    ("confidence", "curve", "expected"),
    [
        pytest.param(0.3, None, 0.3, id="no curve: as it is"),
        pytest.param(0.5, 0.3, 0.5, id="a temperature keeps one half"),
        pytest.param(0.8, 2.0, 2 / 3, id="odds 4 to the power 1/2 are 2"),
        pytest.param(0.2, 0.5, 1 / 17, id="odds 1/4 squared are 1/16"),
        pytest.param(0.3, ((0.2, 0.1), (0.4, 0.5)), 0.3, id="half-way between knots"),
        pytest.param(0.9, ((0.2, 0.1), (0.4, 0.5)), 0.5, id="flat beyond the last knot"),
        pytest.param(0.0, ((0.2, 0.1), (0.4, 0.5)), 0.1, id="flat before the first"),
    ],
)
def test_values_by_hand(confidence, curve, expected):
    assert float(calibrate(confidence, curve)) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20), st.floats(0.2, 5))
@settings(max_examples=50)
def test_a_curve_keeps_the_order_and_stays_a_probability(confidences, temperature):
    values = calibrate(sorted(confidences), temperature)
    assert (np.diff(values) >= 0).all() and values.min() >= 0 and values.max() <= 1


@pytest.mark.parametrize(
    ("confidence", "calibration", "expected"),
    [
        pytest.param(0.3, {"carton": 0.5}, 9 / 58, id="the carton gave it: odds 3/7 squared are 9/49"),
        pytest.param(0.3, {"door": 0.5}, 0.3, id="the door did not"),
        pytest.param(0.6, {"carton": 0.5, "door": 0.5}, 0.6, id="a guessed scene gave it"),
        pytest.param(0.3, {}, 0.3, id="no calibration"),
    ],
)
def test_the_row_that_gave_the_confidence_is_calibrated(confidence, calibration, expected):
    finding = finding_of(float(np.float32(confidence)))
    assert routing_probability(finding, SEEN, NAMES, calibration) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("confidence", "probability", "route"),
    [
        (0.3, None, Routing.HUMAN_REVIEW),
        (0.3, 0.9, Routing.DRAFT_ORDER),
        (0.9, 0.3, Routing.HUMAN_REVIEW),
        (0.06, 0.001, Routing.HUMAN_REVIEW),  # calibration hides nothing
        (0.02, 0.9, Routing.STORE_ONLY),
    ],
)
def test_the_probability_routes(confidence, probability, route):
    assert judge(finding_of(confidence), probability).routing is route


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(sorted(RULES.hazards)))
@settings(max_examples=200, deadline=None)
def test_it_changes_no_level_no_outcome_and_no_rule(confidence, probability, hazard):
    plain, routed = (judge(finding_of(confidence, hazard), p) for p in (None, probability))
    for column in fields(Assessment):
        if column.name not in ("routing", "needs_review"):
            assert getattr(plain, column.name) == getattr(routed, column.name)
    assert not math.isnan(confidence)
