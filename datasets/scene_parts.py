"""Blender building blocks of the rendered sample scene: materials, boxes, plates, turned bodies, tubes, cartons.

Needs `bpy`, which pins numpy below 2: render in an environment of its own. Lengths are metres, z is up, angles radians.
"""

import math
from collections.abc import Sequence
from typing import Any

import bmesh
import bpy
import numpy as np
from mathutils import Vector
from PIL import Image

from firewarden.datasets.scene_plates import carton_face

Point = tuple[float, float, float]
Colour = tuple[float, float, float]  # linear RGB in [0, 1]


def make_material(
    name: str,
    colour: Colour = (0.8, 0.8, 0.8),
    *,
    picture: Image.Image | None = None,
    roughness: float = 0.5,
    metallic: float = 0.0,
    glow: float = 0.0,
    bump: float = 0.0,
    bump_scale: float = 60.0,
    stains: float = 0.0,
) -> Any:
    """A Principled material: flat colour or picture, optional emission, fine relief and large soft stains."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    tree = material.node_tree
    shader = tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1)
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Metallic"].default_value = metallic
    source = _picture_node(tree, picture) if picture else None
    if source:
        tree.links.new(source, shader.inputs["Base Color"])
    if glow:
        shader.inputs["Emission Color"].default_value = (*colour, 1)
        shader.inputs["Emission Strength"].default_value = glow
        if source:
            tree.links.new(source, shader.inputs["Emission Color"])
    if stains:
        _link_stains(tree, shader, colour, stains)
    if bump:
        link_relief(tree, shader, noise_output(tree, bump_scale, 6), bump)
    return material


def _picture_node(tree: Any, picture: Image.Image) -> Any:
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image = bpy.data.images.new("plate", *picture.size)
    rgba = np.asarray(picture.convert("RGBA"), np.float32)[::-1] / 255  # Blender counts rows from the bottom
    node.image.pixels.foreach_set(np.ascontiguousarray(rgba).ravel())
    node.image.pack()
    node.extension = "EXTEND"
    return node.outputs["Color"]


def noise_output(tree: Any, scale: float, detail: float) -> Any:
    """Output socket of a noise over world position, in [0, 1]."""
    node = tree.nodes.new("ShaderNodeTexNoise")
    node.inputs["Scale"].default_value = scale
    node.inputs["Detail"].default_value = detail
    tree.links.new(tree.nodes.new("ShaderNodeNewGeometry").outputs["Position"], node.inputs["Vector"])
    return node.outputs[0]


def _link_stains(tree: Any, shader: Any, colour: Colour, strength: float) -> None:
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    low, high = ramp.color_ramp.elements
    low.position, high.position = 0.32, 0.62
    low.color = (*(c * (1 - strength) for c in colour), 1)
    high.color = (*colour, 1)
    tree.links.new(noise_output(tree, 1.6, 9), ramp.inputs[0])
    tree.links.new(ramp.outputs[0], shader.inputs["Base Color"])


def link_relief(tree: Any, shader: Any, height: Any, strength: float) -> None:
    """Let `height` (a node output) tilt the normals of `shader`."""
    relief = tree.nodes.new("ShaderNodeBump")
    relief.inputs["Strength"].default_value = strength
    relief.inputs["Distance"].default_value = 0.01
    tree.links.new(height, relief.inputs["Height"])
    tree.links.new(relief.outputs[0], shader.inputs["Normal"])


def make_tiles(name: str, colour: Colour, side: float) -> Any:
    """Square glazed floor tiles of `side` metres, with grout, slight tone steps, uneven gloss and foot dirt."""
    material = make_material(name, colour, roughness=0.22)
    tree = material.node_tree
    shader = tree.nodes["Principled BSDF"]
    bricks = tree.nodes.new("ShaderNodeTexBrick")
    bricks.offset = 0
    for key, value in (
        ("Scale", 1.0),
        ("Brick Width", side),
        ("Row Height", side),
        ("Mortar Size", 0.003),
        ("Bias", 0.0),
    ):
        bricks.inputs[key].default_value = value
    for key, factor in (("Color1", 1.0), ("Color2", 0.93), ("Mortar", 0.42)):
        bricks.inputs[key].default_value = (*(c * factor for c in colour), 1)
    tree.links.new(tree.nodes.new("ShaderNodeNewGeometry").outputs["Position"], bricks.inputs["Vector"])
    dirt = tree.nodes.new("ShaderNodeMix")
    dirt.data_type, dirt.blend_type = "RGBA", "MULTIPLY"
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    ramp.color_ramp.elements[0].color = (0.62, 0.58, 0.52, 1)
    ramp.color_ramp.elements[1].color = (1, 1, 1, 1)
    ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[1].position = 0.33, 0.55
    tree.links.new(noise_output(tree, 2.2, 10), ramp.inputs[0])
    dirt.inputs["Factor"].default_value = 0.75
    tree.links.new(bricks.outputs["Color"], dirt.inputs[6])
    tree.links.new(ramp.outputs[0], dirt.inputs[7])
    tree.links.new(dirt.outputs[2], shader.inputs["Base Color"])
    gloss = tree.nodes.new("ShaderNodeMapRange")
    gloss.inputs["To Min"].default_value, gloss.inputs["To Max"].default_value = 0.10, 0.42
    tree.links.new(noise_output(tree, 5, 8), gloss.inputs["Value"])
    tree.links.new(gloss.outputs[0], shader.inputs["Roughness"])
    link_relief(tree, shader, bricks.outputs["Fac"], -0.25)
    return material


def _add_mesh(name: str, mesh: Any, materials: Sequence[Any]) -> Any:
    for material in materials:
        mesh.materials.append(material)
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def add_box(centre: Point, size: Point, material: Any, *, bevel: float = 0.004, turn: float = 0.0) -> Any:
    """A box with rounded edges, turned about the vertical."""
    shape = bmesh.new()
    bmesh.ops.create_cube(shape, size=1)
    bmesh.ops.scale(shape, vec=size, verts=shape.verts)
    if bevel:
        bmesh.ops.bevel(
            shape, geom=shape.edges[:], offset=min(bevel, min(size) * 0.3), segments=2, affect="EDGES"
        )
    mesh = bpy.data.meshes.new("box")
    shape.to_mesh(mesh)
    shape.free()
    thing = _add_mesh("box", mesh, [material])
    thing.location, thing.rotation_euler[2] = centre, turn
    return thing


def add_plate(corner: Point, along: Point, up: Point, material: Any) -> Any:
    """A rectangle from its lower left corner, seen upright from the side where along x up points; picture fills it."""
    a, b, c = Vector(corner), Vector(along), Vector(up)
    mesh = bpy.data.meshes.new("plate")
    mesh.from_pydata([a, a + b, a + b + c, a + c], [], [(0, 1, 2, 3)])
    layer = mesh.uv_layers.new(name="UVMap")
    for loop, uv in zip(layer.data, ((0, 0), (1, 0), (1, 1), (0, 1)), strict=True):
        loop.uv = uv
    return _add_mesh("plate", mesh, [material])


def add_turned(
    base: Point, profile: Sequence[tuple[float, float]], material: Any, *, tilt: Point = (0, 0, 0)
) -> Any:
    """A body of revolution about z from (radius, height) pairs; its picture wraps once round."""
    segments, rows = 64, len(profile)
    angles = [2 * math.pi * k / segments for k in range(segments + 1)]
    corners = [(r * math.cos(a), r * math.sin(a), z) for a in angles for r, z in profile]
    faces = [
        (k * rows + j, (k + 1) * rows + j, (k + 1) * rows + j + 1, k * rows + j + 1)
        for k in range(segments)
        for j in range(rows - 1)
    ]
    mesh = bpy.data.meshes.new("turned")
    mesh.from_pydata(corners, [], faces)
    low, high = profile[0][1], profile[-1][1]
    layer = mesh.uv_layers.new(name="UVMap")
    for polygon in mesh.polygons:
        polygon.use_smooth = True
        for loop, vertex in zip(polygon.loop_indices, polygon.vertices, strict=True):
            height = (corners[vertex][2] - low) / max(1e-6, high - low)
            layer.data[loop].uv = (vertex // rows / segments, height)
    thing = _add_mesh("turned", mesh, [material])
    thing.location, thing.rotation_euler = base, tilt
    return thing


def add_tube(points: Sequence[Point], radius: float, material: Any) -> Any:
    """A round tube through `points`, smoothed."""
    curve = bpy.data.curves.new("tube", "CURVE")
    curve.dimensions, curve.bevel_depth, curve.bevel_resolution, curve.use_fill_caps = "3D", radius, 4, True
    spline = curve.splines.new("NURBS")
    spline.points.add(len(points) - 1)
    for node, point in zip(spline.points, points, strict=True):
        node.co = (*point, 1)
    spline.use_endpoint_u, spline.order_u = True, min(4, len(points))
    curve.materials.append(material)
    thing = bpy.data.objects.new("tube", curve)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def add_carton(
    rng: np.random.Generator, base: Point, size: Point, *, turn: float, flaps: bool = False
) -> None:
    """A printed cardboard box standing on `base` (centre of its floor); with `flaps` its lid stands open."""
    w, d, h = size
    sides: list[tuple[Point, Point, Point, str, bool]] = [  # corner, along, up, tape, printed; from outside
        ((-w / 2, -d / 2, 0), (w, 0, 0), (0, 0, h), "none", True),
        ((w / 2, d / 2, 0), (-w, 0, 0), (0, 0, h), "none", not flaps),  # print would show inside an open box
        ((w / 2, -d / 2, 0), (0, d, 0), (0, 0, h), "none" if flaps else "overhang", False),
        ((-w / 2, d / 2, 0), (0, -d, 0), (0, 0, h), "none" if flaps else "overhang", False),
    ]
    if not flaps:
        sides.append(((-w / 2, -d / 2, h), (w, 0, 0), (0, d, 0), "across", False))
    parts = [_carton_side(rng, *side) for side in sides]
    if flaps:
        parts += _carton_flaps(rng, size)
    for part in parts:
        part.location, part.rotation_euler[2] = base, turn


def _carton_side(
    rng: np.random.Generator, corner: Point, along: Point, up: Point, tape: str, printed: bool
) -> Any:
    """One board, finely divided and bulged outwards by a few millimetres, 4 mm thick."""
    wh = Vector(along).length, Vector(up).length
    board = make_material(
        "board", picture=carton_face(rng, wh, tape=tape, printed=printed), roughness=0.82, bump=0.08
    )
    plate = add_plate(corner, along, up, board)
    shape = bmesh.new()
    shape.from_mesh(plate.data)
    bmesh.ops.subdivide_edges(shape, edges=shape.edges[:], cuts=11, use_grid_fill=True)
    normal = Vector(along).cross(Vector(up)).normalized()
    phase, depth = rng.uniform(0, 6, 2), rng.uniform(0.002, 0.007)
    for vertex in shape.verts:
        offset = vertex.co - Vector(corner)
        u, v = offset.dot(Vector(along)) / wh[0] ** 2, offset.dot(Vector(up)) / wh[1] ** 2
        swell = math.sin(math.pi * u) * math.sin(math.pi * v)
        vertex.co += (
            normal * swell * (depth + 0.002 * math.sin(5 * u + phase[0]) * math.sin(4 * v + phase[1]))
        )
    shape.to_mesh(plate.data)
    shape.free()
    thick = plate.modifiers.new("thick", "SOLIDIFY")
    thick.thickness, thick.offset = 0.004, -1
    return plate


def _carton_flaps(rng: np.random.Generator, size: Point) -> list[Any]:
    """Four lid flaps, folded outwards by different angles."""
    w, d, h = size
    hinges: list[tuple[Point, Point, Point, float]] = [
        ((-w / 2, -d / 2, h), (w, 0, 0), (0, -1, 0), d / 2),
        ((w / 2, d / 2, h), (-w, 0, 0), (0, 1, 0), d / 2),
        ((w / 2, -d / 2, h), (0, d, 0), (1, 0, 0), d / 2),
        ((-w / 2, d / 2, h), (0, -d, 0), (-1, 0, 0), d / 2),
    ]
    parts = []
    for corner, along, outward, length in hinges:
        angle = rng.uniform(-0.35, 0.85)
        up = Vector(outward) * length * math.cos(angle) + Vector((0, 0, 1)) * length * math.sin(angle)
        parts.append(_carton_side(rng, corner, along, tuple(up), "none", False))
    return parts
