"""E-bikes in rooms: on the floor at a plausible size, sometimes several in a row, half behind a person or a door leaf."""

import numpy as np

from firewarden.datasets.compose.composed import Composed, Expectation, manifest_of, open_hazards, rule_scene
from firewarden.datasets.compose.cutouts import Cutout
from firewarden.datasets.compose.ground import Floor, Ground, as_box, floor_at_door, floor_by_horizon
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.compose.standing import Stage
from firewarden.datasets.paste import warp

HAZARD = "indoor_ebike"
EBIKE_HEIGHT_M, PERSON_HEIGHT_M = (1.0, 1.2), (1.55, 1.8)
_SHARE_OF_HEIGHT = (0.22, 0.92)  # of the picture: smaller is far away, larger leaves the frame
_ATTEMPTS = 6
_SHARE_PERSON, _SHARE_ROW = 0.22, 0.5


def make_indoor_ebikes(sources: Sources, rng: np.random.Generator, index: int) -> list[Composed]:
    """A room with one to three e-bikes, and the same room untouched."""
    if not sources.wide_rooms or not sources.places_of("ebike"):
        return []
    stem = f"compose_ebike_{index:05d}"
    for _ in range(_ATTEMPTS):
        stage = _furnish(sources, rng)
        composed = compose_stage(sources, stage, stem, stem, "ebike")
        if composed.expect.hazards:
            return [composed, _untouched(sources, stage.ground, stem)]
    return []


def _untouched(sources: Sources, ground: Ground, pair: str) -> Composed:
    expect = Expectation(
        pair, "untouched", rule_scene(ground), optional_hazards=tuple(sorted(open_hazards(ground)))
    )
    stem, manifest = f"{pair}_untouched", manifest_of(ground, sources.split)
    return Composed(stem, ground.photo, ground.labels, ground.ignore, expect, manifest)


def _furnish(sources: Sources, rng: np.random.Generator) -> Stage:
    stage = Stage.on(sources.pick(sources.wide_rooms, rng))
    floor = find_floor(stage.ground, rng)
    count = int(rng.choice([1, 1, 1, 2, 3]))
    if count > 1 and rng.random() < _SHARE_ROW:
        _set_row(stage, sources, floor, rng, count)
    else:
        feet = sorted((draw_foot(stage.ground, floor, rng) for _ in range(count)), key=lambda foot: foot[1])
        for foot in feet:
            set_vehicle(stage, sources.draw_cutout(["ebike"], rng), foot, floor, rng)
    if stage.figures and rng.random() < _SHARE_PERSON:
        _set_person_before(stage, sources, floor, rng)
    _hide_behind_door(stage, rng)
    return stage


def find_floor(ground: Ground, rng: np.random.Generator) -> Floor:
    """The floor before the lowest door that is seen whole, or that of a level camera."""
    h, _ = ground.hw
    doors = [
        box for box in ground.boxes("door") if box[3] < 0.93 * h and 0.3 * h < box[3] - box[1] and box[1] > 2
    ]
    if doors:
        return floor_at_door(max(doors, key=lambda box: float(box[3])))
    return floor_by_horizon(ground.hw, horizon=float(rng.uniform(0.3, 0.5)))


def draw_foot(ground: Ground, floor: Floor, rng: np.random.Generator) -> tuple[float, float]:
    """Where a vehicle may stand: from the far edge of the near floor to a little below the picture."""
    h, w = ground.hw
    top = np.clip(floor.foot_y, 0.6 * h, 0.8 * h) + 0.03 * h
    return float(rng.uniform(0.05, 0.95)) * w, float(rng.uniform(top, 1.08 * h))


