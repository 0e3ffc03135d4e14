"""Signs of other fire equipment, and closed hose cabinets, on plain walls: red plates that mark no extinguisher."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.compose.composed import Composed, Expectation, manifest_of, rule_scene
from firewarden.datasets.compose.exit_signs import sign_cutout
from firewarden.datasets.compose.fire_sign_drawing import draw_hose_cabinet, draw_other_sign
from firewarden.datasets.compose.ground import DOOR_HEIGHT_M, Ground, Picture, rows_of
from firewarden.datasets.compose.marked_walls import EXTINGUISHER_M
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.compose.standing import drop_shadow, resize_to_height
from firewarden.datasets.compose.wall_spots import is_plain, taken_mask
from firewarden.datasets.labels import concat_rows
from firewarden.datasets.manifest import PhotoRecord
from firewarden.datasets.paste import match_light, match_sharpness, paste, warp

_NEAR = ("extinguisher", "extinguisher_sign")
_SIGN_M, _CABINET_M = (0.15, 0.36), (0.6, 1.2)  # heights
_UNKNOWN_SHARE = (0.04, 0.16)  # of the picture's height, for a sign where nothing gives the scale
_CABINETS, _CROPS = 0.25, 0.15  # shares of what is hung
_TRIES, _GROUNDS = 40, 6
_LEAST_PX = 10
_OPEN = (
    "missing_extinguisher",
    "blocked_exit",
    "corridor_clutter",
    "indoor_ebike",
)  # nobody judged the photo below


def make_fire_signs(sources: Sources, rng: np.random.Generator, index: int) -> list[Composed]:
    """One picture with one to three of them, half of the time in a photo that shows an extinguisher or its sign; none where no
    plain wall was found. Plates get no label, cabinets theirs."""
    marked = tuple({r.stem: r for name in _NEAR for r in sources.records_with(name)}.values())
    grounds = marked if marked and (rng.random() < 0.5 or not sources.rooms) else sources.rooms
    if not grounds:
        return []
    ground = next(filter(None, (_hang_some(sources, grounds, rng) for _ in range(_GROUNDS))), None)
    if ground is None:
        return []
    stem = f"compose_fire_sign_{index:05d}"
    expect = Expectation(stem, "fire_signs", rule_scene(ground), optional_hazards=_OPEN)
    return [
        Composed(stem, ground.photo, ground.labels, ground.ignore, expect, manifest_of(ground, sources.split))
    ]


def _hang_some(sources: Sources, grounds: Sequence[PhotoRecord], rng: np.random.Generator) -> Ground | None:
    """One to three of them in one photo; None where no plain wall took any."""
    ground = sources.pick(grounds, rng)
    taken = taken_mask(ground)
    hung = 0
    for _ in range(int(rng.integers(1, 4))):
        cabinet = rng.random() < _CABINETS
        drawn = draw_hose_cabinet(rng) if cabinet else _plate(sources, rng)
        height = _height(ground, _CABINET_M if cabinet else _SIGN_M, rng)
        thing = warp(resize_to_height(drawn, height), rng, tilt=float(rng.uniform(0, 0.06)))
        spot = _plain_spot(ground, thing, taken, rng)
        if spot is None or min(thing.shape[:2]) < _LEAST_PX:
            continue
        ground = _fasten(ground, thing, spot, rng, name="fire_cabinet" if cabinet else None)
        taken[spot[1] : spot[1] + thing.shape[0], spot[0] : spot[0] + thing.shape[1]] = True
        hung += 1
    return ground if hung else None


def _plate(sources: Sources, rng: np.random.Generator) -> Picture:
    crops = sources.crops("other_sign")
    return sign_cutout(rng, crops, drawn=False) if crops and rng.random() < _CROPS else draw_other_sign(rng)


def _height(ground: Ground, metres: tuple[float, float], rng: np.random.Generator) -> float:
    """Pixels, by an extinguisher or a door in the photo, else a share of the picture."""
    for name, known_m in (("extinguisher", EXTINGUISHER_M), ("door", DOOR_HEIGHT_M)):
        boxes = ground.boxes(name)
        if len(boxes):
            return float(rng.uniform(*metres)) * float((boxes[:, 3] - boxes[:, 1]).max()) / known_m
    share = float(np.exp(rng.uniform(*np.log(_UNKNOWN_SHARE)))) * metres[1] / _SIGN_M[1]
    return min(share, 0.45) * ground.hw[0]


def _plain_spot(
    ground: Ground, thing: Picture, taken: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[int, int] | None:
    """Top left (x, y) where a plain wall is free for it; None where none was drawn."""
    (h, w), (th, tw) = ground.hw, thing.shape[:2]
    for _ in range(_TRIES if th < 0.8 * h and tw < 0.8 * w else 0):
        x, y = int(rng.uniform(0, w - tw)), int(rng.uniform(0, 0.75 * h - 0.5 * th))
        if taken[y : y + th, x : x + tw].any() or not is_plain(ground.photo[y : y + th, x : x + tw]):
            continue
        return x, y
    return None


def _fasten(
    ground: Ground, thing: Picture, at: tuple[int, int], rng: np.random.Generator, name: str | None
) -> Ground:
    """The ground with the thing pasted at (x, y), lit and sharp as the photo is; labelled where it has a class."""
    x, y = at
    photo = ground.photo.copy()
    drop_shadow(photo, thing, x, y, rng)
    spot = photo[y : y + thing.shape[0], x : x + thing.shape[1]]
    box = paste(photo, match_sharpness(match_light(thing, spot, rng, glow=False), ground.photo), x, y)
    if box is None:
        return ground
    if name is None:
        return replace(ground, photo=photo)
    rows = rows_of([(ground.classes.index(name), box)], ground.hw)
    return replace(ground, photo=photo, labels=concat_rows(ground.labels, rows))
