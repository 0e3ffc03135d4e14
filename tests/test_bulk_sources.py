"""Sources of a batch: what is listed, what is refused, and that a bad input disturbs no other."""

import gzip
import importlib.util
import io
import os
import pickle
import tarfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firewarden.bulk.archives import Limits, archive_items, unsafe_name
from firewarden.bulk.container import file_container
from firewarden.bulk.engine import load_item
from firewarden.bulk.items import MAX_BYTES, Item, Unreadable
from firewarden.bulk.manifests import manifest_items, read_time
from firewarden.bulk.object_store import listed_objects, read_object, split_url
from firewarden.bulk.sources import check_sources, source_items
from firewarden.errors import DatasetError
from firewarden.findings import InspectionContext, Source
from firewarden.inference.batch import list_photos

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def outcome(item: Item) -> bytes | str:
    """The bytes of an item, or what is wrong with it."""
    try:
        return item.reader.read()
    except Unreadable as error:
        return str(error)


def outcomes(items) -> dict[str, bytes | str]:
    return {item.key: outcome(item) for item in items}


def write_tar(
    path: Path, members: dict[str, bytes], mode: str = "w", links: dict[str, str] | None = None
) -> Path:
    with tarfile.open(path, mode) as archive:
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def write_zip(path: Path, members: dict[str, bytes], mode: int | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (mode or 0) << 16
            archive.writestr(info, data)
    return path


def test_folders_globs_and_files_give_each_picture_once_as_inspect_names_it(tmp_path):
    for name in ("a.jpg", "b.PNG", "notes.txt", "sub/c.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "._a.jpg").write_bytes(b"what macOS keeps beside a.jpg")
    assert list_photos([tmp_path]) == [tmp_path / name for name in ("a.jpg", "b.PNG", "sub/c.webp")]
    below = outcomes(source_items([str(tmp_path)]))
    assert below == {
        str(tmp_path / "a.jpg"): b"a.jpg",
        str(tmp_path / "b.PNG"): b"b.PNG",
        str(tmp_path / "sub/c.webp"): b"sub/c.webp",
        str(tmp_path / "gone.jpg"): "cannot be read: No such file or directory",
    }
    assert check_sources([str(tmp_path)]) == 4
    assert outcomes(source_items([f"{tmp_path}/**/*.webp"])) == {str(tmp_path / "sub/c.webp"): b"sub/c.webp"}
    assert outcomes(source_items([str(tmp_path / "notes.txt")])) == {
        str(tmp_path / "notes.txt"): b"notes.txt"
    }
    with pytest.raises(DatasetError, match="no JPEG, PNG or WebP"):
        check_sources([f"{tmp_path}/*.bmp"])


def test_a_source_without_a_picture_is_told_beside_others(tmp_path, caplog):
    for name in ("full", "empty", "empty too"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "a.jpg").write_bytes(b"a")
    sources = [str(tmp_path / "empty"), str(tmp_path / "full")]
    if importlib.util.find_spec("obstore"):
        sources.append(f"file://{tmp_path}/empty too")
    assert outcomes(source_items(sources)) == {str(tmp_path / "full" / "a.jpg"): b"a"}
    told = [record.getMessage() for record in caplog.records]
    assert told == [f"no JPEG, PNG or WebP picture in {source}" for source in sources if "empty" in source]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../a.jpg", "leaves"),
        ("x/../../a.jpg", "leaves"),
        ("x\\..\\a.jpg", "leaves"),
        ("/etc/a.jpg", "absolute"),
        ("C:\\a.jpg", "absolute"),
        ("\\\\host\\a.jpg", "absolute"),
        ("a\n.jpg", "control"),
        ("x/a..b.jpg", None),
        ("照片/一.jpg", None),
    ],
)
def test_member_names(name, told):
    problem = unsafe_name(name)
    assert (problem is None) if told is None else told in problem


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_an_unsafe_tar_gives_its_sound_members_and_an_error_for_each_other(tmp_path, suffix):
    mode = "w" if suffix == "tar" else f"w:{suffix[4:]}"
    members = {
        "cam/good.jpg": b"good",
        "../evil.jpg": b"evil",
        "/abs.jpg": b"abs",
        "notes.txt": b"no picture",
    }
    path = write_tar(tmp_path / f"a.{suffix}", members, mode, links={"link.jpg": "/etc/passwd"})
    found = outcomes(archive_items(file_container(path)))
    assert found.pop(f"{path}!cam/good.jpg") == b"good"
    assert set(found) == {f"{path}!link.jpg", f"{path}!../evil.jpg", f"{path}!/abs.jpg"}
    assert all("not read" in told for told in found.values())
    assert [p.name for p in tmp_path.iterdir()] == [path.name]  # nothing was unpacked