def set_vehicle(
    stage: Stage, cutout: Cutout | None, foot: tuple[float, float], floor: Floor, rng: np.random.Generator,
    *, metres: float | None = None, squeeze: float | None = None,
) -> None:  # fmt: skip
    """Stand a two-wheeler there at its size; seen at an angle it is narrow."""
    if cutout is None:
        return
    h, _ = stage.ground.hw
    tall = float(rng.uniform(*EBIKE_HEIGHT_M)) if metres is None else metres
    height = float(np.clip(tall * floor.scale_at(foot[1]), _SHARE_OF_HEIGHT[0] * h, _SHARE_OF_HEIGHT[1] * h))
    narrow = float(rng.uniform(0.5, 1.0)) if squeeze is None else squeeze
    cutout = cutout.mirrored() if rng.random() < 0.5 else cutout
    turned = Cutout(warp(cutout.bgra, rng, tilt=0.04), cutout.name, cutout.stem)
    stage.stand(turned, foot, height, rng, squeeze=narrow)


def _set_row(stage: Stage, sources: Sources, floor: Floor, rng: np.random.Generator, count: int) -> None:
    """Vehicles side by side, each a little nearer than the one before."""
    h, w = stage.ground.hw
    x, y = draw_foot(stage.ground, floor, rng)
    squeeze = float(rng.uniform(0.4, 0.65))
    step = float(rng.uniform(0.12, 0.25)) * w * float(rng.choice([-1, 1]))
    for number in range(count):
        foot = x + number * step, min(y - 0.06 * h * (count - 1 - number), 1.1 * h)
        set_vehicle(stage, sources.draw_cutout(["ebike"], rng), foot, floor, rng, squeeze=squeeze)


def _set_person_before(stage: Stage, sources: Sources, floor: Floor, rng: np.random.Generator) -> None:
    person = sources.draw_cutout(["person"], rng)
    if person is None:
        return
    h, w = stage.ground.hw
    columns = np.nonzero(stage.figures[-1].covered.any(axis=0))[0]
    rows = np.nonzero(stage.figures[-1].covered.any(axis=1))[0]
    x = float(rng.choice([columns.min(), columns.max()])) + float(rng.uniform(-0.05, 0.05)) * w
    y = float(rows.max()) + float(rng.uniform(0.01, 0.08)) * h
    height = float(np.clip(float(rng.uniform(*PERSON_HEIGHT_M)) * floor.scale_at(y), 0.3 * h, 1.2 * h))
    stage.stand(person, (x, y), height, rng)


def _hide_behind_door(stage: Stage, rng: np.random.Generator) -> None:
    """A door whose foot lies nearer than the vehicles' is a leaf that stands before them."""
    if not stage.figures or rng.random() < 0.4:
        return
    lowest = max(float(np.nonzero(f.covered.any(axis=1))[0].max()) for f in stage.figures)
    for door in stage.ground.boxes("door"):
        if door[3] > lowest + 3 and (door[2] - door[0]) < 0.35 * stage.ground.hw[1]:
            stage.bring_forward(as_box(door))


def compose_stage(
    sources: Sources,
    stage: Stage,
    stem: str,
    pair: str,
    variant: str,
    *,
    hard_negatives: tuple[str, ...] = (),
) -> Composed:
    """The finished stage as a picture; an e-bike that is seen is the hazard, one that is mostly hidden leaves it open."""
    labels, ignore = stage.label()
    ebike = sources.class_id("ebike")
    hazards = (HAZARD,) if ebike in labels.class_id else ()
    optional = {"corridor_clutter", "blocked_exit", "extinguisher_obstructed", *open_hazards(stage.ground)}
    if ebike in ignore.class_id:
        optional.add(HAZARD)
    expect = Expectation(
        pair,
        variant,
        rule_scene(stage.ground),
        hazards,
        tuple(sorted(optional - set(hazards))),
        hard_negatives,
    )
    parts = " ".join(figure.stem for figure in stage.figures if figure.stem)
    manifest = {**manifest_of(stage.ground, sources.split), "parts": parts}
    return Composed(stem, stage.photo, labels, ignore, expect, manifest)
