"""What an outward copy of a photo covers: of its result, and of what a second look finds. `privacy` says how it is blurred."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firewarden.geometry import Boxes
from firewarden.inference.detector import Detector
from firewarden.inference.draw_marks import scale_box, scale_xy_of
from firewarden.inference.faces import find_faces
from firewarden.inference.privacy import blur_private_regions, drop_faces_on
from firewarden.inference.second_look import PLATED_CLASSES, look_again, plated_regions

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class PrivateBoxes:
    """What to cover in one picture, in its pixels: the heads of `persons` (n, 4), of which the first are the `listed` (l, 4) of
    the result; the regions `plated` (m, 4) round what may bear a plate; faces, but for gauges of `extinguishers` (e, 4)."""

    listed: Boxes
    persons: Boxes
    plated: Boxes
    extinguishers: Boxes

    def without_gauges(self, faces: Boxes) -> Boxes:
        """Faces (k, 4) less the gauges. A person who is not listed is too unsure to make a face of one."""
        return drop_faces_on(faces, self.extinguishers, self.listed)


def blur_for_release(pixels: Pixels, result: Mapping[str, Any]) -> Pixels:
    """A copy of the photo (h, w, 3) BGR, at any scale, with faces and plates blurred: of `result`, and of what a second look
    for faces, persons and vehicles finds."""
    private = find_private(pixels, result)
    faces = private.without_gauges(find_faces(pixels))
    return blur_private_regions(pixels, private.persons, private.plated, faces)


def find_private(pixels: Pixels, result: Mapping[str, Any], detector: Detector | None = None) -> PrivateBoxes:
    """Persons and plates of the photo (h, w, 3) BGR, at any scale: those of `result` and those of a second look, by the
    shipped model if no detector is given."""
    scale_xy = scale_xy_of(result, (pixels.shape[1], pixels.shape[0]))
    listed, vehicles, extinguishers = (
        _boxes_of(result, names, scale_xy) for names in (("person",), PLATED_CLASSES, ("extinguisher",))
    )
    found = look_again(pixels, detector)
    confidence = np.concatenate([np.ones(len(vehicles), np.float32), found.plated.confidence])
    return PrivateBoxes(
        listed,
        np.concatenate([listed, found.persons.xyxy]),
        plated_regions(np.concatenate([vehicles, found.plated.xyxy]), confidence),
        extinguishers,
    )


def _boxes_of(result: Mapping[str, Any], class_names: Sequence[str], scale_xy: tuple[float, float]) -> Boxes:
    rows = [
        scale_box(row["xyxy"], scale_xy) for row in result["detections"] if row["class_name"] in class_names
    ]
    return np.array(rows, np.float32).reshape(-1, 4)
