"""Validation: every kind of problem made on purpose, and nothing found where nothing is wrong."""

import json
import re
import shutil
import sys
from collections import Counter
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))
from test_datasets_label_checks import CLASSES, DOOR, seen
from tiny_data import Photo, build_data_folder, register_file

from firewarden.datasets.copies import connected
from firewarden.datasets.disagreement import Sightings
from firewarden.datasets.hashes import write_hashes
from firewarden.datasets.manifest import read_manifest, shared_places
from firewarden.datasets.photo_scan import scan_photo
from firewarden.datasets.problems import KINDS, Problem
from firewarden.datasets.register import Register, read_register
from firewarden.datasets.register_counts import digest
from firewarden.datasets.report_page import report_page
from firewarden.datasets.report_text import print_report
from firewarden.datasets.validate import ValidationReport, validate_folder
from firewarden.errors import DatasetError


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return read_register(register_file(tmp_path / "register"))


def photo(stem: str, split: str = "train", labels=(DOOR,), **more) -> Photo:
    return Photo(stem, split, labels, **more)


def shade(folder: Path, stem: str, seed: int, *, side: int = 144) -> None:
    """Replace a photo by shades of its own, so that no two photos are alike by chance."""
    cells = np.random.default_rng(seed).permutation(72).reshape(8, 9) * 3 + 20
    picture = Image.fromarray(cells.astype(np.uint8)).resize((side, side), Image.Resampling.NEAREST)
    picture.save(folder / "images" / f"{stem}.png")


def build(tmp_path: Path, *photos: Photo) -> Path:
    folder = build_data_folder(tmp_path / "data", photos, CLASSES)
    for number, one in enumerate(photos):
        shade(folder, one.stem, number)
    return folder


def kinds(report: ValidationReport) -> dict[str, int]:
    return dict(Counter(problem.kind for problem in report.problems))


def test_a_sound_folder_has_no_problems(tmp_path: Path, register: Register) -> None:
    folder = build(tmp_path, photo("a"), photo("b", "val"))
    write_hashes(folder)
    report = validate_folder(folder, register)
    assert (report.problems, report.errors, report.photos, report.hashes_checked) == ((), 0, 2, True)
    assert report.class_balance["door"] == {"train": 1, "val": 1, "test": 0}


def test_a_cut_off_photo_is_named_and_the_rest_is_looked_at(tmp_path: Path, register: Register) -> None:
    folder = build(tmp_path, photo("a"), photo("b"), photo("c"))
    for stem, size in (("a", 400), ("b", 0)):
        path = folder / "images" / f"{stem}.png"
        path.write_bytes(path.read_bytes()[:size])
    report = validate_folder(folder, register)
    assert kinds(report) == {"unreadable_image": 2}
    assert [p.files for p in report.problems] == [("images/a.png",), ("images/b.png",)]


def test_a_cut_off_jpeg_is_unreadable_at_small_scale_too(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (900, 900, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    assert scan_photo(tmp_path / "a.jpg").error == ""
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:100_000])
    assert "truncated" in scan_photo(tmp_path / "a.jpg").error
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    assert scan_photo(tmp_path / "a.jpg").error == "not a readable picture"


def test_photos_and_manifest_must_agree(tmp_path: Path, register: Register) -> None:
    folder = build(tmp_path, photo("a"), photo("b"), photo("c"))
    (folder / "images" / "a.png").rename(folder / "images" / "d.png")
    (folder / "labels" / "d.txt").write_text("")
    lines = (folder / "manifest.csv").read_text().splitlines()
    (folder / "manifest.csv").write_text("\n".join([*lines, lines[-1]]) + "\n")
    report = validate_folder(folder, register)
    assert {(p.kind, p.files) for p in report.problems} == {
        ("missing_image", ("images/a.png",)),
        ("not_in_manifest", ("images/d.png",)),
        ("listed_twice", ("images/c.png",)),
    }


