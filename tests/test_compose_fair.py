"""What may be drawn at all: brackets on walls alone, cords and strips that a person could see; each value worked out by hand."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("cv2", reason="composing needs OpenCV: install firewarden[train]")
sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from tiny_data import Photo, build_data_folder

from firewarden.datasets.cables import Cable
from firewarden.datasets.compose.drawn_visible import change_seen, shows_cord, shows_lock, shows_strip
from firewarden.datasets.compose.ground import Ground, Row, rows_of
from firewarden.datasets.compose.marked_walls import mark_wall
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.compose.wall_spots import (
    front_doors,
    is_indoor,
    is_plain,
    is_wall,
    taken_mask,
    wall_spot,
)
from firewarden.datasets.manifest import PhotoRecord

HW = (400, 400)
DOOR = (150.0, 60.0, 250.0, 265.0)  # 205 px for 2.05 m: 100 px a metre


def room(*rows: Row, ignore: tuple[Row, ...] = ()) -> Ground:
    """A grey wall down to row 300, a black floor below, and a door."""
    photo = np.full((*HW, 3), 180, np.uint8)
    photo[300:] = 20
    labels = rows_of([(CLASSES.index("door"), DOOR), *rows], HW)
    return Ground(photo, labels, rows_of(list(ignore), HW), None, CLASSES)


def spots(ground: Ground) -> list[tuple[int, int] | None]:
    """Spots of 30 rows x 20 columns, 0.6 m to 1.2 m above the floor, of twelve draws."""
    return [wall_spot(ground, DOOR, (30, 20), (0.6, 1.2), np.random.default_rng(n)) for n in range(12)]


def test_spots_lie_beside_the_door_between_floor_and_lintel() -> None:
    """Feet at rows 265 - 120 to 265 - 60, reach of 1.2 door widths: columns 30 to 150 and 250 to 370."""
    found = [spot for spot in spots(room()) if spot is not None]
    assert len(found) == 12
    assert all(145 <= y + 30 <= 205 for _, y in found)
    assert all(30 <= x <= 124 or 256 <= x <= 350 for x, _ in found)


def test_no_spot_on_anything_labelled_or_ignored() -> None:
    person = CLASSES.index("person"), (0.0, 0.0, 150.0, 400.0)
    unsure = CLASSES.index("furniture"), (250.0, 100.0, 400.0, 400.0)
    assert all(spot is None or spot[0] >= 256 for spot in spots(room(person)))
    assert spots(room(person, ignore=(unsure,))) == [None] * 12


def test_a_class_that_was_not_looked_for_takes_no_place() -> None:
    """An ignore region of the whole picture says that, a labelled person of the whole picture is there."""
    whole = CLASSES.index("person"), (0.0, 0.0, 400.0, 400.0)
    assert taken_mask(room(ignore=(whole,))).sum() == (250 - 150 + 9) * (
        265 - 60 + 9
    )  # the door and 4 px round it
    assert taken_mask(room(whole)).all()


@pytest.mark.parametrize(
    ("box", "front"),
    [
        pytest.param(DOOR, True, id="whole"),
        pytest.param((150, 0, 250, 205), False, id="cut above"),
        pytest.param((150, 200, 250, 400), False, id="cut below"),
        pytest.param((150, 180, 250, 386), False, id="foot in the lowest 4 %: no floor to be seen"),
        pytest.param((150, 60, 205, 265), False, id="a leaf seen from the side: 3.7 times as high as wide"),
        pytest.param((100, 60, 300, 265), False, id="1.0 times as high as wide"),
        pytest.param((150, 60, 210, 175), False, id="115 of 400 px: far away"),
    ],
)  # fmt: skip
def test_which_doors_stand_in_a_wall(box: tuple[float, ...], front: bool) -> None:
    x0, y0, x1, y1 = box
    ground = replace(room(), labels=rows_of([(CLASSES.index("door"), (x0, y0, x1, y1))], HW))
    assert bool(front_doors(ground)) is front


def test_a_wall_has_one_tone_from_the_door_on() -> None:
    """Beyond an edge of 25 grey levels it is another surface; 20 may be light."""
    photo = room().photo
    spot = 300, 100, 330, 150
    assert is_wall(photo, DOOR, spot)
    for step, same in ((20, True), (25, False)):
        other = photo.copy()
        other[:, 280:] -= np.uint8(step)
        assert is_wall(other, DOOR, spot) is same


def test_plain_is_neither_black_nor_burnt_out_nor_patterned() -> None:
    stripes = np.full((40, 40, 3), 120, np.uint8)
    stripes[::2] = 160  # deviation 20
    assert not is_plain(stripes)
    levels = {value: is_plain(np.full((40, 40, 3), value, np.uint8)) for value in (30, 120, 245)}
    assert levels == {30: False, 120: True, 245: False}


@pytest.mark.parametrize(("scene", "indoor"), [("corridor", True), ("outdoor", False), ("", False), ("close_up", False)])  # fmt: skip
def test_only_a_tag_says_indoors(scene: str, indoor: bool) -> None:
    assert is_indoor(PhotoRecord("images/a.jpg", "train", "s", "none stated", "p", scene)) is indoor
    assert not is_indoor(None)


@pytest.mark.parametrize("scene", ["corridor", "outdoor", ""])
def test_walls_are_marked_indoors_alone_and_above_the_floor(scene: str, tmp_path: Path) -> None:
    """The door's foot is at row 265; 0.45 m above it is row 220."""
    source, label = room(), (CLASSES.index("door"), 0.5, 162.5 / 400, 0.25, 205 / 400)
    photo = Photo("hall", labels=[label], scene=scene, source="DoorDetect", hw=HW)
    folder = build_data_folder(tmp_path / "real", [photo], CLASSES)
    Image.fromarray(source.photo).save(folder / "images" / "hall.png")
    sources = Sources(folder, folder, "train", None)
    made = [picture for n in range(20) for picture in mark_wall(sources, "p", np.random.default_rng(n))]
    marked = [p for p in made if p.expect.hazards]
    assert bool(marked) is (scene == "corridor")
    for picture in marked:
        x0, _, x1, y1 = picture.labels.xyxy(HW)[-1]
        assert y1 <= 221 and (x1 <= 150 or x0 >= 250)


