"""E-bikes in drawn lift cars, often with a person beside or before them; one car in five holds no e-bike."""

import numpy as np

from firewarden.datasets.compose.composed import Composed, Expectation, manifest_of
from firewarden.datasets.compose.cutouts import Cutout
from firewarden.datasets.compose.ground import Ground
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.compose.standing import Stage
from firewarden.datasets.labels import label_rows
from firewarden.datasets.lift_scene import draw_lift_car
from firewarden.datasets.paste import warp


def make_lift_ebikes(sources: Sources, rng: np.random.Generator, index: int) -> list[Composed]:
    """One lift car. Boxes are of what stays visible; what is mostly hidden goes to ignore."""
    if not sources.places_of("ebike"):
        return []
    car = draw_lift_car(rng)
    stage = Stage.on(Ground(car.picture, label_rows([]), label_rows([]), None, sources.classes))
    names = ["ebike"] * int(rng.random() < 0.8) + ["person"] * int(rng.choice([0, 1, 1, 2]))
    for number in rng.permutation(len(names)):
        cutout = sources.draw_cutout([names[int(number)]], rng)
        if cutout is not None:
            _stand(stage, cutout, rng, car.floor_rows)
    labels, ignore = stage.label()
    shown = sources.class_id("ebike") in labels.class_id
    unsure = sources.class_id("ebike") in ignore.class_id
    stem = f"compose_lift_{index:05d}"
    expect = Expectation(
        stem, "ebike" if shown else "empty", "elevator_car",
        hazards=("indoor_ebike",) if shown else (),
        optional_hazards=("indoor_ebike",) if unsure and not shown else (),
    )  # fmt: skip
    parts = " ".join(figure.stem for figure in stage.figures)
    manifest = {
        **manifest_of(stage.ground, sources.split, scene="elevator_car"),
        "place_group": stem,
        "parts": parts,
    }
    return [Composed(stem, stage.photo, labels, ignore, expect, manifest)]


def _stand(stage: Stage, cutout: Cutout, rng: np.random.Generator, floor_rows: tuple[float, float]) -> None:
    h, w = stage.ground.hw
    cutout = cutout.mirrored() if rng.random() < 0.5 else cutout
    cutout = Cutout(warp(cutout.bgra, rng, tilt=0.06), cutout.name, cutout.stem)
    height = float(rng.uniform(0.4, 0.8)) * h
    wide = cutout.bgra.shape[1] > cutout.bgra.shape[0] * 0.7
    squeeze = float(rng.uniform(0.4, 1.0)) if wide else 1.0
    foot = float(rng.uniform(0.1, 0.9)) * w, float(rng.uniform(*floor_rows) * h + 0.05 * h)
    stage.stand(cutout, foot, height, rng, squeeze=squeeze)
