"""Drawn sockets and chargers as BGRA cut-outs, upright: multi-socket strips, charger bricks, plugs, small windows."""

import cv2
import numpy as np
from numpy.typing import NDArray

Cutout = NDArray[np.uint8]  # (h, w, 4) BGRA
_SHELLS = ((232, 234, 235), (205, 208, 210), (60, 60, 62), (30, 30, 30), (190, 205, 215))
_FINE = 3


def draw_strip(rng: np.random.Generator, length_px: float) -> Cutout:
    """A multi-socket strip lying along x, `length_px` long, with slots, a switch and its lead on the left."""
    sockets = int(rng.integers(3, 7))
    w = max(int(length_px * _FINE), 24)
    h = max(int(w * rng.uniform(0.17, 0.28)), 8)
    shell = np.array(_SHELLS[int(rng.integers(len(_SHELLS)))], np.float64)
    body, alpha = _shell(shell, (h, w), radius=h * float(rng.uniform(0.12, 0.45)), rng=rng)
    first = 0.14 if rng.random() < 0.8 else 0.04
    pitch = w * (0.97 - first) / sockets
    for number in range(sockets):
        centre = (w * first + (number + 0.5) * pitch, h / 2)
        _socket(body, centre, min(pitch, h) * 0.42, shell, rng)
    if first > 0.1:
        x, half = w * 0.07, h * 0.16
        lamp = (30, 30, 215) if rng.random() < 0.7 else (40, 190, 60)
        cv2.rectangle(body, _at(x - half * 0.7, h / 2 - half), _at(x + half * 0.7, h / 2 + half), lamp, -1)
    return _smaller(body, alpha)


