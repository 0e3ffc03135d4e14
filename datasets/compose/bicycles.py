"""Drawn pedal bicycles: two spoked wheels, diamond or step-through frame, pedals, often a basket. BGRA uint8.

Our own drawing, at three times the size and shrunk. They are the hard negatives of e-bikes indoors.
"""

import cv2
import numpy as np

from firewarden.datasets.compose.cutouts import Cutout
from firewarden.datasets.compose.ground import Picture

BICYCLE_HEIGHT_M = (0.95, 1.1)
_OVER, _HEIGHT = 3, 300
Colour = tuple[int, int, int]
Point = tuple[float, float]


def bicycle_cutout(rng: np.random.Generator) -> Cutout:
    """A random bicycle seen from the side, about 1.6 times as wide as high."""
    return Cutout(draw_bicycle(rng), "bicycle", "")


class _Pen:
    """Draws in units of the wheel's radius; origin at the rear hub, y downwards."""

    def __init__(self, width: float, height: float, origin: Point) -> None:
        self.unit = _HEIGHT * _OVER / height
        size = round(height * self.unit), round(width * self.unit)
        self.bgr = np.full((*size, 3), 40, np.uint8)
        self.alpha = np.zeros(size, np.uint8)
        self.origin = origin

    def px(self, point: Point) -> tuple[int, int]:
        return round((point[0] + self.origin[0]) * self.unit), round((point[1] + self.origin[1]) * self.unit)

    def line(self, points: list[Point], width: float, colour: Colour, *, shine: bool = True) -> None:
        px = np.array([self.px(p) for p in points], np.int32)
        thick = max(round(width * self.unit), 1)
        cv2.polylines(self.alpha, [px], False, 255, thick, cv2.LINE_AA)
        cv2.polylines(self.bgr, [px], False, _mix(colour, 0.7), thick, cv2.LINE_AA)
        if shine and thick > 3:
            cv2.polylines(
                self.bgr, [px - [0, thick // 6]], False, _mix(colour, 1.15), max(thick // 2, 1), cv2.LINE_AA
            )
            cv2.polylines(
                self.bgr, [px - [0, thick // 4]], False, _mix(colour, 1.7), max(thick // 7, 1), cv2.LINE_AA
            )

    def ring(self, centre: Point, radius: float, width: float, colour: Colour) -> None:
        axes = (max(round(radius * self.unit), 1),) * 2
        thick = max(round(width * self.unit), 1)
        for layer, value in ((self.alpha, 255), (self.bgr, colour)):
            cv2.ellipse(layer, self.px(centre), axes, 0, 0, 360, value, thick, cv2.LINE_AA)

    def disk(self, centre: Point, radius: float, colour: Colour) -> None:
        axes = (max(round(radius * self.unit), 1),) * 2
        for layer, value in ((self.alpha, 255), (self.bgr, colour)):
            cv2.ellipse(layer, self.px(centre), axes, 0, 0, 360, value, -1, cv2.LINE_AA)


def _mix(colour: Colour, gain: float) -> Colour:
    b, g, r = (int(np.clip(v * gain, 0, 255)) for v in colour)
    return b, g, r


def draw_bicycle(rng: np.random.Generator) -> Picture:
    """One random bicycle, BGRA, 300 px high, facing right."""
    base = float(rng.uniform(2.85, 3.2))  # distance of the hubs
    saddle_y, bar_y = float(rng.uniform(-1.95, -1.6)), float(rng.uniform(-2.25, -1.85))
    pen = _Pen(base + 2.5, 1.15 - bar_y + 0.25, (1.2, 0.15 - bar_y))
    paint = _mix([(60, 60, 60), (40, 40, 190), (170, 90, 30), (70, 150, 60), (200, 200, 205), (150, 60, 130)]
                 [int(rng.integers(6))], float(rng.uniform(0.7, 1.2)))  # fmt: skip
    for hub in ((0.0, 0.0), (base, 0.0)):
        _wheel(pen, hub, rng)
    crank = (base * 0.42, 0.12)
    seat, head = (base * 0.3, saddle_y + 0.3), (base * 0.86, bar_y + 0.55)
    _frame(pen, base, crank, seat, head, paint, rng)
    _controls(pen, crank, seat, head, (base * 0.82, bar_y), saddle_y, rng)
    if rng.random() < 0.5:
        _basket(pen, (base * 0.95, bar_y + 0.25), rng)
    if rng.random() < 0.45:
        pen.line([(-0.55, -1.12), (0.75, -1.12)], 0.06, (90, 90, 92))
        pen.line([(0.0, 0.0), (-0.4, -1.12)], 0.045, (90, 90, 92))
    bgra = np.dstack([pen.bgr, pen.alpha])
    wh = bgra.shape[1] // _OVER, bgra.shape[0] // _OVER
    small = np.asarray(cv2.resize(bgra, wh, interpolation=cv2.INTER_AREA), np.uint8)
    x, y, w, h = cv2.boundingRect((small[..., 3] > 40).astype(np.uint8))
    return np.ascontiguousarray(small[y : y + h, x : x + w])


def _wheel(pen: _Pen, hub: Point, rng: np.random.Generator) -> None:
    turn = float(rng.uniform(0, np.pi))
    for spoke in range(18):
        angle = turn + 2 * np.pi * spoke / 18
        rim = hub[0] + 0.9 * float(np.cos(angle)), hub[1] + 0.9 * float(np.sin(angle))
        pen.line([hub, rim], 0.012, (150, 150, 150), shine=False)
    pen.ring(hub, 0.9, 0.05, (165, 165, 168))
    pen.ring(hub, 0.96, 0.09, (34, 34, 34))
    pen.disk(hub, 0.09, (70, 70, 72))


def _frame(
    pen: _Pen, base: float, crank: Point, seat: Point, head: Point, paint: Colour, rng: np.random.Generator
) -> None:
    width = float(rng.uniform(0.09, 0.14))
    low = head[0] + 0.07, head[1] + 0.35
    if rng.random() < 0.5:
        pen.line([seat, head], width, paint)
    else:  # step-through
        pen.line([(crank[0] * 0.85, -0.6), (crank[0] + 0.35, -0.55), low], width, paint)
    pen.line([crank, low], width * 1.1, paint)
    pen.line([crank, seat], width, paint)
    pen.line([(0.0, 0.0), crank], width * 0.7, paint)
    pen.line([(0.0, 0.0), seat], width * 0.6, paint)
    pen.line([head, low, (base - 0.12, -0.3), (base, 0.0)], width * 0.85, paint)


def _controls(
    pen: _Pen, crank: Point, seat: Point, head: Point, bar: Point, saddle_y: float, rng: np.random.Generator
) -> None:
    pen.line([seat, (seat[0] - 0.06, saddle_y)], 0.08, (130, 130, 132))
    pen.line(
        [
            (seat[0] - 0.4, saddle_y - 0.02),
            (seat[0] - 0.1, saddle_y - 0.05),
            (seat[0] + 0.33, saddle_y - 0.02),
        ],
        0.15,
        (35, 33, 33),
    )
    pen.line([head, bar], 0.08, (130, 130, 132))
    reach = float(rng.choice([-1.0, 1.0]))
    pen.line([bar, (bar[0] + 0.2 * reach, bar[1] - 0.04), (bar[0] - 0.3, bar[1] + 0.05)], 0.09, (60, 60, 62))
    pen.ring(crank, 0.24, 0.06, (95, 95, 98))
    pen.line([(0.0, -0.09), (crank[0], crank[1] - 0.24)], 0.03, (60, 60, 62), shine=False)
    pen.line([(0.0, 0.09), (crank[0], crank[1] + 0.24)], 0.03, (60, 60, 62), shine=False)
    turn = float(rng.uniform(0, np.pi))
    for side in (-1, 1):
        tip = crank[0] + side * 0.42 * float(np.cos(turn)), crank[1] + side * 0.42 * float(np.sin(turn))
        pen.line([crank, tip], 0.07, (110, 110, 112))
        pen.line([(tip[0] - 0.14, tip[1]), (tip[0] + 0.14, tip[1])], 0.09, (30, 30, 30))


def _basket(pen: _Pen, top: Point, rng: np.random.Generator) -> None:
    colour = _mix((105, 105, 108), float(rng.uniform(0.4, 1.6)))
    width, depth = float(rng.uniform(0.6, 0.8)), float(rng.uniform(0.45, 0.65))
    x, y = top
    for share in np.linspace(0, 1, 6):
        pen.line(
            [(x + share * width, y), (x + 0.06 + share * (width - 0.12), y + depth)],
            0.025,
            colour,
            shine=False,
        )
    for share in np.linspace(0, 1, 4):
        inset = 0.06 * share
        pen.line(
            [(x + inset, y + share * depth), (x + width - inset, y + share * depth)],
            0.03,
            colour,
            shine=False,
        )
