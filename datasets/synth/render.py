"""Blender's part: set up Cycles, render radiance and instance numbers in one go, project outlines."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from firewarden.datasets.synth.camera import Camera

_NEAR = 0.05  # metres; faces nearer than this to the lens are left out of outlines


def clear_scene() -> None:
    """An empty Blender file in this process."""
    bpy.ops.wm.read_factory_settings(use_empty=True)


def render(camera: Camera, samples: int, threads: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Linear radiance (h, w, 3) and instance numbers (h, w), both as the lens shows them.

    The numbers come from the first sample of the same render, so glass lets them through as it does light."""
    _set_camera(camera)
    _set_cycles(camera.wh, samples, threads)
    for material in bpy.data.materials:
        _simplify(material)
    with tempfile.TemporaryDirectory(prefix="firewarden-synth-") as folder:
        _set_outputs(folder)
        bpy.ops.render.render()
        light = _read_exr(Path(folder) / "light0001.exr")[..., :3]
        numbers = np.rint(_read_exr(Path(folder) / "number0001.exr")[..., 0]).astype(np.int32)
    if camera.barrel:
        return camera.bend_picture(light), camera.bend_mask(numbers)
    return light, numbers


def _set_camera(camera: Camera) -> None:
    lens = bpy.data.cameras.new("camera")
    lens.sensor_fit, lens.sensor_width = "HORIZONTAL", 36.0
    lens.lens = camera.focal_px * 36.0 / camera.wh[0]
    lens.clip_start, lens.clip_end = 0.02, 400
    thing = bpy.data.objects.new("camera", lens)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = camera.axes, camera.position
    thing.matrix_world = Matrix(pose.tolist())
    bpy.context.scene.collection.objects.link(thing)
    bpy.context.scene.camera = thing


def _set_cycles(wh: tuple[int, int], samples: int, threads: int) -> None:
    scene, layer = bpy.context.scene, bpy.context.view_layer
    scene.render.engine, scene.cycles.device = "CYCLES", "CPU"
    scene.render.resolution_x, scene.render.resolution_y = wh
    scene.render.resolution_percentage = 100
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    cycles = scene.cycles
    cycles.samples, cycles.use_adaptive_sampling, cycles.adaptive_threshold = samples, True, 0.03
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.denoising_prefilter, cycles.denoising_quality = "FAST", "FAST"
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 4, 3, 2
    cycles.transparent_max_bounces, cycles.transmission_bounces = 6, 2
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect, cycles.blur_glossy, cycles.use_light_tree = 4.0, 1.0, False
    layer.use_pass_object_index = True
    layer.cycles.use_denoising = True


def _simplify(material: Any) -> None:
    """Bounced light sees one flat colour instead of textures and relief; noise gets fewer octaves."""
    tree = material.node_tree
    shader = tree.nodes.get("Principled BSDF") if tree else None
    if shader is None or not shader.outputs[0].links or material.get("simple"):
        return
    material["simple"] = True
    for node in tree.nodes:
        if node.type == "TEX_NOISE":
            node.inputs["Detail"].default_value = min(4.0, node.inputs["Detail"].default_value)
    if shader.inputs["Emission Strength"].default_value > 0:
        material.cycles.emission_sampling = "NONE"
        return
    if shader.inputs["Metallic"].default_value > 0.5:
        return
    flat = tree.nodes.new("ShaderNodeBsdfDiffuse")
    flat.inputs[0].default_value = (*_mean_colour(material, shader), 1)
    mix, path = tree.nodes.new("ShaderNodeMixShader"), tree.nodes.new("ShaderNodeLightPath")
    output = next(n for n in tree.nodes if n.type == "OUTPUT_MATERIAL")
    tree.links.new(path.outputs["Is Camera Ray"], mix.inputs[0])
    tree.links.new(flat.outputs[0], mix.inputs[1])
    tree.links.new(shader.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], output.inputs[0])


def _mean_colour(material: Any, shader: Any) -> tuple[float, float, float]:
    if "mean" in material:
        return tuple(material["mean"])
    colour = shader.inputs["Base Color"]
    picture = colour.links and colour.links[0].from_node.type == "TEX_IMAGE"
    return (0.35, 0.3, 0.25) if picture else tuple(colour.default_value)[:3]


def _set_outputs(folder: str) -> None:
    """Two EXR files: radiance and instance numbers."""
    scene = bpy.context.scene
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    layers = tree.nodes.new("CompositorNodeRLayers")
    for name, output, depth in (("light", "Image", "16"), ("number", "IndexOB", "32")):
        node = tree.nodes.new("CompositorNodeOutputFile")
        node.base_path = folder
        node.format.file_format, node.format.color_depth, node.format.exr_codec = "OPEN_EXR", depth, "NONE"
        node.file_slots[0].path = name
        tree.links.new(layers.outputs[output], node.inputs[0])
    scene.frame_current = 1


def _read_exr(path: Path) -> NDArray[np.float32]:
    image = bpy.data.images.load(str(path), check_existing=False)
    w, h = image.size
    pixels = np.empty(w * h * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    channels = image.channels
    bpy.data.images.remove(image)
    return pixels.reshape(h, w, channels)[::-1]


def sight_test(camera: Camera, slack: float = 0.15) -> Callable[[tuple[float, float, float]], bool]:
    """Tells whether something stands between lens and point, more than `slack` metres before the point."""
    graph = bpy.context.evaluated_depsgraph_get()

    def hidden(point: tuple[float, float, float]) -> bool:
        way = np.array(point) - camera.position
        length = float(np.linalg.norm(way))
        hit, where, *_ = bpy.context.scene.ray_cast(graph, camera.position.tolist(), (way / length).tolist())
        return bool(hit and np.linalg.norm(np.array(where) - camera.position) < length - slack)

    return hidden


def outlines(things: tuple[Any, ...], camera: Camera) -> list[NDArray[np.float64]]:
    """Projected faces (k, 2) of all things, for the area an instance would cover unhidden."""
    graph = bpy.context.evaluated_depsgraph_get()
    polygons: list[NDArray[np.float64]] = []
    for thing in things:
        solid = thing.evaluated_get(graph)
        mesh = solid.to_mesh()
        if mesh is not None and len(mesh.vertices):
            polygons.extend(_projected_faces(mesh, np.array(thing.matrix_world), camera))
        solid.to_mesh_clear()
    return polygons


def _projected_faces(mesh: Any, pose: NDArray[np.float64], camera: Camera) -> Iterator[NDArray[np.float64]]:
    corners = np.empty(3 * len(mesh.vertices))
    mesh.vertices.foreach_get("co", corners)
    world = corners.reshape(-1, 3) @ pose[:3, :3].T + pose[:3, 3]
    pixels, depth = camera.project(world)
    mesh.calc_loop_triangles()
    flat = np.empty(3 * len(mesh.loop_triangles), np.int32)
    mesh.loop_triangles.foreach_get("vertices", flat)
    faces = flat.reshape(-1, 3)
    for face in faces[(depth[faces] > _NEAR).all(axis=1)]:
        yield pixels[face]
