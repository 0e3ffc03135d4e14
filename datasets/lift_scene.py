"""Drawn lift cars to set cut-outs into: metal walls in one-point perspective, floor, lights, buttons, posters.

Seen from the landing (through the door) or from a ceiling corner (wide, from above). Pictures are BGR uint8. Crude on
purpose: they teach that two-wheelers stand in small metal rooms too, not what a lift looks like.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
_SIDE = 640


@dataclass(frozen=True, slots=True)
class LiftCar:
    """An empty car: the picture, and where feet may stand: row range of the floor as shares of the height."""

    picture: Picture
    floor_rows: tuple[float, float]


def draw_lift_car(rng: np.random.Generator) -> LiftCar:
    """One random car."""
    from_above = rng.random() < 0.5
    h, w = (_SIDE, _SIDE) if rng.random() < 0.4 else ((480, _SIDE) if from_above else (_SIDE, 480))
    back = _back_wall(rng, (h, w), from_above=from_above)
    canvas = np.zeros((h, w, 3), np.uint8)
    x0, y0, x1, y1 = back
    tone = rng.uniform(60, 200)
    tint = rng.uniform(0.88, 1.08, 3)
    faces = {
        "ceiling": ([(0, 0), (w, 0), (x1, y0), (x0, y0)], tone * 1.15),
        "left": ([(0, 0), (x0, y0), (x0, y1), (0, h)], tone * rng.uniform(0.7, 1.0)),
        "right": ([(w, 0), (x1, y0), (x1, y1), (w, h)], tone * rng.uniform(0.7, 1.0)),
        "back": ([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], tone),
        "floor": ([(0, h), (x0, y1), (x1, y1), (w, h)], tone * rng.uniform(0.4, 1.1)),
    }
    for corners, level in faces.values():
        _fill_face(canvas, corners, level * tint, rng)
    _add_lights(canvas, back, rng)
    _add_panel_and_posters(canvas, back, rng)
    if not from_above and rng.random() < 0.7:
        _add_door_frame(canvas, rng)
    return LiftCar(_shade(canvas, rng), (max(y1 / h, 0.65), 1.0))


def _back_wall(
    rng: np.random.Generator, hw: tuple[int, int], *, from_above: bool
) -> tuple[int, int, int, int]:
    h, w = hw
    left, right = rng.uniform(0.12, 0.3), rng.uniform(0.7, 0.88)
    top, bottom = (
        (rng.uniform(-0.05, 0.1), rng.uniform(0.45, 0.6))
        if from_above
        else (rng.uniform(0.05, 0.2), rng.uniform(0.68, 0.85))
    )
    return int(left * w), int(top * h), int(right * w), int(bottom * h)


def _fill_face(
    canvas: Picture, corners: list[tuple[int, int]], colour: NDArray[np.float64], rng: np.random.Generator
) -> None:
    mask = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.array(corners, np.int32), 255)
    columns = np.cumsum(rng.normal(0, 3, canvas.shape[1]))  # brushed metal: slow vertical bands
    bands = cv2.GaussianBlur(columns[None].astype(np.float32), (0, 0), 6)
    surface = (
        colour[None, None] + np.repeat(bands[..., None], 3, axis=2) + rng.normal(0, 3, (*canvas.shape[:2], 3))
    )
    canvas[mask > 0] = surface.clip(0, 255).astype(np.uint8)[mask > 0]
    edge = tuple(float(v) for v in (colour * 0.6).clip(0, 255))
    cv2.polylines(canvas, [np.array(corners, np.int32)], True, edge, int(rng.integers(1, 4)))


def _add_lights(canvas: Picture, back: tuple[int, int, int, int], rng: np.random.Generator) -> None:
    x0, y0, x1, _ = back
    for _ in range(int(rng.integers(1, 4))):
        centre = int(rng.uniform(x0, x1)), int(rng.uniform(0, max(y0, 8)))
        cv2.ellipse(
            canvas,
            centre,
            (int(rng.integers(8, 40)), int(rng.integers(4, 12))),
            0,
            0,
            360,
            (250, 250, 245),
            -1,
        )


def _add_panel_and_posters(
    canvas: Picture, back: tuple[int, int, int, int], rng: np.random.Generator
) -> None:
    h, w = canvas.shape[:2]
    x0, y0, x1, y1 = back
    x, y = int(rng.choice([x0 * 0.4, x1 + (w - x1) * 0.35])), int(h * rng.uniform(0.35, 0.5))
    cv2.rectangle(canvas, (x, y), (x + 22, y + 110), (90, 90, 90), -1)
    for row in range(8):
        for column in (6, 16):
            cv2.circle(canvas, (x + column, y + 10 + 12 * row), 4, (200, 210, 215), -1)
    for _ in range(int(rng.integers(0, 4))):
        px, py = int(rng.uniform(x0, x1)), int(rng.uniform(y0, (y0 + y1) / 2))
        pw, ph = int(rng.uniform(30, 110)), int(rng.uniform(40, 150))
        poster = rng.integers(0, 255, (5, 4, 3), np.uint8)
        patch = canvas[max(py, 0) : py + ph, px : px + pw]
        if patch.size:
            patch[:] = cv2.resize(poster, (patch.shape[1], patch.shape[0]), interpolation=cv2.INTER_CUBIC)


def _add_door_frame(canvas: Picture, rng: np.random.Generator) -> None:
    """The landing's wall and door jambs left and right of the opening."""
    h, w = canvas.shape[:2]
    wall = rng.uniform(30, 230, 3)
    for inner, outer in ((int(w * rng.uniform(0.04, 0.16)), 0), (int(w * rng.uniform(0.84, 0.96)), w)):
        low, high = min(inner, outer), max(inner, outer)
        canvas[:, low:high] = (wall + rng.normal(0, 6, (h, high - low, 3))).clip(0, 255)
        cv2.line(canvas, (inner, 0), (inner, h), (60, 60, 60), int(rng.integers(2, 7)))


def _shade(canvas: Picture, rng: np.random.Generator) -> Picture:
    h, w = canvas.shape[:2]
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    distance = np.hypot(x - w * rng.uniform(0.3, 0.7), y - h * rng.uniform(0, 0.5)) / np.hypot(h, w)
    return np.asarray((canvas * (1.1 - rng.uniform(0.2, 0.7) * distance)[..., None]).clip(0, 255), np.uint8)
