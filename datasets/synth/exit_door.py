"""The area before an exit door, seen from a few metres: a wide or narrow room, the door, its sign, what stands there."""

from firewarden.datasets.synth.passage import Passage, build_passage
from firewarden.datasets.synth.stage import Stage, Variant
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.walls import Room


def build(stage: Stage, seed: int, variant: Variant) -> None:
    """Fill the stage; `variant` sets its axis, everything else comes from the streams of `seed`."""
    rng = stream(seed, "room")
    room = Room(rng.uniform(2.2, 5.5), rng.uniform(3.6, 5.5), rng.uniform(2.5, 3.4))
    build_passage(stage, seed, variant, Passage(room, (-room.width / 2, room.width / 2)))
