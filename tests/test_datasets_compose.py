"""Composed photos: what is pasted is labelled where it can be seen, and one seed gives one set."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

pytest.importorskip("cv2", reason="composing needs OpenCV: install firewarden[train]")
sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from tiny_data import Photo, build_data_folder, draw_disk

from firewarden import __version__
from firewarden.datasets.compose import ComposePlan, compose_photos
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.labels import LabelRows, list_images, read_labels
from firewarden.datasets.paste import cut_out_on_plain_ground, paste
from firewarden.datasets.signs import draw_exit_sign

EXIT_SIGN, EBIKE, CARTON, DOOR = (CLASSES.index(n) for n in ("exit_sign", "ebike", "carton", "door"))
PERSON, VEHICLE = CLASSES.index("person"), CLASSES.index("vehicle")
PLAN = ComposePlan(exit_signs=12, indoor_ebikes=12, seed=3)
FLOOR = [(CARTON, 0.1 + 0.2 * i, 0.75 + 0.1 * (i % 2), 0.06, 0.08) for i in range(5)]


def bgra(h: int, w: int, *, margin: int = 0, alpha: int = 255) -> np.ndarray:
    """A cut-out of colour (10, 20, 30), see-through in a `margin` on all sides."""
    cutout = np.zeros((h, w, 4), np.uint8)
    cutout[..., :3] = (10, 20, 30)
    cutout[margin : h - margin, margin : w - margin, 3] = alpha
    return cutout


@pytest.mark.parametrize(
    ("cutout", "at", "box"),
    [
        pytest.param(bgra(20, 30), (5, 7), (5, 7, 35, 27), id="inside"),
        pytest.param(bgra(20, 30), (-6, 85), (0, 85, 24, 100), id="cut off at the left and below"),
        pytest.param(bgra(20, 30), (82, -8), (82, 0, 100, 12), id="cut off at the right and above"),
        pytest.param(bgra(20, 30, margin=4), (10, 10), (14, 14, 36, 26), id="its see-through margin is no object"),
        pytest.param(bgra(20, 30, alpha=41), (10, 10), (10, 10, 40, 30), id="just visible"),
        pytest.param(bgra(20, 30, alpha=40), (10, 10), None, id="too faint to be seen"),
        pytest.param(bgra(20, 30), (88, 10), (88, 10, 100, 30), id="12 columns are enough"),
        pytest.param(bgra(20, 30), (89, 10), None, id="11 columns are not"),
        pytest.param(bgra(20, 30), (10, -9), None, id="11 rows are not"),
        pytest.param(bgra(20, 30), (120, 10), None, id="outside"),
    ],
)  # fmt: skip
def test_a_pasted_box_holds_the_visible_pixels(cutout, at, box) -> None:
    assert paste(np.full((100, 100, 3), 200, np.uint8), cutout, *at) == box


def test_pasting_changes_what_it_covers_and_nothing_else() -> None:
    photo = np.full((50, 60, 3), 200, np.uint8)
    paste(photo, bgra(20, 30, margin=3), 40, 10)
    assert (photo[13:27, 43:60] == (10, 20, 30)).all()
    photo[13:27, 43:60] = 200
    assert (photo == 200).all()


def test_a_cut_out_that_is_left_off_leaves_the_photo_alone() -> None:
    photo = np.full((50, 60, 3), 200, np.uint8)
    assert paste(photo, bgra(20, 30), 49, 10) is None
    assert (photo == 200).all()


def test_half_an_alpha_mixes_half() -> None:
    photo = np.full((40, 40, 3), 100, np.uint8)
    cutout = np.full((20, 20, 4), 200, np.uint8)
    cutout[..., 3] = 51  # 51 / 255 = 0.2: 0.2 * 200 + 0.8 * 100 = 120
    paste(photo, cutout, 0, 0)
    assert np.abs(photo[:20, :20].astype(int) - 120).max() <= 1


def white(h: int = 160, w: int = 160) -> Image.Image:
    return Image.new("RGB", (w, h), (255, 255, 255))


def open_ring() -> Image.Image:
    """A thin ring with a gap on the right: the white inside is part of the ground."""
    picture = white()
    ImageDraw.Draw(picture).arc((25, 25, 135, 135), 20, 340, fill=(20, 20, 20), width=10)
    return picture


def two_disks() -> Image.Image:
    picture = white(160, 320)
    picture.paste(draw_disk(), (0, 0))
    picture.paste(draw_disk(), (160, 0))
    return picture


def disk_before_stripes() -> Image.Image:
    picture = draw_disk()
    for x in range(0, 160, 16):
        ImageDraw.Draw(picture).rectangle((x, 0, x + 7, 20), fill=(200, 60, 60))
    return picture


def test_a_disk_on_white_is_cut_out_whole() -> None:
    cutout = cut_out_on_plain_ground(np.asarray(draw_disk(radius=50)))
    assert cutout is not None
    h, w = cutout.shape[:2]  # the disk is 101 px wide, its rim of a pixel or two is left behind
    assert 97 <= h <= 101 and 97 <= w <= 101 and cutout.shape[2] == 4
    assert cutout[h // 2, w // 2].tolist() == [30, 40, 60, 255]
    assert (cutout[[0, 0, -1, -1], [0, -1, 0, -1], 3] == 0).all()
    visible = cutout[cutout[..., 3] > 127]
    assert (visible[:, :3] == (30, 40, 60)).all()
    assert len(visible) == pytest.approx(np.pi * 49**2, rel=0.03)


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(disk_before_stripes(), id="busy ground"),
        pytest.param(Image.new("RGB", (160, 160), (90, 90, 90)), id="dark ground"),
        pytest.param(white(), id="no object"),
        pytest.param(open_ring(), id="hollow"),
        pytest.param(two_disks(), id="two parts"),
        pytest.param(draw_disk(radius=15), id="below a twentieth of the picture"),
    ],
)
def test_what_cannot_be_cut_out_cleanly_is_left_out(picture: Image.Image) -> None:
    assert cut_out_on_plain_ground(np.asarray(picture)) is None


def green_share(rgb: np.ndarray) -> float:
    return float(is_green(rgb).mean())


def is_green(rgb: np.ndarray) -> np.ndarray:
    red, green = rgb[..., 0].astype(int), rgb[..., 1].astype(int)
    return green - red > 35


@pytest.mark.parametrize("seed", range(20))
def test_a_drawn_sign_is_green_opaque_and_the_same_again(seed: int) -> None:
    sign = draw_exit_sign(np.random.default_rng(seed))
    assert sign.dtype == np.uint8 and sign.shape[0] == 160 and sign.shape[2] == 4
    assert 0.95 < sign.shape[1] / 160 < 7
    assert (sign[..., 3] == 255).all()
    assert 0.05 < green_share(sign) < 0.98
    np.testing.assert_array_equal(sign, draw_exit_sign(np.random.default_rng(seed)))


def test_seeds_draw_different_signs() -> None:
    signs = {draw_exit_sign(np.random.default_rng(seed)).tobytes() for seed in range(20)}
    assert len(signs) == 20


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two train corridors with cartons on the floor, photos that must not be ground, and an e-bike on white."""
    folder = build_data_folder(
        tmp_path_factory.mktemp("source") / "real",
        [
            Photo("hall", labels=FLOOR, ignore=[(DOOR, 0.5, 0.3, 0.2, 0.4)], hw=(240, 320)),
            Photo("stairs", labels=FLOOR[:2], scene="stairwell", hw=(320, 240)),
            Photo("street", labels=[(VEHICLE, 0.5, 0.5, 0.1, 0.1)], scene="outdoor", hw=(240, 320)),
            Photo("seen", "val", labels=[(PERSON, 0.5, 0.2, 0.1, 0.1)], hw=(240, 320)),
            Photo(
                "bike",
                labels=[(EBIKE, 0.5, 0.5, 0.63, 0.63)],
                scene="plain_background",
                source="someone__motorbike",
                hw=(160, 160),
            ),
        ],
        CLASSES,
    )
    draw_disk().save(folder / "images" / "bike.png")
    return folder


