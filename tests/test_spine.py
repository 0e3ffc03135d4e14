"""The spine types: shapes checked once, arrays read-only, zero rows a value, stable JSON."""

import json

import numpy as np
import pytest

from firewarden.detections import Detections
from firewarden.findings import (
    Assessment,
    Fact,
    Finding,
    InspectionContext,
    Outcome,
    RiskLevel,
    Routing,
    SceneEstimate,
    Source,
    Text,
    Verdict,
)
from firewarden.inspection import InspectionResult


def detections(n: int) -> Detections:
    boxes = np.array([[i, i, i + 10, i + 20] for i in range(n)], np.float32).reshape(-1, 4)
    return Detections(boxes, np.linspace(1, 0.5, n, dtype=np.float32), np.arange(n, dtype=np.int64))


@pytest.mark.parametrize(
    ("xyxy", "confidence", "class_id"),
    [
        pytest.param(np.zeros((2, 4)), np.zeros(1), np.zeros(2), id="confidence is short"),
        pytest.param(np.zeros((2, 5)), np.zeros(2), np.zeros(2), id="five numbers a box"),
        pytest.param(np.zeros(4), np.zeros(1), np.zeros(1), id="a bare box"),
    ],
)
def test_wrong_shapes_are_refused(xyxy, confidence, class_id):
    with pytest.raises(ValueError, match="expected"):
        Detections(xyxy, confidence, class_id)


def test_arrays_are_copied_and_read_only():
    source = np.zeros((1, 4), np.float32)
    rows = Detections(source, np.ones(1, np.float32), np.zeros(1, np.int64))
    source[0, 0] = 5
    assert rows.xyxy[0, 0] == 0
    with pytest.raises(ValueError):
        rows.xyxy[0, 0] = 5


@pytest.mark.parametrize("rows", [slice(0, 0), np.zeros(3, bool), np.empty(0, np.int64)])
def test_slicing_to_nothing_is_empty_detections(rows):
    assert detections(3)[rows] == Detections.empty()
    assert len(Detections.empty()) == 0 and Detections.empty().to_json([]) == []


def test_slicing_keeps_rows_together():
    picked = detections(4)[np.array([3, 1])]
    assert picked.class_id.tolist() == [3, 1] and picked.xyxy[0].tolist() == [3, 3, 13, 23]


def test_risk_levels_are_ordered():
    assert [level.rank for level in RiskLevel] == [0, 1, 2, 3]
    assert RiskLevel("major").rank > RiskLevel("low").rank


def test_a_context_fact_cannot_come_from_the_model():
    with pytest.raises(ValueError, match="source model"):
        InspectionContext(facts=(Fact("movable", Source.MODEL),))


@pytest.mark.parametrize(("box", "confidence"), [((5, 0, 4, 1), 0.5), ((0, 0, 1, 1), 1.5)])
def test_a_finding_checks_itself(box, confidence):
    with pytest.raises(ValueError, match="expected"):
        Finding("blocked_exit", Outcome.HAZARD, box, confidence, Text("", ""))


def result_of(levels: list[RiskLevel | None]) -> InspectionResult:
    finding = Finding(
        "blocked_exit", Outcome.HAZARD, (0, 0, 1, 1), 0.5, Text("中", "en"), ratios={"obstructed": 0.351}
    )
    grades = [Assessment(Outcome.HAZARD, level, level, ("BE-B2",), Routing.HUMAN_REVIEW) for level in levels]
    return InspectionResult(
        "ab" * 32, (480, 640), detections(2), ("door", "carton"), SceneEstimate("unknown", Source.MODEL, 0, True, Text("", "")),
        InspectionContext(), (finding,) * len(levels), tuple(grades), (), Verdict.HAZARD, Text("", ""), "m", "0" * 64, "r",
        {"total": 1.23456},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("levels", "highest"),
    [
        ([], None),
        ([None], None),
        ([RiskLevel.LOW, RiskLevel.ELEVATED, RiskLevel.GENERAL], RiskLevel.ELEVATED),
    ],
)
def test_the_photos_level_is_the_highest(levels, highest):
    assert result_of(levels).risk_level == highest


def test_json_is_stable_and_round_trips():
    wire = result_of([RiskLevel.GENERAL]).to_json()
    assert json.loads(json.dumps(wire)) == wire
    assert wire["schema_version"] == "firewarden-inspection/1"
    assert wire["detections"][0] == {"class_name": "door", "confidence": 1.0, "xyxy": [0.0, 0.0, 10.0, 20.0]}
    finding = wire["findings"][0]
    assert {"hazard", "outcome", "xyxy", "risk_level", "rule_ids", "reason", "facts"} <= set(finding)
    assert (finding["ratios"], wire["timings_ms"]) == ({"obstructed": 0.351}, {"total": 1.235})
