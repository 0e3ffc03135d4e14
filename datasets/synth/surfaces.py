"""Walls, floors and ceilings as materials: paint with a dado, tiles, terrazzo, concrete, dirt. Colours are linear RGB."""

import colorsys
from typing import Any

import numpy as np

from firewarden.datasets.scene_parts import Colour, link_relief, make_material, make_tiles, noise_output


def hsv(h: float, s: float, v: float) -> Colour:
    """Linear RGB of hue, saturation and value in [0, 1]."""
    return colorsys.hsv_to_rgb(h % 1, s, v)


def shade(colour: Colour, factor: float) -> Colour:
    """The colour darker (below 1) or brighter, no channel above 1."""
    r, g, b = colour
    return min(1.0, r * factor), min(1.0, g * factor), min(1.0, b * factor)


def wall_material(rng: np.random.Generator) -> Any:
    """Paint, painted dado, tiles below paint, tiles all over or raw concrete; grimy towards the floor."""
    kind = str(
        rng.choice(["paint", "dado", "half_tiles", "tiles", "concrete"], p=[0.3, 0.33, 0.15, 0.12, 0.10])
    )
    upper = _wall_colour(rng, kind)
    material = make_material(
        "wall",
        upper,
        roughness=rng.uniform(0.45, 0.9),
        bump=rng.uniform(0.0, 0.06),
        bump_scale=rng.uniform(30, 150),
    )
    tree = material.node_tree
    shader = tree.nodes["Principled BSDF"]
    colour = _blotched(tree, upper, rng.uniform(0.04, 0.3), rng.uniform(0.8, 3.0))
    if kind in ("half_tiles", "tiles"):
        tiles = _wall_tiles(tree, rng)
        colour = tiles if kind == "tiles" else _below(tree, rng.uniform(1.1, 1.6), tiles, colour)
    elif kind == "dado":
        colour = _with_dado(tree, rng, colour)
    colour = _grime(tree, colour, rng.uniform(0.0, 0.55), rng.uniform(0.2, 0.9))
    tree.links.new(colour, shader.inputs["Base Color"])
    material["mean"] = list(upper)
    return material


def _wall_colour(rng: np.random.Generator, kind: str) -> Colour:
    if kind == "concrete":
        return hsv(0.1, rng.uniform(0, 0.08), rng.uniform(0.22, 0.45))
    hue = float(rng.choice([0.1, 0.12, 0.15, 0.33, 0.55, 0.6, 0.02]))
    return hsv(hue, rng.uniform(0.0, 0.16), rng.uniform(0.5, 0.88))


def _with_dado(tree: Any, rng: np.random.Generator, above: Any) -> Any:
    """Lower paint, mostly with a stripe on top."""
    height = rng.uniform(0.9, 1.5)
    hue = float(rng.choice([0.33, 0.38, 0.45, 0.58, 0.1, 0.07, 0.0]))
    lower = hsv(hue, rng.uniform(0.1, 0.5), rng.uniform(0.2, 0.65))
    painted = _below(tree, height, _blotched(tree, lower, 0.15, 2.0), above)
    if rng.random() < 0.5:
        stripe = _colour(tree, hsv(hue, 0.4, rng.uniform(0.08, 0.2)))
        band = _below(tree, height + 0.03, stripe, above)
        return _below(tree, height, painted, band)
    return painted


def floor_material(rng: np.random.Generator) -> Any:
    """Tiles of many sizes, terrazzo, cement, planks or stained vinyl."""
    kind = str(rng.choice(["tiles", "terrazzo", "cement", "vinyl", "planks"], p=[0.5, 0.15, 0.18, 0.1, 0.07]))
    hue, value = float(rng.choice([0.03, 0.07, 0.1, 0.12, 0.58])), rng.uniform(0.16, 0.68)
    colour = hsv(hue, rng.uniform(0.02, 0.3), value)
    if kind == "tiles":
        material = make_tiles("floor", colour, float(rng.choice([0.2, 0.3, 0.4, 0.6, 0.8])))
    elif kind == "planks":
        material = make_material("floor", hsv(0.08, 0.45, value * 0.7), roughness=0.35, stains=0.3)
    else:
        rough = {"terrazzo": 0.25, "cement": 0.85, "vinyl": 0.4}[kind]
        material = make_material("floor", colour, roughness=rough, bump=0.05 if kind == "cement" else 0.0)
        tree = material.node_tree
        base = _blotched(tree, colour, rng.uniform(0.1, 0.45), rng.uniform(1.0, 3.0))
        if kind == "terrazzo":
            base = _speckled(tree, base, colour, rng)
        tree.links.new(base, tree.nodes["Principled BSDF"].inputs["Base Color"])
    material["mean"] = list(colour)
    return material


def ceiling_material(rng: np.random.Generator) -> Any:
    """White or grey emulsion, sometimes with damp spots."""
    v = rng.uniform(0.55, 0.88)
    return make_material(
        "ceiling", (v, v, v * rng.uniform(0.93, 1.0)), roughness=0.9, stains=rng.uniform(0.0, 0.25)
    )


def metal_panel(rng: np.random.Generator) -> Any:
    """Brushed or mirror-like lift panelling, silver, gold or painted."""
    tint = hsv(float(rng.choice([0.1, 0.12, 0.58])), rng.choice([0.02, 0.05, 0.35]), rng.uniform(0.45, 0.75))
    if rng.random() < 0.2:
        return make_material("panel", hsv(0.1, 0.05, rng.uniform(0.5, 0.8)), roughness=0.4)
    return make_material(
        "panel", tint, roughness=rng.uniform(0.18, 0.45), metallic=1.0, bump=rng.uniform(0, 0.008)
    )


