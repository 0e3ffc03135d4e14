"""One look at every photo file: can it be read, how large is it, what are its hashes."""

import hashlib
import io
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from firewarden.datasets.orientation import read_header
from firewarden.datasets.picture_hash import PictureHash, picture_hash
from firewarden.errors import DatasetError

_DECODED_PX = 256  # JPEG is decoded near this size: enough for hashes, and damage still shows
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class PhotoScan:
    """`hw` upright pixels, `hashed` None and `error` set where the file is no whole picture."""

    file: str
    sha256: str
    hw: tuple[int, int]
    hashed: PictureHash | None
    error: str = ""


def open_small(data: bytes, side_px: int) -> Image.Image:
    """An upright RGB picture, JPEG at the smallest scale not below `side_px`; raises OSError or ValueError on damage."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            picture = Image.open(io.BytesIO(data))
            picture.draft("RGB", (side_px, side_px))
            return ImageOps.exif_transpose(picture).convert("RGB")
        except (SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise OSError(str(error)) from error


def scan_photo(path: Path) -> PhotoScan:
    """Read one photo; damage is a value, not an error."""
    file, data = f"images/{path.name}", path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        small = open_small(data, _DECODED_PX)
        header = read_header(path)
    except UnidentifiedImageError:
        return PhotoScan(file, sha256, (0, 0), None, "not a readable picture")
    except (OSError, ValueError, DatasetError) as error:
        return PhotoScan(file, sha256, (0, 0), None, str(error) or type(error).__name__)
    return PhotoScan(file, sha256, header.upright_hw, picture_hash(small))


def scan_photos(paths: Sequence[Path], progress: Progress | None = None) -> tuple[PhotoScan, ...]:
    """Read many photos on all cores, in the order given."""
    scans = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for scan in pool.map(scan_photo, paths):
            scans.append(scan)
            if progress is not None:
                progress(len(scans), len(paths))
    return tuple(scans)