@pytest.fixture(scope="module")
def cutouts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cutouts")
    for name, colour in (("exit_sign", (0, 140, 80)), ("other_sign", (60, 40, 170))):
        (folder / name).mkdir()
        for index in range(2):
            Image.new("RGB", (60 + 20 * index, 30), colour).save(folder / name / f"{index}.jpg", quality=95)
    return folder


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory, source: Path, cutouts: Path) -> Path:
    out = tmp_path_factory.mktemp("composed")
    assert compose_photos(source, cutouts, out, PLAN) == 36  # each room with an e-bike, and untouched
    return out


def rows_of(folder: Path, part: str) -> Iterator[tuple[str, LabelRows]]:
    for image in list_images(folder):
        yield image.stem, read_labels(folder / part / f"{image.stem}.txt")


def test_one_seed_gives_the_same_bytes(composed: Path, source: Path, cutouts: Path, tmp_path: Path) -> None:
    compose_photos(source, cutouts, tmp_path, PLAN)
    files = sorted(p.relative_to(composed) for p in composed.rglob("*.*"))
    assert len(files) == 3 * 36 + 4  # and classes.txt, manifest.csv, expect.json, made_by.json
    assert files == sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*.*"))
    assert [f for f in files if (composed / f).read_bytes() != (tmp_path / f).read_bytes()] == []


