"""What outdoor scenes share: daylight, ground, outer walls of houses, parked rows. Metres, z up."""

from typing import Any

import bpy
import numpy as np

from firewarden.datasets.scene_parts import (
    Colour,
    add_box,
    add_plate,
    link_relief,
    make_material,
    noise_output,
)
from firewarden.datasets.synth.lights import light_panel, light_world
from firewarden.datasets.synth.stage import Stage
from firewarden.datasets.synth.surfaces import hsv


def light_day(stage: Stage, rng: np.random.Generator) -> None:
    """Sun, cloud, dusk or a lamp at night, from the camera's side of a wall that looks to -y."""
    mood = str(rng.choice(["sun", "cloud", "dusk", "night"], p=[0.4, 0.4, 0.12, 0.08]))
    stage.fact("daylight", mood)
    if mood == "night":
        light_world(0.02, (0.5, 0.6, 1.0))
        side = float(rng.uniform(-3, 3))
        light_panel((side, -3.5, 4.2), (0.3, 0.3), 260, (1.0, 0.72, 0.42), (0, 0.4, -1))
        return
    sky: Colour = {"sun": (0.62, 0.78, 1.0), "cloud": (0.9, 0.94, 1.0), "dusk": (0.75, 0.6, 0.62)}[mood]
    light_world({"sun": 0.7, "cloud": 1.1, "dusk": 0.35}[mood], sky)
    if mood == "cloud":
        _add_sun(rng, 0.6, 0.8, (1, 1, 1))
    else:
        _add_sun(
            rng, 3.5 if mood == "sun" else 0.8, 0.01, (1.0, 0.95, 0.86) if mood == "sun" else (1.0, 0.6, 0.35)
        )


def _add_sun(rng: np.random.Generator, strength: float, blur: float, colour: Colour) -> None:
    light = bpy.data.lights.new("sun", "SUN")
    light.energy, light.angle, light.color = strength, blur, colour
    lamp = bpy.data.objects.new("sun", light)
    lamp.rotation_euler = (float(rng.uniform(0.35, 1.1)), 0, float(rng.uniform(-1.2, 1.2)))
    bpy.context.scene.collection.objects.link(lamp)


def add_ground(stage: Stage, rng: np.random.Generator, *, depth: float, width: float = 40.0) -> None:
    """Concrete, asphalt, paving or earth from y = 0.2 to y = -depth, with stains and, at times, a kerb."""
    kind = str(rng.choice(["concrete", "asphalt", "paving", "earth"], p=[0.42, 0.2, 0.3, 0.08]))
    stage.add(
        add_plate((-width / 2, -depth, 0), (width, 0, 0), (0, depth + 0.2, 0), ground_material(rng, kind))
    )
    if rng.random() < 0.35:
        stone = make_material("kerb", (0.42, 0.41, 0.39), roughness=0.9, stains=0.3)
        stage.add(add_box((0, -0.35, 0.05), (width, 0.7, 0.1), stone, bevel=0.01))


def ground_material(rng: np.random.Generator, kind: str) -> Any:
    """Ground with stains of a metre and grain of a centimetre; paving has joints."""
    value = {
        "concrete": rng.uniform(0.28, 0.5),
        "asphalt": rng.uniform(0.04, 0.1),
        "paving": rng.uniform(0.2, 0.42),
        "earth": 0.22,
    }[kind]
    colour = hsv(0.09, {"earth": 0.35, "paving": rng.uniform(0.03, 0.4)}.get(kind, 0.06), value)
    material = make_material(
        kind, colour, roughness=0.9, bump=0.25, bump_scale=90, stains=rng.uniform(0.1, 0.35)
    )
    if kind == "paving":
        _add_joints(
            material, colour, (float(rng.choice([0.2, 0.3, 0.5])), float(rng.choice([0.1, 0.2, 0.3])))
        )
    return material


def outer_wall(rng: np.random.Generator) -> Any:
    """Render, small glazed tiles, brick or raw concrete as on Chinese houses, weathered."""
    kind = str(rng.choice(["render", "tiles", "brick", "concrete"], p=[0.42, 0.34, 0.12, 0.12]))
    hue = float(rng.choice([0.08, 0.1, 0.12, 0.55, 0.03]))
    if kind == "brick":
        colour = hsv(0.03, rng.uniform(0.5, 0.7), rng.uniform(0.2, 0.4))
        size = (0.24, 0.065)
    elif kind == "tiles":
        colour = hsv(hue, rng.uniform(0.02, 0.3), rng.uniform(0.45, 0.8))
        size = ((0.1, 0.05), (0.045, 0.045), (0.2, 0.06))[int(rng.integers(3))]
    else:
        colour = hsv(
            hue, rng.uniform(0.02, 0.35), rng.uniform(0.3, 0.8) if kind == "render" else rng.uniform(0.2, 0.4)
        )
        size = (0.0, 0.0)
    rough = 0.35 if kind == "tiles" else 0.9
    material = make_material(
        kind, colour, roughness=rough, bump=0.12, bump_scale=70, stains=rng.uniform(0.06, 0.32)
    )
    if size[0]:
        _add_joints(material, colour, size, upright=True)
    return material


def _add_joints(material: Any, colour: Colour, size: tuple[float, float], *, upright: bool = False) -> None:
    """Bricks or tiles of (width, height) metres over x and y, or x and z if `upright`, mixed into the stains."""
    tree = material.node_tree
    shader = tree.nodes["Principled BSDF"]
    place = tree.nodes.new("ShaderNodeNewGeometry").outputs["Position"]
    if upright:
        split, join = tree.nodes.new("ShaderNodeSeparateXYZ"), tree.nodes.new("ShaderNodeCombineXYZ")
        tree.links.new(place, split.inputs[0])
        tree.links.new(split.outputs[0], join.inputs[0])
        tree.links.new(split.outputs[2], join.inputs[1])
        place = join.outputs[0]
    bricks = tree.nodes.new("ShaderNodeTexBrick")
    tree.links.new(place, bricks.inputs["Vector"])
    for key, value in (
        ("Scale", 1.0),
        ("Brick Width", size[0]),
        ("Row Height", size[1]),
        ("Mortar Size", 0.004),
    ):
        bricks.inputs[key].default_value = value
    for key, factor in (("Color1", 1.0), ("Color2", 0.86), ("Mortar", 0.5)):
        bricks.inputs[key].default_value = (*(c * factor for c in colour), 1)
    stains = tree.nodes.new("ShaderNodeMix")
    stains.data_type, stains.blend_type = "RGBA", "MULTIPLY"
    stains.inputs[0].default_value = 0.6
    dirt = tree.nodes.new("ShaderNodeValToRGB")
    dirt.color_ramp.elements[0].position, dirt.color_ramp.elements[1].position = 0.3, 0.6
    dirt.color_ramp.elements[0].color = (0.45, 0.43, 0.4, 1)
    tree.links.new(noise_output(tree, 1.3, 8), dirt.inputs[0])
    tree.links.new(bricks.outputs["Color"], stains.inputs[6])
    tree.links.new(dirt.outputs[0], stains.inputs[7])
    tree.links.new(stains.outputs[2], shader.inputs["Base Color"])
    link_relief(tree, shader, bricks.outputs["Fac"], -0.15)
