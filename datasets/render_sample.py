"""Render the sample picture that ships with the package: cartons before an exit door. All geometry is made by code.

Run in an environment of its own, because `bpy` pins numpy below 2:
    pip install bpy==4.5.15 pillow manimgx-fonts-cjk && pip install --no-deps .
    python -P -m firewarden.datasets.render_sample inference/sample.jpg
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from PIL import Image, ImageFilter

from firewarden.datasets import scene_plates
from firewarden.datasets.scene_parts import (
    add_box,
    add_carton,
    add_plate,
    add_tube,
    add_turned,
    make_material,
    make_tiles,
)

_WIDTH, _DEPTH, _HEIGHT = 2.7, 4.7, 2.72  # corridor; the camera stands at y = 0, the end wall at y = _DEPTH
_DOOR_X, _DOOR_W, _DOOR_H = -0.32, 1.0, 2.08
_STATION_X = 0.80  # middle of the extinguisher and its sign on the end wall


def build_scene(seed: int) -> None:
    """The whole scene in an empty Blender file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    rng = np.random.default_rng(seed)
    _build_shell()
    _build_ceiling()
    _build_door()
    _build_station()
    _build_side_walls()
    _build_cartons(rng)
    _place_camera()


def _build_shell() -> None:
    half, back = _WIDTH / 2, -1.6
    length = _DEPTH - back
    wall = make_material("wall", (0.66, 0.655, 0.62), roughness=0.75, bump=0.06, bump_scale=90, stains=0.10)
    ceiling = make_material("ceiling", (0.78, 0.78, 0.77), roughness=0.9)
    add_plate((-half, back, 0), (_WIDTH, 0, 0), (0, length, 0), make_tiles("floor", (0.50, 0.47, 0.42), 0.6))
    add_plate((-half, _DEPTH, _HEIGHT), (_WIDTH, 0, 0), (0, -length, 0), ceiling)
    add_plate((-half, back, 0), (0, length, 0), (0, 0, _HEIGHT), wall)
    add_plate((half, _DEPTH, 0), (0, -length, 0), (0, 0, _HEIGHT), wall)
    add_plate((half, back, 0), (-_WIDTH, 0, 0), (0, 0, _HEIGHT), wall)
    left, right = _DOOR_X - _DOOR_W / 2, _DOOR_X + _DOOR_W / 2
    for x0, x1, z0 in ((-half, left, 0.0), (right, half, 0.0), (left, right, _DOOR_H)):
        add_plate((x0, _DEPTH, z0), (x1 - x0, 0, 0), (0, 0, _HEIGHT - z0), wall)
    _build_dado(half, back)


def _build_dado(half: float, back: float) -> None:
    """Lower wall paint with a dark line above it, and a tiled skirting."""
    paint = make_material("dado", (0.36, 0.44, 0.40), roughness=0.45, bump=0.05, bump_scale=70, stains=0.16)
    line = make_material("line", (0.10, 0.15, 0.13), roughness=0.5)
    skirting = make_material("skirting", (0.16, 0.13, 0.11), roughness=0.25)
    length, door_edges = _DEPTH - back, (_DOOR_X - _DOOR_W / 2 - 0.06, _DOOR_X + _DOOR_W / 2 + 0.06)
    for z, height, thickness, material in (
        (0.55, 1.1, 0.004, paint),
        (1.11, 0.025, 0.005, line),
        (0.06, 0.12, 0.014, skirting),
    ):
        for side in (-1, 1):
            add_box(
                (side * (half - thickness / 2), back + length / 2, z),
                (thickness, length, height),
                material,
                bevel=0,
            )
        for x0, x1 in ((-half, door_edges[0]), (door_edges[1], half)):
            add_box(
                ((x0 + x1) / 2, _DEPTH - thickness / 2, z), (x1 - x0, thickness, height), material, bevel=0
            )


