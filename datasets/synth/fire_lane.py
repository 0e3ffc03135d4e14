"""A lane for fire engines between houses, marked on the ground, with cars on it or beside it.

The lane runs along y, its middle at x = 0; the camera looks along it. Metres.
"""

import math
from typing import Any

import bpy
import numpy as np
from PIL import Image, ImageDraw

from firewarden.datasets.scene_parts import add_box, add_plate, make_material
from firewarden.datasets.synth.built import Point
from firewarden.datasets.synth.camera import look_at, picture_size
from firewarden.datasets.synth.cars import build_car
from firewarden.datasets.synth.clutter import build_clutter
from firewarden.datasets.synth.facade_parts import bars_parts, window_parts
from firewarden.datasets.synth.footprint import Footprint, overlap
from firewarden.datasets.synth.goods import take_away
from firewarden.datasets.synth.joining import melt
from firewarden.datasets.synth.outdoors import ground_material, light_day, outer_wall
from firewarden.datasets.synth.room import wall_panels
from firewarden.datasets.synth.shapes import add_rod
from firewarden.datasets.synth.sheets import add_cells, add_foliage
from firewarden.datasets.synth.stage import Stage, Variant
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.two_wheelers import build_two_wheeler
from firewarden.datasets.synth.walls import Wall
from firewarden.fonts import cjk_font

_LENGTH = 34.0
_KINDS = ("sedan", "suv", "van", "lorry")
_SHARES = (0.4, 0.33, 0.17, 0.1)


def build(stage: Stage, seed: int, variant: Variant) -> None:
    """Fill the stage; axis `lane`: parked (cars stand on the lane), beside (in bays next to it), clear."""
    rng = stream(seed, "lane")
    width = rng.uniform(4.0, 5.0)
    bay = rng.uniform(2.3, 2.7)  # parking strip at one side
    side = int(rng.choice([-1, 1]))
    lane = Footprint(0, _LENGTH / 2, width, _LENGTH)
    _pave(stage, stream(seed, "ground"), width, bay, side)
    _paint(stage, stream(seed, "paint"), width)
    _houses(stage, seed, width, bay, side)
    _trees(stage, stream(seed, "trees"), (width / 2 + 0.5) * -side)
    default = str(stream(seed, "lane:default").choice(["parked", "beside", "clear"], p=[0.45, 0.35, 0.2]))
    setting = variant.of("lane", default)
    stage.fact("lane_setting", setting)
    _camera(stage, stream(seed, "camera"), width)
    if setting != "clear":
        _fill_bays(stage, seed, lane, side * (width / 2 + bay / 2), setting)
    if setting == "parked":
        _block(stage, seed, lane)
    light_day(stage, stream(seed, "daylight"))


def _pave(stage: Stage, rng: np.random.Generator, width: float, bay: float, side: int) -> None:
    """Asphalt or concrete lane, paved parking strip, kerbs."""
    lane = ground_material(rng, str(rng.choice(["asphalt", "concrete"])))
    paving = ground_material(rng, str(rng.choice(["paving", "concrete"])))
    stage.add(add_plate((-width / 2, -6, 0), (width, 0, 0), (0, _LENGTH + 30, 0), lane))
    for s in (-1, 1):
        reach = bay if s == side else 1.2
        corner = width / 2 if s > 0 else -width / 2 - reach - 6
        stage.add(add_plate((corner, -6, 0.0), (reach + 6, 0, 0), (0, _LENGTH + 30, 0), paving))
    kerb = make_material("kerb", (0.45, 0.44, 0.42), roughness=0.9, stains=0.3)
    stage.add(
        add_box((-side * (width / 2 + 0.08), _LENGTH / 2, 0.06), (0.15, _LENGTH + 12, 0.12), kerb, bevel=0.01)
    )
    line = make_material("white line", (0.65, 0.65, 0.62), roughness=0.8, stains=0.4)
    for y in np.arange(1.0, _LENGTH, 5.4):
        corner_x = side * width / 2 if side > 0 else -width / 2 - bay
        stage.add(add_plate((corner_x, float(y), 0.004), (bay, 0, 0), (0, 0.1, 0), line))


