"""What charging looks like: cords, strips and chargers drawn round parked vehicles."""

import numpy as np

from firewarden.datasets.cables import POWER
from firewarden.datasets.compose import cord_routes as routes
from firewarden.datasets.compose.cord_drawing import (
    CordLook,
    Ends,
    Picture,
    Shadow,
    draw_colour,
    lay_cable,
    lit_by,
)
from firewarden.datasets.compose.cord_props import put_drawn, put_plug, put_window, window_spot
from firewarden.datasets.compose.cord_routes import Route
from firewarden.datasets.compose.cord_scene import CordScene, Drawn
from firewarden.datasets.compose.cord_shape import Point
from firewarden.datasets.compose.parked import Parked
from firewarden.datasets.compose.strip_drawing import draw_charger, draw_strip, turned

_MIN_CORD_PX = 1.2


def draw_charging(photo: Picture, scene: CordScene, rng: np.random.Generator) -> Drawn:
    """Draw cords to one or several vehicles in place."""
    drawn = Drawn(scene.hw)
    count = 1 if rng.random() < 0.7 else len(scene.vehicles)
    base = draw_colour(rng)
    way = rng.random()
    for vehicle in [scene.vehicles[int(i)] for i in rng.permutation(len(scene.vehicles))[:count]]:
        colour = base if rng.random() < 0.6 else draw_colour(rng)
        look = _look(colour, photo, vehicle, scene, rng)
        if way < 0.28:
            _through_strip(photo, scene, vehicle, look, drawn, rng)
        else:
            _direct(photo, scene, vehicle, look, drawn, rng)
    return drawn


def draw_strip_alone(photo: Picture, scene: CordScene, rng: np.random.Generator) -> Drawn | None:
    """A strip on its lead from above the picture; None where it does not fit in."""
    h, w = scene.hw
    drawn = Drawn(scene.hw)
    look = _look(draw_colour(rng), photo, Parked((0, 0, w, h), scene.px_per_m), scene, rng)
    top = float(rng.uniform(0.15, 0.85)) * w, -6.0
    at = top[0] + rng.normal(0, 0.15) * scene.px_per_m, float(rng.uniform(0.2, 0.65)) * h
    end = _hang_strip(photo, scene, at, scene.px_per_m, drawn, rng)
    if end is None:
        return None
    lead = routes.plumb(top, (at[0], drawn.strips[-1][1] + 2), rng, px_per_m=scene.px_per_m)
    _lay(photo, scene, Route(lead, "above", "charger"), look, drawn, rng)
    return drawn if drawn.cables else None


def _direct(
    photo: Picture, scene: CordScene, vehicle: Parked, look: CordLook, drawn: Drawn, rng: np.random.Generator
) -> None:
    """One cord from a source to the vehicle, or to a charger brick beside it."""
    end = routes.socket_of(vehicle, rng)
    sink = "vehicle"
    if rng.random() < 0.25:
        end, sink = _put_charger(photo, scene, vehicle, look, end, drawn, rng), "charger"
    route = _draw_source(photo, scene, vehicle, end, rng)
    route = Route(route.points, route.source, sink, route.lying)
    _lay(photo, scene, route, look, drawn, rng, behind=sink == "vehicle" and rng.random() < 0.25)
    if sink == "vehicle" and rng.random() < 0.5:
        put_plug(photo, route.points, vehicle.px_per_m, rng)


def _draw_source(
    photo: Picture, scene: CordScene, vehicle: Parked, end: Point, rng: np.random.Generator
) -> Route:
    """Where the cord comes from: a door in view, a window on a plain wall, the edge above or at a side."""
    w = scene.hw[1]
    choice = rng.random()
    reach = 0.4 * vehicle.px_per_m
    doors = [box for box in scene.doors if min(abs(end[0] - box[0]), abs(end[0] - box[2])) > reach]
    if doors and choice < 0.45:
        door = min(doors, key=lambda box: abs((box[0] + box[2]) / 2 - end[0]))
        return routes.from_door(vehicle, end, door, rng)
    spot = window_spot(photo, scene, vehicle, rng) if choice < 0.6 else None
    if spot is not None:
        start = put_window(photo, spot, rng)
        return routes.hanging(start, end, vehicle.box[3], rng, source="window", px_per_m=vehicle.px_per_m)
    if choice < 0.78:
        return routes.from_above(vehicle, end, rng, image_w=w)
    return routes.from_side(vehicle, end, rng, image_w=w)


