"""Drawn lift cars and figures set into them: what is covered, what stays visible, what is labelled."""

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="composing needs OpenCV: install firewarden[train]")

from firewarden.datasets import compose
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


def test_boxes_are_of_what_stays_visible(monkeypatch):
    """A bike covers columns 100..299; the person set before it covers 200..299. The bike's box ends at 200."""
    covers = {2: (100, 300), 0: (200, 300)}

    def stand(photo, cutouts, rng, floor_rows):
        mask = np.zeros(photo.shape[:2], bool)
        low, high = covers[cutouts[0]]
        mask[100:200, low:high] = True
        return mask

    class InOrder:
        """A stream that fills the car with a bike and one person, in that order."""

        def random(self):
            return 0.0

        def choice(self, options):
            return 1

        def permutation(self, n):
            return range(n)

    monkeypatch.setattr(compose, "_stand", stand)
    monkeypatch.setattr(compose, "draw_lift_car", lambda rng: draw_lift_car(np.random.default_rng(0)))
    ground, rows = compose._fill_lift(InOrder(), [2], [0], 2, 0)
    boxes = dict(zip(rows.class_id.tolist(), rows.xyxy(ground.photo.shape[:2]).tolist(), strict=True))
    assert boxes[2] == pytest.approx([100, 100, 200, 200], abs=0.01)
    assert boxes[0] == pytest.approx([200, 100, 300, 200], abs=0.01)
    assert len(ground.ignore) == 0

    covers[0] = (120, 300)  # now a tenth of the bike is left: neither object nor background
    ground, rows = compose._fill_lift(InOrder(), [2], [0], 2, 0)
    assert rows.class_id.tolist() == [0] and ground.ignore.class_id.tolist() == [2]
