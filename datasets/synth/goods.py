"""Goods that stand in the way: built by kind, placed without touching anything that stands already."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from firewarden.datasets.synth.built import Built
from firewarden.datasets.synth.clutter import build_clutter
from firewarden.datasets.synth.footprint import Footprint, overlap
from firewarden.datasets.synth.stage import Stage
from firewarden.datasets.synth.walls import Room

GOODS = ("carton", "carton_stack", "furniture", "bag", "bin", "ladder", "pallet", "plant")
_WEIGHTS = (0.3, 0.28, 0.14, 0.1, 0.07, 0.03, 0.04, 0.04)


def build_goods(rng: np.random.Generator, kind: str | None = None) -> Built:
    """One random thing; `kind` fixes what it is."""
    kind = kind or str(rng.choice(GOODS, p=_WEIGHTS))
    return build_clutter(rng, kind)


def place_goods(
    stage: Stage,
    rng: np.random.Generator,
    room: Room,
    spots: Footprint,
    *,
    avoid: Footprint | None = None,
    tries: int = 25,
) -> tuple[int, Footprint] | None:
    """Build one thing and stand it with its middle inside `spots` and clear of `avoid`, or give up if it never fits.

    Returns its instance and footprint; a thing that does not fit is taken away again."""
    built = build_goods(rng)
    for _ in range(tries):
        u, v = (rng.random() - 0.5) * spots.width, (rng.random() - 0.5) * spots.length
        c, s = np.cos(spots.turn), np.sin(spots.turn)
        x, y = spots.x + u * c - v * s, spots.y + u * s + v * c
        turn = spots.turn + float(rng.choice([0, np.pi / 2, np.pi])) + float(rng.normal(0, 0.12))
        area = Footprint(x, y, built.size[0], built.size[1], turn)
        if room.contains(area) and stage.fits(area, 0.01) and not (avoid and overlap(area, avoid)):
            placed = stage.place(built, (x, y, 0.0), turn)
            return stage.label(built.class_name, built.things, name=built.kind), placed
    take_away(built.things)
    return None


def take_away(things: Sequence[Any]) -> None:
    """Delete objects that found no place."""
    import bpy

    for thing in things:
        bpy.data.objects.remove(thing, do_unlink=True)
