"""The register of kinds: name -> maker. A maker gets the sources, its own random stream and a running number, and returns the
pictures of one pair (or none where this draw did not work out)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from firewarden.datasets.compose.blocked_exit import make_blocked_exit
from firewarden.datasets.compose.chain_locks import make_chain_locks
from firewarden.datasets.compose.composed import Composed
from firewarden.datasets.compose.cut_doors import make_cut_doors
from firewarden.datasets.compose.door_swaps import make_door_swaps
from firewarden.datasets.compose.exit_signs import make_exit_signs
from firewarden.datasets.compose.fire_signs import make_fire_signs
from firewarden.datasets.compose.flying_cables import make_flying_cables
from firewarden.datasets.compose.indoor_ebikes import make_indoor_ebikes
from firewarden.datasets.compose.lift_ebikes import make_lift_ebikes
from firewarden.datasets.compose.missing_extinguisher import make_missing_extinguisher
from firewarden.datasets.compose.pedal_bicycles import make_outdoor_ebikes, make_pedal_bicycles
from firewarden.datasets.compose.sources import Sources

Maker = Callable[[Sources, np.random.Generator, int], list[Composed]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of composition. `stream` keeps its random numbers apart from those of other kinds: never change it."""

    make: Maker
    stream: int


KINDS: dict[str, Kind] = {
    "exit_signs": Kind(make_exit_signs, 0),
    "indoor_ebikes": Kind(make_indoor_ebikes, 1),
    "lift_ebikes": Kind(make_lift_ebikes, 2),
    "missing_extinguisher": Kind(make_missing_extinguisher, 3),
    "blocked_exit": Kind(make_blocked_exit, 4),
    "pedal_bicycles": Kind(make_pedal_bicycles, 5),
    "outdoor_ebikes": Kind(make_outdoor_ebikes, 6),
    "chain_locks": Kind(make_chain_locks, 7),
    "cut_doors": Kind(make_cut_doors, 8),
    "flying_cables": Kind(make_flying_cables, 10),
    "door_swaps": Kind(make_door_swaps, 11),
    "fire_signs": Kind(make_fire_signs, 12),
}
