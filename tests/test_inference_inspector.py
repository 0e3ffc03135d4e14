"""From bytes to a graded result, over a network whose answer is known."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from tiny_model import build_model_folder

from firewarden.errors import InvalidImage, ModelMismatch
from firewarden.findings import Fact, InspectionContext, Outcome, RiskLevel, Source, Verdict
from firewarden.inference.batch import inspect_photos, list_photos, row_of
from firewarden.inference.inspector import open_inspector

SCENES = ("elevator_car", "indoor", "outdoor_open")
EBIKE, CARTON = CLASSES.index("ebike"), CLASSES.index("carton")
ROWS = [(16, 16, 48, 48, 0.9, EBIKE), (0, 0, 8, 8, 0.2, CARTON), (30, 30, 30, 40, 0.9, CARTON)]


def photo(w: int = 640, h: int = 640, kind: str = "JPEG") -> bytes:
    coarse = np.random.default_rng(0).integers(
        0, 255, (20, 20, 3), np.uint8
    )  # survives any reduction: not blurred
    stream = io.BytesIO()
    PillowImage.fromarray(coarse).resize((w, h), PillowImage.Resampling.NEAREST).save(stream, kind)
    return stream.getvalue()


@pytest.fixture
def in_lift(tmp_path):
    return open_inspector(
        build_model_folder(tmp_path / "tiny", CLASSES, ROWS, scene=(0.9, 0.08, 0.02), scene_names=SCENES)
    )


def test_an_ebike_in_a_lift(in_lift):
    """Row 16..48 of a 64 px input is 160..480 of a 640 px photo; the 0.2 carton and the flat box are no evidence."""
    result = in_lift.inspect(photo(), InspectionContext(venue_type="residential_highrise"))
    assert result.verdict is Verdict.HAZARD and result.risk_level is RiskLevel.GENERAL
    assert result.scene.name == "elevator_car" and result.scene.provisional
    wire = result.to_json()
    assert [d["class_name"] for d in wire["detections"]] == ["ebike"]
    assert wire["detections"][0]["xyxy"] == [160, 160, 480, 480]
    (finding,) = wire["findings"]
    assert (finding["hazard"], finding["rule_ids"], finding["risk_level"]) == (
        "indoor_ebike",
        ["EB-B2"],
        "general",
    )
    assert finding["reason"]["zh"] == "电梯轿厢内有 1 辆电动自行车 (EB-B2)"
    assert finding["evidence"] == [0] and finding["provisional"] is True
    assert {"decode", "inference", "rules", "total"} <= set(wire["timings_ms"])
    json.dumps(wire)


@pytest.mark.parametrize(("bound", "listed"), [(None, 1), (0.1, 2), (0.95, 1)])
def test_min_confidence_lists_rows_and_leaves_findings_alone(in_lift, bound, listed):
    result = in_lift.inspect(photo(), min_confidence=bound)
    assert len(result.detections) == listed
    assert [f.hazard for f in result.findings] == ["indoor_ebike"]
    assert result.detections.class_id[result.findings[0].evidence[0]] == EBIKE


def test_boxes_follow_a_scaled_decode(in_lift):
    result = in_lift.inspect(photo(1600, 1600))
    assert result.detections.xyxy[0].tolist() == pytest.approx([400, 400, 1200, 1200], abs=1)


def test_a_named_scene_overrules_the_network(in_lift):
    named = in_lift.inspect(photo(), InspectionContext(scene="elevator_car"))
    assert "q_place" not in [question.id for question in named.questions]
    assert "q_place" in [question.id for question in in_lift.inspect(photo()).questions]
    result = in_lift.inspect(photo(), InspectionContext(scene="outdoor_open"))
    assert result.verdict is Verdict.NO_FINDING and result.risk_level is None
    assert "不等于安全" in result.notice.zh and "does not mean safe" in result.notice.en


@pytest.mark.parametrize(
    ("pixels", "verdict"),
    [
        pytest.param(np.zeros((640, 640, 3), np.uint8), Verdict.NOT_ASSESSABLE, id="black"),
        pytest.param(np.full((640, 640, 3), 255, np.uint8), Verdict.NOT_ASSESSABLE, id="white"),
        pytest.param(
            np.random.default_rng(1).integers(60, 200, (640, 640, 3), np.uint8),
            Verdict.NO_FINDING,
            id="sharp",
        ),
    ],
)
def test_nothing_seen_in_a_poor_picture_is_not_assessable(tmp_path, pixels, verdict):
    inspector = open_inspector(build_model_folder(tmp_path / "blind", CLASSES, [(0, 0, 1, 1, 0.0, 0)]))
    stream = io.BytesIO()
    PillowImage.fromarray(pixels).save(stream, "PNG")
    result = inspector.inspect(stream.getvalue())
    assert result.verdict is verdict
    assert (result.questions[:1] and result.questions[0].id == "q_retake") == (
        verdict is Verdict.NOT_ASSESSABLE or ()
    )
    if verdict is Verdict.NOT_ASSESSABLE:
        assert result.questions[0].text.en.startswith("The picture is too dark, too bright, blurred")
        assert result.questions[0].text.zh.startswith("画面过暗、过亮、模糊")


def test_without_a_scene_the_place_is_asked(tmp_path):
    result = open_inspector(build_model_folder(tmp_path / "m", CLASSES, ROWS)).inspect(photo())
    assert result.verdict is Verdict.FOLLOW_UP
    assert [a.outcome for a in result.assessments] == [Outcome.NEEDS_SITE_CHECK]
    assert result.questions[0].id == "q_place"


def test_a_question_stays_where_only_another_finding_has_its_answer(tmp_path):
    """Cartons block a door at the right: combustible. Whether something is near the charging e-bike at the left is still open."""
    placed = {
        "ebike": (6, 32, 22, 57), "power_strip": (13, 27, 15, 29),
        "door": (45, 13, 54, 38), "exit_sign": (47, 10, 51, 12), "carton": (45, 32, 54, 41),
    }  # fmt: skip
    rows = [(*box, 0.9, CLASSES.index(name)) for name, box in placed.items()]
    inspector = open_inspector(build_model_folder(tmp_path / "m", CLASSES, rows))
    result = inspector.inspect(
        photo(), InspectionContext(venue_type="rental_housing", scene="outdoor_adjacent")
    )
    facts = {finding.hazard: finding.fact_names() for finding in result.findings}
    assert "combustible" in facts["blocked_exit"] and "combustible" not in facts["flying_charging_cable"]
    assert "q_combustible_near" in [question.id for question in result.questions]


@pytest.mark.parametrize(
    ("source", "listed"), [(None, True), (Source.PERSON, False), (Source.REGISTER, False)]
)
def test_what_the_model_sees_settles_no_question(tmp_path, source, listed):
    """A strip beside the e-bike means that it charges; only a person or the register can say so for good."""
    rows = [(16, 16, 48, 48, 0.9, EBIKE), (50, 40, 54, 43, 0.9, CLASSES.index("power_strip"))]
    inspector = open_inspector(build_model_folder(tmp_path / "m", CLASSES, rows))
    facts = (Fact("charging_active", source),) if source else ()
    result = inspector.inspect(photo(), InspectionContext(scene="stairwell", facts=facts))
    (finding,) = result.findings
    assert "charging_active" in finding.fact_names()
    assert ("q_charging" in finding.questions) is listed


def test_graph_and_manifest_must_agree(tmp_path):
    folder = build_model_folder(tmp_path / "m", CLASSES, ROWS, named_in_graph=CLASSES[:-1])
    with pytest.raises(ModelMismatch, match="16 classes .* the ONNX metadata 15"):
        open_inspector(folder)
    folder = build_model_folder(tmp_path / "n", CLASSES, ROWS, scene=(1.0, 0.0), scene_names=SCENES)
    with pytest.raises(ModelMismatch, match="the network gives 2"):
        open_inspector(folder)


def test_a_changed_model_file_is_refused(tmp_path):
    folder = build_model_folder(tmp_path / "m", CLASSES, ROWS)
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes() + b"\0")
    with pytest.raises(ModelMismatch, match="sha256 .* expected"):
        open_inspector(folder)


def test_rows_on_disk_include_failures(tmp_path, in_lift):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "b.jpg").write_bytes(photo())
    (folder / "a.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not listed in a folder")
    missing = tmp_path / "gone.jpg"
    photos = list_photos([folder, missing])
    assert [p.name for p in photos] == ["a.jpg", "b.jpg", "gone.jpg"]
    rows = [row_of(path, out) for path, _, out in inspect_photos(in_lift, photos, InspectionContext())]
    assert [("error" in row, Path(row["path"]).name) for row in rows] == [
        (True, "a.jpg"),
        (False, "b.jpg"),
        (True, "gone.jpg"),
    ]


def test_bad_bytes_raise(in_lift):
    with pytest.raises(InvalidImage):
        in_lift.inspect(b"")
