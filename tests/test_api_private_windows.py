"""Frames that others send, without the private windows of their cameras."""

import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from firewarden.api.private_windows import MaskedReader, fill_windows
from firewarden.bulk.items import HeldReader, Unreadable
from firewarden.inference.image import decode_image
from firewarden.inference.quality import assess_quality
from firewarden.inference.rules_file import load_rules

QUARTER = (((0.0, 0.0), (0.45, 0.0), (0.45, 0.45), (0.0, 0.45)),)  # of 4 x 4 pixels the first 2 x 2


def encoded(pixels: np.ndarray, form: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    PillowImage.fromarray(pixels.astype(np.uint8)).save(stream, form)
    return stream.getvalue()


def masked(data: bytes) -> bytes:
    return MaskedReader(HeldReader(data), QUARTER, 50_000_000).read()


@pytest.mark.parametrize(
    ("level", "problem"),
    [(6.0, "dark"), (14.0, "dark"), (250.0, "overexposed")],
    ids=["cap", "night", "white"],
)
def test_a_frame_that_shows_nothing_beside_its_windows_is_told_as_such(level, problem) -> None:
    """A window of the usual grey, 114, would lift the mean of all of it above the bounds of a picture that shows nothing."""
    noise = np.random.default_rng(1).normal(level, 3, (540, 960, 3))
    image = decode_image(masked(encoded(np.clip(noise, 0, 255))))
    assert problem in assess_quality(image, load_rules().quality).problems


def test_windows_take_the_mean_of_what_is_beside_them() -> None:
    """Of 4 x 4 pixels the window takes 4; of the other 12 six are 30 and six are 90."""
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[:, 2], pixels[2:, 0], pixels[:, 3], pixels[2:, 1] = 30, 30, 90, 90
    filled = fill_windows(pixels, QUARTER)
    assert (filled[:2, :2] == 60).all() and (filled[2:] == pixels[2:]).all() and not pixels[:2, :2].any()


def test_one_frame_that_no_camera_makes_is_refused_alone() -> None:
    """A JPEG has no side above 65500 px."""
    with pytest.raises(Unreadable, match="got a side of 66000 px, expected at most 16384"):
        masked(encoded(np.zeros((32, 66000, 3)), "PNG"))
