"""Charging cords drawn from above, a window, a door or a hanging strip to parked e-bikes; the same place without, and with
wires that charge nothing."""

from dataclasses import dataclass, replace

import numpy as np

from firewarden.datasets.cables import Cable, whole_rows
from firewarden.datasets.compose.charging import draw_charging, draw_strip_alone
from firewarden.datasets.compose.composed import Composed, Expectation, manifest_of, rule_scene
from firewarden.datasets.compose.cord_drawing import Picture, blur_of, is_seen
from firewarden.datasets.compose.cord_scene import CordScene, Drawn
from firewarden.datasets.compose.drawn_visible import change_seen, shows_cord, shows_strip
from firewarden.datasets.compose.ground import Floor, Ground, as_box, floor_at_door, floor_by_horizon
from firewarden.datasets.compose.parked import Parked, covers, metre_of, parked_vehicles
from firewarden.datasets.compose.sources import Sources, is_door_photo
from firewarden.datasets.compose.standing import Figure, Stage, mask_box
from firewarden.datasets.compose.wire_decoys import add_decoys
from firewarden.datasets.labels import LabelRows, concat_rows
from firewarden.datasets.manifest import PhotoRecord
from firewarden.datasets.paste import warp

_HAZARD = "flying_charging_cable"
_INDOOR = "indoor_ebike"
_OTHER_HAZARDS = ("blocked_exit", "corridor_clutter", "extinguisher_obstructed", "missing_extinguisher")
_OUTDOOR = "outdoor"
_STREET_SOURCES = ("VehicleDetection", "Louis-0710", "Alessandra90C")
_CLOSE_UP = {
    "extinguisher": 0.25,
    "person": 0.45,
    "carton": 0.35,
    "exit_sign": 0.2,
    "vehicle": 0.45,
    "ebike": 0.6,
}  # of the picture's height
_ALONE_DRAWS = 6
_ALONE_SCENES = frozenset({"corridor", "lobby", "stairwell", "outdoor"})
_UNCERTAIN_PLACES = frozenset({"indoor"})  # covered parking: whether it is a designated one cannot be seen


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A ground with its parked vehicles, before any cord is drawn."""

    ground: Ground
    ignore: LabelRows
    vehicles: list[Parked]
    px_per_m: float
    parts: str = ""


def make_flying_cables(sources: Sources, rng: np.random.Generator, index: int) -> list[Composed]:
    """A pair: cords to vehicles and the same place without. One pair in four has the same wires that reach no vehicle in
    both, of the others nearly all have a third picture with such wires alone. One pair in eight shows a strip that hangs alone."""
    if rng.random() < 0.125:
        return _make_alone(sources, rng, index)
    place = _find_place(sources, rng)
    if place is None:
        return []
    wired = _wired(place, rng)
    base, wires = wired if rng.random() < 0.25 else (place.ground.photo, ())
    photo = base.copy()
    cords = draw_charging(photo, _scene_of(place, photo), rng)
    if not cords.cables or not is_seen(base, photo, cords.cables):
        return []
    if not shows_cord(change_seen(base, photo), cords.cables):
        return []
    pictures = [
        _composed(sources, place, photo, index, "flying", (*wires, *cords.cables), cords),
        _composed(sources, place, base, index, "clear", wires),
    ]
    if not wires and wired[1]:
        pictures.append(_composed(sources, place, wired[0], index, "wires", wired[1]))
    return pictures


def _wired(place: _Place, rng: np.random.Generator) -> tuple[Picture, tuple[Cable, ...]]:
    """The place with wires that reach no vehicle; none where they would not show."""
    photo = place.ground.photo.copy()
    return photo, tuple(add_decoys(photo, _scene_of(place, photo), rng))


def _make_alone(sources: Sources, rng: np.random.Generator, index: int) -> list[Composed]:
    """A strip on its lead where no vehicle stands, and the same place without; nothing where no draw can be seen well."""
    records = [r for r in sources.records if r.scene in _ALONE_SCENES and not _shows(sources, r, "ebike")]
    records = [r for r in records if r.scene != _OUTDOOR or _is_street(sources, r)]
    records = [r for r in records if _is_view(sources, r)]
    for _ in range(_ALONE_DRAWS if records else 0):
        ground = sources.pick(records, rng)
        place = _Place(ground, ground.ignore, [], _metre_on(ground, rng))
        photo = ground.photo.copy()
        drawn = draw_strip_alone(photo, _scene_of(place, photo), rng)
        if drawn is not None and _is_visible(ground.photo, photo, drawn):
            alone = _composed(sources, place, photo, index, "strip_alone", drawn.cables, drawn)
            return [alone, _composed(sources, place, ground.photo, index, "clear")]
    return []


def _is_visible(before: Picture, after: Picture, drawn: Drawn) -> bool:
    change = change_seen(before, after)
    seen = is_seen(before, after, drawn.cables)
    return seen and shows_cord(change, drawn.cables) and shows_strip(change, drawn.strips)


def _find_place(sources: Sources, rng: np.random.Generator) -> _Place | None:
    """Parked e-bikes of a real photo, or one set into a street or a room."""
    if rng.random() < 0.6:
        records = [r for r in sources.records_with("ebike") if r.scene in (_OUTDOOR, "indoor")]
        if not records:
            return None
        ground = sources.pick(records, rng)
        vehicles = parked_vehicles(ground)
        return _Place(ground, ground.ignore, vehicles, vehicles[0].px_per_m) if vehicles else None
    if rng.random() < 0.45:
        records = [r for r in sources.rooms if _has_floor(sources, r)]
    else:
        records = [r for r in sources.records if _is_street(sources, r)]
    records = [r for r in records if _is_view(sources, r)]
    return _set_in(sources, sources.pick(records, rng), rng) if records else None


def _is_street(sources: Sources, record: PhotoRecord) -> bool:
    """An outdoor photo with ground to stand on."""
    if record.scene != _OUTDOOR:
        return False
    named = any(name in record.source for name in _STREET_SOURCES)
    return named or any(_shows(sources, record, name) for name in ("vehicle", "door"))


def _has_floor(sources: Sources, record: PhotoRecord) -> bool:
    """A whole door with floor before it: it tells the scale."""
    rows = sources.labels[record.stem]
    doors = rows.cxcywh[rows.class_id == sources.class_id("door")]
    feet = doors[:, 1] + doors[:, 3] / 2
    return bool(((feet > 0.5) & (feet < 0.97) & (doors[:, 3] > 0.3)).any())


def _is_view(sources: Sources, record: PhotoRecord) -> bool:
    """A view of a place, not a picture of one thing or person; without a cord of its own."""
    if _shows(sources, record, "power_cable"):
        return False
    rows = sources.labels[record.stem]
    close = {sources.class_id(name): share for name, share in _CLOSE_UP.items()}
    return all(
        float(box[3]) < close.get(int(c), 1.1) for c, box in zip(rows.class_id, rows.cxcywh, strict=True)
    )


def _shows(sources: Sources, record: PhotoRecord, name: str) -> bool:
    return bool((sources.labels[record.stem].class_id == sources.class_id(name)).any())


def _set_in(sources: Sources, ground: Ground, rng: np.random.Generator) -> _Place | None:
    """One to three e-bike cut-outs on the floor of a ground."""
    stage = Stage.on(ground)
    floor = _floor_of(ground)
    h, w = ground.hw
    highest = min(max(floor.foot_y, 0.6 * h), 0.95 * h) if floor.foot_y < h else 0.7 * h
    feet = np.sort(rng.uniform(highest, 1.04 * h, int(rng.choice([1, 1, 2, 3]))))
    figures: list[Figure] = []
    for foot_y in feet:
        cutout = sources.draw_cutout(["ebike"], rng)
        if cutout is None:
            return None
        cutout = replace(cutout.mirrored() if rng.random() < 0.5 else cutout)
        cutout = replace(cutout, bgra=warp(cutout.bgra, rng, tilt=0.04))
        height = float(
            np.clip(1.05 * floor.scale_at(float(foot_y)) * rng.uniform(0.9, 1.1), 0.16 * h, 0.8 * h)
        )
        figure = stage.stand(
            cutout,
            (float(rng.uniform(0.1, 0.9)) * w, float(foot_y)),
            height,
            rng,
            squeeze=float(rng.uniform(0.6, 1.0)),
        )
        figures += [figure] if figure is not None else []
    labels, ignore = stage.label()
    painted = Ground(stage.photo, labels, ignore, ground.record, ground.classes)
    vehicles = [_parked(figure, ground.hw) for figure in figures if figure.visible_share > 0.6]
    parts = " ".join(figure.stem for figure in figures)
    return _Place(painted, ignore, vehicles, vehicles[0].px_per_m, parts) if vehicles else None


def _floor_of(ground: Ground) -> Floor:
    """The floor before the tallest whole door, else one of a level camera."""
    doors = [box for box in ground.boxes("door") if box[3] < 0.97 * ground.hw[0]]
    if not doors:
        return floor_by_horizon(ground.hw)
    return floor_at_door(max(doors, key=lambda box: float(box[3] - box[1])))


def _parked(figure: Figure, hw: tuple[int, int]) -> Parked:
    box = mask_box(figure.visible)
    return Parked(box, metre_of(box, hw), figure.visible.astype(np.uint8) * 255)


def _metre_on(ground: Ground, rng: np.random.Generator) -> float:
    """Pixels of a metre: by a door where one is seen, else by a guess of how wide the view is."""
    doors = ground.boxes("door")
    if len(doors):
        return max(float(doors[0][3] - doors[0][1]) / 2.05, 0.1 * max(ground.hw))
    return max(ground.hw) * float(rng.uniform(0.2, 0.45))


def _scene_of(place: _Place, photo: Picture) -> CordScene:
    return CordScene(
        place.vehicles,
        covers(place.vehicles, place.ground.hw),
        [as_box(box) for box in place.ground.boxes("door")],
        place.px_per_m,
        blur_of(photo),
    )


def _composed(
    sources: Sources, place: _Place, photo: Picture, index: int, variant: str,
    cables: tuple[Cable, ...] = (), drawn: Drawn | None = None,
) -> Composed:  # fmt: skip
    ground, strip = place.ground, sources.class_id("power_strip")
    drawn = drawn or Drawn(ground.hw)
    cords = whole_rows(cables, ground.hw, sources.class_id("power_cable"))
    pair = f"compose_cable_{index:05d}"
    return Composed(
        f"{pair}_{variant}",
        photo,
        concat_rows(ground.labels, cords, drawn.rows(strip)),
        concat_rows(place.ignore, drawn.unsure(strip)),
        _expect(place, pair, variant, has_wires=bool(cables)),
        {**manifest_of(ground, sources.split), "parts": place.parts},
        tuple(cable.to_json() for cable in cables),
    )


def _expect(place: _Place, pair: str, variant: str, *, has_wires: bool) -> Expectation:
    """What the rules must say, given the scene of the ground."""
    scene = rule_scene(place.ground)
    record = place.ground.record
    tag = record.scene if record is not None else ""
    charged = variant in ("flying", "strip_alone")
    wires = ("telecom_wires",) if has_wires and not charged else ()
    if tag == _OUTDOOR:
        outside = ("ebike_outdoors",) if place.vehicles else ()
        return Expectation(pair, variant, scene, (_HAZARD,) if charged else (), (), wires + outside)
    if variant == "strip_alone" or not place.vehicles:
        return Expectation(pair, variant, scene, (_HAZARD,) if charged else (), _OTHER_HAZARDS, wires)
    optional = ((_HAZARD,) if charged else ()) + _OTHER_HAZARDS
    if tag in _UNCERTAIN_PLACES or (record is not None and is_door_photo(record) and scene is None):
        return Expectation(pair, variant, scene, (), (_INDOOR, *optional), wires)
    return Expectation(pair, variant, scene, (_INDOOR,), optional, wires)
