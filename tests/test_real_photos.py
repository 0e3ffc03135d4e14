"""The shipped model and rules on labelled real photos. Skips loudly where the photos are absent."""

import json
from pathlib import Path

import pytest

from firewarden.errors import InvalidImage
from firewarden.findings import InspectionContext, Verdict
from firewarden.inference.batch import inspect_photos, list_photos, row_of
from firewarden.inference.inspector import Inspector, open_inspector

ALWAYS = {"path", "image_hw", "detections", "findings", "risk_level", "model_id", "rules_version", "schema_version", "timings_ms"}  # fmt: skip


@pytest.fixture(scope="module")
def inspector() -> Inspector:
    return open_inspector()


def test_two_hundred_photos_one_row_each_and_no_crash(inspector, shared_photos):
    photos = list_photos([shared_photos / "images"])[::7][:200]
    rows = [row_of(p, out) for p, _, out in inspect_photos(inspector, photos, InspectionContext())]
    assert len(rows) == len(photos) == 200
    for row in rows:
        assert set(row) >= ALWAYS, row.get("error")
        h, w = row["image_hw"]
        for detection in row["detections"]:
            x0, y0, x1, y1 = detection["xyxy"]
            assert 0 <= x0 < x1 <= w + 0.1 and 0 <= y0 < y1 <= h + 0.1
        assert json.loads(json.dumps(row)) == row


def test_ebikes_in_lifts_are_found_without_being_told_the_place(inspector, shared_photos):
    """The bound is the promised one: 0.70 of the eight evaluation photos."""
    expected = json.loads((shared_photos / "expect_ebike_val.json").read_text(encoding="utf-8"))
    shown = [stem for stem, row in expected.items() if "indoor_ebike" in row["hazards"]]
    found = 0
    for stem in shown:
        (path,) = (shared_photos / "images").glob(f"{stem}.*")
        wire = inspector.inspect(path.read_bytes()).to_json()
        found += any(f["hazard"] == "indoor_ebike" and f["outcome"] == "hazard" for f in wire["findings"])
    assert len(shown) == 8 and found / len(shown) >= 0.70


def test_street_scooters_raise_no_indoor_alarm(inspector, shared_photos):
    photos = sorted((shared_photos / "images").glob("jerry*"))
    assert photos
    alarms = [
        any(f.hazard == "indoor_ebike" and a.risk_level_initial for f, a in zip(r.findings, r.assessments, strict=True))
        for r in (inspector.inspect(path.read_bytes()) for path in photos)
    ]  # fmt: skip
    assert sum(alarms) / len(alarms) <= 0.10


def test_the_built_in_photo_shows_a_blocked_exit(inspector):
    data = (Path(__file__).resolve().parents[1] / "inference" / "sample.jpg").read_bytes()
    result = inspector.inspect(data, InspectionContext(venue_type="office"))
    assert result.verdict is Verdict.HAZARD
    assert [f.hazard for f in result.findings].count("blocked_exit") == 1


def test_half_a_photo_is_an_error_and_the_next_one_works(inspector, shared_photos):
    data = next((shared_photos / "images").glob("lo_*.jpg")).read_bytes()
    with pytest.raises(InvalidImage):
        inspector.inspect(data[: len(data) // 2])
    assert inspector.inspect(data).image_sha256
