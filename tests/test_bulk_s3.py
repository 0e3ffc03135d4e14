"""Batches out of an object store: a server that speaks S3 on loopback, and the command as its users run it."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from s3_server import s3_server
from test_inference_inspector import ROWS, SCENES, photo
from tiny_model import build_model_folder

from firewarden.bulk.object_store import open_store
from firewarden.cli import app

pytest.importorskip("obstore")
pytest.importorskip("moto.server", reason="needs moto, flask and flask-cors")


@pytest.fixture(scope="module")
def store():
    """A bucket with three pictures below 2026/05, one of them damaged, a note, and an archive beside."""
    with s3_server() as client:
        open_store.cache_clear()
        client.create_bucket(Bucket="frames")
        for name in ("2026/05/cam 1/走道 #1%.jpg", "2026/05/b.jpg", "2026/06/c.jpg", "archive.zip"):
            client.put_object(Bucket="frames", Key=name, Body=photo())
        client.put_object(Bucket="frames", Key="2026/05/bad.jpg", Body=b"text")
        client.put_object(Bucket="frames", Key="2026/05/note.txt", Body=b"text")
        yield client
        open_store.cache_clear()


@pytest.fixture
def model(tmp_path):
    return build_model_folder(tmp_path / "tiny", CLASSES, ROWS, scene=(0.9, 0.08, 0.02), scene_names=SCENES)


def batch(model, out, *args):
    done = CliRunner().invoke(app, ["batch", *map(str, args), "--out", str(out), "--model", str(model)])
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] if out.exists() else []
    return done, {row["path"]: row for row in rows}


def test_a_prefix_gives_a_row_for_each_picture_as_inspect_gives_it(store, model, tmp_path):
    (tmp_path / "a.jpg").write_bytes(photo())
    inspected = CliRunner().invoke(app, ["inspect", str(tmp_path / "a.jpg"), "--json", "--model", str(model)])
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


@pytest.mark.parametrize("name", ["archive.zip", "cams.csv", "2026/05.tar.gz"])
def test_archives_and_manifests_in_a_store_are_refused_by_name(store, name):
    from firewarden.bulk.sources import check_sources
    from firewarden.errors import DatasetError

    with pytest.raises(DatasetError, match="copy it here"):
        check_sources([f"s3://frames/{name}"])