def glass_material(name: str = "glass") -> Any:
    """A thin clear pane: mostly lets light pass, mirrors a little; it never hides what stands behind it."""
    material = make_material(name)
    tree = material.node_tree
    clear, mirror = tree.nodes.new("ShaderNodeBsdfTransparent"), tree.nodes.new("ShaderNodeBsdfGlossy")
    clear.inputs["Color"].default_value = (0.92, 0.95, 0.94, 1)
    mirror.inputs["Roughness"].default_value = 0.03
    mix = tree.nodes.new("ShaderNodeMixShader")
    mix.inputs[0].default_value = 0.07
    tree.links.new(clear.outputs[0], mix.inputs[1])
    tree.links.new(mirror.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], tree.nodes["Material Output"].inputs[0])
    return material


def _colour(tree: Any, colour: Colour) -> Any:
    node = tree.nodes.new("ShaderNodeRGB")
    node.outputs[0].default_value = (*colour, 1)
    return node.outputs[0]


def _mix(tree: Any, share: Any, first: Any, second: Any) -> Any:
    """Colour socket: `first` where share is 0, `second` where it is 1."""
    node = tree.nodes.new("ShaderNodeMix")
    node.data_type = "RGBA"
    tree.links.new(share, node.inputs[0])
    tree.links.new(first, node.inputs[6])
    tree.links.new(second, node.inputs[7])
    return node.outputs[2]


def _range(tree: Any, value: Any, low: float, high: float, to: tuple[float, float]) -> Any:
    node = tree.nodes.new("ShaderNodeMapRange")
    for key, number in (("From Min", low), ("From Max", high), ("To Min", to[0]), ("To Max", to[1])):
        node.inputs[key].default_value = number
    tree.links.new(value, node.inputs["Value"])
    return node.outputs[0]


def _position(tree: Any) -> Any:
    return tree.nodes.new("ShaderNodeNewGeometry").outputs["Position"]


def _height(tree: Any) -> Any:
    split = tree.nodes.new("ShaderNodeSeparateXYZ")
    tree.links.new(_position(tree), split.inputs[0])
    return split.outputs[2]


def _blotched(tree: Any, colour: Colour, strength: float, scale: float) -> Any:
    share = _range(tree, noise_output(tree, scale, 5), 0.35, 0.68, (strength, 0.0))
    return _mix(tree, share, _colour(tree, colour), _colour(tree, shade(colour, 0.55)))


def _speckled(tree: Any, base: Any, colour: Colour, rng: np.random.Generator) -> Any:
    """Terrazzo: dark and light grains a few millimetres wide."""
    dark = _range(tree, noise_output(tree, rng.uniform(60, 110), 2), 0.55, 0.62, (0.0, 0.7))
    light = _range(tree, noise_output(tree, rng.uniform(70, 130), 1), 0.62, 0.68, (0.0, 0.6))
    grains = _mix(tree, dark, base, _colour(tree, shade(colour, 0.3)))
    return _mix(tree, light, grains, _colour(tree, (0.8, 0.78, 0.74)))


def _below(tree: Any, height: float, low: Any, high: Any) -> Any:
    share = _range(tree, _height(tree), height - 0.002, height + 0.002, (0.0, 1.0))
    return _mix(tree, share, low, high)


def _grime(tree: Any, colour: Any, strength: float, height: float) -> Any:
    """Dirt that fades out upwards over `height` metres."""
    fade = _range(tree, _height(tree), 0.0, height, (strength, 0.0))
    node = tree.nodes.new("ShaderNodeMath")
    node.operation = "MULTIPLY"
    tree.links.new(fade, node.inputs[0])
    tree.links.new(noise_output(tree, 3.5, 6), node.inputs[1])
    return _mix(tree, node.outputs[0], colour, _colour(tree, (0.10, 0.085, 0.07)))


def _wall_tiles(tree: Any, rng: np.random.Generator) -> Any:
    """Glazed wall tiles; axis-aligned walls share one texture over (x + y, z)."""
    base = hsv(float(rng.choice([0.1, 0.12, 0.5, 0.6])), rng.uniform(0, 0.12), rng.uniform(0.5, 0.85))
    split, join = tree.nodes.new("ShaderNodeSeparateXYZ"), tree.nodes.new("ShaderNodeCombineXYZ")
    add = tree.nodes.new("ShaderNodeMath")
    tree.links.new(_position(tree), split.inputs[0])
    tree.links.new(split.outputs[0], add.inputs[0])
    tree.links.new(split.outputs[1], add.inputs[1])
    tree.links.new(add.outputs[0], join.inputs[0])
    tree.links.new(split.outputs[2], join.inputs[1])
    bricks = tree.nodes.new("ShaderNodeTexBrick")
    width, height = ((0.3, 0.6), (0.2, 0.3), (0.15, 0.15), (0.6, 0.3), (0.8, 0.8))[int(rng.integers(5))]
    bricks.offset = 0
    for key, value in (
        ("Scale", 1.0),
        ("Brick Width", width),
        ("Row Height", height),
        ("Mortar Size", 0.003),
    ):
        bricks.inputs[key].default_value = value
    for key, factor in (("Color1", 1.0), ("Color2", 0.95), ("Mortar", 0.55)):
        bricks.inputs[key].default_value = (*(c * factor for c in base), 1)
    tree.links.new(join.outputs[0], bricks.inputs["Vector"])
    shader = tree.nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = rng.uniform(0.1, 0.35)
    link_relief(tree, shader, bricks.outputs["Fac"], -0.2)
    return bricks.outputs["Color"]
