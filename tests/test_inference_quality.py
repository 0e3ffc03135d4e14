"""Photo quality: measures worked out by hand, and which pictures are refused."""

import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageFilter

from firewarden.inference.image import Image, decode_image
from firewarden.inference.quality import QualityThresholds, assess_quality
from firewarden.inference.resize import resize
from firewarden.inference.rules_file import load_rules

THRESHOLDS = QualityThresholds(
    min_sharpness=15, min_brightness=30, max_brightness=236, dark_level=32, max_dark_share=0.8, min_contrast=12,
    min_short_side_px=160, max_aspect=5,
)  # fmt: skip
SHARED = Path(os.environ.get("FIREWARDEN_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


def picture(grey: np.ndarray, original_hw: tuple[int, int] | None = None) -> Image:
    pixels = np.repeat(np.asarray(grey, np.uint8)[..., None], 3, axis=2)
    return Image(pixels, original_hw or pixels.shape[:2], "0" * 64, "image/jpeg")


def halves(left: int, right: int, hw: tuple[int, int] = (480, 640)) -> np.ndarray:
    grey = np.full(hw, left, np.uint8)
    grey[:, hw[1] // 2 :] = right
    return grey


def photo_like(seed: int = 0) -> np.ndarray:
    """Blocks of random grey: sharp edges, middle brightness, good contrast."""
    blocks = np.random.default_rng(seed).integers(40, 216, (12, 16), dtype=np.uint8)
    return np.kron(blocks, np.ones((40, 40), np.uint8))


def smear(pixels: np.ndarray) -> np.ndarray:
    """Gaussian blur of sigma 6 px."""
    return np.asarray(PillowImage.fromarray(pixels).filter(ImageFilter.GaussianBlur(6)), np.uint8)


@pytest.mark.parametrize(
    ("grey", "brightness", "contrast", "dark_share"),
    [
        pytest.param(np.full((480, 640), 100), 100, 0, 0, id="one grey has no contrast"),
        pytest.param(halves(0, 200), 100, 100, 0.5, id="half black half 200"),
        pytest.param(halves(31, 32), 31.5, 0.5, 0.5, id="31 is dark, the dark level 32 itself is not"),
    ],
)
def test_brightness_contrast_and_dark_share(grey, brightness, contrast, dark_share):
    quality = assess_quality(picture(grey), THRESHOLDS)
    assert quality.brightness == pytest.approx(brightness)
    assert quality.contrast == pytest.approx(contrast)
    assert quality.dark_share == pytest.approx(dark_share)


def test_sharpness_of_one_edge():
    # Laplacian of a step of 60: +60 and -60 in the two columns at the edge, 0 elsewhere; of the 638 inner columns the
    # variance is 2 * 60^2 / 638
    assert assess_quality(picture(halves(100, 160)), THRESHOLDS).sharpness == pytest.approx(2 * 60**2 / 638)


def test_sharpness_is_judged_at_one_scale():
    once = assess_quality(picture(photo_like()), THRESHOLDS)
    twice = assess_quality(picture(photo_like().repeat(2, axis=0).repeat(2, axis=1)), THRESHOLDS)
    assert twice.sharpness == pytest.approx(once.sharpness)


@pytest.mark.parametrize(
    ("grey", "original_hw", "problems"),
    [
        pytest.param(photo_like(), (3000, 4000), (), id="a good picture"),
        pytest.param(photo_like(), (159, 795), ("too_small",), id="size is that of the file, not of the decoded pixels"),
        pytest.param(photo_like(), (400, 2000), (), id="five times as wide as high"),
        pytest.param(photo_like(), (400, 2001), ("narrow",), id="a strip lying"),
        pytest.param(photo_like(), (12000, 400), ("narrow",), id="a strip standing"),
        pytest.param(np.zeros((480, 640)), (480, 640), ("dark", "flat", "blurred"), id="black frame"),
        pytest.param(np.full((480, 640), 255), (480, 640), ("overexposed", "flat", "blurred"), id="white frame"),
        pytest.param(smear(photo_like()), (480, 640), ("blurred",), id="blurred by sigma 6"),
        pytest.param(photo_like() // 8, (480, 640), ("dark", "flat", "blurred"), id="night swallows the edges too"),
    ],
)  # fmt: skip
def test_problems(grey, original_hw, problems):
    assert assess_quality(picture(grey, original_hw), THRESHOLDS).problems == problems


def test_a_lit_spot_in_the_dark_is_still_dark():
    grey = np.zeros((480, 640), np.uint8)
    grey[:192, :320] = 255  # a fifth of the picture: brightness 51, dark share exactly 0.8
    assert assess_quality(picture(grey), THRESHOLDS).problems == ()
    grey[0, 0] = 0
    assert assess_quality(picture(grey), THRESHOLDS).problems == ("dark",)


def test_a_glance_that_finds_nothing_is_followed_by_a_look_at_all():
    grey = photo_like().copy()
    for top in range(0, 480, 32):  # the bands of the glance
        grey[top : top + 8] = 100
    assert assess_quality(picture(grey), THRESHOLDS).problems == ()


def test_shipped_thresholds_pass_usable_photos_and_refuse_spoilt_ones():
    folder = SHARED / "real" / "images"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing: set FIREWARDEN_SHARED_DATA to the shared data folder")
    thresholds = load_rules().quality
    photos = [decode_image(path.read_bytes(), min_long_side=640) for path in sorted(folder.iterdir())[::15]]
    kept = [not assess_quality(photo, thresholds).problems for photo in photos]
    assert np.mean(kept) >= 0.98
    for photo in photos[::10]:
        pixels = photo.pixels
        scale = 640 / max(photo.pixels_hw)
        reduced = resize(pixels, (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)))
        for spoilt in (smear(reduced), np.zeros_like(pixels), np.full_like(pixels, 255)):
            assert assess_quality(
                Image(spoilt, photo.original_hw, "0" * 64, "image/jpeg"), thresholds
            ).problems


def test_the_shipped_sample_is_a_usable_photo():
    data = (files("firewarden.inference") / "sample.jpg").read_bytes()
    image = decode_image(data)
    assert len(data) <= 150_000 and image.original_hw == (960, 1280)
    assert assess_quality(image, THRESHOLDS).problems == ()
