"""What looks like a charging cord and is none: telecom bundles, conduits, clothes lines, hoses. None ends at a vehicle."""

from collections.abc import Callable

import cv2
import numpy as np

from firewarden.datasets.cables import Cable
from firewarden.datasets.compose.cord_drawing import (
    CordLook,
    Ends,
    Picture,
    Shadow,
    draw_colour,
    draw_cord,
    lay_cable,
    lit_by,
)
from firewarden.datasets.compose.cord_scene import CordScene
from firewarden.datasets.compose.cord_shape import Point, Points, catenary, smooth_path, wavered

_WIRE = (34.0, 34.0, 36.0)
Decoy = Callable[[Picture, CordScene, np.random.Generator], list[Cable]]


def add_decoys(photo: Picture, site: CordScene, rng: np.random.Generator) -> list[Cable]:
    """Draw one or two decoys in place; returns them as cables that are no power cord (may be none)."""
    names = list(_DECOYS)
    chosen = rng.choice(
        len(names), size=int(rng.integers(1, 3)), replace=False, p=[0.4, 0.25, 0.09, 0.13, 0.13]
    )
    return [cable for number in chosen for cable in _DECOYS[names[int(number)]](photo, site, rng)]


def _bundle(photo: Picture, site: CordScene, rng: np.random.Generator) -> list[Cable]:
    """Wires side by side across the picture, along a wall or overhead, at times with a coil of spare length."""
    h, w = site.hw
    low = h * 0.75 if site.may_pass_behind else max(site.top_of_vehicles - 0.05 * h, 0.05 * h)
    y = float(rng.uniform(0.02 * h, max(low, 0.06 * h)))
    tilt, sag = rng.normal(0, 0.09) * w, abs(rng.normal(0, 0.02))
    count = int(rng.integers(2, 8))
    thickness = _thickness(site, rng, 4, 11)
    cables = []
    for number in range(count):
        drop = number * thickness * rng.uniform(0.9, 2.4) + rng.normal(0, thickness)
        ends = (-8.0, y + drop - tilt / 2), (w + 8.0, y + drop + tilt / 2)
        points = catenary(*ends, slack=max(1e-4, sag**2 * rng.uniform(0.4, 1.6)))
        cables += _draw(photo, points, site, rng, kind="telecom", thickness=thickness * rng.uniform(0.6, 1.1))
    if rng.random() < 0.3:
        cables += _coil(photo, (float(rng.uniform(0, w)), y), site, rng)
    return cables


def _coil(photo: Picture, centre: Point, site: CordScene, rng: np.random.Generator) -> list[Cable]:
    turns, radius = int(rng.integers(3, 7)), 0.13 * site.px_per_m * rng.uniform(0.7, 1.4)
    t = np.linspace(0, 2 * np.pi * turns, 40 * turns)
    turn = t / (2 * np.pi)
    loose = np.interp(turn, np.arange(turns + 1), rng.uniform(0.8, 1.2, turns + 1))
    shift = np.interp(turn, np.arange(turns + 1), rng.normal(0, 0.12, turns + 1))
    wide = rng.uniform(0.6, 0.95)
    points = np.column_stack(
        [
            centre[0] + radius * (wide * loose * np.sin(t) + shift),
            centre[1] + radius * (1 - loose * np.cos(t)),
        ]
    )
    return _draw(photo, points, site, rng, kind="telecom", thickness=_thickness(site, rng, 5, 9))


def _drop_wire(photo: Picture, site: CordScene, rng: np.random.Generator) -> list[Cable]:
    """A service line from the upper edge to a side edge, above the vehicles."""
    h, w = site.hw
    left = rng.random() < 0.5
    end_y = float(rng.uniform(0.05 * h, max(site.top_of_vehicles - 0.12 * h, 0.06 * h)))
    start = (float(rng.uniform(0.2, 0.8)) * w, -8.0)
    points = catenary(start, (-8.0 if left else w + 8.0, end_y), slack=float(rng.uniform(0.001, 0.02)))
    return [
        cable
        for _ in range(int(rng.integers(1, 4)))
        for cable in _draw(
            photo,
            points + rng.normal(0, 5, 2),
            site,
            rng,
            kind="telecom",
            thickness=_thickness(site, rng, 5, 12),
        )
    ]


def _conduit(photo: Picture, site: CordScene, rng: np.random.Generator) -> list[Cable]:
    """Straight fixed tube on the wall, with clips; runs down behind the vehicles or beside them."""
    h, w = site.hw
    x = float(rng.uniform(0.03, 0.97)) * w
    if not site.may_pass_behind and any(v.box[0] - 10 < x < v.box[2] + 10 for v in site.vehicles):
        return []
    foot = min([v.box[3] - 0.35 * v.wh[1] for v in site.vehicles], default=0.7 * h)
    points = np.column_stack(
        [np.full(30, x) + np.linspace(0, rng.normal(0, 3), 30), np.linspace(-5, foot, 30)]
    )
    thickness = _thickness(site, rng, 16, 28)
    tone = float(rng.uniform(90, 225))
    cables = _draw(
        photo, points, site, rng, kind="line", thickness=thickness, colour=(tone, tone, tone), stiff=True
    )
    for y in np.arange(rng.uniform(0, 0.4), foot / site.px_per_m, 0.45) * site.px_per_m:
        clip = np.array([[x - thickness, y], [x + thickness, y]])
        look = CordLook((tone * 0.7,) * 3, max(1.2, thickness * 0.35), site.blur_px)
        draw_cord(photo, clip, look, cover=site.cover)
    return cables


