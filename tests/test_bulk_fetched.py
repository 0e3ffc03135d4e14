"""Archives and manifests that lie in an object store: the rows of those on disk, and nothing left behind."""

# ruff: noqa: F811 - fixtures come from batch_stage

import io
import os
import resource
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from batch_stage import batch, model, store  # noqa: F401
from test_bulk_sources import NOW, outcome, outcomes, write_tar, write_zip
from test_inference_inspector import photo

from firewarden.bulk import object_store
from firewarden.bulk.archives import archive_items
from firewarden.bulk.fetched import beside, fetched_archive, fetched_manifest
from firewarden.bulk.items import Unreadable
from firewarden.bulk.manifests import manifest_items
from firewarden.bulk.object_store import copy_object, open_store
from firewarden.bulk.sources import check_sources, source_items
from firewarden.errors import DatasetError

pytest.importorskip("obstore")
pytest.importorskip("moto.server", reason="needs moto, flask and flask-cors")

MEMBERS = {"cam/a.jpg": photo(), "b.png": photo(200, 300, "PNG"), "bad.jpg": b"text", "../up.jpg": photo()}


def put(store, path: Path, key: str | None = None) -> str:
    """The URL of a copy of a file in the bucket."""
    store.put_object(Bucket="frames", Key=key or path.name, Body=path.read_bytes())
    return f"s3://frames/{key or path.name}"


def comparable(rows: dict, name: str) -> dict:
    """Rows by what comes after the name of their container, less what differs from run to run and with the name."""
    for row in rows.values():
        row["batch"].pop("id")
        row["path"] = row["path"].removeprefix(name)
    assert all(key.startswith(name) for key in rows)
    return {row["path"]: row for row in rows.values()}


@pytest.mark.parametrize("name", ["x.tar", "deep/x.tar.gz", "x.zip"])
def test_the_rows_of_an_archive_are_those_of_the_one_on_disk(store, model, tmp_path, name):
    path, mode = tmp_path / Path(name).name, "w:gz" if name.endswith("gz") else "w"
    if name.endswith(".zip"):
        write_zip(path, MEMBERS | {"zeros.jpg": bytes(4 * 10**6)})
    else:
        write_tar(path, MEMBERS, mode, links={"link.jpg": "/etc/passwd"})
    url = put(store, path, name)
    _, here = batch(model, tmp_path / "here.jsonl", path)
    done, there = batch(model, tmp_path / "there.jsonl", url, "--report", tmp_path / "r.html")
    assert set(there) >= {f"{url}!cam/a.jpg", f"{url}!b.png", f"{url}!bad.jpg", f"{url}!../up.jpg"}
    assert done.exit_code == 2 and len(there) == 5
    assert comparable(there, f"{url}!") == comparable(here, f"{path}!")
    assert "data:image/jpeg" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_prefix_that_ends_like_an_archive_is_a_prefix(store, tmp_path):
    store.put_object(Bucket="frames", Key="old.zip/a.jpg", Body=b"a")
    assert outcomes(source_items(["s3://frames/old.zip/"])) == {"s3://frames/old.zip/a.jpg": b"a"}


