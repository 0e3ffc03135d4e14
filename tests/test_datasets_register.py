"""The source register: strict to read, closed to what it does not list, and the origin of SOURCES.md."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from tiny_data import register_file

from firewarden.datasets.hashes import add_hashes, check_hashes, read_hashes, write_hashes
from firewarden.datasets.manifest import PhotoRecord
from firewarden.datasets.register import read_register, with_licences
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
    assert r"a\|b" in row and len(re.findall(r"(?<!\\)\|", row)) == 8
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
    assert len(with_licences([photo], read_register(path), names, clear_only=clear_only)) == kept


def test_a_licence_nobody_has_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"got licences \['cc0'\], expected some of \['none-stated'\]"):
        with_licences([record()], read_register(register_file(tmp_path)), ["CC0"])


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
