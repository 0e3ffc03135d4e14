"""What was uploaded becomes items: archives by the rules of `bulk`, manifests that name nothing but the upload."""

import hashlib
import io
import sys
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_api_fakes import photo

from firewarden.bulk.archives import Limits
from firewarden.errors import DatasetError
from firewarden.jobs.intake import (
    IntakePolicy,
    TooManyItems,
    Upload,
    Uploads,
    incoming_folder,
    safe_file_name,
    take_in,
)
from firewarden.ledger.blobs import BlobStore

NOW = datetime(2026, 11, 20, tzinfo=UTC)
A, B, C = photo(10), photo(20), photo(30)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pack(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def packed_tar(links: list[str], members: dict[str, bytes]) -> bytes:
    """A tar with links first."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


@pytest.fixture
def blobs(tmp_path):
    store = BlobStore(tmp_path / "blobs")
    store.open()
    return store


@pytest.fixture
def take(tmp_path, blobs):
    """take(photos={name: bytes}, archives=..., manifest=csv text, **policy) -> items"""

    def run(photos=None, archives=None, manifest=None, **policy):
        folder = tmp_path / "incoming"
        folder.mkdir()
        saved = {"photo": [], "archive": [], "manifest": []}
        sent = [("photo", n, d) for n, d in (photos or {}).items()]
        sent += [("archive", n, d) for n, d in (archives or {}).items()]
        sent += [("manifest", "m.csv", manifest.encode())] if manifest is not None else []
        for number, (part, name, data) in enumerate(sent):
            path = folder / str(number)
            path.write_bytes(data)
            saved[part].append(Upload(name, path))
        table = next(iter(saved["manifest"]), None)
        uploads = Uploads(tuple(saved["photo"]), tuple(saved["archive"]), table)
        values = {"limits": Limits(2**20, 20, 2**20), "max_items": 100, **policy}
        return take_in(uploads, blobs, IntakePolicy(**values), NOW)

    return run


def stored(blobs) -> set[str]:
    return {path.name for path in blobs.root.rglob("*") if path.is_file()}


def test_photos_and_members_are_items_in_order_and_stored_once(take, blobs) -> None:
    items = take({"1.jpg": A, "2.jpg": B}, {"may.zip": pack({"d/x.jpg": A, "notes.txt": b"t", "y.jpg": C})})
    assert [(item.path, item.sha256, item.error) for item in items] == [
        ("1.jpg", sha(A), None),
        ("2.jpg", sha(B), None),
        ("may.zip!d/x.jpg", sha(A), None),
        ("may.zip!y.jpg", sha(C), None),
    ]
    assert stored(blobs) == {sha(A), sha(B), sha(C)}


def test_bad_members_and_archives_are_items_with_their_reason(take, blobs) -> None:
    whole = pack({"ok.jpg": A, "../up.jpg": B, "ok.jpg\x01": B, "big.jpg": b"x" * (2**20 + 1)})
    items = take(archives={"a.zip": whole, "cut.zip": whole[:-30], "b.tar.gz": b"no tar"})
    told = {item.path: item.error for item in items}
    assert told["a.zip!ok.jpg"] is None and stored(blobs) == {sha(A)}
    assert "leaves the archive" in told["a.zip!../up.jpg"]
    assert "expected at most 1048576" in told["a.zip!big.jpg"]
    assert "damaged or cut off" in told["cut.zip"] and "damaged" in told["b.tar.gz"]


def test_a_bomb_ends_at_its_limit(take) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"{number}.jpg", bytes(2**19))
    items = take(archives={"bomb.zip": stream.getvalue()})
    assert [item.path for item in items if item.error is None] == ["bomb.zip!0.jpg", "bomb.zip!1.jpg"]
    assert "a zip bomb?" in items[-1].error and items[-1].path == "bomb.zip"


def test_a_manifest_orders_and_names_photos_of_the_upload_and_nothing_else(take, blobs, tmp_path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(B)
    rows = [
        "path,camera,time,venue,scene",
        "y.jpg,c2,2026-05-01T08:30:00+08:00,office,corridor",
        "d/x.jpg,c1,,,",
        f"{secret},c1,,,",
        "../../secret.jpg,c1,,,",
        "s3://bucket/x.jpg,c1,,,",
        "http://example.org/x.jpg,c1,,,",
        "y.jpg,c3,,,",
        "gone.jpg,,,,",
        "1.jpg,c9,1970-01-01,,",
        "bad.jpg,,,,",
    ]
    archive = pack({"d/x.jpg": A, "y.jpg": C, "bad.jpg/../bad.jpg": B, "extra.jpg": photo(99)})
    items = take({"1.jpg": B}, {"may.zip": archive}, "\n".join(rows))
    by_path = {item.path: item for item in items}
    first, second = items[:2]
    assert (first.path, first.sha256, first.place) == ("y.jpg", sha(C), "row 2 of m.csv")
    assert (first.facts.camera, first.facts.time, first.facts.venue, first.facts.scene) == (
        "c2", "2026-05-01T08:30:00+08:00", "office", "corridor",
    )  # fmt: skip
    assert (second.path, second.sha256, second.facts.camera) == ("d/x.jpg", sha(A), "c1")
    for path in (str(secret), "../../secret.jpg", "s3://bucket/x.jpg", "gone.jpg", "bad.jpg"):
        assert "no uploaded photo is named so" in by_path[path].error, path
    assert "got a URL" in by_path["http://example.org/x.jpg"].error
    assert "row 8 of m.csv repeats row 2 of m.csv" in by_path["y.jpg (row 8 of m.csv)"].error
    assert "before 2000" in by_path["1.jpg"].error
    assert "not listed in the manifest" in by_path["may.zip!extra.jpg"].error
    assert stored(blobs) == {sha(C), sha(A)}  # nothing else was asked for
    assert not any(str(tmp_path / "incoming") in f"{item}" for item in items)


def test_a_name_that_two_archives_hold_needs_the_archive(take) -> None:
    archives = {"a.zip": pack({"x.jpg": A}), "b.zip": pack({"x.jpg": B})}
    both, one = take(None, archives, "path\nx.jpg\nb.zip!x.jpg\n")
    assert "two uploaded photos are named so" in both.error and one.sha256 == sha(B)


def test_refused_frames_are_never_stored(take, blobs) -> None:
    def refuse(facts):
        return "refused: a dormitory" if facts.scene == "dormitory" else None

    table = "path,camera,time,scene\na.jpg,c1,2026-05-01T08:30,dormitory\nb.jpg,c2,2026-05-01T08:30,\nc.jpg,c3,,\n"
    items = take({"a.jpg": A, "b.jpg": B, "c.jpg": C}, None, table, refuse=refuse, needs=("camera", "time"))
    told = {item.path: item for item in items}
    assert told["a.jpg"].error == "row 2 of m.csv: refused: a dormitory" and told["b.jpg"].sha256 == sha(B)
    assert "time missing; every frame needs camera and time" in told["c.jpg"].error
    assert stored(blobs) == {sha(B)}


def test_a_faulty_row_takes_no_photo_from_a_good_one_and_a_refused_row_from_all(take, blobs) -> None:
    def refuse(facts):
        return "refused: a dormitory" if facts.scene == "dormitory" else None

    table = "path,time,scene\na.jpg,yesterday,\na.jpg,,\na.jpg,1970-01-01,\nb.jpg,,\nb.jpg,,dormitory\n"
    items = take({"a.jpg": A, "b.jpg": B}, None, table, refuse=refuse)
    assert [item.place[:5] for item in items] == [f"row {n}" for n in range(2, 7)]  # as listed
    wrong, good, old, doubled, refused = items
    assert (good.path, good.sha256, good.error) == ("a.jpg", sha(A), None)
    assert "not ISO" in wrong.error and "before 2000" in old.error
    assert "repeats row 6" in doubled.error and refused.error == "row 6 of m.csv: refused: a dormitory"
    assert stored(blobs) == {sha(A)}


@pytest.mark.parametrize("other", ["may.zip!d/x.jpg", "d\\x.jpg"])
@pytest.mark.parametrize("refused_first", [True, False])
def test_a_photo_that_one_row_refuses_is_stored_by_none(take, blobs, other, refused_first) -> None:
    def refuse(facts):
        return "refused: a dormitory" if facts.scene == "dormitory" else None

    rows = [("d/x.jpg", "dormitory"), (other, "stairwell")]
    rows = rows if refused_first else rows[::-1]
    table = "path,scene\n" + "".join(f"{path},{scene}\n" for path, scene in rows)
    items = take(None, {"may.zip": pack({"d/x.jpg": A})}, table, refuse=refuse)
    refusing = 2 if refused_first else 3
    assert [item.path for item in items] == [path for path, _ in rows]
    assert {item.error for item in items} == {f"row {refusing} of m.csv: refused: a dormitory"}
    assert stored(blobs) == set()


def test_a_photo_named_in_several_ways_is_scored_once(take, blobs) -> None:
    table = "path,camera\nd/x.jpg,c1\nmay.zip!d/x.jpg,c2\nd\\x.jpg,c3\n"
    first, *others = take(None, {"may.zip": pack({"d/x.jpg": A})}, table)
    assert (first.path, first.sha256, first.error) == ("d/x.jpg", sha(A), None)
    for number, item in enumerate(others, 3):
        assert item.sha256 is None
        assert item.error.startswith(f"row {number} of m.csv repeats row 2 of m.csv")


def test_a_faulty_row_keeps_no_photo_from_a_good_one_that_names_it_otherwise(take) -> None:
    table = "path,time\nd/x.jpg,\nd\\x.jpg,yesterday\n"
    good, wrong = take(None, {"may.zip": pack({"d/x.jpg": A})}, table)
    assert good.sha256 == sha(A) and "not ISO" in wrong.error


def test_a_refused_member_takes_no_name_from_a_sound_one(take) -> None:
    sound, refused = take(None, {"a.tar": packed_tar(["x.jpg"], {"x.jpg": A})})
    assert (sound.path, sound.sha256) == ("a.tar!x.jpg", sha(A))
    assert refused.path == "a.tar!x.jpg (member 1 of a.tar)" and "it is a link" in refused.error


def test_a_row_gets_the_sound_one_of_two_members_of_its_name(take) -> None:
    archives = {
        "a.zip": pack({"y.jpg": b"x" * (2**20 + 1)}),
        "b.tar": packed_tar(["x.jpg"], {"x.jpg": A, "y.jpg": B}),
    }
    by_row = {item.path: item for item in take(None, archives, "path\nx.jpg\ny.jpg\na.zip!y.jpg\n")}
    assert (by_row["x.jpg"].sha256, by_row["y.jpg"].sha256) == (sha(A), sha(B))
    assert "expected at most 1048576" in by_row["a.zip!y.jpg"].error


def test_a_row_that_cannot_be_scored_takes_no_photo_from_a_good_one(take, blobs) -> None:
    def check(item):
        return None if item.facts.venue in (None, "office") else "unknown venue type"

    wrong, good, alone = take(
        {"a.jpg": A, "b.jpg": B}, None, "path,venue\na.jpg,moon\na.jpg,office\nb.jpg,moon\n", check=check
    )
    assert (good.path, good.sha256, good.error) == ("a.jpg", sha(A), None)
    assert (
        wrong.error == "row 2 of m.csv: unknown venue type"
        and alone.error == "row 4 of m.csv: unknown venue type"
    )
    assert stored(blobs) == {sha(A)}


def test_the_number_of_items_is_bounded(take) -> None:
    with pytest.raises(TooManyItems, match="more than 2 items"):
        take(archives={"a.zip": pack({f"{i}.jpg": A for i in range(3)})}, max_items=2)


def test_a_manifest_without_paths_is_refused_as_a_whole(take) -> None:
    with pytest.raises(DatasetError, match="of which path is needed"):
        take({"a.jpg": A}, None, "file\na.jpg\n")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("stairs.jpg", "stairs.jpg"),
        ("C:\\fotos\\楼梯 1.jpg", "楼梯 1.jpg"),
        ("../../etc/passwd", "passwd"),
        ("..", "photo"),
        (None, "photo"),
        ("a\x00b\n.jpg", "a\\x00b\\x0a.jpg"),
        ("x" * 300 + ".tar.gz", "x" * 126 + "~" + "x" * 120 + ".tar.gz"),
        ("楼" * 251 + ".jpg", "楼" * 251 + ".jpg"),
    ],
)
def test_names_of_clients_are_made_safe(given, name) -> None:
    assert safe_file_name(given, set(), "photo") == name


def test_equal_names_are_told_apart() -> None:
    taken: set[str] = set()
    assert [safe_file_name("image.jpg", taken, "photo") for _ in range(3)] == [
        "image.jpg", "2-image.jpg", "3-image.jpg",
    ]  # fmt: skip


def test_an_upload_leaves_no_folder_and_old_ones_go(tmp_path) -> None:
    import os

    root = tmp_path / "incoming"
    (root / "old").mkdir(parents=True)
    os.utime(root / "old", (0, 0))
    (root / "gone").symlink_to(
        "nowhere"
    )  # listed and not there, as the folder of an upload that ends meanwhile
    with incoming_folder(root) as folder:
        (folder / "x").write_bytes(b"x")
        assert {path.name for path in root.iterdir()} == {folder.name, "gone"}
    assert [path.name for path in root.iterdir()] == ["gone"]
