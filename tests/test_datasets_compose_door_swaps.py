"""Doors put in the place of other doors: what is painted, what is taken and from where, worked out by hand."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="composing needs OpenCV: install firewarden[train]")
sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from tiny_data import Photo, build_data_folder

from firewarden.datasets.compose.door_swaps import (
    Door,
    draw_donor,
    draw_door,
    is_slot,
    is_tilted,
    is_whole_front,
    light_gain,
    mirrored,
    open_mask,
    soft_mask,
    surroundings,
    swap,
    visible_part,
)
from firewarden.datasets.compose.save import write_composed
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.manifest import PhotoRecord

HW = (400, 300)
DOOR_BOX = (100.0, 100.0, 200.0, 300.0)
DOOR, PERSON = CLASSES.index("door"), CLASSES.index("person")


def door(box: tuple[float, ...] = DOOR_BOX, *others: tuple[float, ...], hw: tuple[int, int] = HW) -> Door:
    """A door of place "here"; other boxes as xyxy pixels."""
    record = PhotoRecord("images/a.png", "train", "own", "none stated", "here", "indoor")
    return Door(record, hw, box, np.array(others, np.float32).reshape(-1, 4))


def photo(door_grey: int, wall_grey: int, box: tuple[float, ...] = DOOR_BOX) -> np.ndarray:
    picture = np.full((*HW, 3), wall_grey, np.uint8)
    x0, y0, x1, y1 = map(int, box)
    picture[y0:y1, x0:x1] = door_grey
    return picture


def test_the_mask_is_the_door_without_the_boxes_over_it() -> None:
    mask = open_mask(door(DOOR_BOX, (150, 200, 250, 350), (0, 0, 50, 50)))
    assert mask.sum() == 100 * 200 - 50 * 100  # the person covers x 150-200, y 200-300 of the door
    assert not mask[200:, 150:].any() and mask[199, 199] and mask[299, 149] and not mask[299, 99]


def test_weights_fade_inside_the_mask_but_not_at_the_edge_of_the_picture() -> None:
    weights = soft_mask(open_mask(door((0, 100, 100, 300))))
    assert weights[200, 0] == weights[200, 50] == 1.0
    assert 0 <= weights[200, 99] < 0.1 and (weights[:, 100:] == 0).all()


@pytest.mark.parametrize(
    ("at", "fits"),
    [
        pytest.param(door(), True, id="whole"),
        pytest.param(door((0, 100, 100, 300)), True, id="one side at the frame"),
        pytest.param(door((0, 200, 100, 400)), False, id="two sides at the frame"),
        pytest.param(door((100, 100, 200, 185)), False, id="85 px high"),
        pytest.param(door(DOOR_BOX, (100, 242, 200, 400)), True, id="29 percent covered"),
        pytest.param(door(DOOR_BOX, (100, 238, 200, 400)), False, id="31 percent covered"),
    ],
)
def test_which_doors_are_replaced(at: Door, fits: bool) -> None:
    assert is_slot(at) is fits


@pytest.mark.parametrize(
    ("at", "fits"),
    [
        pytest.param(door(), True, id="whole"),
        pytest.param(door((2, 100, 102, 300)), False, id="cut by the frame: 1 percent of 300 px is 3"),
        pytest.param(door((100, 100, 150, 300)), False, id="seen from the side: four times as high as wide"),
        pytest.param(door((50, 100, 250, 300)), False, id="as wide as high"),
        pytest.param(door((100, 100, 150, 215)), False, id="115 px high"),
        pytest.param(door(DOOR_BOX, (196, 100, 296, 300)), True, id="4 percent of a neighbour"),
        pytest.param(door(DOOR_BOX, (194, 100, 294, 300)), False, id="6 percent of a neighbour"),
        pytest.param(door(DOOR_BOX, (120, 150, 130, 160)), False, id="a small thing before it"),
    ],
)
def test_which_doors_are_taken(at: Door, fits: bool) -> None:
    assert is_whole_front(at) is fits


@pytest.mark.parametrize(
    ("slot", "part"),
    [
        pytest.param(door(), (100, 100, 200, 300), id="all of it"),
        pytest.param(door((0, 100, 50, 300)), (150, 100, 200, 300), id="its right half at the left edge"),
        pytest.param(door((250, 100, 300, 300)), (100, 100, 150, 300), id="its left half at the right edge"),
        pytest.param(door((100, 300, 200, 400)), (100, 100, 200, 200), id="its upper half at the lower edge"),
        pytest.param(door((100, 0, 200, 100)), (100, 200, 200, 300), id="its lower half at the upper edge"),
        pytest.param(door((100, 100, 165, 300)), None, id="squeezed to 65 percent"),
        pytest.param(door((100, 20, 270, 360)), None, id="enlarged 1.7 times"),
    ],
)
def test_a_door_cut_by_the_frame_gets_the_part_that_shows(slot: Door, part: tuple[int, ...] | None) -> None:
    found = visible_part(DOOR_BOX, slot)
    assert found == part if part is None else found == pytest.approx(part)


def test_a_mirror_turns_boxes_over_the_middle() -> None:
    turned = mirrored(door((100, 100, 180, 300), (0, 10, 30, 20)))
    assert turned.box == (120, 100, 200, 300)  # 300 - 180, 300 - 100
    assert turned.others.tolist() == [[270, 10, 300, 20]]


def test_brightness_follows_the_walls_and_paint_only_a_little() -> None:
    grey, half, blue = np.full(3, 199.0), np.full(3, 99.0), np.array([249.0, 149.0, 149.0])
    np.testing.assert_allclose(light_gain((half, None), (grey, grey)), 0.5**0.7)
    np.testing.assert_allclose(
        light_gain((grey, grey), (None, np.full(3, 9.0))), 1.6
    )  # 20**0.7 is over the bound
    np.testing.assert_allclose(light_gain((None, None), (grey, grey)), 1)
    level, tint = 550 / 600, np.array([250, 150, 150]) / 200 * 600 / 550
    np.testing.assert_allclose(light_gain((blue, None), (grey, grey)), level**0.7 * tint**0.3)


def test_only_strips_inside_the_picture_are_walls() -> None:
    at_the_edge = (0.0, 100.0, 100.0, 300.0)
    left, right = surroundings(photo(10, 90, at_the_edge), at_the_edge)
    assert left is None and right is not None and right.tolist() == [90, 90, 90]


def test_the_new_door_fills_the_box_and_nothing_else_is_painted() -> None:
    slot, before = door(DOOR_BOX, (150, 200, 250, 350)), photo(40, 180)
    after = swap(before, slot, photo(120, 180), door())
    changed = (after != before).any(axis=2)
    assert not changed[~open_mask(slot)].any()
    assert (after[110:190, 110:190] == 120).all()  # equal walls: no other light
    assert changed.sum() > 0.9 * open_mask(slot).sum()


def test_photos_taken_with_the_camera_turned_are_told_apart() -> None:
    upright = photo(40, 180)
    turned = cv2.warpAffine(
        upright, cv2.getRotationMatrix2D((150, 200), 12, 1), HW[::-1], borderValue=(180,) * 3
    )
    assert not is_tilted(upright) and is_tilted(turned)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photos of one place, one of another, a val photo; each with a door, one with a person before it."""
    whole = (DOOR, 0.5, 0.5, 0.3, 0.5)
    photos = [
        Photo("here_1", "train", [whole, (PERSON, 0.6, 0.6, 0.1, 0.3)], place="here", hw=HW),
        Photo("here_2", "train", [whole], place="here", hw=HW),
        Photo("there", "train", [(DOOR, 0.4, 0.5, 0.3, 0.5)], ignore=[(PERSON, 0.9, 0.9, 0.1, 0.1)], hw=HW),
        Photo("measured", "val", [whole], hw=HW),
    ]
    return build_data_folder(tmp_path_factory.mktemp("swaps") / "real", photos, CLASSES)