def test_a_photo_does_not_depend_on_how_many_are_composed(
    composed: Path, source: Path, cutouts: Path, tmp_path: Path
) -> None:
    compose_photos(source, cutouts, tmp_path, ComposePlan(exit_signs=1, indoor_ebikes=2, seed=PLAN.seed))
    for stem in ("compose_sign_00000", "compose_ebike_00001", "compose_ebike_00001_untouched"):
        for file in (f"images/{stem}.jpg", f"labels/{stem}.txt", f"ignore/{stem}.txt"):
            assert (tmp_path / file).read_bytes() == (composed / file).read_bytes()


def test_another_seed_gives_another_set(composed: Path, source: Path, cutouts: Path, tmp_path: Path) -> None:
    compose_photos(source, cutouts, tmp_path, ComposePlan(exit_signs=2, indoor_ebikes=0, seed=PLAN.seed + 1))
    for image in list_images(tmp_path):
        assert image.read_bytes() != (composed / "images" / image.name).read_bytes()


def test_boxes_lie_inside_the_photo(composed: Path) -> None:
    boxes = np.concatenate(
        [rows.xyxy((1, 1)) for part in ("labels", "ignore") for _, rows in rows_of(composed, part)]
    )
    assert len(boxes) > 24
    assert boxes.min() >= -1e-6 and boxes.max() <= 1 + 1e-6
    assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_each_kind_adds_its_class_to_train_corridors_only(composed: Path) -> None:
    found: Counter[tuple[str, int]] = Counter()
    for stem, rows in rows_of(composed, "labels"):
        found.update((stem.split("_")[1], int(c)) for c in rows.class_id)
    assert found["sign", EXIT_SIGN] >= 10 and found["ebike", EBIKE] >= 10
    assert {class_id for _, class_id in found} == {EXIT_SIGN, EBIKE, CARTON}  # no vehicle, no person
    assert not found["sign", EBIKE] and not found["ebike", EXIT_SIGN]


def cover_shares(things: np.ndarray, covers: np.ndarray) -> np.ndarray:
    """For each box the share of its area under the covers, which do not overlap each other."""
    shares = []
    for x0, y0, x1, y1 in things:
        w = np.clip(np.minimum(covers[:, 2], x1) - np.maximum(covers[:, 0], x0), 0, None)
        h = np.clip(np.minimum(covers[:, 3], y1) - np.maximum(covers[:, 1], y0), 0, None)
        shares.append((w * h).sum() / ((x1 - x0) * (y1 - y0)))
    return np.array(shares)


