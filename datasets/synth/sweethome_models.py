"""Models of the furniture library as assets: loaded, turned to +y, brought to real size, at times in another colour."""

import colorsys
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from firewarden.datasets.synth.built import Built
from firewarden.datasets.synth.joining import bounds, join, melt
from firewarden.datasets.synth.sweethome import Model, pick

_LENGTHS = {
    "bicycle": (1.55, 1.8),
    "moped": (1.7, 1.9),
    "pram": (0.85, 1.0),
    "wheelchair": (0.9, 1.1),
}  # metres


def build_model(rng: np.random.Generator, kind: str, class_name: str) -> Built:
    """A random model of `kind`, with its attribution."""
    model = pick(rng, kind)
    thing = load_model(model)
    low, high = bounds(thing)
    if kind in _LENGTHS:
        scale = rng.uniform(*_LENGTHS[kind]) / (high[1] - low[1])
    else:
        scale = model.entry.size_cm[2] / 100 / (high[2] - low[2]) * rng.uniform(0.94, 1.08)
    thing.data.transform(Matrix.Scale(scale, 4))
    if kind in _LENGTHS:
        _recolour(rng, thing)
    port = (0.1, -0.2, 0.45) if kind == "moped" else None
    return join([thing], class_name, kind=kind, port=port, attribution=model.attribution)


def load_model(model: Model) -> Any:
    """One mesh object in the OBJ's own unit, standing upright, its front to +y."""
    before = set(bpy.data.objects)
    bpy.ops.wm.obj_import(filepath=str(model.path), forward_axis="NEGATIVE_Z", up_axis="Y")
    made = [thing for thing in bpy.data.objects if thing not in before]
    for thing in made:
        thing.data.transform(thing.matrix_basis)
        thing.matrix_basis = Matrix.Identity(4)
    solid = melt(made)
    axes = Matrix(((1, 0, 0), (0, 0, -1), (0, 1, 0)))  # OBJ (x, y up, z front) to (x, -z, y)
    turn = Matrix([model.entry.turn[k : k + 3] for k in (0, 3, 6)])
    about = Matrix.Rotation(np.pi, 3, "Z")
    solid.data.transform((about @ axes @ turn @ axes.inverted()).to_4x4())
    return solid


def _recolour(rng: np.random.Generator, thing: Any) -> None:
    """Turn the hue of plain bright colours, half of the time."""
    shift = rng.random()
    if rng.random() < 0.5:
        return
    for material in thing.data.materials:
        shader = material.node_tree.nodes.get("Principled BSDF") if material and material.use_nodes else None
        if shader is None or shader.inputs["Base Color"].links:
            continue
        r, g, b, _ = shader.inputs["Base Color"].default_value
        h, s, v = colorsys.rgb_to_hsv(r, g, b)
        if s > 0.25:
            shader.inputs["Base Color"].default_value = (*colorsys.hsv_to_rgb((h + shift) % 1, s, v), 1)
