"""Faces and plates in outward pictures. Blurred by construction from boxes, so the original must stay protected.

Covered: heads of whatever may be a person, faces found by the face detector that is installed (also of people the model missed
and on posters), and everything that may be a vehicle or an e-bike, which is softened as a whole until no plate can be read
(`second_look` finds what may be one). Softening all of it keeps the object recognisable and needs no plate to be found first.
docs/privacy.md says how much of that was measured.
NOT covered: people and vehicles that neither detector finds, identity papers, screens, name boards, written names and
addresses, tattoos, clothing. Whoever publishes a picture still has to look at it.
"""

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
# Hair, chin and ears; the height bounds the width because the box of a profile is narrow and the head behind it is not.
_FACE_TO_HEAD_WIDTH, _FACE_HEIGHT_TO_HEAD_WIDTH, _ABOVE_FACE, _BELOW_FACE = 1.8, 1.9, 0.7, 0.3


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


def face_regions(faces: Boxes) -> Boxes:
    """The whole heads round faces (n, 4); may leave the picture."""
    x0, y0, x1, y1 = faces.T
    h = y1 - y0
    half = np.maximum(_FACE_TO_HEAD_WIDTH * (x1 - x0), _FACE_HEIGHT_TO_HEAD_WIDTH * h) / 2
    x = (x0 + x1) / 2
    return np.stack([x - half, y0 - _ABOVE_FACE * h, x + half, y1 + _BELOW_FACE * h], axis=1).astype(
        np.float32
    )


def blur_private_regions(
    pixels: Pixels, persons: Boxes, vehicles: Boxes, faces: Boxes | None = None
) -> Pixels:
    """A copy of `pixels` (h, w, 3) with heads of `persons` (n, 4) and round `faces` (k, 4) pixelated and `vehicles` (m, 4)
    softened. Boxes are pixels of this picture and may reach beyond it. Where vehicles overlap, the largest says how soft: once
    softened is enough, and a dozen unsure boxes over one e-bike would wipe it out."""
    blurred = pixels.copy()
    for box in vehicles[np.argsort((vehicles[:, 2:] - vehicles[:, :2]).max(axis=1), kind="stable")]:
        _reduce_detail(blurred, pixels, box, cells=_VEHICLE_CELLS, min_cell_px=1, enlarge="linear")
    heads = [head_regions(persons), face_regions(no_boxes() if faces is None else faces)]
    for box in np.concatenate(heads):
        _reduce_detail(blurred, blurred, box, cells=_HEAD_CELLS, min_cell_px=_MIN_CELL_PX, enlarge="nearest")
    return blurred


def _reduce_detail(
    target: Pixels, source: Pixels, box: Boxes, *, cells: int, min_cell_px: int, enlarge: Filter
) -> None:
    """Overwrite one box of `target` in place by at most `cells` samples of `source` along its long side."""
    h, w = source.shape[:2]
    x0, y0 = (max(0, int(np.floor(v))) for v in box[:2])
    x1, y1 = min(w, int(np.ceil(box[2]))), min(h, int(np.ceil(box[3])))
    if x1 <= x0 or y1 <= y0:
        return
    cell_px = max(min_cell_px, max(x1 - x0, y1 - y0) / cells)
    small_wh = max(1, round((x1 - x0) / cell_px)), max(1, round((y1 - y0) / cell_px))
    small = resize(source[y0:y1, x0:x1], small_wh, filter="area")
    target[y0:y1, x0:x1] = resize(small, (x1 - x0, y1 - y0), filter=enlarge)


def drop_faces_on(faces: Boxes, objects: Boxes, persons: Boxes) -> Boxes:
    """Faces less those that lie on one of `objects` (extinguishers have gauges that look like faces) and on no person."""
    on_object = (inside_share_batch(faces, objects) > 0.7).any(axis=1)
    on_person = (inside_share_batch(faces, persons) > 0.5).any(axis=1)
    return faces[~on_object | on_person]
