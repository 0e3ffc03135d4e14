"""The source register: strict to read, closed to what it does not list, and the origin of SOURCES.md."""

import hashlib
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from tiny_data import register_file

from firewarden.datasets.hashes import add_hashes, check_hashes, read_hashes, write_hashes
from firewarden.datasets.licences import LicenceChoice, choose_records, licence_choice
from firewarden.datasets.manifest import PhotoRecord
from firewarden.datasets.register import read_register
from firewarden.datasets.register_counts import count_sources, digest, write_counts
from firewarden.datasets.register_page import sources_page
from firewarden.errors import DatasetError

ROOT = Path(__file__).resolve().parents[1]


def test_sources_md_is_what_the_register_says() -> None:
    text = (ROOT / "datasets" / "SOURCES.md").read_text(encoding="utf-8")
    assert text == sources_page(read_register(ROOT / "datasets" / "sources.toml"))


def test_the_packaged_register_lists_what_may_only_be_measured() -> None:
    register = read_register()
    entry = register.entry("EtoilesHa__ebike-detect")
    assert entry is not None and entry is register.entry("etoiles-ebikes")
    assert (entry.allows("train"), entry.allows("val"), entry.allows("test")) == (False, True, True)
    assert [source.id for source in register.sources if source.licence_clear] == ["rendered"]
    assert sum(source.train for source in register.sources) == 1200


def test_a_bar_in_a_text_does_not_break_the_table(tmp_path: Path) -> None:
    page = sources_page(read_register(register_file(tmp_path, shows="a|b")))
    (row,) = (line for line in page.splitlines() if line.startswith("| drawn |"))
    assert r"a\|b" in row and len(re.findall(r"(?<!\\)\|", row)) == 10
    assert "1 train, 0 val" in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"licence_clear": "yes"}, "licence_clear is 'yes', expected bool", id="text for a truth"
        ),
        pytest.param({"train": True}, "train is True, expected int", id="a truth for a count"),
        pytest.param({"used_for": ["training"]}, r"used_for \['training'\], expected", id="unknown use"),
        pytest.param({"used_for": "train"}, "used_for is 'train', expected tuple", id="text for a list"),
        pytest.param({"kind": "video"}, "kind 'video'", id="unknown kind"),
        pytest.param({"colour": "red"}, r"unknown \['colour'\]", id="unknown key"),
        pytest.param({"licence": None}, r"missing \['licence'\]", id="missing key"),
    ],
)
def test_a_damaged_entry_is_refused(tmp_path: Path, changes, message) -> None:
    with pytest.raises(DatasetError, match=message):
        read_register(register_file(tmp_path, **changes))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("version = 2\nsource = []", "got version 2, expected 1", id="another version"),
        pytest.param("version = 1", r"missing \['source'\]", id="no sources"),
        pytest.param("version = 1\n[source]\nid = 'a'", r"expected \[\[source\]\]", id="a table for a list"),
        pytest.param("version = ", "Expected a TOML file", id="no TOML"),
    ],
)
def test_a_damaged_register_is_refused(tmp_path: Path, text, message) -> None:
    (tmp_path / "sources.toml").write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_register(tmp_path / "sources.toml")


def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    path = register_file(tmp_path)
    head, entry = path.read_text().split("[[source]]")
    path.write_text(f"{head}[[source]]{entry}[[source]]{entry}")
    with pytest.raises(DatasetError, match=r"id \['drawn-photos'\] stand more than once"):
        read_register(path)


def record(source: str = "drawn", licence: str = "none stated") -> PhotoRecord:
    return PhotoRecord("images/a.png", "train", source, licence, "hall", "corridor")


@pytest.mark.parametrize(
    ("photo", "names", "clear_only", "kept"),
    [
        pytest.param(record(), ["none-stated"], False, 1, id="a licence that is asked for"),
        pytest.param(record(), ["MIT ", "None-Stated"], False, 1, id="case and blanks apart"),
        pytest.param(record(), ["MIT"], False, 0, id="another licence"),
        pytest.param(record(), ["none-stated"], True, 0, id="rights in doubt"),
        pytest.param(record(source="found"), ["none-stated"], False, 0, id="not registered"),
        pytest.param(record(licence="MIT"), ["none-stated", "MIT"], False, 0, id="the photo says otherwise"),
        pytest.param(record(), [], False, 0, id="no licence asked for"),
    ],
)
def test_the_licence_filter_fails_closed(tmp_path: Path, photo, names, clear_only, kept) -> None:
    path = register_file(tmp_path)
    other = register_file(tmp_path / "b", id="other", manifest_source="other", licence="MIT").read_text()
    path.write_text(path.read_text() + other[other.index("[[source]]") :])
    assert LicenceChoice(read_register(path), tuple(names), clear_only).passes(photo) is bool(kept)