def _build_ceiling() -> None:
    """Three light panels, a smoke detector and a red sprinkler pipe."""
    frame = make_material("panel frame", (0.75, 0.75, 0.75), roughness=0.4)
    glow = make_material("panel", (1.0, 0.97, 0.92), glow=6.0)
    for y, power in ((0.1, 26.0), (2.1, 30.0), (4.0, 17.0)):
        add_box((0.1, y, _HEIGHT - 0.012), (0.64, 0.64, 0.024), frame)
        add_plate((-0.19, y + 0.29, _HEIGHT - 0.0255), (0.58, 0, 0), (0, -0.58, 0), glow)
        light = bpy.data.lights.new("panel", "AREA")
        light.size, light.energy, light.color = 0.58, power, (1.0, 0.96, 0.90)
        lamp = bpy.data.objects.new("panel", light)
        lamp.location = (0.1, y, _HEIGHT - 0.03)
        bpy.context.scene.collection.objects.link(lamp)
    plastic = make_material("plastic", (0.8, 0.8, 0.78), roughness=0.35)
    add_turned(
        (-0.55, 3.0, _HEIGHT - 0.05), [(0.0, 0.0), (0.035, 0.004), (0.05, 0.02), (0.052, 0.05)], plastic
    )
    pipe = make_material("pipe", (0.42, 0.03, 0.025), roughness=0.35, bump=0.03)
    add_tube([(0.98, -1.6, 2.56), (0.98, 1.5, 2.56), (0.98, _DEPTH, 2.56)], 0.024, pipe)
    for y in (0.6, 1.9, 3.2, 4.4):
        add_box((0.98, y, 2.61), (0.02, 0.03, 0.22), make_material("hanger", (0.4, 0.4, 0.4), metallic=1.0))


def _build_door() -> None:
    """Grey steel fire door in its frame: vision panel, panic bar, closer, plates; a lit exit sign above."""
    x, y, w, h = _DOOR_X, _DEPTH, _DOOR_W, _DOOR_H
    leaf = make_material("leaf", (0.33, 0.36, 0.37), roughness=0.38, bump=0.03, bump_scale=200, stains=0.08)
    frame = make_material("frame", (0.20, 0.22, 0.23), roughness=0.4)
    steel = make_material("steel", (0.62, 0.62, 0.61), roughness=0.28, metallic=1.0)
    glass = make_material("glass", (0.02, 0.03, 0.035), roughness=0.05)
    for side in (-1, 1):
        add_box((x + side * (w / 2 + 0.03), y - 0.02, h / 2 + 0.03), (0.07, 0.16, h + 0.06), frame)
    add_box((x, y - 0.02, h + 0.03), (w - 0.01, 0.158, 0.06), frame)
    add_box((x, y + 0.03, h / 2 + 0.006), (w - 0.008, 0.05, h - 0.012), leaf, bevel=0.003)
    add_box((x, y, 1.56), (0.26, 0.02, 0.66), frame)
    add_box((x, y - 0.006, 1.56), (0.20, 0.02, 0.60), glass, bevel=0.002)
    add_box((x, y + 0.003, 0.16), (w - 0.06, 0.006, 0.24), steel, bevel=0.001)
    _build_panic_bar(x, y, steel)
    add_box((x - 0.28, y - 0.03, h - 0.10), (0.26, 0.07, 0.06), steel, bevel=0.008)
    add_tube(
        [(x - 0.18, y - 0.05, h - 0.06), (x - 0.02, y - 0.10, h - 0.03), (x + 0.06, y - 0.05, h + 0.01)],
        0.008,
        steel,
    )
    plate = make_material("door plate", picture=scene_plates.door_plate(), roughness=0.4)
    add_plate((x + 0.17, y - 0.001, 1.52), (0.26, 0, 0), (0, 0, 0.108), plate)
    for z in (0.3, 1.05, 1.8):
        add_turned((x - w / 2 + 0.004, y - 0.012, z), [(0.011, 0.0), (0.011, 0.11)], steel)
    _build_exit_sign(x, y)


def _build_panic_bar(x: float, y: float, steel: Any) -> None:
    red = make_material("bar", (0.40, 0.03, 0.03), roughness=0.35)
    for side in (-1, 1):
        add_box((x + side * 0.40, y - 0.045, 1.03), (0.06, 0.10, 0.11), steel, bevel=0.01)
    add_tube([(x - 0.40, y - 0.095, 1.03), (x, y - 0.095, 1.03), (x + 0.40, y - 0.095, 1.03)], 0.019, red)


def _build_exit_sign(x: float, y: float) -> None:
    housing = make_material("housing", (0.72, 0.72, 0.70), roughness=0.35)
    lit = make_material("exit", picture=scene_plates.exit_plate(), roughness=0.3, glow=0.9)
    add_box((x, y - 0.025, 2.37), (0.54, 0.05, 0.215), housing)
    add_plate((x - 0.255, y - 0.0515, 2.275), (0.51, 0, 0), (0, 0, 0.191), lit)


