"""Proportions of electric scooters, light and heavy. A vehicle's frame: nose to +y, z up, metres."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the main points of a scooter lie (metres): axles, floor board, seat, handlebar."""

    radius: float  # of the tyres
    tyre: float  # half width of the tyres
    front: float  # y of the front axle
    rear: float  # y of the rear axle
    floor: float  # z of the floor board
    seat: float  # z of the seat
    bar_y: float
    bar_z: float
    bar: float  # half width of the handlebar
    girth: float  # 1 slim, 1.35 heavy panels


def draw_frame(rng: np.random.Generator, *, heavy: bool) -> Frame:
    """Random proportions of a light (45-55 kg) or a heavy scooter."""
    base = rng.uniform(1.22, 1.34) if heavy else rng.uniform(1.05, 1.2)
    return Frame(
        radius=rng.uniform(0.215, 0.245) if heavy else rng.uniform(0.185, 0.22),
        tyre=rng.uniform(0.042, 0.055) if heavy else rng.uniform(0.03, 0.038),
        front=base / 2,
        rear=-base / 2,
        floor=rng.uniform(0.3, 0.35) if heavy else rng.uniform(0.26, 0.31),
        seat=rng.uniform(0.74, 0.8) if heavy else rng.uniform(0.7, 0.76),
        bar_y=base / 2 - rng.uniform(0.22, 0.28),
        bar_z=rng.uniform(1.0, 1.08) if heavy else rng.uniform(0.94, 1.02),
        bar=rng.uniform(0.33, 0.37) if heavy else rng.uniform(0.29, 0.34),
        girth=rng.uniform(1.15, 1.4) if heavy else rng.uniform(0.85, 1.05),
    )
