"""How cords hang and lie: true catenaries, cords that meet the floor, coils. Pure; metres, z up."""

import math

import numpy as np
from numpy.typing import NDArray

Path3 = NDArray[np.float64]


def catenary(start: Path3, end: Path3, sag: float, n: int) -> Path3:
    """(n, 3) points of a chain hung at `start` and `end`, evenly along its length.

    `sag` is how far it hangs below the straight line half way between the ends; 0, or ends one above the other, give
    the straight line.
    """
    a, b = np.asarray(start, float), np.asarray(end, float)
    if sag < 0 or n < 2:
        raise ValueError(f"sag {sag} and n {n}: expected a sag of at least 0 and at least 2 points")
    span = math.hypot(b[0] - a[0], b[1] - a[1])
    if sag < 1e-6 or span < 1e-3:
        return np.linspace(a, b, n)
    rise = b[2] - a[2]
    scale = _scale(span, rise, sag)
    lowest = span / 2 - scale * math.asinh(rise / (2 * scale * math.sinh(span / (2 * scale))))
    first, last = math.sinh(-lowest / scale), math.sinh((span - lowest) / scale)
    along = lowest + scale * np.arcsinh(np.linspace(first, last, n))  # even steps of length
    height = a[2] + scale * (np.cosh((along - lowest) / scale) - math.cosh(-lowest / scale))
    share = along[:, None] / span
    return np.column_stack([a[:2] + share * (b[:2] - a[:2]), height])


def _scale(span: float, rise: float, sag: float) -> float:
    """Scale of the chain with that sag, by bisection: the sag falls as the scale grows."""

    def hangs(scale: float) -> float:
        half = span / (2 * scale)
        lean = math.asinh(rise / (2 * scale * math.sinh(half)))
        return scale * math.cosh(lean) * (math.cosh(half) - 1)

    low, high = span / 600, 1e4 * span  # sinh overflows below
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if hangs(middle) > sag else (low, middle)
    return math.sqrt(low * high)


def with_floor(rng: np.random.Generator, path: Path3, floor: float) -> Path3:
    """A cord whose part below `floor` lies on it in loose bends; both ends stay."""
    below = path[:, 2] < floor
    if not below.any():
        return path
    weight = np.convolve(below.astype(float), np.ones(7) / 7, mode="same") * below
    step = path[-1, :2] - path[0, :2]
    across = np.array([-step[1], step[0]]) / max(1e-6, math.hypot(*step))
    run = np.linspace(0, 1, len(path))
    bends = sum(
        rng.uniform(0.03, 0.16)
        / k
        * np.sin(2 * math.pi * k * run * rng.uniform(0.8, 1.6) + rng.uniform(0, 6))
        for k in (1, 2, 4)
    )
    lying = path.copy()
    lying[:, 2] = np.maximum(path[:, 2], floor)
    lying[:, :2] += (weight * bends)[:, None] * across
    return lying


def with_twist(rng: np.random.Generator, path: Path3, amplitude: float) -> Path3:
    """A cord that has been rolled up before: shallow waves of `amplitude`, none at the ends."""
    run = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    fade = np.sin(math.pi * np.linspace(0, 1, len(path))) ** 0.5
    twisted = path.copy()
    for axis in range(3):
        wave = np.sin(2 * math.pi * run / rng.uniform(0.25, 0.9) + rng.uniform(0, 6))
        slow = np.sin(2 * math.pi * run / rng.uniform(0.9, 2.5) + rng.uniform(0, 6))
        twisted[:, axis] += amplitude * fade * (0.4 * wave + 0.8 * slow)
    twisted[0], twisted[-1] = path[0], path[-1]
    return twisted


def coil(rng: np.random.Generator, centre: tuple[float, float, float], turns: int) -> Path3:
    """Loops of spare cord lying at `centre`, (16 * turns, 3)."""
    angle = np.linspace(0, 2 * math.pi * turns, 16 * turns)
    radius = rng.uniform(0.09, 0.17) * (1 + 0.12 * np.sin(1.3 * angle + rng.uniform(0, 6)))
    drift = np.linspace(0, rng.uniform(0.02, 0.08), len(angle))
    return np.column_stack(
        [
            centre[0] + radius * np.cos(angle) + drift,
            centre[1] + 0.8 * radius * np.sin(angle),
            centre[2] + np.linspace(0, 0.012 * turns, len(angle)),
        ]
    )