def _build_station() -> None:
    """A 4 kg powder extinguisher on its bracket, 0.75 m above the floor, its sign above."""
    x, y, z, radius = _STATION_X, _DEPTH - 0.11, 0.74, 0.072
    red = make_material("red", (0.44, 0.012, 0.014), roughness=0.16)
    black = make_material("rubber", (0.014, 0.014, 0.015), roughness=0.45)
    brass = make_material("brass", (0.66, 0.62, 0.5), roughness=0.3, metallic=1.0)
    body = [
        (0.0, 0.0),
        (0.058, 0.0),
        (0.070, 0.014),
        (radius, 0.03),
        (radius, 0.335),
        (0.066, 0.368),
        (0.046, 0.398),
    ]
    add_turned((x, y, z), [*body, (0.026, 0.415), (0.022, 0.43)], red)
    label = make_material("label", picture=scene_plates.extinguisher_label(), roughness=0.35)
    add_turned((x, y, z), [(radius + 0.001, 0.09), (radius + 0.001, 0.30)], label, tilt=(0, 0, 0.62))
    add_box((x, y, z + 0.452), (0.034, 0.040, 0.048), brass)
    add_box((x + 0.045, y, z + 0.470), (0.13, 0.020, 0.007), black).rotation_euler[1] = 0.10
    add_box((x + 0.045, y, z + 0.505), (0.15, 0.022, 0.008), black).rotation_euler[1] = -0.16
    gauge = make_material("gauge", (0.75, 0.8, 0.72), roughness=0.2)
    add_turned(
        (x, y - 0.02, z + 0.452), [(0.019, 0.0), (0.019, 0.018), (0.0, 0.02)], gauge, tilt=(math.pi / 2, 0, 0)
    )
    hose = [(-0.02, 0.455), (-0.10, 0.50), (-0.145, 0.38), (-0.12, 0.22), (-0.095, 0.12), (-0.093, 0.05)]
    add_tube([(x + dx, y - 0.01, z + dz) for dx, dz in hose], 0.0105, black)
    add_turned((x - 0.093, y - 0.01, z + 0.01), [(0.017, 0.0), (0.014, 0.05), (0.010, 0.07)], black)
    add_box((x, _DEPTH - 0.008, z + 0.26), (0.05, 0.016, 0.34), brass)
    add_turned((x, y, z + 0.315), [(radius + 0.002, 0.0), (radius + 0.002, 0.016)], black)
    sign = make_material("sign", picture=scene_plates.extinguisher_plate(), roughness=0.32)
    add_box(
        (x, _DEPTH - 0.003, 1.66), (0.25, 0.006, 0.32), make_material("backing", (0.3, 0.02, 0.02)), bevel=0
    )
    add_plate((x - 0.125, _DEPTH - 0.0065, 1.50), (0.25, 0, 0), (0, 0, 0.32), sign)


def _build_side_walls() -> None:
    """Things every corridor has: a wooden room door on the left, an evacuation plan and a switch on the right."""
    half = _WIDTH / 2
    wood = make_material("wood", (0.24, 0.125, 0.06), roughness=0.42, bump=0.05, bump_scale=30, stains=0.25)
    trim = make_material("trim", (0.18, 0.09, 0.045), roughness=0.4)
    metal = make_material("handle", (0.6, 0.58, 0.54), roughness=0.3, metallic=1.0)
    for y in (2.30, 3.22):
        add_box((-half + 0.02, y, 1.04), (0.06, 0.07, 2.08), trim)
    add_box((-half + 0.02, 2.76, 2.10), (0.06, 0.99, 0.07), trim)
    add_box((-half + 0.008, 2.76, 1.035), (0.03, 0.86, 2.06), wood)
    for z, height in ((0.55, 0.72), (1.48, 0.86)):
        add_box((-half + 0.022, 2.76, z), (0.012, 0.58, height), wood, bevel=0.006)
    add_box((-half + 0.028, 2.42, 1.02), (0.01, 0.045, 0.22), metal)
    add_tube(
        [(-half + 0.03, 2.42, 1.05), (-half + 0.085, 2.42, 1.05), (-half + 0.085, 2.54, 1.05)], 0.009, metal
    )
    plan = make_material("plan", picture=scene_plates.notice_board(), roughness=0.25)
    add_box(
        (half - 0.010, 3.3, 1.62),
        (0.02, 0.62, 0.45),
        make_material("alu", (0.5, 0.5, 0.5), metallic=0.8, roughness=0.35),
    )
    add_plate((half - 0.0205, 3.59, 1.415), (0, -0.58, 0), (0, 0, 0.41), plan)
    add_box(
        (half - 0.005, 2.5, 1.32),
        (0.01, 0.086, 0.086),
        make_material("switch", (0.8, 0.8, 0.78), roughness=0.3),
    )
    trunking = make_material("trunking", (0.72, 0.72, 0.70), roughness=0.4)
    add_box((-half + 0.02, 1.55, 2.45), (0.04, 6.3, 0.06), trunking)


