"""Private windows of registered cameras in frames that others send: painted out before anything is kept or looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import simplejpeg
from sqlalchemy import Engine

from firewarden.bulk.items import Facts, Reader, Unreadable
from firewarden.cctv.camera import Corners
from firewarden.cctv.camera_store import find_private_mask
from firewarden.cctv.masks import paint_out
from firewarden.errors import InvalidImage
from firewarden.inference.image import decode_image
from firewarden.jobs.intake import Paint

_QUALITY = 95  # the frame was compressed once already


@dataclass(frozen=True, slots=True)
class MaskedReader:
    """A picture of at most `max_pixels` without what lies in `polygons`: a JPEG of the same size, with nothing of the file
    beside its pixels, as thumbnails show the windows too."""

    reader: Reader
    polygons: tuple[Corners, ...]
    max_pixels: int

    def read(self) -> bytes:
        try:
            image = decode_image(self.reader.read(), min_long_side=0, max_pixels=self.max_pixels)
        except InvalidImage as error:
            raise Unreadable(str(error), final=True) from error
        pixels = paint_out(image.pixels, self.polygons)
        return bytes(simplejpeg.encode_jpeg(pixels, quality=_QUALITY, colorspace="BGR"))


def masked_by_register(engine: Engine, *, max_pixels: int) -> Paint:
    """How frames are painted by what the database's register says, or said last, of the cameras that they are listed with."""

    @cache
    def mask_of(camera: str) -> tuple[Corners, ...]:
        with engine.connect() as connection:
            return find_private_mask(connection, camera)

    def paint(listed: Sequence[Facts], reader: Reader) -> Reader:
        cameras = sorted({facts.camera for facts in listed if facts.camera})
        polygons = tuple(polygon for camera in cameras for polygon in mask_of(camera))
        return MaskedReader(reader, polygons, max_pixels) if polygons else reader

    return paint