def _through_strip(
    photo: Picture, scene: CordScene, vehicle: Parked, look: CordLook, drawn: Drawn, rng: np.random.Generator
) -> None:
    """A strip hangs from above beside or over the vehicle; a lead goes on to the vehicle."""
    x0, y0, x1, y1 = vehicle.box
    x = float(
        np.clip(
            rng.uniform(x0 - 0.25 * (x1 - x0), x1 + 0.25 * (x1 - x0)), 0.04 * scene.hw[1], 0.96 * scene.hw[1]
        )
    )
    y = float(np.clip(y0 + rng.uniform(-0.5, 0.35) * (y1 - y0), 0.06 * scene.hw[0], y1))
    top = (x + rng.normal(0, 0.12) * vehicle.px_per_m, -6.0)
    end = _hang_strip(photo, scene, (x, y), vehicle.px_per_m, drawn, rng)
    if end is None:
        return _direct(photo, scene, vehicle, look, drawn, rng)
    lead = routes.plumb(top, (x, drawn.strips[-1][1] + 2), rng, px_per_m=vehicle.px_per_m)
    _lay(photo, scene, Route(lead, "above", "charger"), look, drawn, rng)
    for _ in range(int(rng.choice([1, 1, 2]))):
        slot = (end[0], end[1] - rng.uniform(0, 0.8) * (end[1] - drawn.strips[-1][1]))
        sink = routes.socket_of(vehicle, rng)
        route = routes.hanging(slot, sink, y1, rng, source="strip", px_per_m=vehicle.px_per_m)
        thin = CordLook(look.colour, max(_MIN_CORD_PX, 0.8 * look.thickness_px), look.blur_px, look.light)
        _lay(photo, scene, route, thin, drawn, rng)


def _hang_strip(
    photo: Picture, scene: CordScene, at: Point, px_per_m: float, drawn: Drawn, rng: np.random.Generator
) -> Point | None:
    """Draw a strip hanging with its middle at a point; returns its lower end."""
    strip = turned(draw_strip(rng, px_per_m * float(rng.uniform(0.24, 0.42))), -90 + float(rng.normal(0, 9)))
    box = put_drawn(photo, strip, at, scene, rng)
    if box is None:
        return None
    drawn.strips.append(box)
    return (box[0] + box[2]) / 2, box[3] - 0.1 * (box[3] - box[1])


def _put_charger(
    photo: Picture,
    scene: CordScene,
    vehicle: Parked,
    look: CordLook,
    socket: Point,
    drawn: Drawn,
    rng: np.random.Generator,
) -> Point:
    """A charger on the floorboard or the ground, joined to the vehicle; returns where the mains lead enters it."""
    x0, _, x1, y1 = vehicle.box
    brick = turned(
        draw_charger(rng, vehicle.px_per_m * float(rng.uniform(0.16, 0.24))), float(rng.normal(0, 6))
    )
    on_ground = rng.random() < 0.6
    at = (
        (float(rng.uniform(x0, x1)), y1 + float(rng.uniform(-0.06, 0.02)) * vehicle.px_per_m)
        if on_ground
        else (socket[0] + float(rng.normal(0, 0.08)) * vehicle.px_per_m, socket[1])
    )
    box = put_drawn(photo, brick, at, scene, rng)
    if box is None:
        return socket
    drawn.strips.append(box)
    right = socket[0] > at[0]
    if on_ground:
        thin = CordLook(
            (30.0, 30.0, 30.0), max(_MIN_CORD_PX, 0.7 * look.thickness_px), look.blur_px, look.light
        )
        start = (box[2] if right else box[0], (box[1] + box[3]) / 2)
        short = routes.hanging(
            start, socket, y1 + 0.1 * vehicle.px_per_m, rng, source="strip", px_per_m=vehicle.px_per_m
        )
        _lay(photo, scene, Route(short.points, "strip", "vehicle"), thin, drawn, rng)
    return (box[0] + 1 if right else box[2] - 1), (box[1] + box[3]) / 2


def _look(
    colour: tuple[float, float, float],
    photo: Picture,
    vehicle: Parked,
    scene: CordScene,
    rng: np.random.Generator,
) -> CordLook:
    x0, y0, x1, y1 = (round(v) for v in vehicle.box)
    spot = photo[max(y0 - (y1 - y0) // 2, 0) : max(y1, 1), max(x0, 0) : max(x1, 1)]
    thickness = max(_MIN_CORD_PX, float(rng.uniform(6, 12)) / 1000 * vehicle.px_per_m)
    twisted = thickness > 2.5 and rng.random() < 0.12
    return CordLook(
        lit_by(colour, spot, rng), thickness, scene.blur_px, float(rng.choice([-0.6, 0.6])), twisted
    )


def _lay(
    photo: Picture,
    scene: CordScene,
    route: Route,
    look: CordLook,
    drawn: Drawn,
    rng: np.random.Generator,
    *,
    behind: bool = False,
) -> None:
    """Draw a route and note its visible part; `behind`: its end passes behind the vehicle."""
    shadow, cover = _shadow(route, look, scene, rng), scene.cover if behind else None
    cable = lay_cable(
        photo, route.points, look, Ends(POWER, route.source, route.sink), shadow=shadow, cover=cover
    )
    drawn.cables += (cable,) if cable is not None else ()


def _shadow(route: Route, look: CordLook, scene: CordScene, rng: np.random.Generator) -> Shadow | None:
    t = look.thickness_px
    if route.lying:
        return Shadow(0.3 * t, 0.55 * t, 0.5 * t, float(rng.uniform(0.3, 0.55)))
    if rng.random() < 0.35:
        reach = float(rng.uniform(0.02, 0.09)) * scene.px_per_m
        return Shadow(
            float(rng.choice([-1, 1])) * reach, reach, max(t, 0.25 * reach), float(rng.uniform(0.12, 0.35))
        )
    return None