def test_a_licence_nobody_has_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"got licences \['cc0'\], expected some of \['none-stated'\]"):
        LicenceChoice(read_register(register_file(tmp_path)), ("CC0",))


def test_hashes_tell_what_changed_since(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / "images" / name).write_bytes(name.encode())
    write_hashes(tmp_path)
    assert check_hashes(tmp_path).ok
    # printf a.png | sha256sum
    assert read_hashes(tmp_path)["images/a.png"].startswith("7f071235")
    (tmp_path / "images" / "a.png").write_bytes(b"other")
    (tmp_path / "images" / "b.png").rename(tmp_path / "images" / "d.png")
    check = check_hashes(tmp_path)
    assert not check.ok
    assert (check.changed, check.missing, check.unlisted) == (
        ("images/a.png",),
        ("images/b.png",),
        ("images/d.png",),
    )
    add_hashes(tmp_path, ["images/d.png"])
    assert check_hashes(tmp_path).changed == ("images/a.png",)  # adding photos forgives no change
    assert check_hashes(tmp_path).unlisted == ()


@pytest.mark.parametrize("text", ["file,sha1\na,b\n", "file,sha256\na\n", ""])
def test_a_damaged_hash_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "hashes.csv").write_text(text)
    with pytest.raises(DatasetError, match="expected the columns"):
        read_hashes(tmp_path)


def test_a_composed_picture_is_looked_up_as_such_whatever_it_stands_on() -> None:
    register = read_register()
    for name in ("composed", "composed Louis-0710__fire_extinguisher", "rendered"):
        entry = register.entry(name)
        assert entry is not None and entry.kind == "made" and entry.id == name.split()[0]
    assert register.entry("composedly") is None


KOY = ("KoyChangWei__campusSafety", "CC BY 4.0 declared on upload; origin doubtful")  # CC-BY-4.0, in doubt
LOUIS = ("Louis-0710__fire_extinguisher_yolo", "none stated (author photos, Yuan Ze University)")
RENDERED = ("rendered", "AGPL-3.0-or-later (made here)")
DRAWN = ("composed", "own drawing and train photos")
AGPL = "AGPL-3.0-or-later"


def made(below: tuple[str, str], *parts: str, told: bool = True) -> PhotoRecord:
    """A picture with parts set in; `below` stands in the manifest as it is."""
    return PhotoRecord("images/a.jpg", "train", *below, "hall", "corridor", parts if told else None)


def on(below: tuple[str, str]) -> tuple[str, str]:
    return f"composed {below[0]}", below[1]


@pytest.mark.parametrize(
    ("photo", "names", "kept"),
    [
        pytest.param(made(RENDERED, told=False), [AGPL], True, id="rendered: nothing is set in"),
        pytest.param(made(on(KOY)), ["CC-BY-4.0"], True, id="composed on an open photo"),
        pytest.param(made(on(LOUIS)), ["CC-BY-4.0", AGPL], False, id="composed on one without licence"),
        pytest.param(made(on(LOUIS)), ["none-stated"], True, id="which has that licence, then"),
        pytest.param(made(on(KOY), told=False), ["CC-BY-4.0"], False, id="nobody wrote down what was set in"),
        pytest.param(made(on(KOY), LOUIS[0]), ["CC-BY-4.0"], False, id="a part of another licence"),
        pytest.param(made(on(KOY), LOUIS[0]), ["CC-BY-4.0", "none-stated"], True, id="both named"),
        pytest.param(made(on(KOY), "exit_sign"), ["CC-BY-4.0"], False, id="a crop of unknown origin"),
        pytest.param(made(on(KOY), "found"), ["CC-BY-4.0"], False, id="a part that is not registered"),
        pytest.param(made(DRAWN, KOY[0]), ["CC-BY-4.0"], False, id="a drawn room is of our own licence"),
        pytest.param(made(DRAWN, KOY[0]), ["CC-BY-4.0", AGPL], True, id="drawn room and open part"),
        pytest.param(made(on(("found", "MIT"))), ["MIT"], False, id="composed on what is not registered"),
    ],
)  # fmt: skip
def test_of_a_made_picture_everything_counts(photo: PhotoRecord, names: list[str], kept: bool) -> None:
    assert LicenceChoice(read_register(), tuple(names)).passes(photo) is kept


