"""Extinguishers taken out of photos: the sign stays, or an empty bracket is drawn in their place; walls with a bracket alone."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.compose.brackets import BRACKETS, WALL_BRACKETS, draw_bracket
from firewarden.datasets.compose.composed import Composed, Expectation, manifest_of, open_hazards, rule_scene
from firewarden.datasets.compose.ground import Box, Ground, as_box
from firewarden.datasets.compose.judged import OCCLUDERS, point_is_seen
from firewarden.datasets.compose.marked_walls import (
    EXTINGUISHER_M,
    HAZARD,
    labelled_mask,
    mark_wall,
    set_on_wall,
)
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.compose.wall_fill import fill_hole
from firewarden.datasets.labels import LabelRows
from firewarden.datasets.manifest import PhotoRecord

Mask = NDArray[np.bool_]
_ATTEMPTS = 14
_SHARE_UNMARKED, _SHARE_BRACKET = 0.4, 0.55
_FLOOR_CHANGE = 28.0  # grey levels
_MARGIN = 0.12  # of the box's sides, for rim and contact shadow
_MAX_HOLE = 0.28  # of the picture
_MAX_SIGN_HIDDEN = 0.24
_SHARE_SEEN, _SHARE_SIGNED, _SHARE_WALL = 0.35, 0.2, 0.3
_SHARE_A_WALL = 0.015


def make_missing_extinguisher(sources: Sources, rng: np.random.Generator, index: int) -> list[Composed]:
    """A photo with its extinguisher, the same without it, and often a third with an empty bracket in its place."""
    held = sources.records_with("extinguisher")
    signed = sources.records_with("extinguisher", "extinguisher_sign")
    seen = [record for record in signed if _shows_its_place(sources, record)]
    pair = f"compose_missing_{index:05d}"
    walls = _share_of_walls(sources)
    shares = np.array([_SHARE_SEEN, _SHARE_SIGNED, 1 - _SHARE_SEEN - _SHARE_SIGNED - walls, walls])
    for _ in range(_ATTEMPTS):
        chosen = int(rng.choice(4, p=shares))
        if chosen == 3:
            made = mark_wall(sources, pair, rng)
        else:
            records = (seen, signed, held)[chosen]
            made = _remove(sources, sources.pick(records, rng), pair, rng) if records else []
        if made:
            return made
    return []


def _share_of_walls(sources: Sources) -> float:
    """The share of pairs on walls that never held an extinguisher; few places get few, so that none is seen all the time."""
    places = {record.place for record in sources.door_walls}
    return min(_SHARE_WALL, _SHARE_A_WALL * len(places))


def _shows_its_place(sources: Sources, record: PhotoRecord) -> bool:
    """Whether the photo shows the whole place that one of its signs marks."""
    rows, hw = sources.labels[record.stem], sources.hw(record)
    ids = {name: sources.class_id(name) for name in ("extinguisher_sign", *OCCLUDERS)}
    boxes, hiding = rows.xyxy(hw), [ids[name] for name in OCCLUDERS]
    signs = boxes[rows.class_id == ids["extinguisher_sign"]]
    return any(point_is_seen(sign, boxes[np.isin(rows.class_id, hiding)], hw) for sign in signs)


def _remove(sources: Sources, ground: Ground, pair: str, rng: np.random.Generator) -> list[Composed]:
    stem = ground.record.stem if ground.record is not None else ""
    if stem not in sources.emptied:
        sources.emptied[stem] = remove_extinguishers(ground)
    emptied = sources.emptied[stem]
    if emptied is None:
        return []
    signs = ground.boxes("extinguisher_sign")
    seen = any(point_is_seen(sign, ground.boxes(*OCCLUDERS), ground.hw) for sign in signs)
    scene, open_ = rule_scene(ground), tuple(h for h in open_hazards(ground) if h != HAZARD)
    made = [_composed(sources, ground, pair, Expectation(pair, "untouched", scene, (), open_hazards(ground)))]
    if seen or (not len(signs) and rng.random() < _SHARE_UNMARKED):
        variant, hazards = ("removed", (HAZARD,)) if len(signs) else ("unmarked", ())
        made.append(_composed(sources, emptied, pair, Expectation(pair, variant, scene, hazards, open_)))
    if rng.random() < _SHARE_BRACKET or len(made) == 1:
        mounted = _mount(emptied, as_box(max(ground.boxes("extinguisher"), key=_area)), rng)
        if mounted is not None:
            expect = Expectation(pair, "removed_bracket", scene, (HAZARD,), open_)
            made.append(_composed(sources, mounted, pair, expect))
    return made if len(made) > 1 else []


def _composed(sources: Sources, ground: Ground, pair: str, expect: Expectation) -> Composed:
    manifest = manifest_of(ground, sources.split)
    return Composed(f"{pair}_{expect.variant}", ground.photo, ground.labels, ground.ignore, expect, manifest)


def _area(box: NDArray[np.float32]) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def remove_extinguishers(ground: Ground) -> Ground | None:
    """The ground without any extinguisher: pixels filled with wall, rows dropped. None where that would show, or where
    something else is labelled inside a box."""
    extinguishers = ground.boxes("extinguisher")
    class_id = ground.classes.index("extinguisher")
    if not len(extinguishers) or len(extinguishers) > 4 or class_id in ground.ignore.class_id:
        return None
    holes = [_hole(ground, box) for box in extinguishers]
    whole = np.any(holes, axis=0)
    if whole.mean() > _MAX_HOLE or _hides_others(ground, extinguishers):
        return None
    photo = ground.photo
    forbidden = labelled_mask(ground, doors=False) | whole
    for hole in _parts(whole):
        filled = fill_hole(photo, hole, forbidden & ~hole)
        if filled is None:
            return None
        photo = filled.photo
    stays = ground.labels.class_id != class_id
    return replace(
        ground, photo=photo, labels=LabelRows(ground.labels.class_id[stays], ground.labels.cxcywh[stays])
    )


def _hole(ground: Ground, box: NDArray[np.float32]) -> Mask:
    """The box with a margin for rim and contact shadow, without the sign plates. A tighter outline would leave its shape."""
    h, w = ground.hw
    dx, dy = _MARGIN * (box[2] - box[0]) + 2, _MARGIN / 2 * (box[3] - box[1]) + 2
    mask = np.zeros((h, w), bool)
    mask[max(int(box[1] - dy), 0) : int(box[3] + dy) + 1, max(int(box[0] - dx), 0) : int(box[2] + dx) + 1] = (
        True
    )
    for sign in ground.boxes("extinguisher_sign"):
        mask[int(sign[1]) : int(sign[3]) + 1, int(sign[0]) : int(sign[2]) + 1] = False
    return mask


def _hides_others(ground: Ground, extinguishers: NDArray[np.float32]) -> bool:
    """Whether an extinguisher's box holds another labelled thing, or a notable part of a sign."""
    class_id = ground.classes.index("extinguisher")
    others = ground.labels.xyxy(ground.hw)[ground.labels.class_id != class_id]
    for box in extinguishers:
        size = (np.minimum(others[:, 2:], box[2:]) - np.maximum(others[:, :2], box[:2])).clip(0)
        share = size.prod(axis=1) / (others[:, 2:] - others[:, :2]).prod(axis=1).clip(1e-6)
        if (share > _MAX_SIGN_HIDDEN).any():
            return True
    return False


