"""Drawn lift cars and figures set into them: what is covered, what stays visible, what is labelled."""

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="composing needs OpenCV: install firewarden[train]")

from firewarden.datasets.compose.cutouts import Cutout
from firewarden.datasets.compose.ground import Ground
from firewarden.datasets.compose.standing import Stage
from firewarden.datasets.labels import label_rows
from firewarden.datasets.lift_scene import draw_lift_car
from firewarden.datasets.paste import cover_mask, cut_out_by_colour


def figure(h: int, w: int) -> np.ndarray:
    return np.full((h, w, 4), 255, np.uint8)


@pytest.mark.parametrize("seed", range(6))
def test_a_car_is_drawn_the_same_for_one_seed_and_has_a_floor(seed):
    first, again = (draw_lift_car(np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(first.picture, again.picture)
    assert 0.6 <= first.floor_rows[0] < first.floor_rows[1] == 1.0
    assert not np.array_equal(first.picture, draw_lift_car(np.random.default_rng(seed + 100)).picture)


@pytest.mark.parametrize(
    ("x", "y", "box", "area"),
    [
        pytest.param(10, 20, (10, 20, 40, 60), 1200, id="inside"),
        pytest.param(-10, 20, (0, 20, 20, 60), 800, id="cut off at the left"),
        pytest.param(90, 90, (90, 90, 100, 100), 100, id="a corner"),
    ],
)
def test_cover_mask(x, y, box, area):
    mask = cover_mask((100, 100), figure(40, 30), x, y)
    rows, columns = np.nonzero(mask)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == box
    assert mask.sum() == area


def test_cover_outside_the_picture_is_nothing():
    assert cover_mask((100, 100), figure(40, 30), 200, 0).sum() == 0


def test_an_object_is_parted_from_its_ground_by_colour():
    picture = np.full((300, 300, 3), (60, 160, 60), np.uint8)
    cv2.ellipse(picture, (150, 150), (80, 100), 0, 0, 360, (30, 30, 200), -1)
    cutout = cut_out_by_colour(picture, (65, 45, 235, 255))
    assert cutout is not None
    red = cutout[cutout[..., 3] > 200]
    assert np.abs(red[:, :3].astype(int) - (30, 30, 200)).mean() < 8
    h, w = cutout.shape[:2]
    assert w / h == pytest.approx(160 / 200, abs=0.05)


def test_a_box_without_an_object_gives_no_cutout():
    flat = np.full((300, 300, 3), 128, np.uint8)
    assert cut_out_by_colour(flat, (50, 50, 250, 250)) is None


@pytest.mark.parametrize(
    ("person", "labelled", "ignored"),
    [
        pytest.param(
            (200, 300), {1: (100, 100, 200, 200), 0: (200, 100, 300, 200)}, [], id="half hidden: cut"
        ),
        pytest.param(
            (120, 300), {0: (120, 100, 300, 200)}, [1], id="a tenth left: neither object nor background"
        ),
    ],
)
def test_boxes_are_of_what_stays_visible(person, labelled, ignored):
    """An e-bike covers columns 100..299; the person set before it covers `person`."""
    car = draw_lift_car(np.random.default_rng(0)).picture
    stage = Stage.on(Ground(car, label_rows([]), label_rows([]), None, ("person", "ebike")))
    for name, (low, high) in (("ebike", (100, 300)), ("person", person)):
        wide = Cutout(figure(100, high - low), name, "")
        stage.stand(wide, ((low + high) / 2, 200), 100, np.random.default_rng(0))
    rows, ignore = stage.label()
    boxes = dict(zip(rows.class_id.tolist(), rows.xyxy(car.shape[:2]).tolist(), strict=True))
    assert set(boxes) == set(labelled) and ignore.class_id.tolist() == ignored
    for class_id, box in labelled.items():
        assert boxes[class_id] == pytest.approx(box, abs=1.5)