def test_an_unsafe_zip_gives_its_sound_members_and_an_error_for_each_other(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"../evil.jpg": b"evil", "good.jpg": b"good", "notes.txt": b"text"})
    found = outcomes(archive_items(file_container(path)))
    assert found[f"{path}!good.jpg"] == b"good" and "leaves" in found[f"{path}!../evil.jpg"]
    assert check_sources([str(path)]) == len(found) == 2
    linked = write_zip(tmp_path / "l.zip", {"link.jpg": b"/etc/passwd"}, mode=0o120777)
    assert "link" in outcomes(archive_items(file_container(linked)))[f"{linked}!link.jpg"]


@pytest.mark.parametrize(
    ("packed", "name"),
    [
        ("三楼/楼道1.jpg".encode("gb18030"), "三楼/楼道1.jpg"),  # Chinese Windows
        ("三楼/楼道1.jpg".encode(), "三楼/楼道1.jpg"),  # macOS, without its mark
        ("Café.jpg".encode("cp437"), "Café.jpg"),  # 82 2e is no letter of GB 18030
        (b"../\xc2\xa5.jpg", None),
    ],
    ids=["gb18030", "utf-8", "cp437", "unsafe"],
)
def test_names_of_a_zip_without_the_mark_of_utf8(tmp_path, packed, name):
    class Unmarked(zipfile.ZipInfo):
        def _encodeFilenameFlags(self):
            return packed, self.flag_bits & ~0x800

    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(Unmarked("x.jpg"), b"picture")
    (item,) = archive_items(file_container(path))
    if name is None:
        assert "leaves the archive" in str(outcome(item))
    else:
        assert (item.key, outcome(item)) == (f"{path}!{name}", b"picture")


def test_companion_files_of_macos_are_no_pictures(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"x/a.jpg": b"a", "__MACOSX/x/._a.jpg": b"about a"})
    assert outcomes(archive_items(file_container(path))) == {f"{path}!x/a.jpg": b"a"}
    assert check_sources([str(path)]) == 1


def test_refused_members_come_last_and_whole_however_many(tmp_path):
    """More than a MiB of refusals, which then lie on disk; one of a name that is no UTF-8."""
    links = {f"{number:05d}{'x' * 80}\udcff.jpg": "/etc/passwd" for number in range(3000)}
    path = write_tar(tmp_path / "a.tar", {"good.jpg": b"good"}, links=links)
    listed = list(archive_items(file_container(path)))
    assert [item.key for item in listed] == [f"{path}!{name}" for name in ("good.jpg", *links)]
    assert listed[-1].place == "member 3000 of a.tar" and "it is a link" in listed[-1].fault


def test_a_bomb_ends_its_archive_and_what_came_before_stands(tmp_path):
    """4 MB of zeros in about 4 kB; pictures may unpack to 50 times the archive, here at least 1 MB."""
    limits = Limits(free_bytes=10**6)
    bomb = bytes(4 * 10**6)
    tar = write_tar(tmp_path / "b.tgz", {"good.jpg": b"good", "zeros.bin": bomb, "after.jpg": b"x"}, "w:gz")
    found = outcomes(archive_items(file_container(tar), limits))
    assert found[f"{tar}!good.jpg"] == b"good" and "bomb" in found[str(tar)] and len(found) == 2
    packed = write_zip(tmp_path / "b.zip", {"good.jpg": b"good", "zeros.jpg": bomb, "after.jpg": b"after"})
    found = outcomes(archive_items(file_container(packed), limits))
    told = found[f"{packed}!zeros.jpg"]
    assert "bomb" in told and "more than 50 times" in told and "plain" not in told  # its name is no fault
    assert found[f"{packed}!after.jpg"] == b"after"
    many = write_zip(tmp_path / "m.zip", {f"{i}.jpg": bytes(400_000) for i in range(9)})
    found = outcomes(archive_items(file_container(many), limits))
    assert "bomb" in found[str(many)] and len(found) < 9


def test_a_member_above_the_size_of_a_picture_is_refused_unread(tmp_path):
    limits = Limits(member_bytes=10)
    tar = write_tar(tmp_path / "a.tar", {"big.jpg": bytes(11), "fits.jpg": bytes(10)})
    found = outcomes(archive_items(file_container(tar), limits))
    assert "11 bytes" in found[f"{tar}!big.jpg"] and found[f"{tar}!fits.jpg"] == bytes(10)


