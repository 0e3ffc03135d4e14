"""Light of a room: ceiling panels, tubes, globes, a window side, a phone's flash; from bright to dim."""

from typing import Any

import bpy
import numpy as np

from firewarden.datasets.scene_parts import Colour, add_box, add_turned, make_material
from firewarden.datasets.synth.stage import Stage
from firewarden.datasets.synth.walls import Room


def kelvin(temperature: float) -> Colour:
    """Rough linear RGB of a lamp between 2500 and 9000 K, brightest channel 1."""
    warm = np.array([1.0, 0.62, 0.30])
    cold = np.array([0.72, 0.85, 1.0])
    t = float(np.clip((temperature - 2500) / 6500, 0, 1))
    mix = warm * (1 - t) + np.array([1.0, 0.95, 0.9]) * (2 * t if t < 0.5 else 2 * (1 - t)) + cold * t * t
    r, g, b = (float(v) for v in mix / mix.max())
    return r, g, b


def light_room(stage: Stage, room: Room, rng: np.random.Generator) -> None:
    """Fixtures along the ceiling; some dead or dim, some rooms lit from one side by the day."""
    mood = str(rng.choice(["lit", "dim", "day"], p=[0.6, 0.15, 0.25]))
    colour = kelvin(rng.uniform(2900, 7500))
    kind = str(rng.choice(["panel", "tube", "globe"]))
    count = max(1, round(room.depth / rng.uniform(2.0, 3.5)))
    power = {"lit": 1.0, "dim": 0.25, "day": 0.5}[mood] * rng.uniform(0.7, 1.4)
    x = rng.uniform(-0.15, 0.15) * room.width
    for k in range(count):
        alive = rng.random() < 0.88 or k == 0
        _fixture(
            stage, kind, (x, (k + 0.5) * room.depth / count, room.height), colour, power if alive else 0.02
        )
    if mood == "day":
        side = float(rng.choice([-1, 1]))
        at = (side * (room.width / 2 - 0.05), room.depth * rng.uniform(0.1, 0.6), room.height * 0.6)
        light_panel(
            at, (1.0, 1.4), 40 * rng.uniform(0.5, 2.0), kelvin(rng.uniform(6000, 9000)), (-side, 0, 0)
        )
    stage.fact("light", {"mood": mood, "fixture": kind, "count": count})


def _fixture(stage: Stage, kind: str, at: tuple[float, float, float], colour: Colour, power: float) -> None:
    x, y, h = at
    glow = make_material("lamp", colour, glow=max(0.3, 5 * power))
    if kind == "panel":
        stage.add(add_box((x, y, h - 0.012), (0.6, 0.6, 0.02), glow, bevel=0))
        light_panel((x, y, h - 0.05), (0.58, 0.58), 30 * power, colour)
    elif kind == "tube":
        stage.add(add_box((x, y, h - 0.04), (0.06, 1.2, 0.05), glow))
        light_panel((x, y, h - 0.09), (0.1, 1.2), 26 * power, colour)
    else:
        profile = [(0.0, -0.11), (0.09, -0.09), (0.13, -0.05), (0.13, -0.01), (0.1, 0.0)]
        stage.add(add_turned((x, y, h), profile, glow))
        light_panel((x, y, h - 0.14), (0.24, 0.24), 24 * power, colour)


def light_panel(
    at: tuple[float, float, float],
    size: tuple[float, float],
    watts: float,
    colour: Colour,
    towards: tuple[float, float, float] = (0, 0, -1),
) -> Any:
    """A rectangular lamp without a visible body."""
    from mathutils import Vector

    light = bpy.data.lights.new("area", "AREA")
    light.shape, light.size, light.size_y, light.energy, light.color = "RECTANGLE", *size, watts, colour
    lamp = bpy.data.objects.new("area", light)
    lamp.location = at
    lamp.rotation_euler = Vector(towards).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(lamp)
    return lamp


def add_flash(camera: tuple[float, float, float], towards: tuple[float, float, float], watts: float) -> None:
    """The phone's own lamp, beside its lens."""
    from mathutils import Vector

    light = bpy.data.lights.new("flash", "SPOT")
    light.energy, light.spot_size, light.spot_blend, light.shadow_soft_size = watts, 1.6, 0.6, 0.01
    lamp = bpy.data.objects.new("flash", light)
    lamp.location = (camera[0] + 0.03, camera[1], camera[2] + 0.02)
    lamp.rotation_euler = (Vector(towards) - Vector(camera)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(lamp)


def light_world(strength: float, colour: Colour = (1.0, 1.0, 1.0)) -> None:
    """Even light from everywhere outside; no picture of a sky, so no importance map."""
    world = bpy.data.worlds.new("world")
    world.use_nodes = True
    background = world.node_tree.nodes["Background"]
    background.inputs[0].default_value, background.inputs[1].default_value = (*colour, 1), strength
    world.cycles.sampling_method = "NONE"
    bpy.context.scene.world = world
