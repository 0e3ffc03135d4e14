"""Goods before an exit door, beside it, and far before it; the untouched photo is the clear one."""

from dataclasses import replace

import numpy as np

from firewarden.datasets.compose.composed import Composed, Expectation, manifest_of, open_hazards, rule_scene
from firewarden.datasets.compose.exit_goods import BANDS, plan_goods
from firewarden.datasets.compose.exit_signs import hang, sign_cutout
from firewarden.datasets.compose.ground import Ground, rows_of
from firewarden.datasets.compose.judged import Boxes, is_obstructed, is_signed, obstruction
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.compose.standing import Stage, resize_to_height
from firewarden.datasets.labels import concat_rows

HAZARD = "blocked_exit"
OBSTACLES = ("carton", "furniture", "clutter", "bicycle", "ebike", "vehicle")
_ATTEMPTS, _TRIES = 12, 14
_MIN_FLOOR_H = 0.06  # floor below the door's foot, in door heights
_FAR_FLOOR_H = 0.72
_BESIDE_MAX = 0.04
_MAX_UNSURE = 0.25  # obstruction by regions to ignore: something unlabelled may stand there
_NEGATIVES = {"beside": ("goods_beside_door",), "far": ("far_goods",)}


def make_blocked_exit(sources: Sources, rng: np.random.Generator, index: int) -> list[Composed]:
    """Three pictures of one exit door: clear, with goods in its zone, and with goods that do not block it."""
    pair = f"compose_exit_{index:05d}"
    doors = sources.records_with("door")
    for _ in range(_ATTEMPTS if doors else 0):
        found = _exit_door(sources, sources.pick(doors, rng), rng)
        if found is None:
            continue
        ground, door = found
        blocking = ["partly", "blocked"][int(rng.random() < 0.6)]
        made = [
            _set_goods(sources, ground, door, pair, v, rng) for v in (blocking, _harmless(ground, door, rng))
        ]
        pictures = [composed for composed in made if composed is not None]
        if made[0] is not None:
            return [_clear(sources, ground, pair), *pictures]
    return []


def _harmless(ground: Ground, door: Boxes, rng: np.random.Generator) -> str:
    room = (ground.hw[0] - door[3]) / (door[3] - door[1])
    return "far" if room >= _FAR_FLOOR_H and rng.random() < 0.7 else "beside"


def _exit_door(sources: Sources, ground: Ground, rng: np.random.Generator) -> tuple[Ground, Boxes] | None:
    """The ground with a sign over one of its free doors, and that door; None where none stands on visible floor."""
    if ground.record is None or ground.record.scene == "outdoor":
        return None
    fits = [door for door in ground.boxes("door") if _stands_free(ground, door)]
    if not fits:
        return None
    door = fits[int(rng.integers(len(fits)))]
    signed = exit_sign_above(sources, ground, door, rng)
    return (signed, door) if signed is not None else None


def _stands_free(ground: Ground, door: Boxes) -> bool:
    h, w = ground.hw
    height, width = float(door[3] - door[1]), float(door[2] - door[0])
    whole = height > 0.28 * h and 0.28 < width / height < 1.2 and door[1] > 2
    floor = (h - door[3]) / height >= _MIN_FLOOR_H
    if not (whole and floor):
        return False
    lower = ground.ignore.xyxy((h, w))
    partial = lower[(lower[:, 2:] - lower[:, :2]).prod(axis=1) < 0.5 * h * w]
    if max(obstruction(door, partial)) > _MAX_UNSURE:
        return False
    cover, overlap = obstruction(door, ground.boxes(*OBSTACLES, "person"))
    return cover < 0.05 and overlap < 0.08