@pytest.mark.parametrize("honest", [True, False], ids=["says so", "says that it lists one"])
def test_a_zip_of_too_many_members_is_refused_before_its_list_is_held(tmp_path, honest):
    """Four members; what the end of a zip says of their number (10 bytes into it) is not believed."""
    path = write_zip(tmp_path / "a.zip", {f"{number}.jpg": b"x" for number in range(4)})
    if not honest:
        data = bytearray(path.read_bytes())
        data[-14:-10] = b"\x01\x00\x01\x00"
        path.write_bytes(data)
    assert len(outcomes(archive_items(file_container(path), Limits(members=4)))) == 4
    (told,) = outcomes(archive_items(file_container(path), Limits(members=3))).values()
    assert "expected at most 3 members" in told


def test_a_zip_whose_list_takes_more_than_its_members_need_is_refused(tmp_path):
    """Twenty names of 60,000 characters: above 1 MiB, and above 256 bytes a member."""
    path = write_zip(tmp_path / "a.zip", {f"{number:02d}{'x' * 60_000}.jpg": b"x" for number in range(20)})
    (told,) = outcomes(archive_items(file_container(path), Limits(members=100))).values()
    assert "the zip's list of members takes 12010" in told
    assert len(outcomes(archive_items(file_container(path), Limits()))) == 20


def test_a_zip_of_a_later_version_of_the_format_disturbs_no_other_source(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.jpg": b"x"})
    data = bytearray(path.read_bytes())
    data[data.find(b"PK\x01\x02") + 6] = 100  # version needed: 10.0
    path.write_bytes(data)
    (tmp_path / "b.jpg").write_bytes(b"b")
    sources = [str(path), str(tmp_path / "b.jpg")]
    assert check_sources(sources) is None
    found = outcomes(source_items(sources))
    assert "zip file version 10.0" in found[str(path)] and found[sources[1]] == b"b"


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["tar", "tar.gz"])
@pytest.mark.parametrize(
    "tear",
    [
        lambda data: data[:8000],
        lambda data: data[:5632],
        lambda data: data[:5700],
        lambda data: flipped(data, 5632 + 150),
    ],
    ids=["in a member", "before a header", "in a header", "a damaged header"],
)
def test_a_torn_tar_keeps_its_first_members_and_tells_that_more_came(tmp_path, tear, pack):
    """Three members of 5000 bytes; each takes a header of 512 bytes and 10 blocks, 5632 bytes in all."""
    tar = write_tar(tmp_path / "a.tar", {f"{number}.jpg": bytes(5000) for number in range(3)})
    tar.write_bytes(pack(tear(tar.read_bytes())))
    found = outcomes(archive_items(file_container(tar)))
    assert found.pop(f"{tar}!0.jpg") == bytes(5000)
    assert set(found) == {str(tar)} and "damaged" in found[str(tar)]


def test_a_tar_without_its_last_zeros_gives_its_last_member(tmp_path):
    """5 bytes of the picture in a block of 512, of which the rest is cut off."""
    tar = write_tar(tmp_path / "a.tar", {"a.jpg": b"a" * 5})
    tar.write_bytes(tar.read_bytes()[: 512 + 5])
    assert outcomes(archive_items(file_container(tar)))[f"{tar}!a.jpg"] == b"a" * 5


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["tar", "tar.gz"])
@pytest.mark.parametrize("name", ["b.jpg", "b.txt"])
@pytest.mark.parametrize("size", [2**44, 2**62, -1, -512])
@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
def test_a_size_that_cannot_be_ends_its_tar_at_once(tmp_path, kind, size, name, pack):
    path = write_tar(tmp_path / "a.tar", {"a.jpg": b"a"})
    header = tarfile.TarInfo(name)
    header.size = size
    path.write_bytes(pack(path.read_bytes()[:1024] + header.tobuf(kind) + bytes(2048)))
    begin_s = time.monotonic()
    found = outcomes(archive_items(file_container(path)))
    assert time.monotonic() - begin_s < 1
    assert found.pop(f"{path}!a.jpg") == b"a"
    (told,) = found.values()
    assert "damaged" in told or (size > 0 and pack is gzip.compress and "unpacks to more" in told)