def _parts(mask: Mask) -> list[Mask]:
    count, part_of = cv2.connectedComponents(mask.astype(np.uint8))
    return [np.asarray(part_of == number) for number in range(1, count)]


def _mount(ground: Ground, place: Box, rng: np.random.Generator) -> Ground | None:
    """An empty bracket where an extinguisher was; None where the place about it leaves the picture."""
    px_per_m = (place[3] - place[1]) / EXTINGUISHER_M
    names = tuple(BRACKETS) if _stands_on_floor(ground, place) else WALL_BRACKETS
    name = names[int(rng.integers(len(names)))]
    kind = BRACKETS[name]
    bracket = draw_bracket(name, round(float(rng.uniform(*kind.height_m)) * px_per_m), rng)
    x = round((place[0] + place[2]) / 2 - bracket.shape[1] / 2)
    hang = float(rng.uniform(0.0, 0.25)) * (place[3] - place[1])
    y = round(place[3] - bracket.shape[0]) if kind.on_floor else round(place[1] + hang)
    return set_on_wall(ground, bracket, "extinguisher_bracket", (x, y), rng, flat=name == "floor_outline")


def _stands_on_floor(ground: Ground, place: Box) -> bool:
    """Whether the picture changes right below the place as a wall does into a floor."""
    x0, y0, x1, y1 = (int(v) for v in place)
    deep = max((y1 - y0) // 4, 3)
    below, above = (
        ground.photo[y1 : y1 + deep, max(x0, 0) : x1],
        ground.photo[max(y1 - 3 * deep, 0) : y1 - 2 * deep, max(x0, 0) : x1],
    )
    if below.shape[0] < deep or not above.size:
        return False
    change = np.abs(np.median(below, axis=(0, 1)) - np.median(above, axis=(0, 1)))
    return float(change.mean()) > _FLOOR_CHANGE
