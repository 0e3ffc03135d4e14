"""Counts by hand, and contact sheets whose pixels are where the boxes are."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))
from tiny_data import WALL, Photo, build_data_folder

from firewarden.datasets.contact_sheet import CELL_PX, choose_photos, class_colours, contact_sheet, draw_cell
from firewarden.datasets.manifest import read_manifest
from firewarden.datasets.stats import data_stats, stats_tables
from firewarden.errors import DatasetError

CLASSES = ("person", "门", "carton")
PHOTOS = (
    Photo("a", labels=((1, 0.5, 0.5, 0.5, 0.5), (1, 0.2, 0.2, 0.05, 0.05)), place="hall"),
    Photo("b", labels=((0, 0.5, 0.5, 0.9, 0.5),), place="hall", scene="", hw=(64, 160)),
    Photo("c", "val", place="yard", source="found"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build_data_folder(tmp_path / "data", PHOTOS, CLASSES)


def test_counts_by_hand(folder: Path) -> None:
    stats = data_stats(folder, read_manifest(folder)).to_json()
    assert stats["photos"] == {"train": 2, "val": 1, "test": 0}
    assert stats["photos_without_boxes"] == {"train": 0, "val": 1, "test": 0}
    assert stats["places"] == {"train": 1, "val": 1, "test": 0}
    assert stats["largest_place"] == {"name": "hall", "photos": 2}
    assert {name: row["train"] for name, row in stats["boxes"].items()} == {"person": 1, "门": 2, "carton": 0}
    assert {name: row["train"] for name, row in stats["photos_with"].items()} == {
        "person": 1,
        "门": 1,
        "carton": 0,
    }
    assert stats["sources"] == {
        "drawn": {"train": 2, "val": 0, "test": 0},
        "found": {"train": 0, "val": 1, "test": 0},
    }
    assert {name: sum(row.values()) for name, row in stats["scenes"].items()} == {"": 1, "corridor": 2}
    # 96 x 64 px is 960 x 640: short sides 320 and 32 px; 160 x 64 px is 960 x 384: 192 px, an edge
    sizes = {name: row["train"] for name, row in stats["short_side_px_at_960"].items() if row["train"]}
    assert sizes == {"24-48": 1, "192-384": 2}


def test_nothing_is_a_count_too(folder: Path) -> None:
    stats = data_stats(folder, ())
    assert stats.to_json()["largest_place"] == {"name": "", "photos": 0}
    assert sum(stats.photos.values()) == 0


def test_tables_show_every_class(folder: Path) -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    for table in stats_tables(data_stats(folder, read_manifest(folder))):
        console.print(table)
    text = console.export_text()
    assert all(name in text for name in (*CLASSES, "place groups", "found", "192-384"))


def test_boxes_are_drawn_where_they_are(folder: Path) -> None:
    record = read_manifest(folder)[0]
    cell = np.asarray(draw_cell(folder, record, CLASSES))
    colour = class_colours(CLASSES)[1]
    photo = cell[:64, :96]  # small photos are not scaled up
    hits = np.argwhere((photo == colour).all(axis=2))
    assert ((16, 24) in map(tuple, hits)) and ((47, 71) in map(tuple, hits))  # corners of the middle box
    assert tuple(photo[60, 90]) == WALL
    assert (cell[:CELL_PX, 100:] == 250).all()


def test_a_region_is_hatched_and_an_unchecked_class_is_written(tmp_path: Path) -> None:
    region, whole = (0, 0.5, 0.5, 0.5, 0.5), (2, 0.5, 0.5, 1.0, 1.0)
    photos = (Photo("a", ignore=(region,)), Photo("b", ignore=(region, whole)), Photo("c", ignore=(whole,)))
    folder = build_data_folder(tmp_path / "data", photos, CLASSES)
    a, b, c = (np.asarray(draw_cell(folder, r, CLASSES)) for r in read_manifest(folder))
    grey = (a[:64, :96] == 128).all(axis=2)
    assert grey[16:48, 24:72].mean() > 0.1 and not grey[:14].any() and not grey[:, :22].any()
    assert (a[:64] == b[:64]).all()
    assert (c[:64, :96] == WALL).all()
    dark = [(cell[CELL_PX + 22 :] < 128).sum() for cell in (a, b)]
    assert dark[1] > 1.5 * dark[0]  # the caption of b goes on: unchecked: carton


def test_damage_is_drawn_not_raised(tmp_path: Path) -> None:
    rows = ((9, 0.5, 0.5, 0.3, 0.3), (0, 0.9, 0.9, 0.5, 0.5), (0, float("nan"), 0.5, 0.2, 0.2))
    photos = (Photo("a"), Photo("很长的名字" * 12))
    folder = build_data_folder(tmp_path / "data", photos, CLASSES)
    (folder / "images" / "a.png").write_bytes(b"")
    (folder / "labels" / "a.txt").write_text("\n".join(" ".join(map(str, row)) for row in rows))
    sheet = contact_sheet(folder, read_manifest(folder), columns=1)
    assert sheet.size == (CELL_PX + 16, 2 * (CELL_PX + 44 + 8) + 8)


def test_the_draw_is_seeded_and_in_order(folder: Path) -> None:
    records = read_manifest(folder)
    assert choose_photos(records, 2, 5) == choose_photos(records, 2, 5)
    assert choose_photos(records, 99, 0) == records
    assert len({choose_photos(records, 1, seed) for seed in range(20)}) > 1
    with pytest.raises(DatasetError, match="got 0 photos"):
        choose_photos(records, 0, 0)
    with pytest.raises(DatasetError, match="got no photos to show"):
        contact_sheet(folder, ())


def test_a_turned_photo_is_shown_upright(tmp_path: Path) -> None:
    folder = build_data_folder(tmp_path / "data", (Photo("a", labels=((1, 0.5, 0.5, 0.5, 0.5),)),), CLASSES)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 100), WALL).save(folder / "images" / "a.png", exif=exif)
    cell = np.asarray(draw_cell(folder, read_manifest(folder)[0], CLASSES))
    assert tuple(cell[190, 50]) == WALL and tuple(cell[50, 190]) == (250, 250, 250)
