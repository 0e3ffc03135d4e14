"""The first door: what is decoded, how it is turned, and what is refused with which status."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as PillowImage

from firewarden.errors import InvalidImage
from firewarden.inference.image import decode_image


def encode(image: PillowImage.Image, kind: str = "JPEG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def gradient(w: int = 320, h: int = 200) -> PillowImage.Image:
    """Left dark, right bright; top blue, bottom red, so that every turn and mirror shows."""
    x, y = np.meshgrid(np.linspace(0, 255, w), np.linspace(0, 255, h))
    return PillowImage.fromarray(np.dstack([y, x, 255 - y]).astype(np.uint8))


def png_header(w: int, h: int) -> bytes:
    head = struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + b"\0\0\0\0IDAT"
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_three_formats(kind):
    image = decode_image(encode(gradient(), kind, **({"quality": 95} if kind != "PNG" else {})))
    assert (image.original_hw, image.pixels_hw) == ((200, 320), (200, 320))
    assert image.media_type == f"image/{kind.lower()}"
    left, right = image.pixels[:, 5, 1].mean(), image.pixels[:, -5, 1].mean()
    assert left < 20 and right > 235  # green runs from left to right
    assert (
        image.pixels[5, :, 0].mean() > 235 and image.pixels[-5, :, 2].mean() > 235
    )  # BGR: blue top, red bottom


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_exif_orientation_gives_the_same_upright_picture(orientation, kind):
    upright = gradient()
    turn = {
        2: PillowImage.Transpose.FLIP_LEFT_RIGHT, 3: PillowImage.Transpose.ROTATE_180,
        4: PillowImage.Transpose.FLIP_TOP_BOTTOM, 5: PillowImage.Transpose.TRANSPOSE,
        6: PillowImage.Transpose.ROTATE_90, 7: PillowImage.Transpose.TRANSVERSE, 8: PillowImage.Transpose.ROTATE_270,
    }.get(orientation)  # fmt: skip
    stored = upright.transpose(turn) if turn is not None else upright
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    image = decode_image(
        encode(stored, kind, exif=exif.tobytes(), **({} if kind == "PNG" else {"quality": 95}))
    )
    assert image.original_hw == (200, 320)
    expected = np.asarray(upright)[..., ::-1].astype(int)
    assert np.abs(image.pixels.astype(int) - expected).mean() < 6


def test_a_large_jpeg_is_decoded_at_reduced_scale():
    image = decode_image(encode(gradient(4032, 3024)), min_long_side=640)
    assert image.original_hw == (3024, 4032)
    assert 640 <= max(image.pixels_hw) < 1400


def test_a_turned_large_jpeg_keeps_its_original_size():
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    image = decode_image(encode(gradient(4032, 3024), exif=exif.tobytes()), min_long_side=640)
    assert image.original_hw == (4032, 3024) and image.pixels_hw[0] > image.pixels_hw[1]


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("CMYK", "JPEG"), ("L", "JPEG"), ("L", "PNG"), ("P", "PNG"), ("RGBA", "PNG"), ("RGBA", "WEBP")],
)
def test_other_colour_modes(mode, kind):
    image = decode_image(encode(gradient().convert(mode), kind))
    assert image.pixels.shape == (200, 320, 3)
    assert image.pixels[:, -5].mean() > image.pixels[:, 5].mean() + 20


def test_sixteen_bit_png_keeps_its_light():
    grey = np.tile(np.linspace(0, 65535, 320).astype(np.uint16), (200, 1))
    image = decode_image(encode(PillowImage.fromarray(grey), "PNG"))
    assert image.pixels[:, 160].mean() == pytest.approx(127, abs=3)


def animated() -> bytes:
    return encode(gradient(), "WEBP", save_all=True, append_images=[gradient().rotate(90)], duration=100)


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        pytest.param(b"", 400, "empty", id="empty"),
        pytest.param(b"hello, this is a text file\n" * 20, 415, "no picture", id="text"),
        pytest.param(b"%PDF-1.7\n" + b"x" * 500, 415, "kind PDF, expected JPEG", id="pdf"),
        pytest.param(encode(gradient(), "GIF"), 415, "kind GIF", id="gif"),
        pytest.param(encode(gradient(), "BMP"), 415, "kind BMP", id="bmp"),
        pytest.param(encode(gradient(), "TIFF"), 415, "kind TIFF", id="tiff"),
        pytest.param(b"BM, a text that begins so", 415, "no picture", id="text that begins like a BMP"),
        pytest.param(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", 415, "HEIC.*iPhone.*Most Compatible", id="heic"),
        pytest.param(b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", 415, "kind AVIF.*as JPEG", id="avif"),
        pytest.param(b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", 415, "kind video.*a still", id="mp4"),
        pytest.param(encode(gradient())[:3000], 422, "damaged", id="truncated JPEG"),
        pytest.param(encode(gradient(), "PNG")[:-200], 422, "damaged", id="truncated PNG"),
        pytest.param(encode(gradient(), "WEBP", quality=95)[:2000], 422, "damaged", id="truncated WebP"),
        pytest.param(encode(gradient(1, 1), "PNG"), 422, "32", id="1 x 1"),
        pytest.param(
            png_header(20000, 20000), 413, "far above 50000000 pixels", id="20,000 x 20,000 PNG bomb"
        ),
        pytest.param(png_header(9000, 9000), 413, "81000000", id="81 MP"),
        pytest.param(animated(), 415, "animated", id="animated WebP"),
        pytest.param(b"\xff\xd8\xff", 422, "damaged", id="three bytes of JPEG"),
    ],
)
def test_refused(data, status, says):
    with pytest.raises(InvalidImage, match=says) as error:
        decode_image(data)
    assert error.value.status == status


def test_a_picture_of_too_many_pixels_is_refused_on_its_header(monkeypatch):
    """Its pixels are there, unlike those of the bombs above, so a decoder would get to work on them."""
    data = encode(PillowImage.new("L", (9000, 9000)), "PNG")
    monkeypatch.setattr(PillowImage.Image, "load", lambda self: pytest.fail("the pixels were decoded"))
    with pytest.raises(InvalidImage, match="81000000") as error:
        decode_image(data)
    assert error.value.status == 413


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0II*\0" + b"\xff" * 40, b"Exif\0\0MM\0*"], ids=["wrong offset", "cut short"]
)
def test_damaged_exif_does_not_cost_the_photo(kind, exif):
    assert decode_image(encode(gradient(), kind, exif=exif)).original_hw == (200, 320)


def test_a_limit_above_that_of_pillow_counts(monkeypatch) -> None:
    """128 x 96 = 12288 pixels: more than twice 100, which Pillow refuses of itself."""
    monkeypatch.setattr(PillowImage, "MAX_IMAGE_PIXELS", 100)
    for kind in ("JPEG", "PNG"):
        assert decode_image(encode(gradient(128, 96), kind)).original_hw == (96, 128)
    with pytest.raises(InvalidImage, match="expected at most 12287"):
        decode_image(encode(gradient(128, 96)), max_pixels=12287)
