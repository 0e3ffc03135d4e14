"""Portable extinguishers built by code: powder and CO2, 1 to 8 kg. Stand on z = 0, label towards -y."""

import math
from typing import Any

import numpy as np

from firewarden.datasets import scene_plates
from firewarden.datasets.scene_parts import add_box, add_tube, add_turned, make_material
from firewarden.datasets.synth.built import Built

_SIZES = (
    (0.055, 0.30),
    (0.065, 0.36),
    (0.072, 0.44),
    (0.078, 0.48),
    (0.085, 0.53),
    (0.09, 0.58),
)  # radius, height


def build_extinguisher(rng: np.random.Generator) -> Built:
    """One cylinder with valve, handle and hose or horn."""
    co2 = rng.random() < 0.18
    radius, height = (0.068, 0.55) if co2 else _SIZES[int(rng.integers(len(_SIZES)))]
    shade = rng.uniform(0.25, 0.6)
    red = make_material(
        "red", (shade, shade * rng.uniform(0.01, 0.06), shade * 0.03), roughness=rng.uniform(0.1, 0.4)
    )
    black = make_material("rubber", (0.014, 0.014, 0.015), roughness=0.45)
    brass = make_material("valve", (0.66, 0.62, 0.5), roughness=0.3, metallic=1.0)
    body = height * 0.8
    profile = [
        (0.0, 0.0), (radius * 0.8, 0.0), (radius * 0.97, 0.014), (radius, 0.03), (radius, body - radius * 0.9),
        (radius * 0.9, body - radius * 0.4), (radius * 0.62, body - radius * 0.06), (radius * 0.36, body), (0.02, body + 0.02),
    ]  # fmt: skip
    things = [add_turned((0, 0, 0), profile, red)]
    spin = float(rng.normal(-0.25, 0.35))
    if rng.random() < 0.9:
        label = make_material("label", picture=scene_plates.extinguisher_label(), roughness=0.35)
        span = [(radius + 0.001, body * 0.22), (radius + 0.001, body * rng.uniform(0.62, 0.76))]
        things.append(add_turned((0, 0, 0), span, label, tilt=(0, 0, spin)))
    things += _valve(rng, body, radius, spin, black, brass)
    things += _horn(rng, body, radius, black) if co2 else _hose(rng, body, radius, black)
    if rng.random() < 0.4:
        things.append(
            add_turned((0, 0, 0), [(radius * 0.9, 0.0), (radius * 1.03, 0.004), (radius * 1.03, 0.03)], black)
        )
    return Built(tuple(things), (2 * radius + 0.12, 2 * radius + 0.06, height), "extinguisher")


def _valve(
    rng: np.random.Generator, body: float, radius: float, spin: float, black: Any, brass: Any
) -> list[Any]:
    """Valve block, two levers and a gauge."""
    side = float(rng.choice([-1, 1]))
    things = [add_box((0, 0, body + 0.035), (0.034, 0.040, 0.05), brass)]
    for z, length, slope in ((0.055, 0.12, 0.10), (0.09, 0.14, -0.18)):
        lever = add_box((side * 0.042, 0, body + z), (length, 0.021, 0.008), black)
        lever.rotation_euler[1] = slope * side
        things.append(lever)
    gauge = make_material("gauge", (0.75, 0.8, 0.72), roughness=0.2)
    dial = [(0.018, 0.0), (0.018, 0.018), (0.0, 0.02)]
    things.append(add_turned((0, -0.02, body + 0.035), dial, gauge, tilt=(math.pi / 2, 0, 0)))
    for thing in things:
        if thing.location[0] or thing.location[1]:
            x, y = thing.location[0], thing.location[1]
            thing.location[0] = x * math.cos(spin) - y * math.sin(spin)
            thing.location[1] = x * math.sin(spin) + y * math.cos(spin)
        thing.rotation_euler[2] += spin
    return things


def _hose(rng: np.random.Generator, body: float, radius: float, black: Any) -> list[Any]:
    side = float(rng.choice([-1, 1]))
    reach, low = radius * rng.uniform(1.15, 1.9), body * rng.uniform(0.05, 0.4)
    points = [
        (side * 0.02, -0.01, body + 0.04), (side * reach * 0.9, -0.02, body + 0.07), (side * reach * 1.25, -0.02, body * 0.85),
        (side * reach * 1.1, -0.02, body * 0.55), (side * radius * 1.2, -0.02, low + 0.08), (side * radius * 1.18, -0.02, low),
    ]  # fmt: skip
    nozzle = add_turned(
        (side * radius * 1.18, -0.02, low - 0.05), [(0.016, 0.0), (0.013, 0.05), (0.009, 0.07)], black
    )
    return [add_tube(points, 0.0095, black), nozzle]


def _horn(rng: np.random.Generator, body: float, radius: float, black: Any) -> list[Any]:
    side = float(rng.choice([-1, 1]))
    x = side * (radius + 0.035)
    points = [(side * 0.02, -0.01, body + 0.03), (x * 0.8, -0.01, body + 0.05), (x, -0.01, body * 0.85)]
    horn = add_turned((x, -0.01, body * 0.35), [(0.036, 0.0), (0.03, 0.1), (0.014, body * 0.5)], black)
    return [add_tube(points, 0.011, black), horn]
