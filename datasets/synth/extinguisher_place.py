"""A place for extinguishers on a wall: sign, bracket, stand or cabinet, with the cylinder there or gone."""

from typing import Any

import numpy as np

from firewarden.datasets.scene_parts import add_box, add_plate, add_tube, add_turned, make_material
from firewarden.datasets.synth.built import Point
from firewarden.datasets.synth.extinguishers import build_extinguisher
from firewarden.datasets.synth.fire_signs import build_extinguisher_sign
from firewarden.datasets.synth.stage import Stage
from firewarden.datasets.synth.streams import stream
from firewarden.datasets.synth.surfaces import glass_material, hsv
from firewarden.datasets.synth.walls import Wall
from firewarden.fonts import cjk_font

EXTINGUISHER_STATES = ("present", "absent", "cabinet_closed", "cabinet_open")
STYLES = ("bracket", "floor", "stand", "sign_only")


def build_extinguisher_place(
    stage: Stage, seed: int, wall: Wall, along: float, state: str, part: str = "ext"
) -> None:
    """Put a place for an extinguisher at `along` on `wall`; an absent one leaves its sign or bracket behind.

    Cabinet states show a wall cabinet; with `absent` some cabinets stand open and empty. Each part has its own stream.
    """
    if state not in EXTINGUISHER_STATES:
        raise ValueError(f"extinguisher state {state!r}, expected one of {EXTINGUISHER_STATES}")
    choice = stream(seed, f"{part}:style")
    style = str(choice.choice(STYLES, p=[0.45, 0.3, 0.15, 0.1]))
    with_sign, sign_z = style != "bracket" or choice.random() < 0.75, choice.uniform(1.45, 1.75)
    empty_cabinet = choice.random() < 0.2
    stage.fact(f"{part}_state", state)
    stage.claim(wall.floor(along, 0.8, 0.55))  # in every state, so that all else stays where it is
    if state.startswith("cabinet") or (state == "absent" and empty_cabinet):
        _cabinet(stage, seed, wall, along, state, part)
        return
    stage.fact(f"{part}_style", style)
    z, out = (
        _height(choice, style),
        choice.uniform(0.095, 0.115) if style == "bracket" else choice.uniform(0.12, 0.2),
    )
    marks = []
    if with_sign:
        marks.append(_hang_sign(stage, stream(seed, f"{part}:sign"), wall, along, sign_z))
    if style in ("bracket", "stand"):
        holder = (
            _bracket(stream(seed, f"{part}:holder"))
            if style == "bracket"
            else _stand(stream(seed, f"{part}:holder"))
        )
        wall.hang(stage, holder, along, z if style == "bracket" else 0.0)
        if state == "absent":
            marks.append(stage.label("extinguisher_bracket", holder, name=f"empty {style}"))
        else:
            stage.things.extend(holder)
    if state == "present":
        _put_cylinder(stage, stream(seed, f"{part}:cylinder"), wall.point(along, out, z), wall.turn)
    elif marks:
        points = _search_points(wall, along, sign_z if with_sign else z + 0.5)
        stage.hazard("missing_extinguisher", [marks[-1]], points)
        for mark in marks:  # a sign alone may still raise it where the bracket is hidden
            stage.optional_hazard("missing_extinguisher", [mark])


def _height(rng: np.random.Generator, style: str) -> float:
    return {"bracket": rng.uniform(0.35, 0.95), "stand": 0.06}.get(style, 0.0)


def _search_points(wall: Wall, along: float, sign_z: float) -> list[Point]:
    """Points of the area below a sign where its extinguisher would be looked for."""
    corners = [wall.point(along + dx, 0.1, z) for dx in (-0.35, 0.35) for z in (0.05, sign_z)]
    return corners + [wall.point(along, 0.1, z * sign_z) for z in (0.1, 0.3, 0.5, 0.7)]


def _put_cylinder(stage: Stage, rng: np.random.Generator, at: Point, turn: float) -> int:
    built = build_extinguisher(rng)
    stage.move(built.things, at, turn + float(rng.normal(0, 0.12)))
    return stage.label("extinguisher", built.things)