def test_hidden_objects_move_to_ignore_and_none_is_lost(composed: Path) -> None:
    ignored = dict(rows_of(composed, "ignore"))
    hidden = 0
    for stem, rows in rows_of(composed, "labels"):
        kept = rows.xyxy((1, 1))[rows.class_id == CARTON]
        added = rows.xyxy((1, 1))[rows.class_id != CARTON]
        lost = ignored[stem].xyxy((1, 1))[ignored[stem].class_id == CARTON]
        from_hall = DOOR in ignored[stem].class_id  # the ground's own ignore box stays
        assert len(kept) + len(lost) == (5 if from_hall else 2)
        if "sign" in stem:  # plates fill their boxes; of other things the pixels count, not the box
            assert (cover_shares(kept, added) <= 0.6 + 1e-3).all()
        assert (cover_shares(lost, added) > 0.6 - 1e-3).all()
        hidden += len(lost)
    assert hidden > 0


@pytest.mark.parametrize("decoys", [False, True], ids=["no other signs", "other signs"])
def test_every_green_sign_is_labelled(source: Path, cutouts: Path, tmp_path: Path, decoys: bool) -> None:
    """Blue crops of other signs may lie about unlabelled; a green one never does, with or without blue ones at hand."""
    folder = cutouts if decoys else tmp_path / "absent"
    compose_photos(source, folder, tmp_path / "out", ComposePlan(exit_signs=30, indoor_ebikes=0, seed=1))
    seen = 0
    for image in list_images(tmp_path / "out"):
        green = is_green(np.array(Image.open(image).convert("RGB")))
        seen += int(green.sum())
        rows = read_labels(tmp_path / "out" / "labels" / f"{image.stem}.txt")
        for x0, y0, x1, y1 in rows.xyxy(green.shape)[rows.class_id == EXIT_SIGN].astype(int):
            green[max(y0 - 8, 0) : y1 + 8, max(x0 - 8, 0) : x1 + 8] = False  # JPEG and blur bleed a little
        assert green.sum() < 20, image.name
    assert seen > 10_000


def test_a_room_with_an_ebike_has_its_untouched_photo(composed: Path) -> None:
    expected = json.loads((composed / "expect.json").read_text())
    rooms = {stem: row for stem, row in expected.items() if row["variant"] == "untouched"}
    assert len(rooms) == 12
    for stem, row in rooms.items():
        assert row["hazards"] == [] and expected[row["pair"]]["hazards"] == ["indoor_ebike"]
        with_bike = read_labels(composed / "labels" / f"{row['pair']}.txt").class_id.tolist()
        assert EBIKE in with_bike
        assert EBIKE not in read_labels(composed / "labels" / f"{stem}.txt").class_id


def test_a_set_says_what_made_it(composed: Path) -> None:
    kinds = {"exit_signs": 12, "indoor_ebikes": 12}
    command = "firewarden data compose --split train --seed 3 --kinds exit_signs=12,indoor_ebikes=12"
    made_by = json.loads((composed / "made_by.json").read_text())
    assert made_by == {
        "command": command, "split": "train", "seed": 3, "kinds": kinds, "firewarden": __version__,
    }  # fmt: skip


def test_no_floor_no_room(cutouts: Path, tmp_path: Path) -> None:
    """A person of 0.7 of the picture fills it, one of 0.5 does not."""
    for share in (0.5, 0.7):
        photo = Photo("near", labels=[(PERSON, 0.5, 0.5, 0.2, share)], hw=(240, 320))
        folder = build_data_folder(tmp_path / str(share), [photo], CLASSES)
        assert len(Sources(folder, cutouts, "train", None).wide_rooms) == (share == 0.5)


def test_no_ebike_photo_without_an_ebike_to_cut_out(cutouts: Path, tmp_path: Path) -> None:
    bare = build_data_folder(tmp_path / "real", [Photo("hall", hw=(240, 320))], CLASSES)
    assert (
        compose_photos(bare, cutouts, tmp_path / "out", ComposePlan(exit_signs=1, indoor_ebikes=4, seed=0))
        == 1
    )
