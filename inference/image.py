"""Image bytes to upright pixels: the first door. Formats, sizes and frames are checked on the header, before decoding."""

import hashlib
import io
import struct
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from firewarden.errors import InvalidImage
from firewarden.inference.foreign_files import foreign_kind

MIN_SHORT_SIDE_PX = 32
MAX_PIXELS = 50_000_000
_MEDIA_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_ORIENTATION_TAG = 0x0112
_DAMAGED_EXIF = (SyntaxError, ValueError, OSError, TypeError, struct.error)
Pixels = NDArray[np.uint8]
MediaType = Literal["image/jpeg", "image/png", "image/webp"]


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """One decoded photo: `pixels (h, w, 3) uint8` BGR, upright, possibly at reduced scale; `original_hw` is the upright
    size of the file; `sha256` is of the bytes as received."""

    pixels: Pixels
    original_hw: tuple[int, int]
    sha256: str
    media_type: str

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise ValueError(
                f"Image.pixels is {self.pixels.dtype} {self.pixels.shape}, expected uint8 (h, w, 3)"
            )
        self.pixels.flags.writeable = False

    @property
    def pixels_hw(self) -> tuple[int, int]:
        return self.pixels.shape[0], self.pixels.shape[1]


@dataclass(frozen=True, slots=True)
class _Header:
    format: str
    wh: tuple[int, int]
    mode: str
    orientation: int


def decode_image(
    data: bytes, *, min_long_side: int = 1280, max_pixels: int = MAX_PIXELS, sha256: str | None = None
) -> Image:
    """Decode JPEG, PNG or WebP bytes; EXIF orientation is applied.

    JPEG is decoded at the smallest DCT scale whose long side is at least `min_long_side` (0: full size).
    `sha256` is that of `data` where the caller has it already; it is not checked.
    Raises InvalidImage with status 400 (empty), 413 (too many pixels), 415 (not a still JPEG/PNG/WebP) or 422 (damaged
    or too small).
    """
    header = _read_header(data, max_pixels)
    if header.format in ("JPEG", "MPO"):
        pixels, orientation = _decode_jpeg(data, header, min_long_side), header.orientation
    else:
        pixels, orientation = _decode_with_pillow(data)
    upright = np.ascontiguousarray(_turn(pixels, orientation))
    w, h = header.wh
    original_hw = (w, h) if orientation >= 5 else (h, w)
    sha256 = sha256 or hashlib.sha256(data).hexdigest()
    return Image(upright, original_hw, sha256, _MEDIA_TYPES[header.format])


def _read_header(data: bytes, max_pixels: int) -> _Header:
    if not data:
        raise InvalidImage(
            "got an empty body, expected the bytes of one JPEG, PNG or WebP picture", status=400
        )
    _raise_pillow_limit(max_pixels)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PillowImage.DecompressionBombWarning)
            probe = PillowImage.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
    except PillowImage.DecompressionBombError as error:
        raise InvalidImage(
            f"got a picture far above {max_pixels} pixels, expected at most so many; send a smaller one",
            status=413,
        ) from error
    except (UnidentifiedImageError, SyntaxError, ValueError, OSError, IndexError) as error:
        if _has_magic(data):
            raise _damaged() from error
        raise _no_picture(data) from error
    if probe.format != "MPO" and getattr(probe, "n_frames", 1) > 1:
        raise InvalidImage(f"got an animated {probe.format}, expected one still picture", status=415)
    _check_size(probe.size, max_pixels)
    # a PNG may tell it after its pixels: asking would decode them here
    orientation = 1 if probe.format == "PNG" else _orientation(probe)
    return _Header(str(probe.format), probe.size, probe.mode, orientation)


def _raise_pillow_limit(max_pixels: int) -> None:
    """Pillow has a limit of its own for the whole process, and refuses pictures above twice that before their size can be
    told. It is raised where it is below `max_pixels`, and never lowered."""
    limit = PillowImage.MAX_IMAGE_PIXELS
    if limit is not None and limit < max_pixels:
        PillowImage.MAX_IMAGE_PIXELS = max_pixels


def _has_magic(data: bytes) -> bool:
    """Whether the bytes begin like a JPEG, PNG or WebP file."""
    return data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (
        data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    )


def _no_picture(data: bytes) -> InvalidImage:
    """Of a file that is something else, by its kind where that can be told."""
    if (kind := foreign_kind(data)) is None:
        told = f"got {len(data)} bytes that are no picture, expected JPEG, PNG or WebP"
    else:
        told = f"got a file of the kind {kind[0]}, expected JPEG, PNG or WebP; {kind[1]}"
    return InvalidImage(told, status=415)


def _damaged() -> InvalidImage:
    return InvalidImage("the picture is damaged or cut off; send the whole file again", status=422)


def _orientation(probe: PillowImage.Image) -> int:
    try:
        value = probe.getexif().get(_ORIENTATION_TAG, 1)
    except _DAMAGED_EXIF:  # it must not cost the photo
        return 1
    return value if value in range(1, 9) else 1


def _check_size(wh: tuple[int, int], max_pixels: int) -> None:
    w, h = wh
    if w * h > max_pixels:
        raise InvalidImage(
            f"got {w}x{h} = {w * h} pixels, expected at most {max_pixels}; send a smaller one", status=413
        )
    if min(w, h) < MIN_SHORT_SIDE_PX:
        raise InvalidImage(
            f"got {w}x{h} pixels, expected a short side of at least {MIN_SHORT_SIDE_PX}; move closer"
        )


def _decode_jpeg(data: bytes, header: _Header, min_long_side: int) -> Pixels:
    if header.mode == "CMYK":
        return _decode_with_pillow(data)[0]
    w, h = header.wh
    scale = min(1.0, min_long_side / max(w, h)) if min_long_side else 1.0
    try:
        return np.asarray(
            simplejpeg.decode_jpeg(
                data,
                colorspace="BGR",
                fastdct=True,
                fastupsample=True,
                min_height=int(h * scale) if scale < 1 else 0,
                min_width=int(w * scale) if scale < 1 else 0,
            ),
            np.uint8,
        )
    except (
        ValueError
    ):  # the strict decoder refuses some sound files; the tolerant one says whether it is damaged
        return _decode_with_pillow(data)[0]


def _decode_with_pillow(data: bytes) -> tuple[Pixels, int]:
    """Pixels as stored, and the EXIF orientation."""
    try:
        picture = PillowImage.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
        picture.load()
    except (SyntaxError, ValueError, OSError, IndexError) as error:
        raise _damaged() from error
    if picture.mode.startswith("I"):  # 16 bits a grey pixel: Pillow's own conversion would clip, not scale
        grey = (np.asarray(picture, np.uint32) >> 8).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2), _orientation(picture)
    return np.asarray(picture.convert("RGB"), np.uint8)[..., ::-1], _orientation(picture)


def _turn(pixels: Pixels, orientation: int) -> Pixels:
    """Apply an EXIF orientation (1-8, CIPA DC-008 tag 0x0112) to (h, w, 3) pixels."""
    turned = {
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: p.transpose(1, 0, 2)[:, ::-1],
        7: lambda p: p.transpose(1, 0, 2)[::-1, ::-1],
        8: lambda p: p.transpose(1, 0, 2)[::-1],
    }
    return turned[orientation](pixels) if orientation in turned else pixels