def test_the_rows_of_a_manifest_are_those_of_the_one_on_disk(store, model, tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("a.jpg", "sub/b.jpg"):
        (tmp_path / name).write_bytes(photo(300, 200))
        put(store, tmp_path / name, f"lists/{name}")
    rows = ["a.jpg,c1,2026-05-01T08:00:00,office", "sub/../sub/b.jpg,c2,,", "gone.jpg,c3,,", "x.jpg,c4,1970,"]
    table = tmp_path / "cams.csv"
    table.write_text("path,camera,time,venue\n" + "\n".join(rows), encoding="utf-8")
    url = put(store, table, "lists/cams.csv")
    assert check_sources([url]) == 4
    _, here = batch(model, tmp_path / "here.jsonl", table)
    _, there = batch(model, tmp_path / "there.jsonl", url)
    assert set(there) == {f"s3://frames/lists/{name}" for name in ("a.jpg", "sub/b.jpg", "gone.jpg", "x.jpg")}
    found = comparable(there, "s3://frames/lists/")
    expected = comparable(here, f"{tmp_path}/")
    expected["sub/b.jpg"] = expected.pop("sub/../sub/b.jpg") | {"path": "sub/b.jpg"}
    assert (
        "no such object" in found.pop("gone.jpg")["error"]
        and "No such file" in expected.pop("gone.jpg")["error"]
    )
    assert found == expected and found["a.jpg"]["batch"]["camera"] == "c1"


def test_a_parquet_manifest_in_a_store_says_the_same_as_a_csv(store, tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"path": ["2026/06/c.jpg"], "camera": ["c1"]}), tmp_path / "m.parquet")
    url = put(store, tmp_path / "m.parquet")
    (item,) = manifest_items(fetched_manifest(url), NOW)
    assert (item.key, item.facts.camera, item.place) == (
        "s3://frames/2026/06/c.jpg",
        "c1",
        "row 1 of m.parquet",
    )
    assert outcome(item) == photo() and check_sources([url]) == 1


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("x.jpg", "s3://frames/a/x.jpg"),
        ("./b//x.jpg", "s3://frames/a/b/x.jpg"),
        ("../x.jpg", "s3://frames/x.jpg"),
        ("s3://other/x.jpg", "s3://other/x.jpg"),
        ("../../x.jpg", None),
        ("/etc/x.jpg", None),
        ("file:///etc/x.jpg", None),
    ],
)
def test_a_manifest_in_a_store_names_objects_alone(named, expected):
    if expected is None:
        with pytest.raises(ValueError, match="expected one from the manifest's folder on"):
            beside("s3://frames/a/m.csv", named)
    else:
        assert beside("s3://frames/a/m.csv", named) == expected


def test_a_path_of_this_machine_in_a_stored_manifest_is_an_error_of_its_row(store, tmp_path):
    (tmp_path / "here.jpg").write_bytes(b"mine")
    store.put_object(
        Bucket="frames", Key="m.csv", Body=f"path\n{tmp_path}/here.jpg\n2026/06/c.jpg\n".encode()
    )
    bad, good = manifest_items(fetched_manifest("s3://frames/m.csv"), NOW)
    assert outcome(bad).startswith("row 2 of m.csv: the path") and outcome(good) == photo()


def test_what_is_cut_off_goes_on_and_changed_members_are_scored_again(store, model, tmp_path):
    members = {f"{number}.jpg": photo(64, 64) for number in range(5)}
    url, out = put(store, write_tar(tmp_path / "go.tar", members)), tmp_path / "o.jsonl"
    _, rows = batch(model, out, url, "--limit", 3)
    assert set(rows) == {f"{url}!{number}.jpg" for number in range(3)}
    put(store, write_tar(tmp_path / "go.tar", members | {"1.jpg": photo(96, 64)}))
    done, rows = batch(model, out, url)
    assert "5 inputs, 0 not scored, 2 from earlier runs" in done.output.replace("\n", " ")
    sizes = [rows[f"{url}!{number}.jpg"]["image_hw"] for number in range(5)]
    assert sizes == [[64, 64], [64, 96], [64, 64], [64, 64], [64, 64]]


def test_what_is_missing_is_told_and_tried_again(store, model, tmp_path):
    with pytest.raises(DatasetError, match=r"late\.csv cannot be read: no such object"):
        check_sources(["s3://frames/late.csv"])
    url, out = "s3://frames/late.tar", tmp_path / "o.jsonl"
    done, rows = batch(model, out, url)
    assert done.exit_code == 2 and "no such object" in rows[url]["error"]
    put(store, write_tar(tmp_path / "late.tar", {"a.jpg": photo()}))
    done, rows = batch(model, out, url)
    assert done.exit_code == 0 and set(rows) == {f"{url}!a.jpg"}