def test_copies_within_and_across_splits(tmp_path: Path, register: Register) -> None:
    folder = build(tmp_path, *(photo(s) for s in "abcd"), *(photo(s, "val") for s in "efg"))
    copy = lambda one, other: shutil.copy(
        folder / "images" / f"{one}.png", folder / "images" / f"{other}.png"
    )
    copy("a", "b")
    copy("c", "e")
    shade(folder, "f", 3, side=99)  # the shades of d
    report = validate_folder(folder, register)
    assert {(p.kind, p.files) for p in report.problems} == {
        ("duplicate", ("images/a.png", "images/b.png")),
        ("duplicate_across_splits", ("images/c.png", "images/e.png")),
        ("near_duplicate_across_splits", ("images/d.png", "images/f.png")),
    }
    assert report.errors == 2
    shade(folder, "d", 8)
    shade(folder, "g", 5, side=99)  # the shades of f's first picture, which f lost
    shade(folder, "f", 5)
    assert validate_folder(folder, register).of_kind("near_duplicate")[0].files == (
        "images/f.png",
        "images/g.png",
    )


def test_pictures_of_a_pair_are_alike_on_purpose(tmp_path: Path, register: Register) -> None:
    """Twice the same shades at two sizes: near, not equal."""

    def found(source: str, places: tuple[str, str], splits: tuple[str, str] = ("train", "train")) -> set[str]:
        folder = tmp_path / f"{source}{places}{splits}".replace("/", "")
        folder.mkdir()
        rows = zip("ab", places, splits, strict=True)
        data = build(folder, *(photo(stem, split, place=place, source=source) for stem, place, split in rows))
        shade(data, "b", 0, side=99)
        return {name for name in kinds(validate_folder(data, register)) if "duplicate" in name}

    assert found("rendered", ("door7", "door7")) == found("composed drawn", ("hall", "hall")) == set()
    assert found("rendered", ("door7", "door8")) == {"near_duplicate"}, "two pairs"
    assert found("drawn", ("hall", "hall")) == {"near_duplicate"}, "photos of one place"
    assert found("rendered", ("a", "a"), ("train", "val")) == {"near_duplicate_across_splits"}


def test_a_picture_of_a_pair_that_changed_nothing_is_told(tmp_path: Path, register: Register) -> None:
    pair = [photo(stem, place="door7", source="rendered") for stem in "ab"]
    folder = build(tmp_path, *pair)
    shade(folder, "b", 0)
    assert kinds(validate_folder(folder, register))["duplicate"] == 1


def test_pairs_tie_groups_together() -> None:
    assert connected([(4, 2), (7, 8), (2, 9), (8, 7)]) == [[2, 4, 9], [7, 8]]
    assert connected([]) == []


def test_a_place_in_two_splits_is_a_leak(tmp_path: Path, register: Register) -> None:
    folder = build(tmp_path, photo("a", place="hall"), photo("b", "val", place="hall"), photo("c", "val"))
    (problem,) = validate_folder(folder, register).problems
    assert problem.kind == "place_in_two_splits" and problem.files == ("images/a.png", "images/b.png")
    assert problem.detail == "place group 'hall': 1 train, 1 val"


@pytest.mark.parametrize(
    ("source", "changes", "kind"),
    [
        pytest.param("found", {}, "not_registered", id="no recorded basis"),
        pytest.param("drawn", {"licence_stated": "MIT"}, "licence_differs", id="other terms"),
        pytest.param(
            "drawn", {"used_for": ["evaluation"]}, "use_not_allowed", id="measured only, but in train"
        ),
    ],
)
def test_the_register_decides_what_may_be_used(tmp_path: Path, source: str, changes, kind: str) -> None:
    folder = build(tmp_path, photo("a", source=source), photo("b", source=source))
    register = read_register(register_file(tmp_path / "register", **changes))
    (problem,) = validate_folder(folder, register).problems
    assert (problem.kind, problem.level, len(problem.files)) == (kind, "error", 2)


def test_a_swapped_photo_differs_from_its_hash(tmp_path: Path, register: Register) -> None:
    folder = build(tmp_path, photo("a"), photo("b"))
    write_hashes(folder)
    shade(folder, "b", 77)
    (problem,) = validate_folder(folder, register).problems
    assert (problem.kind, problem.files) == ("hash_changed", ("images/b.png",))