def test_a_sparse_file_of_a_tar_is_refused_and_the_next_member_read(tmp_path):
    """It says to be of 2**40 bytes, none of which lies in the archive."""
    sparse = tarfile.TarInfo("s.jpg")
    sparse.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(sparse.tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b"\x80" + (2**40).to_bytes(11, "big")
    path = write_tar(tmp_path / "a.tar", {"a.jpg": b"a"})
    path.write_bytes(with_checksum(header) + path.read_bytes())
    found = outcomes(archive_items(file_container(path)))
    assert found == {f"{path}!a.jpg": b"a", f"{path}!s.jpg": found[f"{path}!s.jpg"]}
    assert "sparse" in found[f"{path}!s.jpg"]


def test_a_sparse_file_cut_off_in_its_map_is_damage(tmp_path):
    header = bytearray(tarfile.TarInfo("s.jpg").tobuf(tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[482] = 1  # the map goes on in the next block
    path = write_tar(tmp_path / "a.tar", {"a.jpg": b"a"})
    path.write_bytes(path.read_bytes()[:1024] + with_checksum(header))
    found = outcomes(archive_items(file_container(path)))
    assert found.pop(f"{path}!a.jpg") == b"a" and "damaged" in found[str(path)]


def with_checksum(header: bytearray) -> bytes:
    """A tar header with the sum of its bytes, for which its own place counts as spaces."""
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def test_a_wrong_checksum_of_gzip_is_damage_and_final(tmp_path):
    path = write_tar(tmp_path / "a.tgz", {"a.jpg": b"a"}, "w:gz")
    path.write_bytes(flipped(path.read_bytes(), -6 + path.stat().st_size))
    told = next(item for item in archive_items(file_container(path)) if item.key == str(path))
    assert "damaged" in outcome(told) and told.reader.final


def test_a_zip_member_whose_name_is_cut_to_nothing_disturbs_no_other(tmp_path):
    """zipfile cuts a name at its first NUL."""
    path = write_zip(tmp_path / "a.zip", {"a.jpg": b"a", "b.jpg": b"b"})
    data = path.read_bytes()
    at = data.rfind(b"b.jpg")
    path.write_bytes(data[:at] + b"\0" + data[at + 1 :])
    found = outcomes(archive_items(file_container(path)))
    assert found.pop(f"{path}!a.jpg") == b"a"
    assert [("control characters" in told) for told in found.values()] == [True]


def test_a_torn_zip_is_told(tmp_path):
    torn = tmp_path / "t.zip"
    torn.write_bytes(b"PK\x03\x04 and no more")
    assert "damaged" in outcomes(archive_items(file_container(torn)))[str(torn)]


def test_a_manifest_with_bad_rows(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"a")
    table = tmp_path / "cams.csv"
    lines = [
        "path,camera,time,venue,scene",
        "a.jpg,cam 1,2026-04-30T08:00:00+08:00,office,stairwell",
        "gone.jpg,,,,",
        "b.jpg,,2026-13-01,,",
        "c.jpg,,1970-01-01T00:00:00,,",
        "d.jpg,,2026-05-03T00:00:00Z,,",
        "e.jpg,too few",
        ",,,,",
        "https://example.org/x.jpg,,,,",
    ]
    table.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    items = list(manifest_items(file_container(table), NOW))
    assert len(items) == check_sources([str(table)]) == 8
    good, *bad = items
    assert good.facts.camera == "cam 1" and good.facts.time == "2026-04-30T08:00:00+08:00"
    context = good.context(InspectionContext())
    assert (context.venue_type, context.scene, context.scene_source) == (
        "office",
        "stairwell",
        Source.REGISTER,
    )
    told = [outcome(item) for item in bad]
    expected = [
        "No such file",
        "row 4 of cams.csv: time '2026-13-01'",
        "before 2000",
        "in the future",
        "got 2 cells",
        "empty",
        "URL",
    ]
    for text, part in zip(told, expected, strict=True):
        assert part in text
    assert len({item.key for item in items}) == 8


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("x\0y.jpg", "NUL"),
        ("s3://", "expected s3://bucket/prefix"),
        ("s3:///x.jpg", "expected s3://bucket/prefix"),
        ("s3://[foo/bar.jpg", "cannot be"),
        ("file://", "cannot be"),
    ],
)
def test_a_row_that_names_nothing_disturbs_no_other(tmp_path, named, told):
    pytest.importorskip("obstore")
    (tmp_path / "a.jpg").write_bytes(b"a")
    table = tmp_path / "m.csv"
    table.write_text(f"path\n{named}\na.jpg\n", encoding="utf-8")
    odd, good = (load_item(item) for item in manifest_items(file_container(table), NOW))
    assert told in odd["error"] and odd["path"] == named and good.data == b"a"


class _OddReader:
    def read(self) -> bytes:
        raise ValueError("embedded null byte")


def test_a_name_that_the_system_does_not_take_is_a_row():
    assert load_item(Item("x", _OddReader()))["error"] == "cannot be read: embedded null byte"


def test_a_folder_that_can_be_listed_but_not_entered_gives_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("frames/locked").mkdir(parents=True)
    Path("frames/a.jpg").write_bytes(b"a")
    Path("frames/locked/b.jpg").write_bytes(b"b")
    Path("frames/locked").chmod(0o444)
    expected = {"frames/a.jpg": b"a", "frames/locked/b.jpg": "cannot be read: Permission denied"}
    with _nobody("frames/locked", "frames", "."):
        assert outcomes(source_items(["frames"])) == expected
        assert check_sources(["frames"]) == 2
        named = ["frames/locked/b.jpg", "frames/locked/c.zip"]
        assert check_sources(named) == 2 and set(outcomes(source_items(named))) == set(named)
        found = outcomes(source_items(["frames/*/*.jpg"]))
        assert found == {"frames/locked/b.jpg": expected["frames/locked/b.jpg"]}


@contextmanager
def _nobody(*folders: str) -> Iterator[None]:
    """No root, whom nothing is forbidden; the owner of these folders."""
    if os.geteuid():
        yield
        return
    nobody = 65534
    for folder in folders:
        os.chown(folder, nobody, nobody)
    os.seteuid(nobody)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"file,camera\na.jpg,1\n", "path is needed"),
        ("path,camera\na.jpg,摄像头\n".encode("gb18030"), "UTF-8"),
        (b"path,path\na.jpg,b.jpg\n", "twice"),
    ],
)
def test_a_manifest_that_cannot_be_meant(tmp_path, data, told):
    (tmp_path / "m.csv").write_bytes(data)
    with pytest.raises(DatasetError, match=told):
        check_sources([str(tmp_path / "m.csv")])


