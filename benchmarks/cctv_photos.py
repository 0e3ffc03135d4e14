"""Simulated days before cameras whose pictures are photos: a place is an untouched photo, what happens there its edited
copies, and the model, rules, gate and trackers are those that serve.

A picture stands still but for light and sensor noise, so a day asks the same few pictures again and again: what the model
does not see in them it never sees. The days say what becomes of that over time: which happenings get their event, which get
two, and what a day of light and noise makes of a place where nothing happens.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firewarden.benchmarks.cctv_day import DAY_S, EVERY_S, light
from firewarden.benchmarks.cctv_stage import at, camera, play
from firewarden.benchmarks.stats import share_of
from firewarden.benchmarks.tables import table
from firewarden.cctv.events import ChangeKind, Event
from firewarden.cctv.watch import Watcher
from firewarden.datasets.labels import read_classes, read_labels
from firewarden.inference.detector import Detector, Sight
from firewarden.inference.image import Image, decode_image
from firewarden.inference.inspector import Inspector
from firewarden.inference.rules import Rules
from firewarden.models.manifest import ModelManifest
from firewarden.training.expectations import Expectation, read_expectations

HAPPENINGS = 6  # a day
UNTAGGED = "indoor"  # scene of a place whose pictures are not tagged
_NOISES, _NOISE = 3, 2.0  # pictures of one state and light, grey levels of their noise
_LONGEST_S, _SHORTEST_S = 3600.0, 240.0
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class State:
    """What a place can look like, and the hazards that are then to be told of: so many objects are labelled of each class."""

    variant: str
    pixels: Pixels
    hazards: frozenset[str]
    labelled: Mapping[str, int]

    def events_of(self, hazard: str, objects: Mapping[str, Sequence[str]]) -> int:
        """Events that are due: one for each object where the rules say that each is its own happening, else one."""
        return max(1, sum(self.labelled.get(name, 0) for name in objects.get(hazard, ())))


@dataclass(frozen=True, slots=True)
class Place:
    """A photo without hazards, its edited copies, and hazards that may be told of or not in any of them."""

    name: str
    scene: str
    empty: State
    states: tuple[State, ...]
    optional: frozenset[str]


@dataclass(frozen=True, slots=True)
class Happening:
    """A state from `start_s` to `end_s`."""

    state: State
    start_s: float
    end_s: float


@dataclass
class PhotoStage:
    """A place at `now_s` through the eyes of `detector`, which looks at each picture once."""

    happenings: Sequence[Happening]
    empty: State
    detector: Detector
    seed: int
    now_s: float = 0.0
    looks: int = 0
    _pictures: dict[tuple[str, float, int], Pixels] = field(default_factory=dict)
    _seen: dict[tuple[str, float, int], Sight] = field(default_factory=dict)

    @property
    def manifest(self) -> ModelManifest:
        return self.detector.manifest

    def draw(self) -> Pixels:
        """The picture (h, w, 3) BGR a camera would take now."""
        key = self._key()
        if key not in self._pictures:
            _, gain, number = key
            random = np.random.default_rng((self.seed, number))
            noise = random.normal(0, _NOISE, self.empty.pixels.shape)
            self._pictures[key] = np.clip(self._state().pixels * gain + noise, 0, 255).astype(np.uint8)
        return self._pictures[key]

    def see(self, image: Image) -> Sight:
        """What the detector sees in the picture of now."""
        self.looks += 1
        key = self._key()
        if key not in self._seen:
            self._seen[key] = self.detector.see(image)
        return self._seen[key]

    def _state(self) -> State:
        return next((h.state for h in self.happenings if h.start_s <= self.now_s < h.end_s), self.empty)

    def _key(self) -> tuple[str, float, int]:
        return self._state().variant, light(self.now_s), int(self.now_s / EVERY_S) % _NOISES


@dataclass(frozen=True, slots=True)
class PhotoDay:
    """One day of a place. `found` and `staged` count (happening, hazard); `again` are events that tell of one once more,
    beyond its objects, `false` the hazards of events that tell of none."""

    place: str
    staged: Counter[str]
    found: Counter[str]
    again: int
    false: Counter[str]
    frames: int
    looks: int


def read_places(folder: Path) -> list[Place]:
    """Places of a folder of made pictures with expect.json, in the order of their names: those with a picture that expects
    nothing and one that expects a hazard."""
    rows: dict[str, list[tuple[str, Expectation]]] = defaultdict(list)
    for stem, expected in sorted(read_expectations(folder / "expect.json").items()):
        if expected.pair and not expected.ambiguous:
            rows[expected.pair].append((stem, expected))
    places = (_place(folder, name, members) for name, members in rows.items())
    return [place for place in places if place is not None]


def _place(folder: Path, name: str, members: Sequence[tuple[str, Expectation]]) -> Place | None:
    empty = next((m for m in members if m[1].variant in ("clear", "untouched") and not m[1].hazards), None)
    if empty is None or not any(expected.hazards for _, expected in members):
        return None
    first = _state(folder, *empty)
    states = [_state(folder, *member) for member in members if member is not empty]
    fitting = tuple(state for state in states if state.pixels.shape == first.pixels.shape)
    optional = frozenset(hazard for _, expected in members for hazard in expected.optional)
    return Place(name, empty[1].scene or UNTAGGED, first, fitting, optional)


def _state(folder: Path, stem: str, expected: Expectation) -> State:
    path = next(iter(sorted((folder / "images").glob(f"{stem}.*"))))
    classes = read_classes(folder)
    labelled = Counter(
        classes[row] for row in read_labels(folder / "labels" / f"{stem}.txt").class_id.tolist()
    )
    return State(expected.variant or stem, decode_image(path.read_bytes()).pixels, expected.hazards, labelled)


def staged_day(place: Place, seed: int) -> list[Happening]:
    """`HAPPENINGS` of the place's states in turn, 4 to 60 minutes each, with at least an hour between two."""
    random = np.random.default_rng(seed)
    room = DAY_S / HAPPENINGS
    happenings = []
    for number in range(HAPPENINGS):
        start = number * room + random.uniform(600, room - 2 * _LONGEST_S)
        length = random.uniform(_SHORTEST_S, _LONGEST_S)
        happenings.append(Happening(place.states[number % len(place.states)], start, start + length))
    return happenings


