"""Batches out of an object store: a server that speaks S3 on loopback, and the command as its users run it."""

# ruff: noqa: F811 - fixtures come from batch_stage

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from batch_stage import batch, command, model, store  # noqa: F401
from test_inference_inspector import photo

pytest.importorskip("obstore")
pytest.importorskip("moto.server", reason="needs moto, flask and flask-cors")


def test_a_prefix_gives_a_row_for_each_picture_as_inspect_gives_it(store, model, tmp_path):
    (tmp_path / "a.jpg").write_bytes(photo())
    inspected = command("inspect", tmp_path / "a.jpg", "--json", "--model", model)
    (expected,) = map(json.loads, inspected.stdout.splitlines())
    done, rows = batch(model, tmp_path / "rows.jsonl", "s3://frames/2026/05/")
    assert set(rows) == {f"s3://frames/2026/05/{name}" for name in ("cam 1/走道 #1%.jpg", "b.jpg", "bad.jpg")}
    assert done.exit_code == 2 and "no picture" in rows["s3://frames/2026/05/bad.jpg"]["error"]
    row = rows["s3://frames/2026/05/cam 1/走道 #1%.jpg"]
    for name in ("image_sha256", "verdict", "risk_level", "detections", "findings", "questions"):
        assert row[name] == expected[name]


def test_a_manifest_names_objects_and_a_missing_one_is_its_row(store, model, tmp_path):
    table = tmp_path / "m.csv"
    table.write_text(
        "path,camera\ns3://frames/2026/06/c.jpg,cam-1\ns3://frames/gone.jpg,cam-2\n", encoding="utf-8"
    )
    done, rows = batch(model, tmp_path / "rows.jsonl", table)
    assert rows["s3://frames/2026/06/c.jpg"]["batch"]["camera"] == "cam-1"
    assert "no such object" in rows["s3://frames/gone.jpg"]["error"]
    store.put_object(Bucket="frames", Key="gone.jpg", Body=photo())  # the same command tries it again
    done, rows = batch(model, tmp_path / "rows.jsonl", table)
    store.delete_object(Bucket="frames", Key="gone.jpg")
    assert done.exit_code == 0 and "1 from earlier runs" in done.output
    assert rows["s3://frames/gone.jpg"]["verdict"]


def test_a_bucket_that_is_none_is_an_error_and_not_an_empty_batch(store, model, tmp_path):
    done, rows = batch(model, tmp_path / "rows.jsonl", "s3://nobucket/2026")
    assert done.exit_code == 2
    assert "cannot be listed to its end" in rows["s3://nobucket/2026"]["error"]
    done, rows = batch(model, tmp_path / "none.jsonl", "s3://frames/1999")
    assert done.exit_code != 0 and rows == {}
