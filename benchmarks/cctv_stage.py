"""A drawn place before a fixed camera: staged things, a fake detector that knows them, a clock that is set by hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from firewarden.cctv.camera import Camera, Zones
from firewarden.cctv.events import EventChange
from firewarden.cctv.frame import Frame
from firewarden.cctv.watch import Watcher
from firewarden.detections import Detections
from firewarden.inference.detector import Sight
from firewarden.inference.image import Image
from firewarden.inference.inspector import Inspector
from firewarden.inference.rules import Rules
from firewarden.models.manifest import ModelManifest

CLASSES = (
    "person", "bicycle", "ebike", "vehicle", "door", "exit_sign", "extinguisher", "extinguisher_sign",
    "extinguisher_bracket", "fire_cabinet", "carton", "furniture", "clutter", "power_cable", "power_strip", "chain_lock",
)  # fmt: skip
HW = (180, 320)
Shares = tuple[float, float, float, float]  # x0, y0, x1, y1 of the picture's width and height
Pixels = NDArray[np.uint8]
CHINA = timezone(timedelta(hours=8))
START = datetime(2026, 3, 2, tzinfo=CHINA)  # a Monday
MANIFEST = ModelManifest(
    id="staged", folder=Path(), sha256="0" * 64, class_names=CLASSES, input_size=320, stride=32, layout="end2end",
    operating_points={}, default_operating_point=0.25, licence="AGPL-3.0-or-later", dataset_sha256="0" * 64,
    git_sha="unknown", metrics={},
)  # fmt: skip


def at(seconds: float) -> datetime:
    """The clock `seconds` after the start."""
    return START + timedelta(seconds=seconds)


@dataclass(frozen=True)
class Actor:
    """One thing in the place from `start_s` to `end_s`; its box in shares of the picture, or a function of time."""

    name: str
    box: Shares | Callable[[float], Shares]
    start_s: float = 0
    end_s: float = 1e9
    shade: int = 40

    def box_at(self, t: float) -> Shares:
        """Its box `t` seconds after the start."""
        return self.box(t) if callable(self.box) else self.box


@dataclass
class Stage:
    """The place at `now_s`. `miss` and `false_alarm` are chances of the fake detector, per thing and per picture."""

    actors: Sequence[Actor] = ()
    light: Callable[[float], float] = lambda _: 1.0
    miss: float = 0.0
    false_alarm: float = 0.0
    seed: int = 0
    now_s: float = 0.0
    looks: int = 0
    manifest: ModelManifest = MANIFEST
    _noisy: dict[float, list[Pixels]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)

    def here(self) -> list[Actor]:
        """What is there now."""
        return [actor for actor in self.actors if actor.start_s <= self.now_s < actor.end_s]

    def draw(self) -> Pixels:
        """The picture (h, w, 3) a camera would take now."""
        pictures = self._lit(self.light(self.now_s))
        picture = pictures[int(self.now_s) // 10 % len(pictures)].copy()
        for actor in self.here():
            x0, y0, x1, y1 = actor.box_at(self.now_s)
            picture[round(y0 * HW[0]) : round(y1 * HW[0]), round(x0 * HW[1]) : round(x1 * HW[1])] = (
                actor.shade
            )
        return picture

    def _lit(self, gain: float) -> list[Pixels]:
        """Seven pictures of the empty place under one light, each with its own sensor noise."""
        if gain not in self._noisy:
            random = np.random.default_rng(1)
            wall = np.linspace(90, 170, HW[0])[:, None, None] + random.normal(0, 12, (*HW, 1))
            noise = [random.normal(0, 3, (*HW, 3)) for _ in range(7)]
            self._noisy[gain] = [np.clip(wall * gain + n, 0, 255).astype(np.uint8) for n in noise]
        return self._noisy[gain]

    def see(self, image: Image) -> Sight:
        """What a detector would: staged things, some missed, now and then one that is not there."""
        self.looks += 1
        rows = [
            (actor.name, self._jitter(actor.box_at(self.now_s)))
            for actor in self.here()
            if self._random.random() >= self.miss
        ]
        if self._random.random() < self.false_alarm:
            x, y = self._random.uniform(0, 0.8), self._random.uniform(0.3, 0.7)
            rows.append((["ebike", "carton"][int(self._random.integers(2))], (x, y, x + 0.2, y + 0.3)))
        h, w = image.original_hw
        return Sight(
            Detections(
                np.array([box for _, box in rows], np.float32).reshape(-1, 4)
                * np.array([w, h, w, h], np.float32),
                np.full(len(rows), 0.8, np.float32),
                np.array([CLASSES.index(name) for name, _ in rows], np.int64),
            ),
            {},
        )

    def _jitter(self, box: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(np.clip(np.array(box) + self._random.normal(0, 0.005, 4), 0, 1).tolist())


def camera(**changes: Any) -> Camera:
    """A corridor camera, with what a test changes."""
    values: dict[str, Any] = {
        "id": "cam-1", "name": "corridor", "venue": "v-1", "venue_type": "rental_housing",
        "scene": "evacuation_corridor", "sample_every_s": 10.0, "retention_days": 30,
    }  # fmt: skip
    return Camera(**(values | changes))


def zones(**kinds: Any) -> Zones:
    """Zones by kind, each a list of polygons."""
    return Zones(**{kind: tuple(polygons) for kind, polygons in kinds.items()})


def watcher(stage: Stage, rules: Rules, **changes: Any) -> Watcher:
    """A watch over the stage, by the clock of the stage."""
    return Watcher(camera(**changes), Inspector(stage, rules), lambda: at(stage.now_s))


class Played(Protocol):
    """A place that is looked at as time goes on."""

    now_s: float

    def draw(self) -> Pixels: ...


def play(
    stage: Played, watch: Watcher, until_s: float, *, every_s: float = 10.0
) -> list[tuple[float, EventChange]]:
    """Changes of events from now to `until_s`, each with the second it came."""
    changes = []
    while stage.now_s < until_s:
        frame = Frame(watch.camera.id, stage.draw(), at(stage.now_s))
        changes += [(stage.now_s, change) for change in watch.see(frame)]
        stage.now_s += every_s
    return changes