def test_a_door_never_comes_from_the_place_it_goes_to(folder: Path) -> None:
    sources = Sources(folder, folder, "train", None)
    records = sources.records_with("door")
    for seed in range(40):
        rng = np.random.default_rng(seed)
        slot = draw_door(sources, records[seed % len(records)], rng)
        donor = draw_donor(sources, records, slot, rng)
        assert donor is None or donor.record.place_group != slot.record.place_group
        assert (
            donor is not None or slot.record.place_group == "there"
        )  # there, the person hides one of two doors


def written(folder: Path, out: Path) -> dict[str, bytes]:
    write_composed(Sources(folder, folder, "train", None), {"door_swaps": 6}, out, seed=3)
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def test_labels_stay_and_one_seed_gives_one_set(folder: Path, tmp_path: Path) -> None:
    files = written(folder, tmp_path / "one")
    assert files == written(folder, tmp_path / "two")
    with (tmp_path / "one" / "manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 6 and {row["split"] for row in rows} == {"train"}
    for row in rows:
        at_there = row["place_group"] == "there"
        assert (row["parts"] in ("here_1", "here_2")) if at_there else row["parts"] == "there"
        stem = Path(row["file"]).stem
        classes = [int(line.split()[0]) for line in files[f"labels/{stem}.txt"].decode().splitlines()]
        assert classes in ([[DOOR]] if at_there else [[DOOR, PERSON], [DOOR]])
        assert bool(files[f"ignore/{stem}.txt"]) is at_there