def held_files(folder: Path) -> list[str]:
    """What this process holds open there, files without a name among it."""
    links = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            links.append(str(link.readlink()))
    return [link for link in links if link.startswith(f"{folder}/")]


@pytest.fixture
def held(tmp_path, monkeypatch):
    """Where fetched archives are held."""
    folder = tmp_path / "held"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
@pytest.mark.parametrize("ending", ["read", "left", "torn"])
def test_nothing_is_left_of_a_fetched_archive(store, tmp_path, held, ending):
    path = write_tar(tmp_path / "a.tar", {f"{number}.jpg": bytes(5000) for number in range(3)})
    if ending == "torn":
        path.write_bytes(path.read_bytes()[:8000])
    items = archive_items(fetched_archive(put(store, path)))
    assert next(items).reader.read() == bytes(5000)
    assert (
        list(held.iterdir()) == [] and len(held_files(held)) == 1
    )  # without a name: a killed process leaves none
    if ending == "left":
        items.close()
    else:
        told = [outcome(item) for item in items]
        assert ("damaged" in str(told[-1])) is (ending == "torn")
    assert held_files(held) == []


def test_a_disk_that_does_not_take_it_is_told_and_nothing_is_left(store, tmp_path, held):
    url = put(store, write_tar(tmp_path / "a.tar", {"a.jpg": os.urandom(100_000)}))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        (item,) = archive_items(fetched_archive(url))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be held here" in outcome(item) and "TMPDIR" in outcome(item)
    assert item.key == url and not item.reader.final and held_files(held) == []


def test_what_is_above_its_limit_is_not_fetched(store, tmp_path, held, monkeypatch):
    url = put(store, write_tar(tmp_path / "a.tar", {"a.jpg": b"a"}))
    size = (tmp_path / "a.tar").stat().st_size
    assert [outcome(item) for item in archive_items(fetched_archive(url, size))] == [b"a"]
    monkeypatch.setattr("obstore.get", None)
    (item,) = archive_items(fetched_archive(url, size - 1))
    assert outcome(item).startswith(f"has {size} bytes, expected at most {size - 1}") and item.reader.final
    with pytest.raises(DatasetError, match="expected at most 9 .* copy it here"):
        list(manifest_items(fetched_manifest(put(store, tmp_path / "a.tar", "m.csv"), 9), NOW))
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": size - 1}))
    (item,) = archive_items(fetched_archive(url))
    assert "that are free" in outcome(item) and not item.reader.final


def test_an_object_is_fetched_in_parts_and_not_mixed_of_two(store, monkeypatch):
    monkeypatch.setattr(object_store, "_RANGE_BYTES", 1000)
    old, new = os.urandom(3500), os.urandom(3500)

    def write(data: bytes) -> None:
        store.put_object(Bucket="frames", Key="big.bin", Body=data)

    write(old)
    into = io.BytesIO()
    copy_object(open_store("s3://frames"), "big.bin", into, lambda size: None)
    assert into.getvalue() == old
    with pytest.raises(Unreadable, match="cannot be read"):  # written anew when its size had been asked
        copy_object(open_store("s3://frames"), "big.bin", io.BytesIO(), lambda size: write(new))


def test_archives_of_file_urls_are_read_too(tmp_path):
    write_tar(tmp_path / "a.tar", {"a.jpg": b"a"})
    (tmp_path / "m.csv").write_text("path\nb.jpg\n", encoding="utf-8")
    (tmp_path / "b.jpg").write_bytes(b"b")
    sources = [f"file://{tmp_path}/a.tar", f"file://{tmp_path}/m.csv"]
    assert check_sources(sources) is None
    assert outcomes(source_items(sources)) == {
        f"file://{tmp_path}/a.tar!a.jpg": b"a",
        f"file://{tmp_path}/b.jpg": b"b",
    }