def exit_sign_above(sources: Sources, ground: Ground, door: Boxes, rng: np.random.Generator) -> Ground | None:
    """The ground as it is where a sign marks the door, else with one above it, or on its leaf where the frame leaves no wall."""
    if is_signed(door, ground.boxes("exit_sign"), ground.boxes("door")):
        return ground
    height = float(door[3] - door[1])
    crops = sources.crops("exit_sign")
    sign = resize_to_height(
        sign_cutout(rng, crops, drawn=rng.random() < 0.6), float(rng.uniform(0.075, 0.12)) * height
    )
    above = float(door[1]) - sign.shape[0] * float(rng.uniform(1.1, 1.6))
    y = above if above > 1 else float(door[1]) + 0.04 * height
    x = (
        float(door[0] + door[2]) / 2
        - sign.shape[1] / 2
        + float(rng.uniform(-0.1, 0.1)) * float(door[2] - door[0])
    )
    photo = ground.photo.copy()
    box = hang(photo, sign, round(x), round(y), rng, glow=rng.random() < 0.5)
    if box is None:
        return None
    row = rows_of([(ground.classes.index("exit_sign"), box)], ground.hw)
    signed = replace(ground, photo=photo, labels=concat_rows(ground.labels, row))
    return signed if is_signed(door, signed.boxes("exit_sign"), signed.boxes("door")) else None


def _clear(sources: Sources, ground: Ground, pair: str) -> Composed:
    expect = Expectation(pair, "clear", rule_scene(ground), optional_hazards=open_hazards(ground))
    manifest = manifest_of(ground, sources.split)
    return Composed(f"{pair}_clear", ground.photo, ground.labels, ground.ignore, expect, manifest)


def _set_goods(
    sources: Sources, ground: Ground, door: Boxes, pair: str, variant: str, rng: np.random.Generator
) -> Composed | None:
    for _ in range(_TRIES):
        items = plan_goods(sources, ground, door, variant, rng)
        if not items:
            continue
        stage = Stage.on(ground)
        for item in sorted(items, key=lambda i: i.foot[1]):
            stage.stand(item.cutout, item.foot, item.height, rng)
        composed = _judge(sources, stage, door, pair, variant)
        if composed is not None:
            return composed
    return None


def _judge(sources: Sources, stage: Stage, door: Boxes, pair: str, variant: str) -> Composed | None:
    """The picture with its expectation; None where what is visible does not bear the variant out."""
    ground = stage.ground
    labels, ignore = stage.label()
    shown = replace(ground, photo=stage.photo, labels=labels, ignore=ignore)
    seen = _door_seen(shown, door)
    if (
        seen is None
        or not is_signed(seen, shown.boxes("exit_sign"), shown.boxes("door"))
        or not stage.figures
    ):
        return None
    goods = shown.boxes(*(name for name in OBSTACLES if name != "ebike"))
    everything = shown.boxes(*OBSTACLES)
    hazards: tuple[str, ...] = ("indoor_ebike",) if len(shown.boxes("ebike")) else ()
    optional = {"corridor_clutter", "extinguisher_obstructed", *open_hazards(ground)}
    if variant in BANDS:
        if not all(is_obstructed(*obstruction(d, everything)) for d in (door, seen)):
            return None
        if all(is_obstructed(*obstruction(d, goods)) for d in (door, seen)):
            hazards = (HAZARD, *hazards)
        else:
            optional.add(HAZARD)
    elif max(max(obstruction(d, everything)) for d in (door, seen)) > _BESIDE_MAX:
        return None
    expect = Expectation(
        pair, variant, rule_scene(ground), hazards, tuple(sorted(optional - set(hazards))),
        _NEGATIVES.get(variant, ()),
    )  # fmt: skip
    parts = " ".join(figure.stem for figure in stage.figures if figure.stem)
    manifest = {**manifest_of(ground, sources.split), "parts": parts}
    return Composed(f"{pair}_{variant}", stage.photo, labels, ignore, expect, manifest)


def _door_seen(ground: Ground, door: Boxes) -> Boxes | None:
    """The labelled rest of a door that goods may have cut short; None where it went to ignore."""
    doors = ground.boxes("door")
    inside = (np.minimum(doors[:, 2:], door[2:]) - np.maximum(doors[:, :2], door[:2])).clip(0).prod(axis=1)
    share = inside / (doors[:, 2:] - doors[:, :2]).prod(axis=1).clip(1e-6)
    own = inside / float((door[2] - door[0]) * (door[3] - door[1]))
    best = int(np.argmax(share * own)) if len(doors) else -1
    if best < 0 or share[best] < 0.9 or own[best] < 0.3:
        return None
    return np.asarray(doors[best], np.float32)
