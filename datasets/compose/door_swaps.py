"""Another door where a photo's door is: what one door box shows is replaced by the door of another place. Labels stay."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.compose.composed import (
    Composed,
    Expectation,
    manifest_of,
    open_hazards,
    rule_scene,
)
from firewarden.datasets.compose.cut_doors import UNJUDGED
from firewarden.datasets.compose.ground import Box, Ground, Picture, as_box
from firewarden.datasets.compose.sources import Sources, pick_record
from firewarden.datasets.labels import read_labels
from firewarden.datasets.manifest import PhotoRecord
from firewarden.datasets.paste import match_sharpness

Boxes = NDArray[np.float32]
Colour = NDArray[np.float64]  # (3,) BGR
Strips = tuple[Colour | None, Colour | None]  # left and right of a door
Pixels = tuple[int, int, int, int]  # x0, y0, x1, y1, the last column and row excluded

_GROUND_DRAWS, _DONOR_DRAWS = 12, 20
_SLOT_PX = (36, 90)  # least width and height of a door to replace
_MAX_COVERED = 0.3  # of the door's box by other boxes, which stay as they are
_DONOR_PX = 120  # least height of a door to take
_DONOR_ASPECT = (1.2, 3.2)  # height to width of a door seen from the front
_DONOR_SHARED = 0.05  # of the smaller of two boxes; more would hide a part or bring an unlabelled thing along
_EDGE_SHARE = 0.01  # of the picture's side: closer to its edge, a box is cut by it
_STRETCH = (0.7, 1.4)  # width to height, after against before
_MAX_ENLARGED = 1.6
_MAX_TILT_DEG = 5.0
_RIM_PX, _FEATHER_SIGMA = 2, 1.2
_GAIN, _LEVEL_POWER, _TINT_POWER = (0.6, 1.6), 0.7, 0.3
_RAMP = (0.8, 1.25)


@dataclass(frozen=True, slots=True)
class Door:
    """One labelled door: its photo's row and size, its box in xyxy pixels, and all other boxes (n, 4), those to ignore too."""

    record: PhotoRecord
    hw: tuple[int, int]
    box: Box
    others: Boxes


def make_door_swaps(sources: Sources, rng: np.random.Generator, index: int) -> list[Composed]:
    """One photo with the door of another place; nothing where no pair of doors fits in a few draws."""
    records = sources.records_with("door")
    for _ in range(_GROUND_DRAWS if records else 0):
        slot = draw_door(sources, pick_record(records, rng), rng)
        donor = draw_donor(sources, records, slot, rng) if is_slot(slot) else None
        ground = sources.ground(slot.record) if donor is not None else None
        if donor is not None and ground is not None and not is_tilted(ground.photo):
            return [_swapped(sources, ground, (slot, donor), rng, f"compose_doorswap_{index:05d}")]
    return []


def _swapped(
    sources: Sources, ground: Ground, doors: tuple[Door, Door], rng: np.random.Generator, stem: str
) -> Composed:
    slot, donor = doors
    opened = dict.fromkeys((*UNJUDGED, *open_hazards(ground)))
    expect = Expectation(stem, "swapped", rule_scene(ground), optional_hazards=tuple(opened))
    manifest = {**manifest_of(ground, sources.split), "parts": donor.record.stem}
    giver = sources.ground(donor.record).photo
    if rng.random() < 0.5:
        giver, donor = np.ascontiguousarray(giver[:, ::-1]), mirrored(donor)
    picture = swap(ground.photo, slot, giver, donor)
    return Composed(stem, picture, ground.labels, ground.ignore, expect, manifest)


def draw_door(sources: Sources, record: PhotoRecord, rng: np.random.Generator) -> Door:
    """One door of a photo, whatever it looks like."""
    rows, hw = sources.labels[record.stem], sources.hw(record)
    doors = np.flatnonzero(rows.class_id == sources.class_id("door"))
    chosen, boxes = int(doors[int(rng.integers(len(doors)))]), rows.xyxy(hw)
    unsure = read_labels(sources.folder / "ignore" / f"{record.stem}.txt").xyxy(hw)
    return Door(record, hw, as_box(boxes[chosen]), np.concatenate([np.delete(boxes, chosen, 0), unsure]))


