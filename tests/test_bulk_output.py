"""What a batch leaves: rows as Parquet, its figures, and the report."""

# ruff: noqa: F811 - fixtures come from batch_stage

import json
import sys
from html import escape
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from batch_stage import command, model, photos, rows_of  # noqa: F401

from firewarden.bulk.output import write_rows
from firewarden.bulk.report_page import batch_page
from firewarden.bulk.summary import Summary, keep_worst
from firewarden.cli import main


def test_parquet_holds_the_same_rows(model, photos, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    command("batch", photos, "--out", tmp_path / "o.parquet", "--model", model)
    command("batch", photos, "--out", tmp_path / "o.jsonl", "--model", model)
    table = pq.read_table(tmp_path / "o.parquet").to_pylist()
    wholes = tmp_path / "wholes.jsonl"
    wholes.write_text("".join(row["row"] + "\n" for row in table), encoding="utf-8")
    assert rows_of(wholes) == rows_of(tmp_path / "o.jsonl")
    (one,) = (row for row in table if row["path"] == str(photos / "one.jpg"))
    assert (one["height"], one["width"], one["risk_level"], one["hazards"]) == (
        640,
        640,
        "general",
        ["indoor_ebike"],
    )


@pytest.mark.parametrize(
    ("rows", "padding", "groups"),
    [(2500, 0, [1000, 1000, 500]), (12, 4 * 2**20, [4, 4, 4]), (0, 0, [])],
    ids=["many rows", "large rows", "none"],
)
def test_parquet_holds_a_group_of_rows_at_a_time(tmp_path, rows, padding, groups):
    pq = pytest.importorskip("pyarrow.parquet")
    alive = most = 0

    class Line(bytes):
        def __del__(self):
            nonlocal alive
            alive -= 1

    def lines():
        nonlocal alive, most
        batch = {"id": "1", "sha256": "0", "camera": None, "time": None}
        for number in range(rows):
            alive, row = alive + 1, {"path": f"{number}.jpg", "error": "x" * padding, "batch": batch}
            most = max(most, alive)
            yield Line(json.dumps(row).encode() + b"\n")

    out = tmp_path / "o.parquet"
    write_rows(out, lines())
    written = pq.ParquetFile(out).metadata
    assert [written.row_group(n).num_rows for n in range(written.num_row_groups)] == groups
    assert written.num_rows == rows and alive == 0
    assert most <= 2 * max(groups, default=0) + 1, "one group at the writer, one that fills"


def test_the_report_stands_alone_and_escapes(model, photos, tmp_path):
    table, page = tmp_path / "m.csv", tmp_path / "r.html"
    table.write_text("path,camera\nphotos/one.jpg,<script>x</script>\nphotos/bad.jpg,\n", encoding="utf-8")
    command("batch", table, "--out", tmp_path / "o.jsonl", "--model", model, "--report", page)
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text and "&lt;script&gt;" in text and "http" not in text.replace("http-equiv", "")
    assert text.count("data:image/jpeg;base64,") == 1 and "电动自行车" in text and "bad.jpg" in text
    (row,) = (row for row in rows_of(tmp_path / "o.jsonl").values() if row.get("risk_level"))
    for reason in (finding["reason"] for finding in row["findings"] if finding["risk_level"]):
        assert escape(reason["zh"]) in text and escape(reason["en"]) in text


def test_a_report_that_could_not_be_written_is_refused_before_a_photo_is_read(
    model, photos, tmp_path, monkeypatch, capsys
):
    (tmp_path / "file").write_text("", encoding="utf-8")
    out = tmp_path / "o.jsonl"
    args = ["batch", photos, "--out", out, "--model", model, "--report", tmp_path / "file" / "report.html"]
    monkeypatch.setattr(sys, "argv", ["firewarden", *map(str, args)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and "cannot be written" in capsys.readouterr().err
    assert not out.exists()


def test_the_span_of_times_is_that_of_scored_pictures_with_and_without_a_zone_apart():
    """09:00+08:00 is 01:00 UTC, before 02:00 UTC, though its text sorts after it."""
    summary = Summary()
    for time in ("2026-05-01T09:00:00+08:00", "2026-05-01T02:00:00+00:00", "2026-05-01T05:00:00", None):
        row = {"path": "a", "verdict": "no_finding", "risk_level": None, "findings": []}
        model = {"model_id": "m", "model_sha256": "0", "rules_version": "1"}
        summary.add(row | model | {"batch": {"camera": None, "time": time}})
    summary.add({"path": "b", "error": "e", "batch": {"camera": None, "time": "2001-01-01T00:00:00+00:00"}})
    assert summary.times == {
        True: ("2026-05-01T09:00:00+08:00", "2026-05-01T02:00:00+00:00"),
        False: ("2026-05-01T05:00:00", "2026-05-01T05:00:00"),
    }
    page = batch_page(summary, {}, {}, "t")
    assert "较大风险 Elevated risk" in page  # as pictures and the terminal say it
    assert "Pictures from 2026-05-01T09:00:00+08:00 to 2026-05-01T02:00:00+00:00. " in page
    assert "Pictures without a time zone from 2026-05-01T05:00:00 to 2026-05-01T05:00:00. " in page


def test_the_worst_of_one_camera_do_not_crowd_out_the_others():
    def graded(path: str, camera: str | None, level: str) -> dict[str, object]:
        finding = {"risk_level": level, "confidence": 0.5, "emergency": False, "suspected_major": False}
        return {"path": path, "risk_level": level, "findings": [finding], "batch": {"camera": camera}}

    rows = [graded(f"a{i:02}", "a", "major") for i in range(30)]
    rows += [graded("b", "b", "low"), graded("n", None, "elevated")]
    expected = [f"a{i:02}" for i in range(29, 7, -1)] + ["n", "b"]  # 24 in all
    assert [row["path"] for row in keep_worst(rows)] == expected
    kept: list[dict[str, object]] = []
    for row in reversed(rows):
        kept = keep_worst([*kept, row])
    assert [row["path"] for row in kept] == expected
    assert keep_worst(rows[:5])[0]["path"] == "a04" and len(keep_worst(rows[:5])) == 5