def _build_cartons(rng: np.random.Generator) -> None:
    add_carton(rng, (-0.70, 4.14, 0.0), (0.58, 0.44, 0.46), turn=0.08)
    add_carton(rng, (-0.09, 4.20, 0.0), (0.50, 0.42, 0.54), turn=-0.12)
    add_carton(rng, (-0.66, 4.14, 0.466), (0.46, 0.38, 0.36), turn=-0.16)
    add_carton(rng, (-0.46, 3.50, 0.0), (0.46, 0.34, 0.34), turn=0.30, flaps=True)
    add_carton(rng, (0.13, 3.62, 0.0), (0.38, 0.30, 0.30), turn=-0.42)


def _place_camera() -> None:
    """A phone held at breast height, slightly off the middle and not quite level."""
    camera = bpy.data.cameras.new("phone")
    camera.lens, camera.sensor_width = 27.5, 36.0
    phone = bpy.data.objects.new("phone", camera)
    phone.location = (0.22, 0.0, 1.48)
    direction = Vector((-0.02, _DEPTH, 1.12)) - phone.location
    phone.rotation_euler = direction.to_track_quat("-Z", "Y").to_euler()
    phone.rotation_euler.rotate_axis("Z", 0.012)
    bpy.context.scene.collection.objects.link(phone)
    bpy.context.scene.camera = phone


def render(path: Path, wh: tuple[int, int], samples: int, threads: int) -> None:
    """Path-trace the current scene with denoising into a PNG."""
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.device = "CYCLES", "CPU"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.max_bounces = samples, True, 6
    scene.cycles.use_adaptive_sampling, scene.cycles.adaptive_threshold = True, 0.02
    scene.cycles.sample_clamp_indirect = 4.0
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.render.resolution_x, scene.render.resolution_y = wh
    scene.view_settings.view_transform, scene.view_settings.look = "Filmic", "High Contrast"
    scene.view_settings.exposure = 0.2
    world = bpy.data.worlds.new("world")
    world.color = (0.02, 0.02, 0.02)
    scene.world = world
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def develop(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """What a phone does to it: a little glow, vignette, sensor noise in luminance and colour."""
    soft = picture.filter(ImageFilter.GaussianBlur(picture.width / 90))
    pixels = np.asarray(picture, np.float32) * 0.94 + np.asarray(soft, np.float32) * 0.06
    h, w = pixels.shape[:2]
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    pixels *= (1 - 0.10 * (x**2 + y**2))[..., None]
    pixels *= np.array([1.0, 0.995, 0.965], np.float32)  # warm white balance
    pixels += rng.normal(0, 2.2, (h, w, 1)) + rng.normal(0, 1.2, (h, w, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("out", type=Path, help="JPEG to write")
    parser.add_argument("--size", type=int, nargs=2, default=(1280, 960), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--samples", type=int, default=48, help="light paths a pixel")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quality", type=int, default=82)
    parser.add_argument("--seed", type=int, default=11)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Render, develop and save the sample picture."""
    arguments = _build_parser().parse_args(argv)
    build_scene(arguments.seed)
    raw = arguments.out.with_suffix(".png")
    render(raw.resolve(), tuple(arguments.size), arguments.samples, arguments.threads)
    picture = develop(Image.open(raw).convert("RGB"), np.random.default_rng(arguments.seed))
    raw.unlink()
    picture.save(arguments.out, quality=arguments.quality, optimize=True)


if __name__ == "__main__":
    main()