def play_day(place: Place, detector: Detector, rules: Rules, seed: int) -> PhotoDay:
    """One day, a frame every 10 s; the camera's scene is that of the place."""
    happenings = staged_day(place, seed)
    stage = PhotoStage(happenings, place.empty, detector, seed)
    watch = Watcher(camera(scene=place.scene), Inspector(stage, rules), lambda: at(stage.now_s))
    opened = [c.event for _, c in play(stage, watch, DAY_S, every_s=EVERY_S) if c.kind is ChangeKind.OPENED]
    return judge_day(place, happenings, opened, rules.cctv.objects, watch.watch.health.frames, stage.looks)


def judge_day(
    place: Place,
    happenings: Sequence[Happening],
    opened: Iterable[Event],
    objects: Mapping[str, Sequence[str]],
    frames: int,
    looks: int,
) -> PhotoDay:
    """Which events tell of what: the hazard of a happening, begun while it lasted. `objects` are the classes of hazards whose
    every object is its own happening."""
    told: Counter[tuple[int, str]] = Counter()
    false: Counter[str] = Counter()
    for event in opened:
        number = next(
            (n for n, h in enumerate(happenings) if at(h.start_s) <= event.first_seen <= at(h.end_s)), None
        )
        if number is not None and event.hazard in happenings[number].state.hazards:
            told[number, event.hazard] += 1
        elif event.hazard not in place.optional:
            false[event.hazard] += 1
    staged = Counter(hazard for happening in happenings for hazard in happening.state.hazards)
    found = Counter(hazard for _, hazard in told)
    due = {(n, hazard): happenings[n].state.events_of(hazard, objects) for n, hazard in told}
    again = sum(max(0, count - due[key]) for key, count in told.items())
    return PhotoDay(place.name, staged, found, again, false, frames, looks)


