"""manifest.csv: splits by place, and which photos a split leaves out."""

import codecs
from collections import Counter
from pathlib import Path

import pytest

from firewarden.datasets.manifest import PhotoRecord, read_manifest, shared_places, split_records
from firewarden.datasets.manifest_rows import read_table
from firewarden.errors import DatasetError

HEADER = "file,split,source,licence,place_group,scene"


def record(stem: str, split: str, place: str) -> PhotoRecord:
    return PhotoRecord(f"images/{stem}.jpg", split, "source", "none stated", place, "corridor")


RECORDS = (
    record("a", "train", "hall"),
    record("b", "val", "hall"),
    record("c", "val", "stairs"),
    record("d", "train", "lift"),
    record("e", "train", "lift"),
    record("f", "test", "yard"),
)


def write_manifest(folder: Path, *rows: str, header: str = HEADER) -> Path:
    (folder / "manifest.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder


def test_records_come_in_file_order_and_further_columns_are_left_alone(tmp_path: Path) -> None:
    folder = write_manifest(
        tmp_path,
        'images/b.jpg,val,someone__photos,"CC BY 4.0, as stated",hall,lobby,640',
        "images/a.png,train,某人,none stated,hall,,640",
        header=f"{HEADER},width",
    )
    first, second = read_manifest(folder)
    assert first == PhotoRecord(
        "images/b.jpg", "val", "someone__photos", "CC BY 4.0, as stated", "hall", "lobby"
    )
    assert (second.stem, second.source, second.scene) == ("a", "某人", "")


def test_what_was_set_in_is_known_or_not(tmp_path: Path) -> None:
    """No column: not known. An empty cell: nothing. Names are parted by a semicolon and a blank."""
    folder = write_manifest(tmp_path, "images/a.jpg,train,composed,l,hall,")
    assert read_manifest(folder)[0].part_sources is None
    folder = write_manifest(
        tmp_path,
        "images/a.jpg,train,composed,l,hall,,",
        "images/b.jpg,train,composed,l,hall,,one; other place",
        header=f"{HEADER},part_sources",
    )
    assert [record.part_sources for record in read_manifest(folder)] == [(), ("one", "other place")]


def test_a_byte_order_mark_changes_nothing(tmp_path: Path) -> None:
    folder = write_manifest(tmp_path, "images/a.jpg,train,某人,l,hall,corridor")
    records, table = read_manifest(folder), read_table(folder / "manifest.csv")
    path = folder / "manifest.csv"
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    assert read_manifest(folder) == records
    assert read_table(path) == table


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    text = f"{HEADER}\nimages/a.jpg,train,某人,l,hall,corridor\n"
    (tmp_path / "manifest.csv").write_text(text, encoding="gbk")
    with pytest.raises(DatasetError, match=r"manifest\.csv: .*Save it as UTF-8"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("split", ["valid", "Train", ""])
def test_an_unknown_split_is_refused(tmp_path: Path, split: str) -> None:
    folder = write_manifest(tmp_path, f"images/a.jpg,{split},s,l,p,corridor")
    with pytest.raises(DatasetError, match=f"images/a.jpg has split '{split}', expected one of"):
        read_manifest(folder)


def test_a_missing_file_and_a_missing_column_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"manifest\.csv is missing"):
        read_manifest(tmp_path)
    write_manifest(tmp_path, "images/a.jpg,train,s,p,corridor", header="file,split,source,place_group,scene")
    with pytest.raises(DatasetError, match=r"columns \['licence'\] are missing"):
        read_manifest(tmp_path)


def test_a_place_is_shared_when_two_splits_show_it() -> None:
    assert shared_places(RECORDS) == {"hall"}
    assert shared_places(r for r in RECORDS if r.split == "train") == frozenset()
    assert shared_places([]) == frozenset()


def test_a_photo_without_a_place_group_is_a_place_of_its_own() -> None:
    records = [record("a", "train", ""), record("b", "val", ""), record("c", "val", "a")]
    assert [r.place for r in records] == ["a", "b", "a"]
    assert shared_places(records[:2]) == frozenset()
    assert [r.stem for r in split_records(records, "val")] == ["b"]  # c names the place of a


@pytest.mark.parametrize(
    ("split", "keep", "stems"),
    [
        pytest.param("train", False, "ade", id="train keeps a place that val shows too"),
        pytest.param("val", False, "c", id="val leaves it out"),
        pytest.param("val", True, "bc", id="unless it is asked for"),
        pytest.param("test", False, "f", id="test"),
    ],
)
def test_photos_of_a_split(split: str, keep: bool, stems: str) -> None:
    chosen = split_records(iter(RECORDS), split, keep_shared_places=keep)
    assert "".join(r.stem for r in chosen) == stems


def test_the_list_of_sources_counts_the_photos_as_they_are(shared_photos: Path) -> None:
    text = (Path(__file__).resolve().parents[1] / "datasets" / "SOURCES.md").read_text(encoding="utf-8")
    records = read_manifest(shared_photos)
    counts = Counter((r.source, r.licence, r.split) for r in records)
    places = Counter(source for source, _ in {(r.source, r.place_group) for r in records})
    listed = {
        (cells[1], cells[3]): (int(cells[4]), int(cells[5]), int(cells[6]))
        for cells in ([cell.strip() for cell in line.split("|")] for line in text.splitlines())
        if len(cells) == 11 and cells[4].isdecimal()
    }
    assert listed == {
        (s, le): (counts[s, le, "train"], counts[s, le, "val"], places[s]) for s, le, _ in counts
    }
    (place,) = shared_places(records)
    of_place = Counter(r.split for r in records if r.place_group == place)
    assert f"`{place}`, {of_place['train']} train and {of_place['val']} val photos" in text
    assert f"leaves {len(split_records(records, 'val'))} val photos" in text
