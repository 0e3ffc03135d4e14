"""Small outward pictures of the worst findings: faces and plates blurred, findings framed, no EXIF carried over."""

import hashlib
import io
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from firewarden.bulk.items import Item, Unreadable
from firewarden.bulk.scorer import Row
from firewarden.errors import HazardError
from firewarden.inference.draw_marks import style_of
from firewarden.inference.draw_shapes import draw_box
from firewarden.inference.image import MAX_PIXELS, decode_image
from firewarden.inference.release import blur_for_release

_DECODE_PX, _LONG_SIDE_PX = 960, 480


def read_thumbnails(items: Iterable[Item], rows: Iterable[Row]) -> dict[str, bytes]:
    """JPEG bytes by key for those rows whose picture can still be read and is the one that was scored. `items` are listed
    again until all are found."""
    wanted = {row["path"]: row for row in rows}
    found: dict[str, bytes] = {}
    for item in items if wanted else ():
        row = wanted.get(item.key)
        if row is None or item.key in found:
            continue
        try:
            data = item.reader.read()
            if hashlib.sha256(data).hexdigest() == row["batch"]["sha256"]:
                found[item.key] = thumbnail(data, row)
        except (Unreadable, HazardError):
            continue
        if len(found) == len(wanted):
            break
    return found


def thumbnail(data: bytes, row: Mapping[str, Any]) -> bytes:
    """The picture at most 480 px long, blurred before it is made small; raises InvalidImage."""
    size = max(MAX_PIXELS, math.prod(row["image_hw"]))
    image = decode_image(data, min_long_side=_DECODE_PX, max_pixels=size)
    blurred = blur_for_release(image.pixels, row)
    picture = Image.fromarray(np.ascontiguousarray(blurred[..., ::-1]))
    picture.thumbnail((_LONG_SIDE_PX, _LONG_SIDE_PX), Image.Resampling.BOX)
    h, w = row["image_hw"]
    for finding in reversed([finding for finding in row["findings"] if finding["risk_level"]]):
        x0, y0, x1, y1 = finding["xyxy"]
        box = x0 * picture.width / w, y0 * picture.height / h, x1 * picture.width / w, y1 * picture.height / h
        style = style_of(finding)
        draw_box(picture, box, style.colour, 3, dashed=style.dashed)
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=80)
    return jpeg.getvalue()