def measure_photo_days(
    places: Sequence[Place], detector: Detector, rules: Rules, on_step: Callable[[str], None]
) -> dict[str, Any]:
    """A day for each place: `summary`, a row for each hazard, one for each place."""
    days = []
    for seed, place in enumerate(places):
        on_step(f"{place.name} ({seed + 1} of {len(places)})")
        days.append(play_day(place, detector, rules, seed))
    hazards = sorted({hazard for day in days for hazard in (*day.staged, *day.false)})
    return {
        "summary": {
            "days": len(days),
            "false_per_camera_day": round(sum(day.false.total() for day in days) / len(days), 4),
            "duplicates": sum(day.again for day in days),
            "looked_at": round(sum(day.looks for day in days) / sum(day.frames for day in days), 4),
        },
        "hazards": [_hazard_row(hazard, days) for hazard in hazards],
        "places": [_place_row(day) for day in days],
    }


def _hazard_row(hazard: str, days: Sequence[PhotoDay]) -> Mapping[str, Any]:
    mine = [day for day in days if day.staged[hazard]]
    found, staged = (sum(getattr(day, name)[hazard] for day in mine) for name in ("found", "staged"))
    return {
        "hazard": hazard,
        "places": len(mine),
        "recall": share_of(found, staged).to_json() if staged else None,
        "false": sum(day.false[hazard] for day in days),
        "days_with_false": sum(day.false[hazard] > 0 for day in days),
    }


def _place_row(day: PhotoDay) -> Mapping[str, Any]:
    return {
        "place": day.place,
        "staged": day.staged.total(),
        "found": day.found.total(),
        "again": day.again,
        "false": dict(day.false),
        "looked_at": round(day.looks / day.frames, 4),
    }


def photos_page(told: Mapping[str, Any]) -> str:
    """The result as a Markdown page."""
    conditions, sums = told["conditions"], told["summary"]
    model = conditions["model"]
    return "\n".join(
        [
            "# Simulated days before cameras, with photos and the model that ships",
            "",
            (
                f"Written by `{conditions['command']}`; do not edit. {conditions['date'][:10]}, FireWarden "
                f"{conditions['versions']['firewarden']}, {conditions['cpu']}, model {model['id']} (`{model['sha256'][:12]}`), "
                f"data `{told['data']}`."
            ),
            "",
            (
                f"{sums['days']} days of 24 h, one frame every {EVERY_S:g} s, each before an untouched photo of a place of its "
                f"own. {HAPPENINGS} times a day one of the photo's edited copies takes its place for 4 to 60 minutes; lamps are off "
                "at night, a cloud comes at noon, the sensor is noisy. A picture stands still otherwise: what the model does not "
                "see in an edited copy it does not see all the while, so recall is about that of single pictures "
                "(`firewarden evaluate`), and these days tell what light, noise and time add: second events, and false ones."
            ),
            "",
            *table(
                ["measured", "value"],
                [
                    ["false events per camera and day", f"{sums['false_per_camera_day']:g}"],
                    ["events beyond one for each thing", sums["duplicates"]],
                    ["frames looked at", f"{sums['looked_at']:.1%}"],
                ],
            ),
            "",
            *table(
                ["hazard", "places", "happenings found", "false events", "days with one"],
                [_told_hazard(row) for row in told["hazards"]],
            ),
            "",
            *table(
                ["place", "staged", "found", "again", "false", "looked at"],
                [_told_place(row) for row in told["places"]],
            ),
            "",
        ]
    )


def _told_hazard(row: Mapping[str, Any]) -> list[Any]:
    recall = row["recall"]
    found = (
        f"{recall['hits']} of {recall['n']} ({recall['value']:.2f}, {recall['low']:.2f}-{recall['high']:.2f})"
        if recall
        else None
    )
    return [row["hazard"], row["places"], found, row["false"], row["days_with_false"]]


def _told_place(row: Mapping[str, Any]) -> list[Any]:
    false = ", ".join(f"{count} {hazard}" for hazard, count in row["false"].items())
    return [row["place"], row["staged"], row["found"], row["again"], false or None, f"{row['looked_at']:.1%}"]