def test_label_files_missing_and_damaged(tmp_path: Path, register: Register) -> None:
    folder = build(tmp_path, photo("a"), photo("b", labels=()), photo("c"))
    (folder / "labels" / "c.txt").write_text("1 0.5 0.5 0.4\n")
    missing, damaged = sorted(validate_folder(folder, register).problems, key=lambda p: p.files)
    assert (missing.kind, missing.level, missing.files) == ("no_label_file", "warning", ("images/b.png",))
    assert (damaged.kind, damaged.files) == ("damaged_label_file", ("images/c.png",))
    assert damaged.detail.startswith("labels/c.txt:1: got '1 0.5 0.5 0.4'")


def test_a_class_that_only_one_split_has(tmp_path: Path, register: Register) -> None:
    folder = build(tmp_path, photo("a", labels=(DOOR, (2, 0.2, 0.2, 0.3, 0.3))), photo("b", "val"))
    (problem,) = validate_folder(folder, register).problems
    assert (problem.kind, problem.detail) == ("class_missing_in_split", "carton: none in val, 1 elsewhere")


def test_disagreements_enter_the_report(tmp_path: Path, register: Register) -> None:
    folder = build(tmp_path, photo("a"), photo("b"))
    saw = {"a": seen((43.2, 28.8, 100.8, 115.2, 0.9, 0)), "b": seen((43.2, 28.8, 100.8, 115.2, 0.9, 1))}
    report = validate_folder(folder, register, Sightings(saw, ("carton", "door")))
    assert report.labels_compared
    assert {(p.kind, p.files[0]) for p in report.problems} == {
        ("class_doubtful", "images/a.png"),
        ("label_doubtful", "images/a.png"),
    }
    assert report.of_kind("class_doubtful")[0].detail == "labelled door, seen as carton (0.90)"


