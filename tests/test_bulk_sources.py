"""Sources of a batch: what is listed, what is refused, and that a bad input disturbs no other."""

import io
import pickle
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firewarden.bulk.archives import Limits, archive_items, unsafe_name
from firewarden.bulk.container import file_container
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


def test_a_torn_archive_keeps_its_first_members(tmp_path):
    tar = write_tar(tmp_path / "a.tar", {"one.jpg": bytes(5000), "two.jpg": bytes(5000)})
    tar.write_bytes(tar.read_bytes()[:8000])
    found = outcomes(archive_items(file_container(tar)))
    assert found[f"{tar}!one.jpg"] == bytes(5000) and "damaged" in found[str(tar)]
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
    table = tmp_path / "m.csv"
    table.write_text(f"path\nfile://{tmp_path}/sub/a.jpg\nfile://{tmp_path}/sub/b.jpg\n", encoding="utf-8")
    first, second = manifest_items(file_container(table), NOW)
    assert outcome(pickle.loads(pickle.dumps(first))) == b"a"  # other processes can read it
    assert "no such object" in outcome(second)
    with pytest.raises(DatasetError, match="s3://"):
        check_sources(["ftp://host/a.jpg"])
