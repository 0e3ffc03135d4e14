"""Drawn things set into a photo: strips and chargers, plugs, windows on plain walls."""

import cv2
import numpy as np

from firewarden.datasets.compose.cord_drawing import Picture
from firewarden.datasets.compose.cord_scene import CordScene
from firewarden.datasets.compose.cord_shape import Point, Points
from firewarden.datasets.compose.ground import Box
from firewarden.datasets.compose.parked import Parked
from firewarden.datasets.compose.strip_drawing import draw_plug, draw_window, turned
from firewarden.datasets.paste import match_light, paste

_MARGIN = 12


def put_drawn(
    photo: Picture, cutout: Picture, at: Point, scene: CordScene, rng: np.random.Generator
) -> Box | None:
    """Paste a drawn thing with its middle at a point, in the light and softness of the place."""
    h, w = cutout.shape[:2]
    x, y = round(at[0] - w / 2), round(at[1] - h / 2)
    spot = photo[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)]
    if not spot.size:
        return None
    lit = _with_margin(match_light(cutout, spot, rng, glow=False))
    soft = np.asarray(cv2.GaussianBlur(lit, (0, 0), max(scene.blur_px * 0.8, 0.3)), np.uint8)
    return paste(photo, soft, x - _MARGIN, y - _MARGIN)


def _with_margin(cutout: Picture) -> Picture:
    """The cut-out with a clear margin: `paste` takes nothing smaller than that."""
    wide = cv2.copyMakeBorder(cutout, _MARGIN, _MARGIN, _MARGIN, _MARGIN, cv2.BORDER_REPLICATE)
    wide[:_MARGIN, :, 3] = wide[-_MARGIN:, :, 3] = 0
    wide[:, :_MARGIN, 3] = wide[:, -_MARGIN:, 3] = 0
    return np.asarray(wide, np.uint8)


def put_plug(photo: Picture, points: Points, px_per_m: float, rng: np.random.Generator) -> None:
    """A plug at the cord's end, turned along its run."""
    if 0.055 * px_per_m < 4:
        return
    run = points[-1] - points[-5]
    plug = turned(draw_plug(rng, 0.055 * px_per_m), -float(np.degrees(np.arctan2(run[1], run[0]))))
    x, y = round(points[-1, 0] - plug.shape[1] / 2), round(points[-1, 1] - plug.shape[0] / 2)
    paste(photo, _with_margin(plug), x - _MARGIN, y - _MARGIN)


def window_spot(photo: Picture, scene: CordScene, vehicle: Parked, rng: np.random.Generator) -> Box | None:
    """A plain piece of wall above or beside the vehicle, as large as a window; None where there is none."""
    h, w = scene.hw
    x0, y0, x1, _ = vehicle.box
    for _ in range(25):
        ww, wh = (vehicle.px_per_m * float(rng.uniform(*bounds)) for bounds in ((0.6, 1.1), (0.6, 1.2)))
        x = float(rng.uniform(x0 - 1.5 * ww, x1 + 0.5 * ww))
        y = float(rng.uniform(-0.3 * wh, max(y0 - wh, -0.2 * wh)))
        left, top, right, bottom = round(x), round(y), round(x + ww), round(y + wh)
        spot = photo[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        inside = spot.shape[0] * spot.shape[1] > 0.75 * ww * wh
        free = not scene.cover[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)].any()
        if inside and free and right < w + 0.3 * ww and bottom < h * 0.7 and _is_wall(spot):
            return float(left), float(top), float(right), float(bottom)
    return None


def _is_wall(spot: Picture) -> bool:
    """Even in tone, neither sky nor leaves."""
    blue, green, red = (float(v) for v in spot.reshape(-1, 3).mean(axis=0))
    grey = cv2.cvtColor(spot, cv2.COLOR_BGR2GRAY)
    sky = grey.mean() > 200 or blue > red + 10
    leaves = green > (red + blue) / 2 + 8
    return not sky and not leaves and float(grey.mean()) > 40 and 2.5 < float(grey.std()) < 22


def put_window(photo: Picture, spot: Box, rng: np.random.Generator) -> Point:
    """Draw the window; returns where the cord leaves it: the sill or a gap beside a pane."""
    x0, y0, x1, y1 = spot
    window = draw_window(rng, (x1 - x0, y1 - y0))
    region = photo[max(round(y0), 0) : max(round(y1), 0), max(round(x0), 0) : max(round(x1), 0)]
    paste(photo, match_light(window, region, rng, glow=False), round(x0), round(y0))
    return float(rng.uniform(x0 + 0.15 * (x1 - x0), x1 - 0.15 * (x1 - x0))), y1 - 0.09 * (y1 - y0)