def draw_donor(
    sources: Sources, records: Sequence[PhotoRecord], slot: Door, rng: np.random.Generator
) -> Door | None:
    """A whole door seen from the front, of another place than the slot's, that fits the slot; None where none was drawn."""
    elsewhere = [record for record in records if record.place != slot.record.place]
    for _ in range(_DONOR_DRAWS if elsewhere else 0):
        door = draw_door(sources, pick_record(elsewhere, rng), rng)
        if is_whole_front(door) and visible_part(door.box, slot) is not None:
            return door
    return None


def is_slot(door: Door) -> bool:
    """Whether a door can be replaced: not tiny, cut by one side of the picture at most, and mostly clear of other boxes."""
    x0, y0, x1, y1 = door.box
    if x1 - x0 < _SLOT_PX[0] or y1 - y0 < _SLOT_PX[1] or sum(cut_sides(door.box, door.hw)) > 1:
        return False
    left, top, right, bottom = pixels(door.box, door.hw)
    return bool(open_mask(door)[top:bottom, left:right].mean() >= 1 - _MAX_COVERED)


def is_whole_front(door: Door) -> bool:
    """Whether a door is inside its picture, seen from the front, and nothing else labelled or unsure shows in its box."""
    x0, y0, x1, y1 = door.box
    aspect = (y1 - y0) / max(x1 - x0, 1e-9)
    if any(cut_sides(door.box, door.hw)) or y1 - y0 < _DONOR_PX:
        return False
    shared = [shared_share(door.box, as_box(other)) for other in door.others]
    return _DONOR_ASPECT[0] <= aspect <= _DONOR_ASPECT[1] and max(shared, default=0.0) <= _DONOR_SHARED


def mirrored(door: Door) -> Door:
    """The door in its photo seen in a mirror."""
    flip = np.array([door.hw[1], 0, door.hw[1], 0], np.float32)
    boxes = np.concatenate([np.array([door.box], np.float32), door.others])
    boxes = np.abs(flip - boxes)[:, [2, 1, 0, 3]]
    return replace(door, box=as_box(boxes[0]), others=boxes[1:])


def cut_sides(box: Box, hw: tuple[int, int]) -> tuple[bool, bool, bool, bool]:
    """Whether the picture's left, top, right and bottom edge cut a box."""
    h, w = hw
    near_x, near_y = max(_EDGE_SHARE * w, 2), max(_EDGE_SHARE * h, 2)
    return box[0] <= near_x, box[1] <= near_y, box[2] >= w - near_x, box[3] >= h - near_y


def shared_share(a: Box, b: Box) -> float:
    """The area that two boxes share, as a share of the smaller one's."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    least = min((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return max(width, 0) * max(height, 0) / max(least, 1e-9)


def pixels(box: Box, hw: tuple[int, int]) -> Pixels:
    """The whole pixels nearest to a box, inside the picture."""
    x0, y0, x1, y1 = (round(v) for v in box)
    return max(x0, 0), max(y0, 0), min(x1, hw[1]), min(y1, hw[0])


def open_mask(door: Door) -> NDArray[np.bool_]:
    """The pixels (h, w) of a door's box that no other box covers."""
    mask = np.zeros(door.hw, bool)
    x0, y0, x1, y1 = pixels(door.box, door.hw)
    mask[y0:y1, x0:x1] = True
    for left, top, right, bottom in (pixels(as_box(other), door.hw) for other in door.others):
        mask[top:bottom, left:right] = False
    return mask


def visible_part(donor: Box, slot: Door) -> Box | None:
    """The part of a donor's door that the slot shows, xyxy pixels: of a slot cut by the frame the part next to the frame
    is missing. None where the door would be drawn out of shape or enlarged too much."""
    width, height, cut = donor[2] - donor[0], donor[3] - donor[1], cut_sides(slot.box, slot.hw)
    scale_x, scale_y = (slot.box[2] - slot.box[0]) / width, (slot.box[3] - slot.box[1]) / height
    x0, y0, x1, y1 = donor
    if (cut[0] or cut[2]) and scale_x < scale_y:
        seen = width * scale_x / scale_y
        x0, x1, scale_x = (x1 - seen, x1, scale_y) if cut[0] else (x0, x0 + seen, scale_y)
    elif (cut[1] or cut[3]) and scale_y < scale_x:
        seen = height * scale_y / scale_x
        y0, y1, scale_y = (y1 - seen, y1, scale_x) if cut[1] else (y0, y0 + seen, scale_x)
    fits = _STRETCH[0] <= scale_x / scale_y <= _STRETCH[1] and max(scale_x, scale_y) <= _MAX_ENLARGED
    return (x0, y0, x1, y1) if fits else None


