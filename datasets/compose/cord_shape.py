"""Shapes of cords in a picture: hanging, lying, leading along a wall. Points are (n, 2) float64 x, y pixels, y downwards."""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Point = tuple[float, float]
_NARROW = 0.02  # below this share of its length in width a hanging cord is drawn as a plumb line


def catenary(start: Point, end: Point, *, slack: float, count: int = 64) -> Points:
    """Points (count, 2) of a cord that hangs freely from `start` to `end`, longer than their distance by the share `slack`."""
    (x0, y0), (x1, y1) = start, end
    width, rise = abs(x1 - x0), y0 - y1  # rise: how far the end lies above the start
    length = (1 + max(slack, 1e-4)) * float(np.hypot(width, rise))
    steps = np.linspace(0, 1, count)
    if width < _NARROW * length:
        return np.column_stack([x0 + steps * (x1 - x0), y0 + steps * (y1 - y0)])
    ratio = float(np.sqrt(length**2 - rise**2)) / width
    half = _inverse_sinhc(ratio)  # width / (2 a) of y = a cosh(x / a)
    a = width / (2 * half)
    middle = width / 2 - a * float(np.arcsinh(rise / (2 * a * np.sinh(half))))
    across = _even_by_length(width, a, middle, count)
    height = a * (np.cosh((across - middle) / a) - np.cosh(middle / a))
    return np.column_stack([x0 + np.sign(x1 - x0) * across, y0 - height])


def _inverse_sinhc(ratio: float) -> float:
    """x > 0 with sinh(x) / x = ratio, ratio > 1, by bisection."""
    low, high = 1e-6, 60.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if np.sinh(middle) / middle < ratio else (low, middle)
    return (low + high) / 2


def _even_by_length(width: float, a: float, middle: float, count: int) -> Points:
    """Places (count,) in [0, width] at even arc length: a catenary's arc is a sinh."""
    first, last = np.sinh(-middle / a), np.sinh((width - middle) / a)
    across = middle + a * np.arcsinh(np.linspace(first, last, count))
    return np.asarray(np.clip(across, 0, width))


def smooth_path(stations: Points, *, count: int = 96) -> Points:
    """A smooth cord (Catmull-Rom) through stations (k >= 2, 2), as `count` points; the ends are kept."""
    padded = np.concatenate([[2 * stations[0] - stations[1]], stations, [2 * stations[-1] - stations[-2]]])
    t = np.linspace(0, len(stations) - 1, count)
    span = np.minimum(t.astype(int), len(stations) - 2)
    u = (t - span)[:, None]
    p0, p1, p2, p3 = (padded[span + offset] for offset in range(4))
    cubic = -p0 + 3 * p1 - 3 * p2 + p3
    return np.asarray(0.5 * (2 * p1 + (p2 - p0) * u + (2 * p0 - 5 * p1 + 4 * p2 - p3) * u**2 + cubic * u**3))


def wavered(points: Points, rng: np.random.Generator, *, amplitude: float, waves: int = 5) -> Points:
    """The cord with soft kinks: moved across its run by at most about `amplitude` pixels; the ends stay."""
    s = np.linspace(0, 1, len(points))
    shift = sum(float(rng.normal(0, 1 / (1 + k))) * np.sin(np.pi * (k + 1) * s) for k in range(waves))
    along = np.gradient(points, axis=0)
    across = np.column_stack([-along[:, 1], along[:, 0]]) / np.maximum(
        np.linalg.norm(along, axis=1, keepdims=True), 1e-6
    )
    return np.asarray(points + across * (np.asarray(shift) * np.sin(np.pi * s) * amplitude)[:, None])


def arc_length(points: Points) -> Points:
    """Length (n,) from the first point to each."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])


def resample(points: Points, *, step: float) -> Points:
    """The same cord with points about `step` pixels apart, ends kept."""
    along = arc_length(points)
    count = max(2, int(np.ceil(along[-1] / step)) + 1)
    places = np.linspace(0, along[-1], count)
    return np.column_stack([np.interp(places, along, points[:, axis]) for axis in (0, 1)])


def part_inside(points: Points, image_hw: tuple[int, int]) -> Points:
    """The longest consecutive part inside the picture; may have no points."""
    h, w = image_hw
    inside = (points >= 0).all(axis=1) & (points[:, 0] <= w) & (points[:, 1] <= h)
    return longest_run(points, inside)


def longest_run(points: Points, keep: NDArray[np.bool_]) -> Points:
    """The longest consecutive part whose points are kept; may have no points."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], keep, [False]])))
    if not len(edges):
        return points[:0]
    starts, ends = edges[::2], edges[1::2]
    best = int(np.argmax(ends - starts))
    return points[starts[best] : ends[best]]