def test_a_parquet_manifest_says_the_same_as_a_csv(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    when = datetime(2026, 4, 30, tzinfo=UTC)
    table = pa.table({"path": ["a.jpg", None], "time": [when, None], "camera": ["c1", None], "other": [1, 2]})
    pq.write_table(table, tmp_path / "m.parquet")
    first, second = manifest_items(file_container(tmp_path / "m.parquet"), NOW)
    assert first.key == str(tmp_path / "a.jpg") and first.facts.time == "2026-04-30T00:00:00+00:00"
    assert "empty" in outcome(second) and check_sources([str(tmp_path / "m.parquet")]) == 2


def test_times_without_a_zone_stay_without():
    assert read_time("2026-04-30 08:00", NOW) == "2026-04-30T08:00:00"


def test_objects_of_a_store(tmp_path):
    pytest.importorskip("obstore")
    from obstore.store import MemoryStore

    store = MemoryStore()
    for name in ("cam1/a.jpg", "cam1/notes.txt", "cam2/b.png"):
        store.put(name, name.encode())
    listed = list(listed_objects(store, "s3://bucket", "cam1"))
    assert [item.key for item in listed] == ["s3://bucket/cam1/a.jpg"]
    assert read_object(store, "cam1/a.jpg") == b"cam1/a.jpg"
    with pytest.raises(Unreadable, match="no such object"):
        read_object(store, "cam1/gone.jpg")
    store.put("big.jpg", bytes(MAX_BYTES + 1))
    with pytest.raises(Unreadable, match="at most"):
        read_object(store, "big.jpg")
    assert split_url("s3://bucket/a/b/") == ("s3://bucket", "a/b")


def test_object_urls_end_to_end_and_in_a_manifest(tmp_path):
    pytest.importorskip("obstore")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.jpg").write_bytes(b"a")
    assert outcomes(source_items([f"file://{tmp_path}"])) == {f"file://{tmp_path}/sub/a.jpg": b"a"}
    (tmp_path / "3#楼?").mkdir()
    (tmp_path / "3#楼?" / "b#1.jpg").write_bytes(b"b")
    for url in (f"file://{tmp_path}/3#楼?", f"file://{tmp_path}/3#楼?/b#1.jpg"):
        assert check_sources([url]) is None
        assert outcomes(source_items([url])) == {f"file://{tmp_path}/3#楼?/b#1.jpg": b"b"}
    table = tmp_path / "m.csv"
    table.write_text(f"path\nfile://{tmp_path}/sub/a.jpg\nfile://{tmp_path}/sub/b.jpg\n", encoding="utf-8")
    first, second = manifest_items(file_container(table), NOW)
    assert outcome(pickle.loads(pickle.dumps(first))) == b"a"  # other processes can read it
    assert "no such object" in outcome(second)
    with pytest.raises(DatasetError, match="s3://"):
        check_sources(["ftp://host/a.jpg"])
