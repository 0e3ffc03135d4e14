"""Completing labels by what a COCO model sees: what becomes a label, what an ignore region, what says nothing new.

Pure: detections come in. A label of the source always wins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.labels import LabelRows
from firewarden.detections import Detections
from firewarden.errors import DatasetError
from firewarden.geometry import Boxes, box_area, inside_share_batch, iou_batch
from firewarden.inference.decode import drop_duplicates

TEACHES: Mapping[str, tuple[str, ...]] = {
    "person": ("person",),
    "bicycle": ("bicycle",),
    "vehicle": ("car", "bus", "truck"),
    "furniture": ("chair", "couch", "bed", "dining table"),
}
DOUBTS: Mapping[str, tuple[str, ...]] = {  # too far from the class to label, near enough not to punish
    "ebike": ("motorcycle",),
    "clutter": ("suitcase", "backpack", "handbag"),
}
RIVALS: Mapping[str, tuple[str, ...]] = {  # a label of a rival on the spot speaks against the teacher
    "bicycle": ("ebike", "vehicle"),
    "ebike": ("bicycle", "vehicle"),
    "vehicle": ("ebike", "bicycle"),
    "furniture": ("clutter", "carton", "door"),
    "clutter": ("furniture", "carton"),
}
AGREED: Mapping[str, float] = {  # from here on precision is 0.95 or more on checked train photos
    "person": 0.5,
    "bicycle": 0.7,
    "vehicle": 0.55,
    "furniture": 0.6,
}
FLOOR = 0.15  # below it the teacher counts as not having seen anything
DOUBTED = 0.55  # of a class it may not label: sure enough to ask for no verdict there
_SAME_IOU, _SAME_SHARE = 0.3, 0.6  # of one object, read generously
_WHOLE = 0.98  # an ignore region this large says that the class was not checked in the photo
_LARGEST = 0.8  # of the picture: the table that a plate stands on
_TWICE_IOU = 0.6  # car and truck on one spot are one vehicle
Use = Literal["label", "ignore", "none"]


@dataclass(frozen=True, slots=True)
class TeacherPolicy:
    """`agreed` is the least confidence of a label by class; from `floor` up to it a detection becomes an ignore region
    where the class was not checked. Where it was, and for classes that are only doubted, `agreed` or `doubted` counts."""

    agreed: Mapping[str, float] = field(default_factory=lambda: dict(AGREED))
    floor: float = FLOOR
    doubted: float = DOUBTED

    def __post_init__(self) -> None:
        strange = sorted(set(self.agreed) - set(TEACHES))
        if strange or any(not self.floor <= value <= 1 for value in self.agreed.values()):
            raise DatasetError(
                f"got agreed confidences {dict(self.agreed)}, expected values from {self.floor} to 1 for some of "
                f"{sorted(TEACHES)}"
            )


def house_detections(seen: Detections, coco: Sequence[str], classes: Sequence[str]) -> Detections:
    """COCO detections in the project's class ids, falling confidence, one an object; other COCO classes are left out."""
    ids = np.full(len(coco), -1, np.int64)
    for name, kin in {**TEACHES, **DOUBTS}.items():
        for other in kin:
            if name in classes and other in coco:
                ids[coco.index(other)] = classes.index(name)
    mine = ids[seen.class_id]
    order = np.argsort(-seen.confidence, kind="stable")
    order = order[mine[order] >= 0]
    return drop_duplicates(
        Detections(seen.xyxy[order], seen.confidence[order], mine[order]), iou_threshold=_TWICE_IOU
    )


def uses_of(
    seen: Detections,
    labels: LabelRows,
    ignore: LabelRows,
    image_hw: tuple[int, int],
    classes: Sequence[str],
    policy: TeacherPolicy,
) -> list[Use]:
    """What becomes of each detection of `house_detections`, in order.

    One that touches a label or a local ignore region of its class, or a label of a rival, says nothing new. A class that
    was not checked in the photo (an ignore region over all of it) gets labels from its agreed confidence on. Where a
    person did check, a sure detection is a doubt at most: looked at, most of them are the teacher's mistakes.
    """
    whole = (ignore.cxcywh[:, 2:] >= _WHOLE).all(axis=1)
    unchecked = set(ignore.class_id[whole].tolist())
    label_xyxy, region_xyxy = labels.xyxy(image_hw), ignore.xyxy(image_hw)[~whole]
    size = np.prod(image_hw)
    uses: list[Use] = []
    for box, confidence, class_id in zip(seen.xyxy, seen.confidence, seen.class_id, strict=True):
        name = classes[class_id]
        against = [class_id, *(classes.index(rival) for rival in RIVALS.get(name, ()) if rival in classes)]
        settled = _touches(box, label_xyxy[np.isin(labels.class_id, against)])
        settled |= _touches(box, region_xyxy[ignore.class_id[~whole] == class_id])
        settled |= bool(box_area(box[None])[0] > _LARGEST * size)
        use = _use(name, float(confidence), checked=int(class_id) not in unchecked, policy=policy)
        uses.append("none" if settled else use)
    return uses


def _use(name: str, confidence: float, *, checked: bool, policy: TeacherPolicy) -> Use:
    sure = confidence >= policy.agreed.get(name, policy.doubted)
    if checked:
        return "ignore" if sure else "none"
    if sure and name in policy.agreed:
        return "label"
    return "ignore" if confidence >= policy.floor else "none"


def _touches(box: NDArray[np.float32], others: Boxes) -> bool:
    """Whether a box shares an object with one of the others: overlap, or one mostly inside the other."""
    one = box[None]
    inside = np.maximum(inside_share_batch(one, others), inside_share_batch(others, one).T)
    return bool(((iou_batch(one, others) >= _SAME_IOU) | (inside >= _SAME_SHARE)).any())
