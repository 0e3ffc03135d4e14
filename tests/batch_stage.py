"""What the tests of batches share: the small model, a folder of photos, a store with frames, the command and its rows."""

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


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "tiny"
    return build_model_folder(folder, CLASSES, ROWS, scene=(0.9, 0.08, 0.02), scene_names=SCENES)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    (folder / "one.jpg").write_bytes(photo())
    (folder / "sub" / "two.png").write_bytes(photo(200, 300, "PNG"))
    (folder / "three.webp").write_bytes(photo(1000, 700, "WEBP"))
    (folder / "bad.jpg").write_bytes(b"text")
    return folder


def command(*args: object):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def rows_of(path: Path) -> dict[str, dict[str, object]]:
    """Rows by path, less what differs from run to run; one row a path."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row.pop("timings_ms", None)
    assert len({row["path"] for row in rows}) == len(rows)
    return {row["path"]: row for row in rows}


@pytest.fixture(scope="module")
def store():
    """A bucket with three pictures below 2026/05, one of them damaged, a note, and another picture beside."""
    with s3_server() as client:
        open_store.cache_clear()
        client.create_bucket(Bucket="frames")
        for name in ("2026/05/cam 1/走道 #1%.jpg", "2026/05/b.jpg", "2026/06/c.jpg"):
            client.put_object(Bucket="frames", Key=name, Body=photo())
        client.put_object(Bucket="frames", Key="2026/05/bad.jpg", Body=b"text")
        client.put_object(Bucket="frames", Key="2026/05/note.txt", Body=b"text")
        yield client
        open_store.cache_clear()


def batch(model, out, *args):
    """What the command said, and its rows by path."""
    done = command("batch", *args, "--out", out, "--model", model)
    return done, rows_of(out) if out.exists() else {}
