"""Perceptual hashes: bits by hand, and the same bits after scaling and saving again."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from firewarden.datasets.picture_hash import (
    MAX_DISTANCE,
    PictureHash,
    dhash,
    distance,
    near_pairs,
    phash,
    picture_hash,
)

HALF = 0x0F0F0F0F0F0F0F0F


def grid_picture(seed: int, side: int = 288) -> Image.Image:
    """Soft random shades on a 9 x 8 grid: neighbours differ clearly, as in photos with something in them."""
    cells = np.random.default_rng(seed).permutation(72).reshape(8, 9) * 3 + 20
    return Image.fromarray(cells.astype(np.uint8)).resize((side, side), Image.Resampling.NEAREST)


def test_bits_say_where_it_gets_darker_to_the_right() -> None:
    falling = Image.fromarray(np.tile(np.arange(9, dtype=np.uint8)[::-1] * 20, (8, 1)))
    assert dhash(falling) == 0xFFFFFFFFFFFFFFFF
    assert dhash(falling.transpose(Image.Transpose.FLIP_LEFT_RIGHT)) == 0
    row = np.array([9, 8, 7, 6, 5, 5, 6, 7, 8], np.uint8) * 10  # darker four times, then never
    assert dhash(Image.fromarray(np.tile(row, (8, 1)))) == 0xF0F0F0F0F0F0F0F0


def test_a_slow_wave_lights_one_low_frequency() -> None:
    wave = 128 + 100 * np.cos((2 * np.arange(32) + 1) * np.pi / 64)  # one half turn from left to right
    bits = phash(Image.fromarray(np.tile(np.round(wave), (32, 1)).astype(np.uint8)))
    assert bits >> 62 == 0b01  # not the mean, but the first wave to the right


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), side=st.integers(90, 600), quality=st.integers(70, 95))
def test_scaling_and_saving_again_change_few_bits(seed: int, side: int, quality: int) -> None:
    picture, stream = grid_picture(seed), io.BytesIO()
    picture.resize((side, side), Image.Resampling.LANCZOS).save(stream, "JPEG", quality=quality)
    one, other = picture_hash(picture), picture_hash(Image.open(stream))
    assert distance(one.dhash, other.dhash) <= MAX_DISTANCE
    assert near_pairs([one, other]) == [(0, 1)]


@given(seeds=st.lists(st.integers(0, 10_000), min_size=2, max_size=2, unique=True))
@settings(deadline=None, max_examples=25)
def test_other_pictures_are_far(seeds: list[int]) -> None:
    assert near_pairs([picture_hash(grid_picture(seed)) for seed in seeds]) == []


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        pytest.param((HALF, HALF), (HALF ^ 0b1111, HALF), True, id="four bits"),
        pytest.param((HALF, HALF), (HALF ^ 0b11111, HALF), False, id="five bits"),
        pytest.param((HALF, HALF), (HALF, HALF ^ 0xFFF), True, id="the witness allows twelve"),
        pytest.param((HALF, HALF), (HALF, HALF ^ 0x1FFF), False, id="the witness disagrees"),
        pytest.param((2**64 - 1, 0), (2**64 - 1, 0), True, id="all 64 bits are kept"),
    ],
)
def test_near_is_a_number_of_bits(one, other, near) -> None:
    hashes = [PictureHash(*one, flat=False), PictureHash(*other, flat=False)]
    assert near_pairs(hashes) == ([(0, 1)] if near else [])


def test_flat_and_unreadable_pictures_take_no_part() -> None:
    wall = picture_hash(Image.new("RGB", (64, 64), (178, 178, 178)))
    assert wall.flat
    assert near_pairs([wall, wall, None, None]) == []
    assert near_pairs([]) == []


def test_pairs_are_found_beyond_one_block_of_rows() -> None:
    rng = np.random.default_rng(3)
    hashes = [PictureHash(int(v), int(v), flat=False) for v in rng.integers(0, 2**63, 1100)]
    hashes[1099], hashes[700] = hashes[2], hashes[513]
    assert near_pairs([None, *hashes]) == [(3, 1100), (514, 701)]
