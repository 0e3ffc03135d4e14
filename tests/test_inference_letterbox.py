"""Letterbox: sizes by hand, and boxes that come back to where they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.inference.detector import to_batch
from firewarden.inference.letterbox import Letterbox


@pytest.mark.parametrize(
    ("hw", "content", "padded"),
    [
        pytest.param((640, 640), (640, 640), (640, 640), id="square"),
        pytest.param((1080, 1920), (360, 640), (384, 640), id="1080p: 360 rows in 384"),
        pytest.param((3024, 4032), (480, 640), (480, 640), id="12 MP landscape needs no padding"),
        pytest.param((4032, 3024), (640, 480), (640, 480), id="12 MP portrait"),
        pytest.param((200, 260), (492, 640), (512, 640), id="small pictures are enlarged"),
        pytest.param((32, 5000), (4, 640), (32, 640), id="a strip"),
    ],
)
def test_sizes(hw, content, padded):
    box = Letterbox.fit(hw, 640, 32)
    assert (box.content_hw, box.input_hw) == (content, padded)


def test_padding_is_grey_and_content_is_centred():
    pixels = np.full((100, 200, 3), 7, np.uint8)
    canvas = Letterbox.fit((100, 200), 64, 32).apply_image(pixels)  # content 32 x 64: no padding
    assert canvas.shape == (32, 64, 3) and (canvas == 7).all()
    canvas = Letterbox.fit((100, 250), 64, 32).apply_image(
        np.full((100, 250, 3), 7, np.uint8)
    )  # 26 x 64 in 32 x 64
    assert (canvas[:3] == 114).all() and (canvas[3:29] == 7).all() and (canvas[29:] == 114).all()


def test_a_scaled_decode_maps_to_original_pixels():
    """A 4032 x 3024 photo decoded at a quarter: the input's right lower corner is the photo's."""
    box = Letterbox.fit((756, 1008), 640, 32, original_hw=(3024, 4032))
    boxes = box.undo_boxes(np.array([[0, 0, 640, 480], [320, 240, 640, 480]], np.float32))
    assert boxes == pytest.approx(np.array([[0, 0, 4032, 3024], [2016, 1512, 4032, 3024]]), abs=0.01)


def test_another_picture_is_refused():
    with pytest.raises(ValueError, match="fitted to"):
        Letterbox.fit((10, 20), 64, 32).apply_image(np.zeros((20, 10, 3), np.uint8))


side = st.integers(32, 6000)


@given(side, side, st.sampled_from([320, 416, 640]), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_boxes_round_trip_below_a_pixel(h, w, size, corner):
    (x0, x1), (y0, y1) = sorted(corner[:2]), sorted(corner[2:])
    box = np.array([[x0 * w, y0 * h, x1 * w, y1 * h]], np.float32)
    letterbox = Letterbox.fit((h, w), size, 32)
    (top, left), (content_h, content_w) = letterbox.top_left, letterbox.content_hw
    there = box * np.tile([content_w / w, content_h / h], 2) + np.tile([left, top], 2)
    assert (there[0, 2:] <= np.array(letterbox.input_hw[::-1]) + 1e-2).all()
    assert np.abs(letterbox.undo_boxes(there.astype(np.float32)) - box).max() < 1


def test_the_network_reads_rgb_planes_between_0_and_1():
    pixels = np.array([[[0, 51, 255], [102, 0, 153]]], np.uint8)  # two BGR pixels
    batch = to_batch(pixels)
    assert batch.shape == (1, 3, 1, 2) and batch.dtype == np.float32
    expected = np.array([[255, 153], [51, 0], [0, 102]], np.float32) * np.float32(1 / 255)
    assert (batch[0, :, 0] == expected).all()
