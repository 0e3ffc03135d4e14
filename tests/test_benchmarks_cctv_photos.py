"""Days before cameras whose pictures are photos: what counts as found, told again and false, by hand."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

sys.path.insert(0, str(Path(__file__).parent))

from firewarden.benchmarks.cctv_photos import HAPPENINGS, State, measure_photo_days, photos_page, read_places
from firewarden.benchmarks.cctv_stage import CLASSES, MANIFEST
from firewarden.detections import Detections
from firewarden.inference.detector import Sight

BRIGHT = 250  # grey level of the thing that is an e-bike


class ByShade:
    """A detector that tells pictures by their shade, whatever the light (which takes at most two fifths of it)."""

    manifest = MANIFEST

    def __init__(self, *, blind: bool = False, ghost: bool = False) -> None:
        self.blind, self.ghost, self.looks = blind, ghost, 0

    def see(self, image):
        self.looks += 1
        shade = image.pixels[80:150, 110:210].mean() / image.pixels[80:150, :80].mean()
        names = ["ebike"] if shade > 1.3 and not self.blind else []
        names += ["carton"] if self.ghost else []
        h, w = image.original_hw
        boxes = np.array([(0.3, 0.4, 0.7, 0.9)] * len(names), np.float32).reshape(-1, 4) * (w, h, w, h)
        return Sight(
            Detections(
                boxes.astype(np.float32),
                np.full(len(names), 0.9, np.float32),
                np.array([CLASSES.index(name) for name in names], np.int64),
            ),
            {},
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two places: one with an e-bike now and then, one where nothing is ever expected."""
    tmp_path = tmp_path_factory.mktemp("places")
    (tmp_path / "images").mkdir()
    rows = {
        "a_clear": ("a", "clear", []), "a_ebike": ("a", "ebike", ["indoor_ebike"]),
        "b_clear": ("b", "clear", []), "b_street": ("b", "street", []), "alone": (None, None, ["indoor_ebike"]),
    }  # fmt: skip
    rough = np.random.default_rng(1).normal(0, 12, (180, 320, 1))  # a picture without structure is not judged
    wall = (
        np.clip(np.linspace(90, 150, 180)[:, None, None] + rough, 0, 255).astype(np.uint8).repeat(3, axis=2)
    )
    for stem, (_, _, hazards) in rows.items():
        picture = wall.copy()
        if hazards:
            picture[72:162, 96:224] = BRIGHT
        PillowImage.fromarray(picture).save(tmp_path / "images" / f"{stem}.png")
    (tmp_path / "classes.txt").write_text("\n".join(CLASSES))
    table = {
        stem: {"pair": pair, "variant": variant, "hazards": hazards, "scene": "evacuation_corridor"}
        for stem, (pair, variant, hazards) in rows.items()
    }
    (tmp_path / "expect.json").write_text(json.dumps(table))
    return tmp_path


@pytest.fixture(scope="module")
def detector() -> ByShade:
    return ByShade()


@pytest.fixture(scope="module")
def told(folder: Path, detector: ByShade, rules):
    """A day of the place with the e-bike."""
    return measure_photo_days(read_places(folder), detector, rules, lambda text: None)


def test_a_place_has_an_empty_picture_and_one_with_a_hazard(folder: Path) -> None:
    (place,) = read_places(folder)
    assert (place.name, place.scene, place.empty.variant) == ("a", "evacuation_corridor", "clear")
    assert [(state.variant, state.hazards) for state in place.states] == [
        ("ebike", frozenset({"indoor_ebike"}))
    ]


def test_every_happening_gets_one_event(told, detector: ByShade) -> None:
    (row,) = told["hazards"]
    assert (row["hazard"], row["recall"]["hits"], row["recall"]["n"]) == (
        "indoor_ebike",
        HAPPENINGS,
        HAPPENINGS,
    )
    assert told["summary"]["duplicates"] == told["summary"]["false_per_camera_day"] == 0
    assert 0 < told["summary"]["looked_at"] < 0.2
    assert detector.looks < 30  # two states, three lights, three noises at most: the rest is remembered


@pytest.mark.parametrize(("hazard", "events"), [("indoor_ebike", 2), ("blocked_exit", 1)])
def test_events_are_due_for_each_object_where_the_rules_say_so(hazard: str, events: int, rules) -> None:
    state = State("full", np.zeros((1, 1, 3), np.uint8), frozenset({hazard}), {"ebike": 2, "carton": 3})
    assert state.events_of(hazard, rules.cctv.objects) == events


def test_what_the_model_does_not_see_is_not_found(folder: Path, rules) -> None:
    told = measure_photo_days(read_places(folder), ByShade(blind=True), rules, lambda text: None)
    assert [(row["recall"]["hits"], row["false"]) for row in told["hazards"]] == [(0, 0)]


def test_an_event_of_another_hazard_is_false(folder: Path, rules) -> None:
    """Goods in a corridor all day long, of which the place knows nothing: one event, which never ends."""
    told = measure_photo_days(read_places(folder), ByShade(ghost=True), rules, lambda text: None)
    rows = {row["hazard"]: row for row in told["hazards"]}
    assert (rows["corridor_clutter"]["false"], rows["corridor_clutter"]["recall"]) == (1, None)
    assert told["summary"]["false_per_camera_day"] == 1


def test_the_page_says_what_was_measured(told) -> None:
    conditions = {
        "command": "firewarden bench cctv-photos", "date": "2026-01-02T03:04:05", "cpu": "a processor",
        "versions": {"firewarden": "0.1.0"}, "model": {"id": "firewarden-n", "sha256": "ab" * 32},
    }  # fmt: skip
    page = photos_page({"conditions": conditions, "data": "composed_val", **told})
    assert "| indoor_ebike | 1 | 6 of 6 (1.00, 0.61-1.00) | 0 | 0 |" in page  # Wilson, 6 of 6
    assert "model firewarden-n (`abababababab`), data `composed_val`" in page
