"""A corridor that ends in an exit door: room doors at the sides, an extinguisher place, goods, a parked vehicle."""

from firewarden.datasets.synth.passage import Passage, build_passage
from firewarden.datasets.synth.stage import Stage, Variant
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.walls import Room


def build(stage: Stage, seed: int, variant: Variant) -> None:
    """Fill the stage; `variant` sets its axis, everything else comes from the streams of `seed`."""
    rng = stream(seed, "room")
    room = Room(
        rng.uniform(1.8 if variant.axis in ("vehicle", "cable") else 1.5, 2.9),
        rng.uniform(4.5, 9.0),
        rng.uniform(2.45, 3.1),
    )
    build_passage(stage, seed, variant, Passage(room, (-room.width / 2, room.width / 2)))
