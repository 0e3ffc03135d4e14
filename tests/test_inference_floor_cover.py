"""How much of a door's floor zone its goods cover: by hand, and as the samples of `sample_polygon` say, point for point."""

import numpy as np
import pytest

from firewarden.geometry import sample_polygon
from firewarden.inference import predicates as p
from firewarden.inference.floor_cover import cover_egress_zone, cover_lower_half

DOOR = np.array([400, 300, 600, 700], np.float32)  # lower half: y 500..700


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("rows", "share", "touching"),
    [
        pytest.param([], 0.0, [], id="no goods"),
        pytest.param([(400, 500, 600, 700)], 1.0, [True], id="all of it"),
        pytest.param([(0, 0, 1000, 1000)], 1.0, [True], id="far more than it"),
        pytest.param([(400, 500, 500, 700)], 0.5, [True], id="the left half"),
        pytest.param([(400, 500, 500, 700), (450, 500, 500, 700)], 0.5, [True, True], id="the same part twice counts once"),
        pytest.param([(400, 500, 500, 600), (500, 600, 600, 700)], 0.5, [True, True], id="two quarters"),
        pytest.param([(500, 500, 600, 600), (700, 500, 800, 700)], 0.25, [True, False], id="a quarter, and one beside the door"),
        pytest.param([(400, 100, 600, 499)], 0.0, [False], id="above it"),
        pytest.param([(600, 500, 400, 700)], 0.0, [False], id="a box turned inside out"),
    ],
)  # fmt: skip
def test_share_of_the_lower_half(rows, share, touching) -> None:
    assert cover_lower_half(p.lower_half(DOOR)).cover(boxes(*rows)) == (share, touching)


def test_share_of_a_trapezoid() -> None:
    """Twice as wide at its far end: of 200..400 px, the middle 200 px are two thirds."""
    zone = p.egress_zone(DOOR, depth_h=0.6, far_width_w=2.0)
    share, touching = cover_egress_zone(zone, far_width_w=2.0).cover(boxes((400, 700, 600, 940)))
    assert (share, touching) == (pytest.approx(2 / 3, abs=0.02), [True])


def test_a_zone_without_area_holds_nothing() -> None:
    flat = np.array([400, 700, 600, 700], np.float32)
    assert cover_lower_half(p.lower_half(flat)).cover(boxes((0, 0, 1000, 1000))) == (0.0, [False])


@pytest.mark.parametrize("grid", [None, 1.0, 0.25, 10.0])
@pytest.mark.parametrize("far_width_w", [1.0, 1.2, 1.5])
def test_points_are_those_of_the_samples(grid, far_width_w) -> None:
    """Random doors and goods in pictures of 4000 px, some of them on whole, quarter and tens of pixels."""
    rng = np.random.default_rng(7)
    for _ in range(60):
        x, y, w, h = rng.uniform((0, 0, 20, 60), (3500, 2500, 500, 900))
        low = rng.uniform((x - w, y + h / 2), (x + w, y + 1.5 * h), (4, 2))
        goods = np.hstack([low, low + rng.uniform(0.05, 1.2, (4, 2)) * w])
        door = np.array([x, y, x + w, y + h])
        if grid is not None:
            goods, door = np.round(goods / grid) * grid, np.round(door / grid) * grid
        goods, door = goods.astype(np.float32), door.astype(np.float32)
        zone, half = p.egress_zone(door, depth_h=0.6, far_width_w=far_width_w), p.lower_half(door)
        for got, wanted in (
            (cover_egress_zone(zone, far_width_w=far_width_w), sample_polygon(zone)),
            (cover_lower_half(half), sample_polygon(half)),
        ):
            share, touching = wanted.cover(goods)
            assert got.cover(goods) == (share, touching.tolist())