def _hang_sign(stage: Stage, rng: np.random.Generator, wall: Wall, along: float, z: float) -> int:
    sign = build_extinguisher_sign(rng)
    wall.hang(stage, sign.things, along + float(rng.normal(0, 0.03)), z)
    return stage.label("extinguisher_sign", sign.things)


def build_arrow_sign(stage: Stage, seed: int, wall: Wall, along: float) -> None:
    """A sign with an arrow: the extinguisher is elsewhere, so nothing is missing here."""
    rng = stream(seed, "ext:arrow")
    sign = build_extinguisher_sign(rng, arrow=True)
    wall.hang(stage, sign.things, along, rng.uniform(1.5, 1.9))
    stage.hard_negative("arrow_sign", [stage.label("extinguisher_sign", sign.things, name="arrow")])


def _bracket(rng: np.random.Generator) -> list[Any]:
    """A wall plate with a strap ring or two hooks, its foot at the origin."""
    tint = (0.5, 0.03, 0.03) if rng.random() < 0.3 else (rng.uniform(0.02, 0.6),) * 3
    metal = make_material("bracket", tint, roughness=0.4, metallic=float(rng.random() < 0.5))
    height = rng.uniform(0.24, 0.4)
    things = [add_box((0, -0.006, height / 2 + 0.05), (rng.uniform(0.035, 0.07), 0.012, height), metal)]
    if rng.random() < 0.6:
        radius = rng.uniform(0.065, 0.085)
        ring = [(radius, 0.0), (radius + 0.004, 0.002), (radius + 0.004, 0.022), (radius, 0.024)]
        things.append(add_turned((0, -radius - 0.012, height * 0.75), ring, metal))
        things.append(add_box((0, -radius * 0.9, 0.05), (0.05, 2 * radius * 0.9, 0.008), metal))
    else:
        top = height + 0.02
        for s in (-1, 1):
            hook = [(s * 0.022, -0.01, top), (s * 0.022, -0.06, top - 0.01), (s * 0.022, -0.075, top + 0.035)]
            things.append(add_tube(hook, 0.005, metal))
        things.append(add_box((0, -0.045, 0.06), (0.09, 0.09, 0.008), metal))
    return things


def _stand(rng: np.random.Generator) -> list[Any]:
    """A low floor stand with a rim and a back post before the wall."""
    tint = hsv(float(rng.choice([0.0, 0.0, 0.6])), rng.choice([0.0, 0.85]), rng.uniform(0.15, 0.5))
    metal = make_material("stand", tint, roughness=0.4)
    w, d = rng.uniform(0.24, 0.4), rng.uniform(0.2, 0.26)
    y = -0.14
    things = [add_box((0, y, 0.03), (w, d, 0.06), metal)]
    for s in (-1, 1):
        things.append(add_box((s * (w / 2 - 0.01), y, 0.12), (0.02, d, 0.14), metal))
    things.append(add_box((0, y - d / 2 + 0.01, 0.10), (w, 0.02, 0.10), metal))
    if rng.random() < 0.5:
        things.append(add_box((0, y + d / 2 - 0.01, 0.4), (0.03, 0.02, 0.75), metal))
    return things


def _cabinet(stage: Stage, seed: int, wall: Wall, along: float, state: str, part: str) -> None:
    """A wall or floor cabinet: closed and opaque, or open with cylinders inside; `absent` is open and empty."""
    rng = stream(seed, f"{part}:cabinet")
    w, h, d = rng.uniform(0.4, 0.75), rng.uniform(0.55, 0.85), rng.uniform(0.18, 0.24)
    z = float(rng.choice([0.0, rng.uniform(0.5, 0.95)]))
    closed = state == "cabinet_closed"
    clear_pane = rng.random() < 0.3
    things = _cabinet_body(rng, w, h, d) + _cabinet_door(
        rng, w, h, d, closed=closed, clear=clear_pane and not closed
    )
    wall.hang(stage, things, along, z)
    number = stage.label("fire_cabinet", things, name=state)
    stage.fact(f"{part}_style", "cabinet")
    if closed:
        stage.hard_negative("closed_cabinet", [number])
        return
    if state == "absent":
        stage.hazard("missing_extinguisher", [number], _inside_points(wall, along, z, w, h))
        return
    count = int(rng.integers(1, 3))
    for k in range(count):
        dx = (k - (count - 1) / 2) * w / 2.2
        _put_cylinder(
            stage,
            stream(seed, f"{part}:cylinder{k}"),
            wall.point(along + dx, d / 2 + 0.005, z + 0.02),
            wall.turn,
        )


