"""Drawn empty extinguisher brackets: plate with a hook, strap bracket, wire hook, tube stand, floor tray, floor outline.

Our own drawings, BGRA uint8, drawn at four times the size and shrunk. Light comes from the upper left.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from firewarden.datasets.compose.ground import Picture
from firewarden.datasets.paste import warp

_OVER = 4  # drawn at this many times the size
Colour = tuple[int, int, int]
Point = tuple[float, float]


@dataclass(slots=True)
class _Sheet:
    """A canvas in units of its own height: colours (h, w, 3) and coverage (h, w)."""

    bgr: Picture
    alpha: Picture

    @classmethod
    def blank(cls, height_px: int, aspect: float, colour: Colour) -> "_Sheet":
        h, w = height_px * _OVER, max(round(height_px * aspect), 3) * _OVER
        return cls(np.full((h, w, 3), colour, np.uint8), np.zeros((h, w), np.uint8))

    def _px(self, points: list[Point]) -> list[tuple[int, int]]:
        h = self.bgr.shape[0]
        return [(round(x * h), round(y * h)) for x, y in points]

    def bar(self, points: list[Point], width: float, colour: Colour) -> None:
        """A round bar along a line of points: dark rim, body, bright streak on its upper left."""
        h = self.bgr.shape[0]
        px = np.array(self._px(points), np.int32)
        thick = max(round(width * h), _OVER)
        cv2.polylines(self.alpha, [px], False, 255, thick, cv2.LINE_AA)
        cv2.polylines(self.bgr, [px], False, _mix(colour, 0.55), thick, cv2.LINE_AA)
        cv2.polylines(self.bgr, [px], False, colour, max(round(thick * 0.7), 1), cv2.LINE_AA)
        shift = max(thick // 6, 1)
        cv2.polylines(self.bgr, [px - shift], False, _mix(colour, 1.6), max(thick // 5, 1), cv2.LINE_AA)

    def plate(self, box: tuple[float, float, float, float], colour: Colour) -> None:
        """A flat plate: lit from above, with a dark lower and right edge."""
        (x0, y0), (x1, y1) = self._px([box[:2], box[2:]])
        cv2.rectangle(self.alpha, (x0, y0), (x1, y1), 255, -1)
        for row in range(max(y0, 0), min(y1 + 1, self.bgr.shape[0])):
            gain = 1.15 - 0.3 * (row - y0) / max(y1 - y0, 1)
            self.bgr[row, max(x0, 0) : x1 + 1] = _mix(colour, gain)
        edge = max(_OVER // 2, 1)
        cv2.line(self.bgr, (x0, y1), (x1, y1), _mix(colour, 0.45), edge)
        cv2.line(self.bgr, (x1, y0), (x1, y1), _mix(colour, 0.55), edge)
        cv2.line(self.bgr, (x0, y0), (x1, y0), _mix(colour, 1.5), edge)

    def disk(self, centre: Point, radius: float, colour: Colour, *, flat: float = 1.0) -> None:
        """A filled ellipse, its height `flat` times its width."""
        h = self.bgr.shape[0]
        ((x, y),) = self._px([centre])
        axes = max(round(radius * h), 1), max(round(radius * flat * h), 1)
        cv2.ellipse(self.alpha, (x, y), axes, 0, 0, 360, 255, -1, cv2.LINE_AA)
        cv2.ellipse(self.bgr, (x, y), axes, 0, 0, 360, colour, -1, cv2.LINE_AA)

    def screws(self, centres: list[Point], radius: float, colour: Colour) -> None:
        for x, y in centres:
            self.disk((x, y), radius * 1.25, _mix(colour, 0.4))
            self.disk((x, y), radius, _mix(colour, 1.25))
            r = radius * 0.7
            h = self.bgr.shape[0]
            (a, b) = self._px([(x - r, y - r * 0.4), (x + r, y + r * 0.4)])
            cv2.line(self.bgr, a, b, _mix(colour, 0.3), max(round(radius * 0.3 * h), 1))

    def shrunk(self) -> Picture:
        """BGRA at the size asked for."""
        wh = self.bgr.shape[1] // _OVER, self.bgr.shape[0] // _OVER
        bgra = np.dstack([self.bgr, self.alpha])
        return np.asarray(cv2.resize(bgra, wh, interpolation=cv2.INTER_AREA), np.uint8)


def _mix(colour: Colour, gain: float) -> Colour:
    b, g, r = (int(np.clip(v * gain, 0, 255)) for v in colour)
    return b, g, r


def _colour(rng: np.random.Generator) -> Colour:
    """Bare or painted metal, BGR: grey, black, red, white."""
    kind = int(rng.choice(4, p=[0.4, 0.2, 0.28, 0.12]))
    base = [(165, 162, 158), (42, 40, 40), (38, 32, 185), (222, 224, 226)][kind]
    return _mix(base, float(rng.uniform(0.75, 1.2)))


def _hook_plate(height: int, rng: np.random.Generator) -> Picture:
    colour, w = _colour(rng), float(rng.uniform(0.22, 0.45))
    sheet = _Sheet.blank(height, w + 0.3, colour)
    left = 0.1
    sheet.plate((left, 0.02, left + w, 0.8), colour)
    middle = left + w / 2
    sheet.screws([(middle, 0.1), (middle, 0.62)], 0.035, colour)
    lean = float(rng.uniform(-0.06, 0.06))
    sheet.bar([(middle, 0.3), (middle + lean * 0.5, 0.55), (middle + lean, 0.86), (middle + 0.1 + lean, 0.95),
               (middle + 0.18 + lean, 0.86), (middle + 0.18 + lean, 0.74)], 0.075, _mix(colour, 0.9))  # fmt: skip
    return sheet.shrunk()


def _strap_bracket(height: int, rng: np.random.Generator) -> Picture:
    colour, strap = _colour(rng), _colour(rng)
    w = float(rng.uniform(0.1, 0.18))
    reach = float(rng.uniform(0.13, 0.2))  # half the width of cup and strap
    sheet = _Sheet.blank(height, 2 * reach + 0.14, colour)
    middle = reach + 0.07
    sheet.plate((middle - w / 2, 0.02, middle + w / 2, 0.97), colour)
    sheet.screws([(middle, 0.09), (middle, 0.5), (middle, 0.75)], 0.018, colour)
    y = float(rng.uniform(0.24, 0.36))
    for side in (-1, 1):  # the open strap: two arms that stand off to the sides
        droop = float(rng.uniform(-0.02, 0.12))
        sheet.bar(
            [(middle, y), (middle + side * reach * 0.7, y + 0.01), (middle + side * reach, y + droop)],
            0.035,
            strap,
        )
    sheet.plate((middle - reach, 0.9, middle + reach, 0.965), colour)
    sheet.disk((middle, 0.9), reach, _mix(colour, 0.75), flat=0.22)
    sheet.disk((middle, 0.897), reach * 0.86, _mix(colour, 0.42), flat=0.2)
    return sheet.shrunk()


def _wire_hook(height: int, rng: np.random.Generator) -> Picture:
    colour = _colour(rng)
    sheet = _Sheet.blank(height, 0.75, colour)
    w = float(rng.uniform(0.05, 0.08))
    sheet.bar(
        [(0.16, 0.06), (0.16, 0.7), (0.24, 0.92), (0.38, 0.95), (0.52, 0.92), (0.6, 0.7), (0.6, 0.06)],
        w,
        colour,
    )
    sheet.bar([(0.08, 0.08), (0.68, 0.08)], w * 1.2, colour)
    sheet.screws([(0.1, 0.08), (0.66, 0.08)], 0.03, colour)
    return sheet.shrunk()


def _tube_stand(height: int, rng: np.random.Generator) -> Picture:
    colour = _colour(rng)
    spread = float(rng.uniform(0.2, 0.3))
    sheet = _Sheet.blank(height, 2 * spread + 0.3, colour)
    middle, w = spread + 0.15, float(rng.uniform(0.028, 0.042))
    foot = 0.86
    sheet.bar([(middle - spread, foot), (middle - spread - 0.08, 0.97), (middle + spread + 0.08, 0.97),
               (middle + spread, foot), (middle - spread, foot)], w, colour)  # fmt: skip
    sheet.bar([(middle - spread, foot), (middle - spread, 0.1), (middle - spread + 0.05, 0.04),
               (middle + spread - 0.05, 0.04), (middle + spread, 0.1), (middle + spread, foot)], w, colour)  # fmt: skip
    for y in (0.42, 0.5) if rng.random() < 0.5 else (0.46,):
        sheet.bar([(middle - spread, y), (middle + spread, y)], w * 0.8, _mix(colour, 0.9))
    for side in (-0.5, 0.5):
        sheet.bar(
            [
                (middle + side * spread, 0.42),
                (middle + side * spread, 0.5),
                (middle + side * spread + 0.04, 0.52),
            ],
            w * 0.8,
            colour,
        )
    return sheet.shrunk()


def _floor_tray(height: int, rng: np.random.Generator) -> Picture:
    colour = _mix(
        [(60, 60, 62), (40, 36, 170), (150, 150, 150)][int(rng.integers(3))], float(rng.uniform(0.8, 1.2))
    )
    holes = int(rng.integers(1, 3))
    sheet = _Sheet.blank(height, 1.4 + 1.3 * holes, colour)
    w = 1.3 + 1.3 * holes
    h = sheet.bgr.shape[0]
    top = np.array(
        [(0.35 * h, 0.06 * h), ((w - 0.3) * h, 0.06 * h), (w * h, 0.6 * h), (0.05 * h, 0.6 * h)], np.int32
    )
    cv2.fillConvexPoly(sheet.alpha, top, 255, cv2.LINE_AA)
    cv2.fillConvexPoly(sheet.bgr, top, _mix(colour, 1.2), cv2.LINE_AA)
    sheet.plate((0.05, 0.6, w, 0.95), _mix(colour, 0.8))
    for number in range(holes):
        x = w * (number + 0.5) / holes + 0.03
        sheet.disk((x, 0.34), 0.48, _mix(colour, 0.6), flat=0.42)
        sheet.disk((x, 0.36), 0.42, _mix(colour, 0.35), flat=0.38)
    return sheet.shrunk()


def _floor_outline(height: int, rng: np.random.Generator) -> Picture:
    """A painted frame on the floor in perspective: wider below; worn here and there."""
    colour = _mix([(40, 40, 190), (40, 190, 225)][int(rng.random() < 0.25)], float(rng.uniform(0.8, 1.15)))
    aspect = float(rng.uniform(1.8, 2.8))
    sheet = _Sheet.blank(height, aspect + 0.2, colour)
    h = sheet.bgr.shape[0]
    inset = float(rng.uniform(0.12, 0.3))
    frame = (
        np.array([(0.1 + inset, 0.1), (aspect - inset, 0.1), (aspect + 0.08, 0.92), (0.02 + 0.08, 0.92)]) * h
    )
    cv2.polylines(sheet.alpha, [frame.astype(np.int32)], True, 235, max(round(0.11 * h), 2), cv2.LINE_AA)
    wear = cv2.GaussianBlur(rng.normal(0, 1, sheet.alpha.shape).astype(np.float32), (0, 0), h / 14)
    wear = 0.85 + 0.35 * wear / (wear.std() + 1e-6) * 0.5
    sheet.alpha = (sheet.alpha * wear.clip(0.45, 1)).astype(np.uint8)
    return sheet.shrunk()


@dataclass(frozen=True, slots=True)
class BracketKind:
    """A design: its drawing, its height in metres, and whether it stands on the floor."""

    draw: Callable[[int, np.random.Generator], Picture]
    height_m: tuple[float, float]
    on_floor: bool = False


BRACKETS: dict[str, BracketKind] = {
    "hook_plate": BracketKind(_hook_plate, (0.14, 0.26)),
    "strap": BracketKind(_strap_bracket, (0.34, 0.52)),
    "wire_hook": BracketKind(_wire_hook, (0.10, 0.18)),
    "tube_stand": BracketKind(_tube_stand, (0.55, 0.8), on_floor=True),
    "floor_tray": BracketKind(_floor_tray, (0.1, 0.16), on_floor=True),
    "floor_outline": BracketKind(_floor_outline, (0.14, 0.22), on_floor=True),
}
WALL_BRACKETS = tuple(name for name, kind in BRACKETS.items() if not kind.on_floor)


def draw_bracket(name: str, height_px: int, rng: np.random.Generator) -> Picture:
    """One bracket of this design, BGRA, about `height_px` high, seen a little from the side."""
    drawn = BRACKETS[name].draw(max(height_px, 8), rng)
    return warp(drawn, rng, tilt=0.03)