def test_a_composed_picture_is_never_beyond_doubt_a_rendered_one_is() -> None:
    clear = LicenceChoice(read_register(), (AGPL, "none-stated", "CC-BY-4.0"), clear_only=True)
    kept = [photo.source for photo in (made(RENDERED), made(on(KOY)), made(on(LOUIS)), made(on(RENDERED)))
            if clear.passes(photo)]  # fmt: skip
    assert kept == ["rendered"]


def test_a_composed_picture_may_stand_where_the_photo_below_may() -> None:
    register = read_register()
    allowed = {
        name: [split for split in ("train", "val", "test") if register.allows(name, split)]
        for name in (
            "rendered",
            "composed",
            on(LOUIS)[0],
            "composed EtoilesHa__ebike-detect",
            "composed found",
        )
    }
    assert allowed == {
        "rendered": ["train", "val", "test"], "composed": ["train", "val", "test"],
        "composed Louis-0710__fire_extinguisher_yolo": ["train", "val", "test"],
        "composed EtoilesHa__ebike-detect": ["val", "test"], "composed found": [],
    }  # fmt: skip


def test_nothing_chosen_is_an_error_that_says_what_is_there(tmp_path: Path) -> None:
    lines = [
        "file,split,source,licence,place_group,scene",
        f'images/a.jpg,train,{LOUIS[0]},"{LOUIS[1]}",hall,',
        f'images/b.jpg,train,{LOUIS[0]},"{LOUIS[1]}",hall,',
        "images/c.jpg,val,found,MIT,yard,",
    ]
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    choice = licence_choice(read_register(), ["cc-by-4.0,MIT"])
    with pytest.raises(
        DatasetError, match="passes --licences CC-BY-4.0, MIT; it holds 2 none-stated, 1 not registered"
    ):
        choose_records(tmp_path, choice=choice)
    with pytest.raises(DatasetError, match="holds no photo of split 'test'"):
        choose_records(tmp_path, split="test")


def test_one_digest_of_all_files_whatever_their_order_and_names() -> None:
    """printf 'a' | sha256sum is ca978112..., of 'b' 3e23e816...; printf '3e23...\\nca97...\\n' | sha256sum."""
    sums = [hashlib.sha256(letter).hexdigest() for letter in (b"a", b"b")]
    assert [one[:8] for one in sums] == ["ca978112", "3e23e816"]
    assert (
        digest(sums) == digest(sums[::-1]) == hashlib.sha256(f"{sums[1]}\n{sums[0]}\n".encode()).hexdigest()
    )
    assert digest(sums)[:12] == "e31b611bfa25"


def test_counts_are_written_into_the_register_and_nothing_else(tmp_path: Path) -> None:
    path = register_file(tmp_path, train=7, sha256="stale")
    path.write_text("# a remark\n" + path.read_text() + "\n# another\n")
    rows = [record(), PhotoRecord("images/b.png", "val", "drawn", "none stated", "yard", ""), made(KOY)]
    found = count_sources(rows, {"images/a.png": "1" * 64, "images/b.png": "2" * 64}, read_register(path))
    assert list(found) == ["drawn-photos"]
    write_counts(path, found)
    (source,) = read_register(path).sources
    assert (source.train, source.val, source.places) == (1, 1, 2)
    assert source.sha256 == digest(["2" * 64, "1" * 64])
    lines = path.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("# a remark", "# another") and lines.count("train = 1") == 1
    write_counts(path, found)
    assert path.read_text().splitlines() == lines


def test_the_register_holds_counts_and_digest_of_every_photo_source() -> None:
    sources = [source for source in read_register().sources if source.kind == "photos"]
    assert all(
        len(source.sha256) == 64 and 0 < source.places <= source.train + source.val for source in sources
    )


def test_test_photos_are_counted_and_told_where_there_are_some(tmp_path: Path) -> None:
    path = register_file(tmp_path, train=0)
    rows = [PhotoRecord(f"images/{n}.png", "test", "drawn", "none stated", "", "") for n in "ab"]
    write_counts(path, count_sources(rows, {}, read_register(path)))
    register = read_register(path)
    (source,) = register.sources
    assert (source.train, source.val, source.test, source.photos, source.places) == (0, 0, 2, 2, 2)
    assert "## Labelled photos: 2 (0 train, 0 val, 2 test)" in sources_page(register)
    assert "| train | val | test | places |" in sources_page(register)


def test_hashes_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "hashes.csv").write_text("file,sha256\nimages/a.png,12\n", encoding="utf-8-sig")
    assert read_hashes(tmp_path) == {"images/a.png": "12"}
