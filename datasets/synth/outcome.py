"""What a finished picture says: label rows, cables as seen, expected hazards, facts. Pure, from mask and stage."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.cables import HIDDEN
from firewarden.datasets.synth.built import Point
from firewarden.datasets.synth.camera import Camera
from firewarden.datasets.synth.footprint import coverage, free_width
from firewarden.datasets.synth.instance_labels import (
    MIN_VISIBLE,
    Box,
    Mask,
    Seen,
    cable_box,
    simplified,
    too_small,
    visible_box,
    visible_runs,
)
from firewarden.datasets.synth.stage import Cable, Expectation, Stage

_HIDDEN_PLACE = 0.3  # more of a place than this behind something: its emptiness cannot be judged
_HIDDEN_EXTINGUISHER = 0.7  # less seen than this: `extinguisher_obstructed` counts neither way


@dataclass(frozen=True, slots=True)
class SeenCable:
    """The visible stretches of a cable in pixels (n, 2), source end first; the box goes round all of them.

    `from_source` and `to_sink` tell whether the first begins and the last ends where the cable is first and last seen."""

    cable: Cable
    paths: tuple[NDArray[np.float64], ...]
    from_source: bool
    to_sink: bool
    box: Box


def see_instances(stage: Stage, mask: Mask, whole: Mapping[int, int]) -> list[Seen]:
    """Seen instances with a class; `whole` holds the pixels each would cover unhidden, over the frame's edge too."""
    cables = {cable.number for cable in stage.cables}
    found = []
    for instance in stage.instances:
        if not instance.class_name or instance.number in cables:
            continue
        seen = visible_box(mask, instance.number)
        if seen is None:
            continue
        box, pixels = seen
        visible = min(1.0, pixels / max(1, whole.get(instance.number, pixels)))
        ignored = instance.ignored or visible < MIN_VISIBLE or too_small(box, stage.camera.wh)
        found.append(Seen(instance.number, instance.class_name, instance.name, box, pixels, visible, ignored))
    return found


def see_cables(stage: Stage, mask: Mask) -> list[SeenCable]:
    """Cables of which a stretch of at least 12 px (at 960) is seen, with all such stretches."""
    camera: Camera = stage.camera
    found = []
    for cable in stage.cables:
        path, depth = camera.project(_dense(np.array(cable.points)))
        runs = visible_runs(path, depth, mask, cable.number)
        long = [run for run in runs if _length(run) * 960 / max(camera.wh) >= 12]
        if long:
            ends = long[0] is runs[0], long[-1] is runs[-1]
            paths = tuple(simplified(np.clip(run, 0, camera.wh), 1.0 * max(camera.wh) / 960) for run in long)
            found.append(SeenCable(cable, paths, *ends, cable_box(long, camera.wh)))
    return found


def _dense(points: NDArray[np.float64], step: float = 0.03) -> NDArray[np.float64]:
    """The polyline (n, 3) with a point every `step` metres."""
    gaps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    at = np.r_[0, np.cumsum(gaps)]
    where = np.linspace(0, at[-1], max(2, int(at[-1] / step) + 1))
    return np.stack([np.interp(where, at, points[:, k]) for k in range(3)], axis=1)


def _length(path: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


def cable_rows(cables: Sequence[SeenCable], wh: tuple[int, int]) -> list[dict[str, Any]]:
    """Rows of cables/STEM.json: one a visible stretch; where the cable goes on behind something its end is hidden."""
    return [row for seen in cables for row in _stretches(seen, wh)]


def _stretches(seen: SeenCable, wh: tuple[int, int]) -> Iterator[dict[str, Any]]:
    last = len(seen.paths) - 1
    for number, path in enumerate(seen.paths):
        yield {
            "points": [[round(float(x) / wh[0], 5), round(float(y) / wh[1], 5)] for x, y in path],
            "kind": seen.cable.kind,
            "source": seen.cable.source if number == 0 and seen.from_source else HIDDEN,
            "sink": seen.cable.sink if number == last and seen.to_sink else HIDDEN,
        }


def expected_codes(
    stage: Stage,
    seen: Sequence[Seen],
    cables: Sequence[SeenCable],
    hidden: Callable[[Point], bool] = lambda point: False,
) -> tuple[list[str], list[str], list[str]]:
    """(hazards, optional hazards, hard negatives) that the picture shows; `hidden` tells points behind something.

    A hazard with all evidence seen counts; with part of it seen, or too small, it is optional; unseen it is neither."""
    clear = {s.number for s in seen if not s.ignored} | {c.cable.number for c in cables}
    vague = {s.number for s in seen if s.ignored}
    hazards, optional, negatives = set(), set(), set()
    for row in stage.expectations:
        state = _state(row, clear, vague, seen, stage.camera, hidden)
        if row.kind == "hard_negative":
            negatives |= {row.code} if state == "holds" else set()
        elif row.kind == "hazard" and state == "holds":
            hazards.add(row.code)
        elif row.kind != "hard_negative" and state != "unseen":
            optional.add(row.code)
    if any(s.class_name == "extinguisher" and s.visible < _HIDDEN_EXTINGUISHER for s in seen):
        optional.add("extinguisher_obstructed")
    return sorted(hazards), sorted(optional - hazards), sorted(negatives)


def _state(
    row: Expectation,
    clear: set[int],
    vague: set[int],
    seen: Sequence[Seen],
    camera: Camera,
    hidden: Callable[[Point], bool],
) -> str:
    """holds, vague or unseen."""
    if not all(number in clear for number in row.needs):
        any_seen = any(number in clear | vague for number in row.needs)
        return "vague" if any_seen else "unseen"
    if row.inside and not in_frame(camera, row.inside):
        return "vague"
    if sum(hidden(point) for point in row.inside) > _HIDDEN_PLACE * len(row.inside):
        return "vague"
    area = sum((s.box[2] - s.box[0]) * (s.box[3] - s.box[1]) for s in seen if s.number in row.needs)
    return "holds" if area >= row.min_area * camera.wh[0] * camera.wh[1] else "vague"


def in_frame(camera: Camera, points: Sequence[tuple[float, float, float]]) -> bool:
    """Whether all world points lie inside the picture."""
    pixels, depth = camera.project(np.array(points))
    return bool(np.all(depth > 0) and np.all(pixels >= 0) and np.all(pixels <= camera.wh))


def zone_facts(stage: Stage) -> list[dict[str, Any]]:
    """Covered share and free width of each door zone, in metres on the floor, whatever the camera sees."""
    return [
        {
            "door": zone.door,
            "is_exit": zone.is_exit,
            "covered": round(coverage(zone.area, stage.standing), 3),
            "free_width_m": round(free_width(zone.area, stage.standing), 2),
            "width_m": round(zone.area.width, 2),
        }
        for zone in stage.zones
    ]


def object_facts(seen: Sequence[Seen]) -> list[dict[str, Any]]:
    """Per object: class, name, pixel box, visible share, ignored or not."""
    return [
        {
            "number": s.number,
            "class": s.class_name,
            "name": s.name,
            "box": [round(v, 1) for v in s.box],
            "visible": round(s.visible, 3),
            "ignored": s.ignored,
        }
        for s in seen
    ]
