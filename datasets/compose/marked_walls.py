"""Signs and brackets put on plain walls that never held an extinguisher: alone they mark a missing one, with one they do not."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.compose.brackets import WALL_BRACKETS, draw_bracket
from firewarden.datasets.compose.composed import Composed, Expectation, manifest_of, open_hazards, rule_scene
from firewarden.datasets.compose.extinguisher_signs import draw_extinguisher_sign
from firewarden.datasets.compose.ground import Ground, Picture, rows_of
from firewarden.datasets.compose.judged import OCCLUDERS, Boxes, point_is_seen
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.compose.standing import drop_shadow, resize_to_height
from firewarden.datasets.labels import concat_rows
from firewarden.datasets.paste import cut_out_on_plain_ground, match_light, match_sharpness, paste, warp

HAZARD = "missing_extinguisher"
_TRIES = 40
_SIGN_SHARE, _BRACKET_SHARE = (0.045, 0.1), (0.07, 0.22)  # of the picture's height
_MAX_STD, _MAX_DETAIL, _MIN_BRIGHT = 16.0, 9.0, 50.0  # of a plain wall's grey values


def mark_wall(sources: Sources, pair: str, rng: np.random.Generator) -> list[Composed]:
    """An untouched wall, the same with a sign or bracket alone, and below a sign often with an extinguisher too."""
    if not sources.rooms:
        return []
    ground = sources.pick(sources.rooms, rng)
    cues = ground.boxes("extinguisher", "extinguisher_sign", "extinguisher_bracket", "fire_cabinet")
    if len(cues) or _is_unchecked(ground):
        return []
    with_sign = rng.random() < 0.6
    made = _with_sign(sources, ground, rng) if with_sign else _with_bracket(ground, rng)
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


def _is_unchecked(ground: Ground) -> bool:
    wanted = {ground.classes.index(n) for n in ("extinguisher", "extinguisher_sign", "extinguisher_bracket")}
    return bool(wanted & set(ground.ignore.class_id.tolist()))


_Made = list[tuple[str, Ground, tuple[str, ...]]]


def _with_bracket(ground: Ground, rng: np.random.Generator) -> _Made:
    name = WALL_BRACKETS[int(rng.integers(len(WALL_BRACKETS)))]
    bracket = draw_bracket(name, round(float(rng.uniform(*_BRACKET_SHARE)) * ground.hw[0]), rng)
    spot = _plain_spot(ground, (2 * bracket.shape[0], 2 * bracket.shape[1]), (0.4, 0.7), rng)
    if spot is None:
        return []
    x, y = spot[0] + bracket.shape[1] // 2, spot[1] + bracket.shape[0] // 2
    mounted = set_on_wall(ground, bracket, "extinguisher_bracket", (x, y), rng)
    return [("bracket", mounted, (HAZARD,))] if mounted is not None else []


def _with_sign(sources: Sources, ground: Ground, rng: np.random.Generator) -> _Made:
    height = float(rng.uniform(*_SIGN_SHARE)) * ground.hw[0]
    sign = warp(resize_to_height(draw_extinguisher_sign(rng), height), rng, tilt=float(rng.uniform(0, 0.05)))
    drawn = _catalogue_extinguisher(sources, rng)
    tall = height * float(rng.uniform(1.6, 2.6))
    bottle = resize_to_height(drawn, tall) if drawn is not None else None
    gap = height * float(rng.uniform(0.2, 1.4))
    size: tuple[int, ...] = (
        round(height + gap + tall),
        max(sign.shape[1], 0 if bottle is None else bottle.shape[1]),
    )
    spot = _plain_spot(ground, (size[0], size[1]), (0.2, 0.6), rng)
    if spot is None:  # no room for both: the sign alone
        bottle, size = None, sign.shape[:2]
        spot = _plain_spot(ground, (size[0], size[1]), (0.2, 0.6), rng)
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


def _plain_spot(
    ground: Ground, size_hw: tuple[int, int], rows: tuple[float, float], rng: np.random.Generator
) -> tuple[int, int] | None:
    """Top left of a plain, unlabelled piece of wall of this size; its top lies in `rows`, shares of the height."""
    h, w = ground.hw
    bh, bw = size_hw
    taken = labelled_mask(ground, doors=True)
    for _ in range(_TRIES if bw < w and bh < h else 0):
        x, y = int(rng.integers(0, w - bw)), int(rng.uniform(*rows) * h)
        spot = ground.photo[y : y + bh, x : x + bw]
        if spot.shape[:2] == (bh, bw) and not taken[y : y + bh, x : x + bw].any() and _is_plain(spot):
            return x, y
    return None


def _is_plain(spot: Picture) -> bool:
    grey = cv2.cvtColor(np.ascontiguousarray(spot), cv2.COLOR_BGR2GRAY)
    detail = float(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean())
    return float(grey.std()) <= _MAX_STD and detail <= _MAX_DETAIL and float(grey.mean()) >= _MIN_BRIGHT


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