def _inside_points(wall: Wall, along: float, z: float, w: float, h: float) -> list[Point]:
    return [wall.point(along + dx, 0.1, z + dz) for dx in (-w / 2, w / 2) for dz in (0.02, h)]


def _cabinet_paint(rng: np.random.Generator) -> Any:
    shade = rng.uniform(0.25, 0.6)
    tint = (shade, shade * 0.04, shade * 0.05) if rng.random() < 0.7 else (shade, shade, shade)
    return make_material(
        "cabinet", tint, roughness=rng.uniform(0.2, 0.5), metallic=float(tint[1] > 0.1 and rng.random() < 0.7)
    )


def _cabinet_body(rng: np.random.Generator, w: float, h: float, d: float) -> list[Any]:
    """Back, sides, floor and top, open towards the viewer."""
    paint = _cabinet_paint(rng)
    inner = make_material("cabinet inside", (rng.uniform(0.3, 0.7),) * 3, roughness=0.6)
    t = 0.012
    return [
        add_box((0, -t / 2, h / 2), (w, t, h), inner, bevel=0),
        *(add_box((s * (w / 2 - t / 2), -d / 2, h / 2), (t, d, h), paint, bevel=0.002) for s in (-1, 1)),
        *(add_box((0, -d / 2, z), (w, d, t), paint, bevel=0.002) for z in (t / 2, h - t / 2)),
    ]


def _cabinet_door(
    rng: np.random.Generator, w: float, h: float, d: float, *, closed: bool, clear: bool
) -> list[Any]:
    """The leaf with its lettering; open it stands at a right angle or more, hinged at the left."""
    paint = _cabinet_paint(rng)
    angle = 0.0 if closed else -rng.uniform(1.5, 2.3)
    things = [add_box((w / 2, 0, h / 2), (w - 0.004, 0.014, h - 0.004), paint, bevel=0.003)]
    if clear:
        bar = 0.05
        pane = glass_material()
        things = [add_box((x, 0, h / 2), (bar, 0.014, h), paint) for x in (bar / 2, w - bar / 2)]
        things += [add_box((w / 2, 0, z), (w, 0.014, bar), paint) for z in (bar / 2, h - bar / 2)]
        things.append(add_plate((bar, 0, bar), (w - 2 * bar, 0, 0), (0, 0, h - 2 * bar), pane))
    words = make_material("lettering", picture=_cabinet_lettering(rng), roughness=0.4)
    size = w * 0.7
    things.append(add_plate((w / 2 - size / 2, -0.0085, h * 0.62), (size, 0, 0), (0, 0, size * 0.4), words))
    knob = make_material("knob", (0.5, 0.5, 0.5), roughness=0.3, metallic=1.0)
    things.append(add_box((w - 0.04, -0.015, h * 0.5), (0.02, 0.03, 0.08), knob))
    from mathutils import Matrix

    hinge = Matrix.Translation((-w / 2, -d - 0.007, 0)) @ Matrix.Rotation(angle, 4, "Z")
    for thing in things:
        thing.matrix_basis = hinge @ thing.matrix_basis
    return things


def _cabinet_lettering(rng: np.random.Generator) -> Any:
    from PIL import Image, ImageDraw

    red, white = (190, 20, 26), (244, 244, 240)
    ink, ground = (white, red) if rng.random() < 0.7 else (red, white)
    plate = Image.new("RGB", (500, 200), ground)
    draw = ImageDraw.Draw(plate)
    words = str(rng.choice(["灭火器箱", "消火栓", "消防栓", "灭火器", "消防器材箱"]))
    draw.text((250, 80), words, font=cjk_font(96, "Bold"), fill=ink, anchor="mm")
    draw.text(
        (250, 165),
        str(rng.choice(["FIRE HYDRANT", "EXTINGUISHER BOX", "FIRE 119"])),
        font=cjk_font(40, "Bold"),
        fill=ink,
        anchor="mm",
    )
    return plate
