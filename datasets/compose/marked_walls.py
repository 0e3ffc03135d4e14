"""Signs and brackets put on plain walls that never held an extinguisher: alone they mark a missing one, with one they do not."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.compose.brackets import BRACKETS, WALL_BRACKETS, draw_bracket
from firewarden.datasets.compose.composed import Composed, Expectation, manifest_of, open_hazards, rule_scene
from firewarden.datasets.compose.door_swaps import is_tilted
from firewarden.datasets.compose.extinguisher_signs import draw_extinguisher_sign
from firewarden.datasets.compose.ground import Box, Ground, Picture, rows_of
from firewarden.datasets.compose.judged import OCCLUDERS, Boxes, point_is_seen
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.compose.standing import drop_shadow, resize_to_height
from firewarden.datasets.compose.wall_spots import front_doors, pixels_per_metre, wall_spot
from firewarden.datasets.labels import concat_rows
from firewarden.datasets.paste import cut_out_on_plain_ground, match_light, match_sharpness, paste, warp

HAZARD = "missing_extinguisher"
EXTINGUISHER_M = 0.55  # height of a common portable one with its valve
_CUES = ("extinguisher", "extinguisher_sign", "extinguisher_bracket", "fire_cabinet")
_TRIES = 8
_SIGN_M, _SIGN_FOOT_M = (0.15, 0.36), (1.3, 1.9)  # height, and of its lower edge above the floor
_BRACKET_FOOT_M, _BOTTLE_FOOT_M = (0.6, 1.2), (0.45, 1.2)


def mark_wall(sources: Sources, pair: str, rng: np.random.Generator) -> list[Composed]:
    """An untouched wall, the same with a sign or bracket alone, and below a sign often with an extinguisher too. Walls are those
    beside doors seen from the front, in level photos tagged as taken indoors; all else is left out."""
    if not sources.door_walls:
        return []
    ground = sources.pick(sources.door_walls, rng)
    if len(ground.boxes(*_CUES)) or _is_unchecked(ground) or is_tilted(ground.photo):
        return []
    with_sign = rng.random() < 0.6
    made: _Made = []
    for _ in range(_TRIES):
        door = _pick_door(ground, rng)
        made = made or (
            _with_sign(sources, ground, door, rng) if with_sign else _with_bracket(ground, door, rng)
        )
    if not made:
        return []
    scene, open_ = rule_scene(ground), open_hazards(ground)
    pictures = [("untouched", ground, ()), *made]
    return [
        Composed(
            f"{pair}_{variant}", g.photo, g.labels, g.ignore, Expectation(pair, variant, scene, hazards, open_),
            manifest_of(g, sources.split),
        )
        for variant, g, hazards in pictures
    ]  # fmt: skip


def _pick_door(ground: Ground, rng: np.random.Generator) -> Box:
    doors = front_doors(ground)
    return doors[int(rng.integers(len(doors)))]


def _is_unchecked(ground: Ground) -> bool:
    wanted = {ground.classes.index(n) for n in ("extinguisher", "extinguisher_sign", "extinguisher_bracket")}
    return bool(wanted & set(ground.ignore.class_id.tolist()))


_Made = list[tuple[str, Ground, tuple[str, ...]]]


def _with_bracket(ground: Ground, door: Box, rng: np.random.Generator) -> _Made:
    name = WALL_BRACKETS[int(rng.integers(len(WALL_BRACKETS)))]
    height = float(rng.uniform(*BRACKETS[name].height_m)) * pixels_per_metre(door)
    bracket = draw_bracket(name, round(height), rng)
    spot = wall_spot(ground, door, (bracket.shape[0], bracket.shape[1]), _BRACKET_FOOT_M, rng)
    mounted = set_on_wall(ground, bracket, "extinguisher_bracket", spot, rng) if spot is not None else None
    return [("bracket", mounted, (HAZARD,))] if mounted is not None else []


def _with_sign(sources: Sources, ground: Ground, door: Box, rng: np.random.Generator) -> _Made:
    height = float(rng.uniform(*_SIGN_M)) * pixels_per_metre(door)
    sign = warp(resize_to_height(draw_extinguisher_sign(rng), height), rng, tilt=float(rng.uniform(0, 0.05)))
    drawn = _catalogue_extinguisher(sources, rng)
    tall = EXTINGUISHER_M * float(rng.uniform(0.85, 1.1)) * pixels_per_metre(door)
    bottle = resize_to_height(drawn, tall) if drawn is not None else None
    gap = height * float(rng.uniform(0.2, 1.4))
    size: tuple[int, ...] = (
        round(height + gap + tall),
        max(sign.shape[1], 0 if bottle is None else bottle.shape[1]),
    )
    spot = wall_spot(ground, door, (size[0], size[1]), _BOTTLE_FOOT_M, rng)
    if spot is None:  # no room for both: the sign alone
        bottle, size = None, sign.shape[:2]
        spot = wall_spot(ground, door, (size[0], size[1]), _SIGN_FOOT_M, rng)
    if spot is None:
        return []
    x, y = spot[0] + (size[1] - sign.shape[1]) // 2, spot[1]
    signed = set_on_wall(ground, sign, "extinguisher_sign", (x, y), rng)
    if signed is None:
        return []
    made: _Made = [("sign_alone", signed, (HAZARD,))]
    if bottle is not None and rng.random() < 0.6:
        at = spot[0] + (size[1] - bottle.shape[1]) // 2, round(y + height + gap)
        held = set_on_wall(signed, bottle, "extinguisher", at, rng)
        made += [("sign_and_extinguisher", held, ())] if held is not None else []
    return made


def _catalogue_extinguisher(sources: Sources, rng: np.random.Generator) -> Picture | None:
    crops = sources.crops("extinguisher_catalogue")
    for index in rng.permutation(len(crops))[:8]:
        cutout = cut_out_on_plain_ground(crops[int(index)])
        if cutout is not None and cutout.shape[0] > 1.3 * cutout.shape[1]:
            return cutout
    return None


def labelled_mask(ground: Ground, *, doors: bool) -> NDArray[np.bool_]:
    """Pixels (h, w) of labelled things and of partial ignore regions; regions of most of the picture are left out."""
    h, w = ground.hw
    mask = np.zeros((h, w), bool)
    door = ground.classes.index("door")
    for rows in (ground.labels, ground.ignore):
        for class_id, box in zip(rows.class_id, rows.xyxy((h, w)), strict=True):
            if (class_id == door and not doors) or (box[2] - box[0]) * (box[3] - box[1]) > 0.5 * h * w:
                continue
            mask[max(int(box[1]), 0) : int(box[3]) + 1, max(int(box[0]), 0) : int(box[2]) + 1] = True
    return mask


def set_on_wall(
    ground: Ground,
    thing: Picture,
    name: str,
    at: tuple[int, int],
    rng: np.random.Generator,
    *,
    flat: bool = False,
) -> Ground | None:
    """The ground with a sign, bracket or extinguisher at `at` (x, y); None where it is too small, or a cue's place cannot be
    judged. `flat` things are painted: they cast no shadow."""
    x, y = at
    h, w = ground.hw
    box = np.array([x, y, x + thing.shape[1], y + thing.shape[0]], np.float32)
    if min(thing.shape[:2]) < 12 or (name != "extinguisher" and not _is_judged(ground, box, name)):
        return None
    photo = ground.photo.copy()
    spot = photo[max(y, 0) : y + thing.shape[0], max(x, 0) : x + thing.shape[1]]
    if not flat:
        drop_shadow(photo, thing, x, y, rng)
    lit = match_sharpness(match_light(thing, spot, rng, glow=False), ground.photo)
    placed = paste(photo, lit, x, y)
    if placed is None:
        return None
    row = rows_of([(ground.classes.index(name), placed)], (h, w))
    return replace(ground, photo=photo, labels=concat_rows(ground.labels, row))


def _is_judged(ground: Ground, box: Boxes, name: str) -> bool:
    return point_is_seen(box, ground.boxes(*OCCLUDERS), ground.hw, bracket=name == "extinguisher_bracket")
