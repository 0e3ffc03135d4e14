"""Where a person with a phone stands in a passage, and where they point it."""

import numpy as np

from firewarden.datasets.synth.built import Point
from firewarden.datasets.synth.camera import look_at, picture_size
from firewarden.datasets.synth.footprint import Footprint
from firewarden.datasets.synth.lights import add_flash
from firewarden.datasets.synth.stage import Stage
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.walls import Room

_LEAST_VIEW = 3.2  # metres between camera and what it shows, where the room has them


def aim_phone(
    stage: Stage, seed: int, lane: tuple[float, float], room: Room, door_x: float, focus: Point | None
) -> tuple[float, float]:
    """Set a phone near the near end that looks at the door, loosely, or between it and `focus`; where it stands (x, y)."""
    rng = stream(seed, "camera")
    far = min(room.depth, focus[1] + 0.6 if focus else room.depth)
    near = 0.25 + rng.random() * max(0.1, far - _LEAST_VIEW) * 0.6
    x = (lane[0] + lane[1]) / 2 + rng.uniform(-0.5, 0.5) * (lane[1] - lane[0] - 0.7)
    position = (x, near, rng.uniform(1.1, 1.7))
    target = np.array([door_x * 0.7 + rng.normal(0, 0.35), room.depth, rng.uniform(0.7, 1.3)])
    share = rng.uniform(0.55, 0.95)
    if focus is not None:
        target += (np.array(focus) - target) * share
    aim = (float(target[0]), float(target[1]), float(target[2]))
    wh = picture_size(rng, int(stage.facts["long_side"]), portrait=0.55)
    stage.camera = look_at(position, aim, wh, fov_deg=rng.uniform(60, 85), roll=hand_roll(rng))
    stage.claim(Footprint(x, near, 0.7, 0.7))
    if rng.random() < 0.12:
        add_flash(position, aim, rng.uniform(15, 50))
    return x, near


def hand_roll(rng: np.random.Generator) -> float:
    """How a hand turns a phone about its axis, in rad: mostly level, now and then clearly tilted."""
    return float(rng.normal(0, 0.035 if rng.random() < 0.88 else 0.16))
