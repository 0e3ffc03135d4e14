"""Plans of rectangular rooms: where their walls stand. Pure; metres, z up.

Wall frame: origin on the floor in the middle of the wall, x to the right as seen from inside, y into the wall,
z up; what hangs before the wall has negative y.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from firewarden.datasets.synth.built import Point
from firewarden.datasets.synth.footprint import Footprint
from firewarden.datasets.synth.stage import Stage, turned


@dataclass(frozen=True, slots=True)
class Wall:
    """One wall: middle of its foot (x, y), `turn` of its frame (0: seen looking along +y), and its width."""

    x: float
    y: float
    turn: float
    width: float

    def point(self, along: float, out: float, z: float) -> Point:
        """World point `along` to the right of the middle, `out` metres before the wall, at height z."""
        dx, dy = turned(along, -out, self.turn)
        return self.x + dx, self.y + dy, z

    def floor(self, along: float, width: float, depth: float, gap: float = 0.0) -> Footprint:
        """A floor rectangle before the wall, `gap` metres away from it."""
        x, y, _ = self.point(along, gap + depth / 2, 0)
        return Footprint(x, y, width, depth, self.turn)

    def hang(self, stage: Stage, things: Sequence[Any], along: float, z: float = 0.0) -> None:
        """Move things from the wall frame to their place on this wall."""
        stage.move(things, self.point(along, 0, z), self.turn)


@dataclass(frozen=True, slots=True)
class Room:
    """Plan width (x), depth (y) and height; x in [-width/2, width/2], y in [0, depth]. Walls: end, left, right, near."""

    width: float
    depth: float
    height: float

    @property
    def walls(self) -> dict[str, Wall]:
        """The four walls; `end` is at y = depth."""
        w, d = self.width, self.depth
        return {
            "end": Wall(0, d, 0, w),
            "left": Wall(-w / 2, d / 2, math.pi / 2, d),
            "right": Wall(w / 2, d / 2, -math.pi / 2, d),
            "near": Wall(0, 0, math.pi, w),
        }

    def contains(self, area: Footprint, margin: float = 0.02) -> bool:
        """Whether a floor area lies inside the walls."""
        corners = area.corners()
        low, high = (-self.width / 2 + margin, margin), (self.width / 2 - margin, self.depth - margin)
        return bool(np.all(corners >= low) and np.all(corners <= high))


Hole = tuple[float, float, float, float]  # u0, u1, z0, z1 in the wall frame