def is_tilted(photo: Picture) -> bool:
    """Whether the steep edges of a photo lean to one side, as in a photo taken with the camera turned."""
    grey = cv2.GaussianBlur(cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY), (0, 0), 1.5)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength = np.hypot(across, down)
    lean = np.degrees(np.arctan2(down * np.sign(across), np.abs(across)))
    steep = (strength > np.percentile(strength, 90)) & (np.abs(lean) < 35)
    return bool(steep.any() and abs(float(np.median(lean[steep]))) > _MAX_TILT_DEG)


def swap(photo: Picture, slot: Door, giver: Picture, donor: Door) -> Picture:
    """`photo` with the door of `giver` in the slot's box, lit and sharp as the photo is; other boxes are not painted on."""
    x0, y0, x1, y1 = pixels(slot.box, slot.hw)
    region = photo[y0:y1, x0:x1]
    left, top, right, bottom = pixels(visible_part(donor.box, slot) or donor.box, donor.hw)
    how = cv2.INTER_AREA if right - left > x1 - x0 else cv2.INTER_CUBIC
    patch = np.asarray(
        cv2.resize(giver[top:bottom, left:right], (x1 - x0, y1 - y0), interpolation=how), np.uint8
    )
    there, before = surroundings(photo, slot.box), surroundings(giver, donor.box)
    lit = patch * light_gain(there, before) * _ramp(*there, x1 - x0)
    sharp = match_sharpness(np.asarray(lit.clip(0, 255), np.uint8), region)
    alpha = soft_mask(open_mask(slot))[y0:y1, x0:x1, None]
    result = photo.copy()
    result[y0:y1, x0:x1] = (sharp * alpha + region * (1 - alpha)).round().astype(np.uint8)
    return result


def soft_mask(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """A mask as weights 0..1 that fade out inside its rim; at the picture's edge they do not fade."""
    kernel = np.ones((2 * _RIM_PX + 1, 2 * _RIM_PX + 1), np.uint8)
    inner = cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_REPLICATE).astype(np.float32)
    blurred = cv2.GaussianBlur(inner, (0, 0), _FEATHER_SIGMA, borderType=cv2.BORDER_REPLICATE)
    return np.asarray((blurred * mask).clip(0, 1), np.float32)


def surroundings(photo: Picture, box: Box) -> Strips:
    """Median colour of the strips left and right of a door, a tenth of its width each; None where the frame cuts them off."""
    x0, y0, x1, y1 = pixels(box, (photo.shape[0], photo.shape[1]))
    reach = max(round(0.1 * (x1 - x0)), 4)
    strips = photo[y0:y1, max(x0 - reach, 0) : x0], photo[y0:y1, x1 : x1 + reach]
    left, right = (
        np.median(strip.reshape(-1, 3), axis=0) if strip.shape[1] >= 4 else None for strip in strips
    )
    return left, right


def light_gain(there: Strips, before: Strips) -> Colour:
    """Gain a channel from the walls beside the slot and beside the donor's door, bounded; 1 where either is out of sight.

    Brightness follows the walls further than colour does, for walls are painted.
    """
    pair = [[strip for strip in strips if strip is not None] for strips in (there, before)]
    if not all(pair):
        return np.ones(3)
    new, old = (np.mean(strips, axis=0) + 1 for strips in pair)
    level = new.mean() / old.mean()
    tint = (new / old) / level
    return np.asarray((level**_LEVEL_POWER * tint**_TINT_POWER).clip(*_GAIN), np.float64)


def _ramp(left: Colour | None, right: Colour | None, width: int) -> NDArray[np.float64]:
    """Factors (1, width, 1) that rise or fall from left to right as the wall's brightness does."""
    if left is None or right is None:
        return np.ones((1, width, 1))
    step = float(np.clip((right.mean() + 1) / (left.mean() + 1), *_RAMP)) ** 0.5
    return np.linspace(1 / step, step, width)[None, :, None]
