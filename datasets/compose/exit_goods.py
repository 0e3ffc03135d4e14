"""Which goods to set before, beside or far before a door: where, how large, until they obstruct it as much as wanted."""

from dataclasses import dataclass, replace

import numpy as np

from firewarden.datasets.compose.bicycles import BICYCLE_HEIGHT_M, bicycle_cutout
from firewarden.datasets.compose.cutouts import Cutout
from firewarden.datasets.compose.ground import Floor, Ground, floor_at_door
from firewarden.datasets.compose.judged import Boxes, obstruction
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.paste import warp

BANDS = {"partly": (0.27, 0.5), "blocked": (0.55, 1.0)}  # of the larger of zone cover and lower-half overlap
_MAX_ITEMS = 9
_MAX_OVER_OTHERS = 0.12  # of an item, over labelled things of the photo: some of them stand nearer than it
_GOODS = {"carton": 0.54, "furniture": 0.08, "clutter": 0.22, "bicycle": 0.1, "ebike": 0.06}
_HEIGHT_M = {
    "carton": (0.3, 0.7), "furniture": (0.7, 1.2), "clutter": (0.35, 0.8), "ebike": (1.0, 1.15),
    "bicycle": BICYCLE_HEIGHT_M,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """A thing to set down: where its base is, how high and wide it will be, in pixels."""

    cutout: Cutout
    foot: tuple[float, float]
    height: float
    width: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        x, y = self.foot
        return x - self.width / 2, y - self.height, x + self.width / 2, y


def plan_goods(
    sources: Sources, ground: Ground, door: Boxes, variant: str, rng: np.random.Generator
) -> list[Item]:
    """Things whose boxes bring the obstruction into the variant's band; empty where the draws did not get there."""
    floor = floor_at_door(door)
    if variant == "far":
        item = _far_item(sources, ground, door, floor, rng)
        return [item] if item is not None and _is_clear(ground, item) else []
    if variant == "beside":
        drawn = [_beside_item(sources, ground, door, floor, rng) for _ in range(int(rng.integers(1, 4)))]
        return [item for item in drawn if item is not None and _is_clear(ground, item)]
    low, high = BANDS[variant]
    items: list[Item] = []
    for _ in range(_MAX_ITEMS):
        item = _zone_item(sources, ground, door, floor, rng, items)
        if item is None or not _is_clear(ground, item):
            continue
        ratio = max(obstruction(door, _boxes([*items, item], ground)))
        if ratio <= high:
            items.append(item)
        if low <= ratio <= high:
            return items
    return []


def _is_clear(ground: Ground, item: Item) -> bool:
    """Whether the item lies over none of the photo's own things, doors and signs apart, by more than a little."""
    names = [name for name in ground.classes if name not in ("door", "exit_sign", "extinguisher_sign")]
    others, box = ground.boxes(*names), np.array(item.box, np.float32)
    shared = (np.minimum(others[:, 2:], box[2:]) - np.maximum(others[:, :2], box[:2])).clip(0).prod(axis=1)
    return bool((shared <= _MAX_OVER_OTHERS * item.width * item.height).all())


def _boxes(items: list[Item], ground: Ground) -> Boxes:
    h, w = ground.hw
    boxes = np.array([item.box for item in items], np.float32).reshape(-1, 4)
    return np.asarray(boxes.clip(0, [w, h, w, h]), np.float32)


def _draw(sources: Sources, rng: np.random.Generator) -> Cutout | None:
    names, weights = list(_GOODS), np.array(list(_GOODS.values()))
    name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    cutout = bicycle_cutout(rng) if name == "bicycle" else sources.draw_cutout([name], rng)
    if cutout is None:
        return None
    cutout = cutout.mirrored() if rng.random() < 0.5 else cutout
    return Cutout(warp(cutout.bgra, rng, tilt=0.02), cutout.name, cutout.stem)


def _sized(cutout: Cutout, x: float, y: float, floor: Floor, rng: np.random.Generator) -> Item:
    """An item at its size in metres at that spot. Wide flat things are held to 1.8 m."""
    metres = float(rng.uniform(*_HEIGHT_M[cutout.name]))
    aspect = cutout.bgra.shape[1] / cutout.bgra.shape[0]
    metres = min(metres, 1.8 / aspect)
    height = metres * floor.scale_at(y)
    return Item(cutout, (x, y), height, height * aspect)


def _zone_item(
    sources: Sources, ground: Ground, door: Boxes, floor: Floor, rng: np.random.Generator, items: list[Item]
) -> Item | None:
    """Something on the floor before the door, or a carton on one that stands there already."""
    cutout = _draw(sources, rng)
    if cutout is None:
        return None
    height, width = float(door[3] - door[1]), float(door[2] - door[0])
    cartons = [item for item in items if item.cutout.name == "carton" and item.height > 12]
    if cutout.name == "carton" and cartons and rng.random() < 0.35:
        below = cartons[int(rng.integers(len(cartons)))]
        x = below.foot[0] + float(rng.uniform(-0.12, 0.12)) * below.width
        size = float(rng.uniform(0.6, 0.95)) * below.width
        tall = size * cutout.bgra.shape[0] / cutout.bgra.shape[1]
        return Item(cutout, (x, below.foot[1] - 0.93 * below.height), tall, size)
    depth = min(0.45 * height, ground.hw[0] - 1 - float(door[3]))
    y = float(door[3]) + depth * float(rng.uniform(0.05, 1.0))
    x = float(door[0]) + width * float(rng.uniform(0.0, 1.0))
    return _sized(cutout, x, y, floor, rng)


def _beside_item(
    sources: Sources, ground: Ground, door: Boxes, floor: Floor, rng: np.random.Generator
) -> Item | None:
    """Something along the wall next to the door, clear of its zone."""
    cutout = _draw(sources, rng)
    if cutout is None:
        return None
    h, w = ground.hw
    height, width = float(door[3] - door[1]), float(door[2] - door[0])
    y = min(float(door[3]) + height * float(rng.uniform(0.02, 0.16)), h - 1.0)
    item = _sized(cutout, 0.0, y, floor, rng)
    gap = width * float(rng.uniform(0.1, 0.5)) + item.width / 2
    sides = [
        x for x in (float(door[0]) - gap, float(door[2]) + gap) if 0.2 * item.width < x < w - 0.2 * item.width
    ]
    if not sides:
        return None
    return replace(item, foot=(sides[int(rng.integers(len(sides)))], y))


def _far_item(
    sources: Sources, ground: Ground, door: Boxes, floor: Floor, rng: np.random.Generator
) -> Item | None:
    """A large thing near the camera, its base below the door's zone, before the door as the camera sees it."""
    cutout = _draw(sources, rng)
    if cutout is None:
        return None
    height, width = float(door[3] - door[1]), float(door[2] - door[0])
    y = float(door[3]) + height * float(rng.uniform(0.66, 1.0))
    x = float(door[0]) + width * float(rng.uniform(0.1, 0.9))
    return _sized(cutout, x, y, floor, rng)
