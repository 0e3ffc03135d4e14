"""Private windows of registered cameras in frames that others send: painted out before anything is kept or looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import simplejpeg
from sqlalchemy import Engine

from firewarden.bulk.items import Facts, Reader, Unreadable
from firewarden.cctv.camera import Corners
from firewarden.cctv.camera_store import find_named_mask
from firewarden.cctv.frame import Pixels
from firewarden.cctv.masks import MASK_GREY
from firewarden.cctv.polygons import fill_polygons
from firewarden.errors import InvalidImage
from firewarden.inference.image import decode_image
from firewarden.jobs.intake import Paint

_QUALITY = 90  # the frame was compressed once already
_LONGEST_PX = (
    16384  # no camera's side; a JPEG has none above 65500, and windows of longer ones take seconds to fill
)


@dataclass(frozen=True, slots=True)
class MaskedReader:
    """A picture of at most `max_pixels` without what lies in `polygons`: a JPEG of the same size, with nothing
    of the file beside its pixels, as thumbnails show the windows too."""

    reader: Reader
    polygons: tuple[Corners, ...]
    max_pixels: int

    def read(self) -> bytes:
        data = self.reader.read()
        try:
            pixels = decode_image(data, min_long_side=0, max_pixels=self.max_pixels).pixels
        except InvalidImage as error:
            raise Unreadable(str(error), final=True) from error
        if max(pixels.shape) > _LONGEST_PX:
            raise Unreadable(
                f"got a side of {max(pixels.shape)} px, expected at most {_LONGEST_PX} of a camera",
                final=True,
            )
        painted = fill_windows(pixels, self.polygons)
        return bytes(
            simplejpeg.encode_jpeg(painted, quality=_QUALITY, colorspace="BGR", colorsubsampling="420")
        )


def fill_windows(pixels: Pixels, polygons: tuple[Corners, ...]) -> Pixels:
    """A copy of a picture (h, w, 3) with every pixel that a polygon touches set to the mean grey of the others. So a picture
    that shows nothing beside its windows, dark or blank, is still told as such: whoever looks at it later knows of no
    windows."""
    window = fill_polygons(polygons, (pixels.shape[0], pixels.shape[1]))
    painted = pixels.copy()
    painted[window] = MASK_GREY if window.all() else round(float(pixels[~window].mean()))
    return painted


def masked_by_register(engine: Engine, *, max_pixels: int) -> Paint:
    """How frames are painted by what the database's register says, or said last, of the cameras that they are listed with."""

    @cache
    def mask_of(camera: str) -> tuple[Corners, ...]:
        with engine.connect() as connection:
            return find_named_mask(connection, camera)

    def paint(listed: Sequence[Facts], reader: Reader) -> Reader:
        cameras = sorted({facts.camera for facts in listed if facts.camera})
        polygons = tuple(polygon for camera in cameras for polygon in mask_of(camera))
        return MaskedReader(reader, polygons, max_pixels) if polygons else reader

    return paint