def drawn(hw: tuple[int, int], columns: tuple[int, int], level: int) -> tuple[np.ndarray, Cable]:
    """Change seen of a level cord five rows thick over grey 100, and that cord."""
    before = np.full((*hw, 3), 100, np.uint8)
    after, row = before.copy(), hw[0] // 2
    after[row - 2 : row + 3, columns[0] : columns[1]] = level
    points = np.array([[columns[0] / hw[1], row / hw[0]], [columns[1] / hw[1], row / hw[0]]], np.float32)
    return change_seen(before, after), Cable(points, "power", "above", "charger")


@pytest.mark.parametrize(
    ("hw", "columns", "level", "seen"),
    [
        pytest.param((320, 320), (100, 150), 150, True, id="50 px, 50 levels"),
        pytest.param((320, 320), (100, 138), 150, False, id="38 px are too short"),
        pytest.param((1280, 1280), (400, 476), 150, False, id="76 px of 1280 are 38 of 640"),
        pytest.param((1280, 1280), (400, 490), 150, True, id="90 px of 1280 are 45 of 640"),
        pytest.param((320, 320), (100, 200), 128, False, id="28 levels are too faint"),
        pytest.param((320, 320), (100, 200), 68, True, id="32 levels darker"),
    ],
)
def test_a_cord_must_be_long_and_stand_out(
    hw: tuple[int, int], columns: tuple[int, int], level: int, seen: bool
) -> None:
    change, cable = drawn(hw, columns, level)
    assert shows_cord(change, [cable]) is seen
    assert not shows_cord(change, [Cable(cable.points, "telecom", "none", "none")])


@pytest.mark.parametrize(
    ("size", "level", "seen"),
    [((30, 10), 130, True), ((30, 7), 130, False), ((22, 10), 130, False), ((30, 10), 112, False)],
)
def test_a_strip_must_be_large_and_stand_out(size: tuple[int, int], level: int, seen: bool) -> None:
    """24 x 8 px at least, 18 grey levels; it is no larger for the picture being small."""
    before = np.full((200, 200, 3), 100, np.uint8)
    after, (long, thin) = before.copy(), size
    after[50 : 50 + long, 60 : 60 + thin] = level
    assert shows_strip(change_seen(before, after), [(60.0, 50.0, 60.0 + thin, 50.0 + long)]) is seen


@pytest.mark.parametrize(
    ("columns", "long", "level", "seen"),
    [
        pytest.param(8, 30, 130, True, id="8 of 30 columns"),
        pytest.param(4, 30, 130, False, id="4 of 30 columns, 6 with their soft edges, are under a fifth"),
        pytest.param(30, 18, 130, False, id="18 px are too small"),
        pytest.param(30, 30, 115, False, id="15 levels: black on black"),
    ],
)
def test_a_lock_must_be_large_and_stand_out(columns: int, long: int, level: int, seen: bool) -> None:
    """20 px at least, a fifth of its box by 20 grey levels; the blur takes the outermost columns below that."""
    before = np.full((200, 200, 3), 100, np.uint8)
    after = before.copy()
    after[50 : 50 + long, 60 : 60 + min(columns, long)] = level
    assert shows_lock(change_seen(before, after), (60.0, 50.0, 60.0 + long, 50.0 + long)) is seen
