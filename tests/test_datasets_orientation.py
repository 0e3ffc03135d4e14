"""EXIF orientation: boxes go where Pillow turns the pixels."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

from firewarden.datasets.orientation import orientation_of, read_header, to_upright
from firewarden.errors import DatasetError


def turned_picture(orientation: int, box: tuple[int, int, int, int]) -> Image.Image:
    """A white 40 x 20 picture with a black box (inclusive pixels) and an EXIF orientation."""
    picture, exif = Image.new("L", (40, 20), 255), Image.Exif()
    ImageDraw.Draw(picture).rectangle(box, fill=0)
    exif[0x0112] = orientation
    stream = io.BytesIO()
    picture.save(stream, "PNG", exif=exif)
    return Image.open(stream)


@pytest.mark.parametrize("orientation", range(1, 9))
@given(data=st.data())
def test_a_box_is_where_the_pixels_are(orientation: int, data: st.DataObject) -> None:
    x0, y0 = data.draw(st.integers(0, 38)), data.draw(st.integers(0, 18))
    x1, y1 = data.draw(st.integers(x0, 39)), data.draw(st.integers(y0, 19))
    picture = turned_picture(orientation, (x0, y0, x1, y1))
    upright = np.asarray(ImageOps.exif_transpose(picture))
    rows, columns = np.nonzero(upright == 0)
    h, w = upright.shape
    expected = [columns.min() / w, rows.min() / h, (columns.max() + 1) / w, (rows.max() + 1) / h]
    stored = np.array([[x0 / 40, y0 / 20, (x1 + 1) / 40, (y1 + 1) / 20]])
    np.testing.assert_allclose(to_upright(stored, orientation_of(picture)), [expected], atol=1e-9)


def test_a_quarter_turn_by_hand() -> None:
    top_left = np.array([[0.0, 0.0, 0.1, 0.2]])
    np.testing.assert_allclose(to_upright(top_left, 6), [[0.8, 0.0, 1.0, 0.1]])  # turned clockwise: top right
    assert to_upright(np.empty((0, 4)), 6).shape == (0, 4)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_exif_that_is_cut_short_tells_no_turn(kind: str, tmp_path: Path) -> None:
    Image.new("RGB", (40, 20)).save(tmp_path / "a", kind, exif=b"Exif\0\0MM\0*")
    assert read_header(tmp_path / "a").orientation == 1


def test_the_header_gives_both_sizes(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "a.jpg", exif=exif)
    header = read_header(tmp_path / "a.jpg")
    assert (header.stored_hw, header.upright_hw, header.orientation) == ((20, 40), (40, 20), 6)
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"b\.jpg: not a readable picture"):
        read_header(tmp_path / "b.jpg")