def _clothes_line(photo: Picture, site: CordScene, rng: np.random.Generator) -> list[Cable]:
    """A sagging line above the vehicles, with or without cloths."""
    h, w = site.hw
    highest = max(site.top_of_vehicles - 0.2 * h, 0.05 * h)
    y = rng.uniform(0.02 * h, highest, 2)
    points = catenary((-8.0, float(y[0])), (w + 8.0, float(y[1])), slack=float(rng.uniform(0.001, 0.01)))
    for _ in range(int(rng.integers(0, 5))):
        _hang_cloth(photo, points[int(rng.integers(4, len(points) - 4))], site, rng)
    tone = tuple(float(v) for v in rng.uniform(60, 230, 3))
    return _draw(
        photo, points, site, rng, kind="line", thickness=_thickness(site, rng, 3, 6),
        colour=(tone[0], tone[1], tone[2]),
    )  # fmt: skip


def _hang_cloth(photo: Picture, at: Points, site: CordScene, rng: np.random.Generator) -> None:
    w, h = rng.uniform(0.25, 0.6) * site.px_per_m, rng.uniform(0.3, 0.7) * site.px_per_m
    x, y = at
    lower = min(y + h, site.top_of_vehicles)
    corners = np.array([[x, y], [x + w, y], [x + w * rng.uniform(0.8, 1.1), lower], [x + w * 0.06, lower]])
    layer = np.zeros(photo.shape[:2], np.uint8)
    cv2.fillPoly(layer, [np.round(corners).astype(np.int32)], 255, cv2.LINE_AA)
    folds = 1 + 0.12 * np.sin(np.arange(photo.shape[1]) / max(w, 4) * rng.uniform(12, 30))
    dye = rng.uniform(50, 225) + rng.normal(0, 25, 3)
    cloth = (dye[None, None] * folds[None, :, None]).clip(0, 255)
    alpha = cv2.GaussianBlur(layer, (0, 0), max(site.blur_px, 0.4)).astype(np.float32)[..., None] / 255
    photo[:] = (photo + alpha * (cloth - photo)).clip(0, 255).astype(np.uint8)


def _hose(photo: Picture, site: CordScene, rng: np.random.Generator) -> list[Cable]:
    """A garden hose on the ground, ending short of the vehicles."""
    h, w = site.hw
    floor = max((v.box[3] for v in site.vehicles), default=0.85 * h)
    y = float(np.clip(floor + rng.uniform(0.0, 0.15) * h, 0, 0.97 * h))
    stations = np.array(
        [(x, y + rng.uniform(-0.05, 0.05) * h) for x in np.linspace(-0.05 * w, rng.uniform(0.3, 1.05) * w, 6)]
    )
    if rng.random() < 0.5:
        stations[:, 0] = w - stations[:, 0]
    colours = ((60, 130, 50), (50, 190, 215), (160, 90, 40), (60, 60, 180))
    return _draw(
        photo, wavered(smooth_path(stations), rng, amplitude=0.01 * h), site, rng, kind="hose",
        thickness=_thickness(site, rng, 18, 28), colour=colours[int(rng.integers(len(colours)))], lying=True,
    )  # fmt: skip


def _thickness(site: CordScene, rng: np.random.Generator, low_mm: float, high_mm: float) -> float:
    return max(1.1, float(rng.uniform(low_mm, high_mm)) / 1000 * site.px_per_m)


def _draw(
    photo: Picture, points: Points, site: CordScene, rng: np.random.Generator, *, kind: str, thickness: float,
    colour: tuple[float, float, float] | None = None, lying: bool = False, stiff: bool = False,
) -> list[Cable]:  # fmt: skip
    """Draw one decoy behind the vehicles; returns its longest visible part as a cable, or none."""
    base = colour or (_WIRE if rng.random() < 0.75 else draw_colour(rng))
    look = CordLook(lit_by(base, photo, rng), thickness, site.blur_px)
    shadow = Shadow(0.5 * thickness, 0.6 * thickness, 0.5 * thickness, 0.35) if lying or stiff else None
    cable = lay_cable(photo, points, look, Ends(kind), shadow=shadow, cover=None if lying else site.cover)
    return [cable] if cable is not None else []


_DECOYS: dict[str, Decoy] = {
    "bundle": _bundle,
    "drop_wire": _drop_wire,
    "conduit": _conduit,
    "clothes_line": _clothes_line,
    "hose": _hose,
}