class Links(HTMLParser):
    """Every address a page names, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [
            value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")
        ]


def test_the_page_fetches_nothing_and_runs_nothing(tmp_path: Path, register: Register) -> None:
    evil = "<script>alert(1)</script>"
    folder = build(
        tmp_path, photo("a", place=evil), photo("b", "val", place=evil, labels=((1, 0.95, 0.5, 0.3, 0.3),))
    )
    report = validate_folder(folder, register)
    page = report_page(report, folder)
    links = Links()
    links.feed(page)
    assert links.addresses and all(
        address.startswith("data:image/jpeg;base64,") for address in links.addresses
    )
    assert not {"script", "link", "iframe"} & set(links.tags)
    assert "&lt;script&gt;alert(1)" in page
    assert not re.search(r"https?://|url\(|@import", page)
    assert [report.problems[0].kind, len(links.addresses)] == [
        "place_in_two_splits",
        3,
    ]  # two photos, one box


def test_the_page_is_written_for_damaged_photos_too(tmp_path: Path, register: Register) -> None:
    folder = build(tmp_path, photo("a"))
    (folder / "images" / "a.png").write_bytes(b"")
    page = report_page(validate_folder(folder, register), folder)
    assert "Unreadable images: 1" in page and "<img" not in page


def test_made_pictures_are_registered_with_what_lies_below(tmp_path: Path) -> None:
    """Against the packaged register: the licence of a composed picture is that of the photo below, its use too."""
    louis = "Louis-0710__fire_extinguisher_yolo"
    rows = [
        ("a", "train", "rendered", "AGPL-3.0-or-later (made here)"),
        ("b", "train", "composed", "own drawing and train photos"),
        ("c", "train", f"composed {louis}", "none stated (author photos, Yuan Ze University)"),
        ("d", "train", f"composed {louis}", "MIT (repository)"),
        (
            "e",
            "train",
            "composed EtoilesHa__ebike-detect",
            "repository GPL-3.0; photos not cleared: evaluation only",
        ),
        ("f", "train", "composed found", "MIT"),
    ]
    folder = build(tmp_path, *(photo(stem) for stem, *_ in rows))
    lines = [
        f'images/{stem}.png,{split},{source},"{licence}",{stem},' for stem, split, source, licence in rows
    ]
    (folder / "manifest.csv").write_text(
        "\n".join(["file,split,source,licence,place_group,scene", *lines]) + "\n"
    )
    report = validate_folder(folder, read_register())
    assert {(p.kind, p.files) for p in report.problems} == {
        ("licence_differs", ("images/d.png",)),
        ("use_not_allowed", ("images/e.png",)),
        ("not_registered", ("images/f.png",)),
    }


def test_files_that_the_register_does_not_record_are_a_finding(tmp_path: Path) -> None:
    folder = build(tmp_path, photo("a"), photo("b", "val"))
    sums = [scan_photo(folder / "images" / f"{stem}.png").sha256 for stem in "ab"]
    changes = {"train": 1, "val": 1, "sha256": digest(sums)}
    assert validate_folder(folder, read_register(register_file(tmp_path / "r", **changes))).problems == ()
    shade(folder, "b", 7)
    report = validate_folder(folder, read_register(register_file(tmp_path / "r", **changes)))
    (changed,) = report.of_kind("source_changed")
    assert changed.files == ("images/a.png", "images/b.png") and report.errors == 1
    assert (
        "drawn-photos: files of this source differ from the register: 2 photos here, 2 reg" in changed.detail
    )
    assert (
        validate_folder(folder, read_register(register_file(tmp_path / "r"))).problems == ()
    )  # none recorded


def test_a_source_of_test_photos_alone_is_compared(tmp_path: Path) -> None:
    folder = build(tmp_path, photo("a", "test"))
    register = read_register(register_file(tmp_path / "r", train=0, test=1, sha256="0" * 64))
    (problem,) = validate_folder(folder, register).problems
    assert (problem.kind, problem.files) == ("source_changed", ("images/a.png",))


@pytest.mark.parametrize("registered", [1, 3])
def test_a_part_of_a_source_is_not_compared_with_its_digest(tmp_path: Path, registered: int) -> None:
    folder = build(tmp_path, photo("a"), photo("b"))
    source = read_register(register_file(tmp_path / "r", train=registered, val=0, sha256="0" * 64))
    report = validate_folder(folder, source)
    (note,) = report.problems
    assert (note.kind, note.level, note.files) == (
        "source_not_compared", "note", ("images/a.png", "images/b.png"),
    )  # fmt: skip
    assert note.detail == f"drawn-photos: 2 photos here, {registered} registered"
    told = report.to_json()
    assert (told["errors"], told["warnings"], told["notes"]) == (0, 0, 1)
    printed = StringIO()
    print_report(Console(file=printed, width=200), report)
    assert printed.getvalue().endswith("2 photos: 0 errors, 0 warnings, 1 notes\n")
    assert "<b>1</b>notes" in report_page(report, folder)


def test_the_report_is_plain_json(tmp_path: Path, register: Register) -> None:
    folder = build(tmp_path, photo("a", labels=((1, 0.95, 0.5, 0.3, 0.3),)))
    report = json.loads(json.dumps(validate_folder(folder, register).to_json()))
    assert (report["name"], report["photos"], report["errors"], report["warnings"]) == ("data", 1, 1, 0)
    assert set(report["counts"]) == set(KINDS) and report["counts"]["box_out_of_frame"] == 1
    (problem,) = report["problems"]
    assert problem["box"] == pytest.approx([0.8, 0.35, 1.1, 0.65]) and problem["level"] == "error"


def test_a_kind_without_meaning_is_refused() -> None:
    with pytest.raises(DatasetError, match="got kind 'odd'"):
        Problem("odd", (), "")


def test_the_shared_photos_leak_one_place(shared_photos: Path) -> None:
    report = validate_folder(shared_photos, read_register())
    (leak,) = report.of_kind("place_in_two_splits")
    assert "'trung_trung_building': 117 train, 39 val" in leak.detail
    assert shared_places(read_manifest(shared_photos)) == {"trung_trung_building"}
    for kind in (
        "unreadable_image",
        "not_registered",
        "source_changed",
        "licence_differs",
        "unknown_class",
        "damaged_label_file",
    ):
        assert report.of_kind(kind) == ()
    (misused,) = report.of_kind("use_not_allowed")
    assert len(misused.files) == 39 and misused.detail.startswith("trung-building: in 'val'")