def _paint(stage: Stage, rng: np.random.Generator, width: float) -> None:
    """Yellow edges, cross hatching or both, and the words that forbid parking."""
    tone: Point = (0.75, 0.45, 0.02) if rng.random() < 0.75 else (0.65, 0.03, 0.02)
    paint = make_material("road paint", tone, roughness=0.8, stains=rng.uniform(0.1, 0.5))
    for x in (-width / 2 + 0.05, width / 2 - 0.2):
        stage.add(add_plate((x, -3, 0.005), (0.15, 0, 0), (0, _LENGTH, 0), paint))
    start = rng.uniform(3.0, 6.0)
    if rng.random() < 0.6:
        for k in range(int(rng.integers(6, 14))):
            y = start + 3.0 + 1.3 * k
            stage.add(add_plate((-width / 2 + 0.2, y, 0.005), (width - 0.4, 1.6, 0), (0.0, 0.16, 0), paint))
    words = str(
        rng.choice(["消防通道 禁止占用", "消防车通道 禁止停车", "消防通道 严禁堵塞", "消防车道 禁止占用"])
    )
    stage.add(_words(rng, words, tone, (-width / 2 + 0.45, start, 0.006), width - 0.9))
    stage.fact("lane_words", words)


def _words(rng: np.random.Generator, words: str, ink: Point, corner: Point, width: float) -> Any:
    """Worn lettering on the ground, read by who looks along +y; its lines are drawn out lengthwise as road words are."""
    stretch = rng.uniform(1.8, 3.2)
    lines = words.split()
    picture = Image.new("L", (720, 300 * len(lines)), 0)
    draw = ImageDraw.Draw(picture)
    for k, line in enumerate(lines):
        size = min(280, 700 // len(line))
        draw.text((360, 150 + 300 * k), line, font=cjk_font(size, "Bold"), fill=255, anchor="mm")
    grid = np.asarray(picture.resize((180, 75 * len(lines)))) > 110
    worn = Image.fromarray(rng.integers(0, 255, (grid.shape[0] // 3, 60), dtype=np.uint8)).resize(
        grid.shape[::-1]
    )
    grid &= np.asarray(worn) > rng.uniform(10, 70)
    paint = make_material("words", ink, roughness=0.8, stains=0.3)
    return add_cells(grid, corner, (width, stretch * len(lines)), paint)


def _houses(stage: Stage, seed: int, width: float, bay: float, side: int) -> None:
    """A house or garden wall along each side, and one that closes the view."""
    rng = stream(seed, "houses")
    for s in (-1, 1):
        x = s * (width / 2 + (bay + rng.uniform(0.4, 2.0) if s == side else rng.uniform(1.2, 3.0)))
        wall = Wall(x, _LENGTH / 2, -math.pi / 2 if s > 0 else math.pi / 2, _LENGTH + 12)
        storeys = int(rng.integers(1, 5))
        _house(stage, stream(seed, f"house:{s}"), wall, storeys)
    far = Wall(0, _LENGTH + rng.uniform(4, 12), 0, 60)
    _house(stage, stream(seed, "house:far"), far, int(rng.integers(2, 6)))


def _house(stage: Stage, rng: np.random.Generator, wall: Wall, storeys: int) -> None:
    """Storeys of windows every few metres; the windows of one house are alike and share their mesh."""
    storey, pitch = rng.uniform(2.9, 3.2), rng.uniform(3.0, 4.5)
    width, height, sill = rng.uniform(1.2, 1.9), rng.uniform(1.2, 1.6), 0.95
    skin, barred = outer_wall(rng), rng.random() < 0.4
    window = melt(window_parts(rng, width, height, ajar=0.0))
    bars = melt(bars_parts(rng, width, height))
    middles = np.arange(-wall.width / 2 + pitch / 2, wall.width / 2 - pitch / 2 + 0.01, pitch)
    for level in range(storeys):
        holes = [(float(m) - width / 2, float(m) + width / 2, sill, sill + height) for m in middles]
        panels = wall_panels(wall.width, storey, holes, skin)
        stage.things.extend(panels)
        wall.hang(stage, panels, 0, level * storey)
        for middle in middles:
            for mould in [window, bars] if barred and level == 0 else [window]:
                twin = mould.copy()
                stage.add(_linked(twin))
                wall.hang(stage, [twin], float(middle), level * storey + sill)
    take_away([window, bars])


def _linked(thing: Any) -> Any:
    """A copied object, linked into the scene."""
    bpy.context.scene.collection.objects.link(thing)
    return thing


def _trees(stage: Stage, rng: np.random.Generator, x: float) -> None:
    """A few trees on the kerb's side."""
    bark = make_material("bark", (0.1, 0.07, 0.05), roughness=0.95)
    for y in np.arange(rng.uniform(5, 9), _LENGTH, rng.uniform(5, 9)):
        if rng.random() < 0.45:
            continue
        stage.add(add_rod((x, float(y), 0), (x, float(y), 2.8), 0.09, bark))
        leaf = make_material("leaves", (0.03, rng.uniform(0.07, 0.15), 0.02), roughness=0.7)
        stage.add(add_foliage(rng, (x, float(y), rng.uniform(3.2, 3.9)), rng.uniform(0.9, 1.6), leaf))


def _fill_bays(stage: Stage, seed: int, lane: Footprint, x: float, setting: str) -> None:
    """Cars in the strip next to the lane, clear of it; two-wheelers and goods between them."""
    for k in range(5):
        rng = stream(seed, f"bay:{k}")
        y = 3.6 + 5.4 * k
        if rng.random() < 0.65:
            built = build_car(rng, str(rng.choice(_KINDS, p=_SHARES)))
            turn = float(rng.choice([0.0, math.pi])) + float(rng.normal(0, 0.02))
            area = Footprint(x, y, built.size[0], built.size[1], turn)
            if overlap(area, lane):
                take_away(list(built.things))
                continue
        else:
            built = build_two_wheeler(rng, str(rng.choice(["ebike", "moped", "bicycle"])))
            turn = math.copysign(math.pi / 2, -x)
            area = Footprint(x * 1.1, y, built.size[0], built.size[1], turn)
        stage.place(built, (area.x, y, 0.0), turn)
        number = stage.label(built.class_name, built.things, name=built.kind)
        if built.class_name == "ebike":
            stage.hard_negative("ebike_outdoors", [number])


def _block(stage: Stage, seed: int, lane: Footprint) -> None:
    """One or two cars, or a heap of goods beside a car, on the lane itself."""
    rng = stream(seed, "block")
    placed = []
    for k in range(int(rng.integers(1, 3))):
        built = build_car(rng, str(rng.choice(_KINDS, p=_SHARES)))
        y = rng.uniform(6.0, 9.5) + 6.2 * k
        x = float(rng.choice([-1, 1])) * rng.uniform(0.0, lane.width / 2 - 0.9)
        turn = float(rng.choice([0.0, math.pi])) + float(rng.normal(0, 0.05))
        if not stage.fits(Footprint(x, y, built.size[0], built.size[1], turn), 0.05):
            x = 0.0
        stage.place(built, (x, y, 0.0), turn)
        placed.append(stage.label("vehicle", built.things, name=built.kind))
    if rng.random() < 0.2:
        heap = build_clutter(rng, "carton_stack")
        at = (rng.uniform(-1, 1), rng.uniform(4.2, 5.0), 0.0)
        if stage.fits(Footprint(at[0], at[1], heap.size[0], heap.size[1]), 0.05):
            stage.place(heap, at)
            stage.label(heap.class_name, heap.things, name=heap.kind)
        else:
            take_away(list(heap.things))
    stage.hazard("fire_lane_obstructed", placed[:1])


def _camera(stage: Stage, rng: np.random.Generator, width: float) -> None:
    """A phone at the lane's mouth looking along it, at times a pole camera."""
    high = rng.random() < 0.15
    x = float(rng.uniform(-0.45, 0.45)) * width
    position = (x, rng.uniform(-2.5, 0.5), rng.uniform(3.5, 5.0) if high else rng.uniform(1.3, 1.75))
    target = (float(rng.normal(0, 0.8)), rng.uniform(8, 14), rng.uniform(0.3, 1.2))
    wh = picture_size(rng, int(stage.facts["long_side"]), portrait=0.35)
    stage.camera = look_at(
        position, target, wh, fov_deg=rng.uniform(60, 76), roll=float(rng.normal(0, 0.025))
    )
