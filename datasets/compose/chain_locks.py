"""Chains, U-locks and padlocks drawn on doors: locked exits, with the untouched door as negative."""

from dataclasses import replace

import numpy as np

from firewarden.datasets.compose.blocked_exit import HAZARD, exit_sign_above
from firewarden.datasets.compose.composed import Composed, Expectation, manifest_of, open_hazards, rule_scene
from firewarden.datasets.compose.drawn_visible import change_seen, shows_lock
from firewarden.datasets.compose.ground import DOOR_HEIGHT_M, Ground, rows_of
from firewarden.datasets.compose.judged import Boxes, is_signed
from firewarden.datasets.compose.lock_drawing import LOCKS, draw_lock
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.compose.standing import drop_shadow
from firewarden.datasets.compose.unfit import OPEN_DOORWAYS
from firewarden.datasets.labels import concat_rows
from firewarden.datasets.paste import match_light, match_sharpness, paste, warp

_ATTEMPTS = 20
_HANDLE_M = 1.05  # height of a handle
_DOUBLE = 0.62  # a door wider than this share of its height has two leaves that meet in the middle
_MIN_SIDE_PX = 14
_SHARE_OTHER_DOOR = 0.15


def make_chain_locks(sources: Sources, rng: np.random.Generator, index: int) -> list[Composed]:
    """A door untouched and locked. Most are exits, by a sign that is there or hung above; the rest leave the hazard open."""
    pair = f"compose_lock_{index:05d}"
    doors = [r for r in sources.records_with("door") if r.scene != "outdoor" and r.stem not in OPEN_DOORWAYS]
    for _ in range(_ATTEMPTS if doors else 0):
        ground = sources.pick(doors, rng)
        fits = [door for door in ground.boxes("door") if _fits(ground, door)]
        if not fits:
            continue
        door = fits[int(rng.integers(len(fits)))]
        if rng.random() > _SHARE_OTHER_DOOR:
            signed = exit_sign_above(sources, ground, door, rng)
            ground = ground if signed is None else signed
        locked = _lock(ground, door, rng)
        if locked is not None:
            return _pair(sources, ground, locked, door, pair)
    return []


def _pair(sources: Sources, ground: Ground, locked: Ground, door: Boxes, pair: str) -> list[Composed]:
    scene, open_ = rule_scene(ground), set(open_hazards(ground))
    is_exit = is_signed(door, ground.boxes("exit_sign"), ground.boxes("door"))
    hazards = (HAZARD,) if is_exit else ()
    optional = open_ - {HAZARD} if is_exit else open_ | {HAZARD}
    rows = (
        ("untouched", ground, Expectation(pair, "untouched", scene, (), tuple(sorted(open_)))),
        ("locked", locked, Expectation(pair, "locked", scene, hazards, tuple(sorted(optional)))),
    )
    return [
        Composed(f"{pair}_{name}", g.photo, g.labels, g.ignore, expect, manifest_of(g, sources.split))
        for name, g, expect in rows
    ]


def _fits(ground: Ground, door: Boxes) -> bool:
    h, w = ground.hw
    height, width = float(door[3] - door[1]), float(door[2] - door[0])
    people = ground.boxes("person")
    size = (np.minimum(people[:, 2:], door[2:]) - np.maximum(people[:, :2], door[:2])).clip(0).prod(axis=1)
    return (
        height > 0.4 * h and width > 0.12 * w and 0.25 < width / height < 1.4
        and door[1] > 2 and float(size.sum()) < 0.05 * width * height
    )  # fmt: skip


def _scale(ground: Ground, door: Boxes) -> tuple[float, float]:
    """Pixels a metre on the door, and the row of its handle. A door that the frame cuts below is measured by its width."""
    h, _ = ground.hw
    if door[3] < h - 3:
        scale = float(door[3] - door[1]) / DOOR_HEIGHT_M
        return scale, float(door[3]) - _HANDLE_M * scale
    scale = max(float(door[3] - door[1]) / DOOR_HEIGHT_M, float(door[2] - door[0]) / 1.0)
    return scale, min(float(door[1]) + (DOOR_HEIGHT_M - _HANDLE_M) * scale, 0.8 * h)


def _lock(ground: Ground, door: Boxes, rng: np.random.Generator) -> Ground | None:
    scale, row = _scale(ground, door)
    width, height = float(door[2] - door[0]), float(door[3] - door[1])
    lock = warp(draw_lock(LOCKS[int(rng.integers(len(LOCKS)))], scale, rng), rng, tilt=0.03)
    if min(lock.shape[:2]) < _MIN_SIDE_PX or lock.shape[1] > 0.9 * width:
        return None
    two_leaves = width / height > _DOUBLE and door[3] < ground.hw[0] - 3
    at = 0.5 if two_leaves else float(rng.choice([0.12, 0.88]))
    x = float(door[0]) + at * width - lock.shape[1] / 2
    x = float(np.clip(x, door[0] + 0.02 * width, door[2] - lock.shape[1] - 0.02 * width))
    y = row - lock.shape[0] * 0.3 + float(rng.uniform(-0.05, 0.05)) * scale
    photo = ground.photo.copy()
    spot = photo[max(round(y), 0) : round(y) + lock.shape[0], max(round(x), 0) : round(x) + lock.shape[1]]
    if not spot.size:
        return None
    drop_shadow(photo, lock, round(x), round(y), rng)
    lit = match_sharpness(match_light(lock, spot, rng, glow=False), ground.photo)
    box = paste(photo, lit, round(x), round(y))
    if box is None or not shows_lock(change_seen(ground.photo, photo), box):
        return None
    added = rows_of([(ground.classes.index("chain_lock"), box)], ground.hw)
    return replace(ground, photo=photo, labels=concat_rows(ground.labels, added))
