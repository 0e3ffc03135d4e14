"""What must not be called an indoor e-bike: pedal bicycles in rooms, and e-bikes in the street."""

import numpy as np

from firewarden.datasets.compose.bicycles import BICYCLE_HEIGHT_M, bicycle_cutout
from firewarden.datasets.compose.composed import Composed, Expectation, manifest_of, open_hazards, rule_scene
from firewarden.datasets.compose.ground import Ground
from firewarden.datasets.compose.indoor_ebikes import (
    HAZARD,
    compose_stage,
    draw_foot,
    find_floor,
    set_vehicle,
)
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.compose.standing import Stage

_ATTEMPTS = 6


def make_pedal_bicycles(sources: Sources, rng: np.random.Generator, index: int) -> list[Composed]:
    """One room three times: untouched, with a bicycle, and with an e-bike in the same spot where the split has one to cut."""
    pair = f"compose_bicycle_{index:05d}"
    records = [
        r for r in sources.wide_rooms if sources.class_id("ebike") not in sources.labels[r.stem].class_id
    ]
    for _ in range(_ATTEMPTS if records else 0):
        ground = sources.pick(records, rng)
        floor = find_floor(ground, rng)
        foot, squeeze = draw_foot(ground, floor, rng), float(rng.uniform(0.55, 1.0))
        stages = {}
        for name in ("bicycle", "ebike"):
            cutout = bicycle_cutout(rng) if name == "bicycle" else sources.draw_cutout(["ebike"], rng)
            stage = stages[name] = Stage.on(ground)
            tall = float(rng.uniform(*BICYCLE_HEIGHT_M))
            set_vehicle(stage, cutout, foot, floor, rng, metres=tall, squeeze=squeeze)
        if not stages["bicycle"].figures:
            continue
        made = [_untouched(sources, ground, pair, "untouched")]
        for name, stage in stages.items():
            against = ("pedal_bicycle_indoors",) if name == "bicycle" else ()
            if stage.figures:
                made.append(
                    compose_stage(sources, stage, f"{pair}_{name}", pair, name, hard_negatives=against)
                )
        return made
    return []


def make_outdoor_ebikes(sources: Sources, rng: np.random.Generator, index: int) -> list[Composed]:
    """An untouched street photo with e-bikes; each in turn, then from the first again."""
    records = [r for r in sources.records_with("ebike") if r.scene == "outdoor"]
    if not records:
        return []
    ground = sources.ground(records[index % len(records)])
    return [_untouched(sources, ground, f"compose_street_{index:05d}", "street", ("ebike_outdoors",))]


def _untouched(
    sources: Sources, ground: Ground, pair: str, variant: str, hard_negatives: tuple[str, ...] = ()
) -> Composed:
    optional = set(open_hazards(ground)) - ({HAZARD} if hard_negatives else set())
    expect = Expectation(
        pair,
        variant,
        rule_scene(ground),
        optional_hazards=tuple(sorted(optional)),
        hard_negatives=hard_negatives,
    )
    manifest = manifest_of(ground, sources.split)
    return Composed(f"{pair}_{variant}", ground.photo, ground.labels, ground.ignore, expect, manifest)
