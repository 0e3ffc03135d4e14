"""Drawn locks on doors: a chain with a padlock, a U-lock, a padlock on a hasp. BGRA uint8, our own drawing.

Drawn at four times the size and shrunk; units are metres, origin at the upper left.
"""

import itertools

import cv2
import numpy as np

from firewarden.datasets.compose.ground import Picture

_OVER = 4
Colour = tuple[int, int, int]
Point = tuple[float, float]
LOCKS = ("chain", "u_lock", "hasp")


class _Sheet:
    def __init__(self, width_m: float, height_m: float, px_per_m: float) -> None:
        self.unit = px_per_m * _OVER
        size = max(round(height_m * self.unit), 4), max(round(width_m * self.unit), 4)
        self.bgr, self.alpha = np.full((*size, 3), 60, np.uint8), np.zeros(size, np.uint8)

    def px(self, point: Point) -> tuple[int, int]:
        return round(point[0] * self.unit), round(point[1] * self.unit)

    def bar(self, points: list[Point], width_m: float, colour: Colour) -> None:
        """A round bar: dark rim, body, bright streak."""
        px = np.array([self.px(p) for p in points], np.int32)
        thick = max(round(width_m * self.unit), _OVER)
        cv2.polylines(self.alpha, [px], False, 255, thick, cv2.LINE_AA)
        for gain, share, shift in ((0.5, 1.0, 0), (1.0, 0.7, 0), (1.7, 0.2, thick // 6)):
            cv2.polylines(
                self.bgr, [px - shift], False, _mix(colour, gain), max(round(thick * share), 1), cv2.LINE_AA
            )

    def link(
        self, centre: Point, long_m: float, short_m: float, angle: float, width_m: float, colour: Colour
    ) -> None:
        axes = max(round(long_m * self.unit / 2), 1), max(round(short_m * self.unit / 2), 1)
        thick = max(round(width_m * self.unit), 2)
        at = self.px(centre)
        cv2.ellipse(self.alpha, at, axes, angle, 0, 360, 255, thick, cv2.LINE_AA)
        cv2.ellipse(self.bgr, at, axes, angle, 0, 360, _mix(colour, 0.55), thick, cv2.LINE_AA)
        cv2.ellipse(
            self.bgr,
            (at[0], at[1] - thick // 5),
            axes,
            angle,
            180,
            360,
            _mix(colour, 1.4),
            max(thick // 2, 1),
            cv2.LINE_AA,
        )

    def block(self, box: tuple[float, float, float, float], colour: Colour) -> None:
        """A padlock's body: bright on the left, dark on the right."""
        (x0, y0), (x1, y1) = self.px(box[:2]), self.px(box[2:])
        cv2.rectangle(self.alpha, (x0, y0), (x1, y1), 255, -1)
        for column in range(max(x0, 0), min(x1 + 1, self.bgr.shape[1])):
            gain = 1.25 - 0.6 * (column - x0) / max(x1 - x0, 1)
            self.bgr[max(y0, 0) : y1 + 1, column] = _mix(colour, gain)
        cv2.circle(
            self.bgr, ((x0 + x1) // 2, y0 + (y1 - y0) * 2 // 3), max((x1 - x0) // 9, 1), (25, 25, 25), -1
        )

    def shrunk(self) -> Picture:
        bgra = np.dstack([self.bgr, self.alpha])
        wh = max(bgra.shape[1] // _OVER, 1), max(bgra.shape[0] // _OVER, 1)
        small = np.asarray(cv2.resize(bgra, wh, interpolation=cv2.INTER_AREA), np.uint8)
        x, y, w, h = cv2.boundingRect((small[..., 3] > 40).astype(np.uint8))
        return np.ascontiguousarray(small[y : y + h, x : x + w])


def _mix(colour: Colour, gain: float) -> Colour:
    b, g, r = (int(np.clip(v * gain, 0, 255)) for v in colour)
    return b, g, r


def _metal(rng: np.random.Generator) -> Colour:
    base = [(165, 165, 162), (70, 70, 72), (40, 42, 44), (60, 95, 140)][int(rng.integers(4))]
    return _mix(base, float(rng.uniform(0.75, 1.2)))


def _brass(rng: np.random.Generator) -> Colour:
    base = [(75, 165, 205), (150, 150, 150), (40, 40, 42), (45, 45, 160)][int(rng.integers(4))]
    return _mix(base, float(rng.uniform(0.8, 1.2)))


def draw_lock(name: str, px_per_m: float, rng: np.random.Generator) -> Picture:
    """One lock of this sort at this scale."""
    return {"chain": _chain, "u_lock": _u_lock, "hasp": _hasp}[name](px_per_m, rng)


def _chain(px_per_m: float, rng: np.random.Generator) -> Picture:
    """One to three sagging turns of chain about two handles, a padlock at the lowest point."""
    span, turns = float(rng.uniform(0.16, 0.36)), int(rng.integers(1, 4))
    sheet = _Sheet(span + 0.16, 0.75, px_per_m)
    colour, link = _metal(rng), float(rng.uniform(0.032, 0.05))
    wrapped = rng.random() < 0.25  # in a plastic sleeve
    sleeve = _mix(
        [(40, 40, 160), (120, 70, 30), (45, 45, 45)][int(rng.integers(3))], float(rng.uniform(0.8, 1.2))
    )
    lowest: Point = (0.0, 0.0)
    for turn in range(turns):
        sag = float(rng.uniform(0.04, 0.3)) if turn == 0 else float(rng.uniform(0.0, 0.12))
        top = 0.08 + 0.04 * turn
        steps = max(int((span + 1.6 * sag) / (0.72 * link)), 4)
        share = np.linspace(0, 1, steps)
        points = [(0.08 + s * span, top + 4 * sag * s * (1 - s)) for s in share]
        if wrapped:
            sheet.bar(points, 0.03, sleeve)
        else:
            for number, (point, ahead) in enumerate(itertools.pairwise(points)):
                angle = float(np.degrees(np.arctan2(ahead[1] - point[1], ahead[0] - point[0])))
                flat = 0.62 if number % 2 == 0 else 0.22
                sheet.link(point, link, link * flat, angle, 0.009, colour)
        low = max(points, key=lambda p: p[1])
        lowest = low if low[1] > lowest[1] else lowest
    _padlock(sheet, lowest, rng)
    return sheet.shrunk()


def _padlock(sheet: _Sheet, hang: Point, rng: np.random.Generator) -> None:
    wide, tall = float(rng.uniform(0.05, 0.08)), float(rng.uniform(0.045, 0.075))
    x, y = hang
    reach = wide * 0.3
    arc = [
        (x + reach * float(np.cos(a)), y + 0.025 - reach * float(np.sin(a)))
        for a in np.linspace(0, np.pi, 12)
    ]
    sheet.bar([(x + reach, y + 0.06), *arc, (x - reach, y + 0.06)], 0.012, (170, 170, 172))
    sheet.block((x - wide / 2, y + 0.05, x + wide / 2, y + 0.05 + tall), _brass(rng))


def _u_lock(px_per_m: float, rng: np.random.Generator) -> Picture:
    """A U of thick steel through both handles, closed by a crossbar."""
    wide, tall = float(rng.uniform(0.12, 0.2)), float(rng.uniform(0.16, 0.28))
    sheet = _Sheet(wide + 0.12, tall + 0.16, px_per_m)
    left, right, top = 0.06, 0.06 + wide, 0.06
    radius = wide / 2
    arc = [
        (left + radius - radius * float(np.cos(a)), top + radius - radius * float(np.sin(a)))
        for a in np.linspace(0, np.pi, 16)
    ]
    coat = _mix(
        [(35, 35, 37), (45, 45, 165), (150, 150, 150)][int(rng.integers(3))], float(rng.uniform(0.8, 1.2))
    )
    sheet.bar([(left, top + tall), *arc, (right, top + tall)], 0.024, coat)
    sheet.bar([(left - 0.025, top + tall), (right + 0.025, top + tall)], 0.042, _mix(coat, 0.8))
    return sheet.shrunk()


def _hasp(px_per_m: float, rng: np.random.Generator) -> Picture:
    """A hasp across the gap with a large padlock on its staple."""
    sheet = _Sheet(0.3, 0.32, px_per_m)
    plate = _metal(rng)
    sheet.block((0.04, 0.06, 0.2, 0.11), plate)
    sheet.block((0.2, 0.05, 0.27, 0.12), _mix(plate, 0.9))
    _padlock(sheet, (0.18, 0.09), rng)
    return sheet.shrunk()