def draw_charger(rng: np.random.Generator, width_px: float) -> Cutout:
    """A charger brick seen from the front and a little above: ribs, a label, a lamp."""
    w = max(int(width_px * _FINE), 18)
    h = max(int(w * rng.uniform(0.38, 0.6)), 9)
    shell = (
        np.array((35, 35, 36), np.float64) if rng.random() < 0.75 else np.array((190, 192, 195), np.float64)
    )
    body, alpha = _shell(shell, (h, w), radius=h * 0.12, rng=rng)
    top = int(h * rng.uniform(0.25, 0.45))
    body[:top] = (body[:top] * 1.1 + 22).clip(0, 255).astype(np.uint8)
    for x in np.linspace(0.08, 0.5, int(rng.integers(4, 9))):
        cv2.line(body, _at(x * w, top + 0.15 * h), _at(x * w, 0.9 * h), _bgr(shell * 0.5), max(1, w // 60))
    cv2.rectangle(body, _at(0.58 * w, top + 0.12 * h), _at(0.9 * w, 0.85 * h), _bgr(shell * 0.4 + 120), -1)
    lamp = (40, 40, 230) if rng.random() < 0.6 else (60, 220, 70)
    cv2.circle(body, _at(0.8 * w, top * 0.5), max(1, int(0.05 * h)), lamp, -1, cv2.LINE_AA)
    return _smaller(body, alpha)


def draw_plug(rng: np.random.Generator, length_px: float) -> Cutout:
    """A plug along x: grip that narrows to the lead on the left."""
    w = max(int(length_px * _FINE), 9)
    h = max(int(w * 0.62), 6)
    shell = np.array((38, 38, 38) if rng.random() < 0.6 else (222, 225, 226), np.float64)
    body, _ = _shell(shell, (h, w), radius=h * 0.2, rng=rng)
    alpha = np.zeros((h, w), np.uint8)
    grip = np.array(
        [[0, 0.36 * h], [0.4 * w, 0.05 * h], [w, 0.0], [w, h], [0.4 * w, 0.95 * h], [0, 0.64 * h]]
    )
    cv2.fillPoly(alpha, [np.round(grip).astype(np.int32)], 255, cv2.LINE_AA)
    return _smaller(body, alpha)


def draw_window(rng: np.random.Generator, wh: tuple[float, float]) -> Cutout:
    """A window in its frame: dark or sky-lit panes, mullions, at times bars, a sill below."""
    w, h = (max(int(v * _FINE), 30) for v in wh)
    frame = np.array(
        ((215, 218, 220), (90, 95, 100), (60, 75, 110), (150, 130, 105))[int(rng.integers(4))], np.float64
    )
    body = np.empty((h, w, 3), np.uint8)
    body[:] = frame.astype(np.uint8)
    rim, columns = max(2, w // 26), int(rng.integers(2, 4))
    pane_w = (w - rim * (columns + 1)) // columns
    sill = int(h * 0.06)
    for column in range(columns):
        x = rim + column * (pane_w + rim)
        body[rim : h - sill - rim, x : x + pane_w] = _glass(rng, (h - sill - 2 * rim, pane_w))
    if rng.random() < 0.45:
        for x in np.linspace(0, w, int(rng.integers(6, 12))):
            cv2.line(body, _at(x, 0), _at(x, h - sill), _bgr(frame * 0.8), max(1, w // 90))
    body[h - sill :] = _bgr(frame * 0.75 + 30)
    body[h - sill - 2 : h - sill] = _bgr(frame * 0.45)
    return _smaller(body, np.full((h, w), 255, np.uint8))


def turned(cutout: Cutout, degrees: float) -> Cutout:
    """The cut-out turned counter-clockwise on a canvas that holds it."""
    h, w = cutout.shape[:2]
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 1.0)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = max(1, int(np.ceil(w * cos + h * sin))), max(1, int(np.ceil(w * sin + h * cos)))
    matrix[:, 2] += (size[0] / 2 - w / 2, size[1] / 2 - h / 2)
    return np.asarray(cv2.warpAffine(cutout, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)


def _glass(rng: np.random.Generator, hw: tuple[int, int]) -> NDArray[np.uint8]:
    """Panes mirror the sky above and a dark room below, with blotches."""
    top, bottom = rng.uniform(50, 200), rng.uniform(25, 80)
    ramp = np.linspace(top, bottom, max(hw[0], 1))[:, None, None] * rng.uniform(0.9, 1.1, 3)
    blotches = cv2.resize(
        rng.normal(0, 14, (4, 3)), (max(hw[1], 1), max(hw[0], 1)), interpolation=cv2.INTER_CUBIC
    )
    return np.asarray((ramp + blotches[..., None]).clip(0, 255), np.uint8)


def _shell(
    colour: NDArray[np.float64], hw: tuple[int, int], *, radius: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A rounded plate lit from above: picture (h, w, 3) and its alpha (h, w)."""
    h, w = hw
    left, right = (float(v) for v in rng.uniform(0.9, 1.08, 2))
    light = np.linspace(1.12, 0.72, h)[:, None] * np.linspace(left, right, w)[None]
    body = (colour * light[..., None] + rng.normal(0, 2, (h, w, 1))).clip(0, 255).astype(np.uint8)
    r = int(np.clip(radius, 1, min(h, w) / 2 - 1))
    alpha = np.zeros(hw, np.uint8)
    cv2.rectangle(alpha, (r, 0), (w - 1 - r, h - 1), 255, -1)
    cv2.rectangle(alpha, (0, r), (w - 1, h - 1 - r), 255, -1)
    for x, y in ((r, r), (w - 1 - r, r), (r, h - 1 - r), (w - 1 - r, h - 1 - r)):
        cv2.circle(alpha, (x, y), r, 255, -1)
    body[-max(1, h // 12) :] = (body[-max(1, h // 12) :] * 0.7).astype(np.uint8)
    return np.ascontiguousarray(body), alpha


def _socket(
    body: NDArray[np.uint8],
    centre: tuple[float, float],
    half: float,
    shell: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    """Five slots of a Chinese socket: two upright above, three in a fan below; seen from afar two dark marks."""
    x, y = centre
    dark, plate = _bgr(np.full(3, 22.0)), _bgr(shell * 0.9)
    cv2.rectangle(body, _at(x - half, y - half), _at(x + half, y + half), plate, -1)
    width = max(1, int(half * 0.2))
    for dx in (-0.35, 0.35):
        cv2.line(body, _at(x + dx * half, y - 0.7 * half), _at(x + dx * half, y - 0.2 * half), dark, width)
        cv2.line(
            body, _at(x + dx * half, y + 0.25 * half), _at(x + dx * 1.7 * half, y + 0.7 * half), dark, width
        )
    cv2.line(body, _at(x, y + 0.1 * half), _at(x, y + 0.4 * half), dark, width)


def _at(x: float, y: float) -> tuple[int, int]:
    return round(x), round(y)


def _bgr(values: NDArray[np.float64]) -> tuple[float, float, float]:
    b, g, r = (float(v) for v in np.clip(values, 0, 255))
    return b, g, r


def _smaller(body: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> Cutout:
    full = np.dstack([body, alpha])
    size = max(2, full.shape[1] // _FINE), max(2, full.shape[0] // _FINE)
    return np.asarray(cv2.resize(full, size, interpolation=cv2.INTER_AREA), np.uint8)
