"""Scenes, pedal bicycles and shares of places, counted by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firewarden.detections import Detections
from firewarden.models.manifest import ModelManifest
from firewarden.training.evaluated_data import ListedPhoto
from firewarden.training.expectations import Expectation
from firewarden.training.figures import MeasuredPhoto, figures_of, score_bicycles, score_ebikes_indoors
from firewarden.training.metrics import GroundTruth, match_photo
from firewarden.training.scene_scores import nameable_scene, score_scenes
from firewarden.training.shares import NOTHING, Places

NETWORK = ("elevator_car", "evacuation_corridor", "indoor", "outdoor_open")
MANIFEST = ModelManifest(
    id="m", folder=Path(), sha256="", class_names=("bicycle", "ebike"), input_size=64, stride=32, layout="end2end",
    operating_points={"ebike": 0.5}, default_operating_point=0.25, licence="", dataset_sha256="", git_sha="", metrics={},
)  # fmt: skip
NO_BOXES = np.empty((0, 4), np.float32)


def photo_of(
    bicycles: list[list[float]], ebikes: list[list[float]], confidence: float, place: str
) -> MeasuredPhoto:
    """A photo with labelled bicycles and detected e-bikes, all of one confidence."""
    seen = Detections(
        np.array(ebikes, np.float32).reshape(-1, 4), np.full(len(ebikes), confidence, np.float32),
        np.ones(len(ebikes), np.int64),
    )  # fmt: skip
    boxes = np.array(bicycles, np.float32).reshape(-1, 4)
    truth = GroundTruth(np.zeros(len(boxes), np.int64), boxes, np.empty(0, np.int64), NO_BOXES)
    return MeasuredPhoto(
        ListedPhoto(Path(f"{place}.jpg"), place),
        (100, 100),
        truth,
        seen,
        match_photo(seen, truth),
        {},
        None,
        None,
    )


@pytest.mark.parametrize(
    ("ebike", "confidence", "called"),
    [
        pytest.param([0, 0, 10, 10], 0.5, 1, id="same box at the operating point"),
        pytest.param([0, 0, 10, 10], 0.49, 0, id="below it"),
        pytest.param([0, 0, 10, 5], 0.9, 1, id="half of it: IoU exactly 0.5"),
        pytest.param([0, 0, 10, 4], 0.9, 0, id="IoU 0.4"),
    ],
)
def test_a_pedal_bicycle_called_an_ebike(ebike: list[float], confidence: float, called: int) -> None:
    photos = [
        photo_of([[0, 0, 10, 10], [50, 50, 60, 60]], [ebike], confidence, "p"),
        photo_of([], [], 0.9, "q"),
    ]
    share = score_bicycles(photos, MANIFEST, Places.of(["p", "q"], draws=10))
    assert (share.n, share.count) == (2, called)


def in_scene(tag: str, *, labelled: list[float] | None, seen: list[float] | None) -> MeasuredPhoto:
    """A photo of a place with at most one labelled and one detected e-bike."""
    photo = photo_of([], [seen] if seen else [], 0.9, tag)
    boxes = np.array([labelled] if labelled else [], np.float32).reshape(-1, 4)
    truth = GroundTruth(np.ones(len(boxes), np.int64), boxes, np.empty(0, np.int64), NO_BOXES)
    listed = replace(photo.listed, scene_tag=tag)
    return replace(photo, listed=listed, truth=truth, match=match_photo(photo.detections, truth))


def test_ebikes_indoors_leave_out_streets_and_places_nobody_told() -> None:
    box = [0.0, 0.0, 10.0, 10.0]
    found = in_scene("elevator_car", labelled=box, seen=box)
    missed = in_scene("corridor", labelled=box, seen=None)
    others = [in_scene("outdoor", labelled=box, seen=None), in_scene("", labelled=box, seen=None)]
    row = score_ebikes_indoors([found, missed, *others], MANIFEST, draws=5)
    # one of two is found, nothing false: precision 1 at the 51 recall points 0.00 to 0.50, of 101
    assert row is not None
    assert (row.n, row.map50) == (2, pytest.approx(51 / 101))
    assert score_ebikes_indoors(others, MANIFEST, draws=5) is None


def test_no_photos_are_a_value() -> None:
    figures = figures_of([], MANIFEST, "real", draws=5)
    assert (figures.images, figures.metrics.map50, figures.per_hazard, figures.clean_photos) == (
        0,
        None,
        {},
        NOTHING,
    )
    assert figures.to_json()["scene"] is None


@pytest.mark.parametrize(
    ("scene", "said"),
    [("stairwell", "evacuation_corridor"), ("private_room", "indoor"), ("fire_lane", "outdoor_open"),
     ("elevator_car", "elevator_car"), ("nowhere", None)],
)  # fmt: skip
def test_a_scene_is_asked_for_as_narrowly_as_the_model_can_name_it(scene: str, said: str | None) -> None:
    assert nameable_scene(scene, NETWORK) == said


def test_scenes_counted_by_hand() -> None:
    expected = ["stairwell", "elevator_car", "outdoor_open", "private_room", None, "unknown", "corridor?"]
    said = ["evacuation_corridor", "indoor", "unknown", "outdoor_open", "indoor", "indoor", "indoor"]
    score = score_scenes(expected, said, NETWORK, Places.of(list("abcdefg"), draws=10))
    assert (score.exact.n, score.exact.count) == (4, 1)
    assert (score.sides.n, score.sides.count, score.unknown) == (4, 2, 1)  # stairwell and lift are indoors
    assert score.confusion["elevator_car"] == {"indoor": 1}


def test_shares_draw_places_not_photos() -> None:
    places = Places.of(["p", "p", "q", "q"], draws=200)
    assert places.share([1, 0, 0, 1], [1, 1, 1, 1]).ci == (0.5, 0.5)  # one of two in each place
    assert places.share([1, 1, 0, 0], [1, 1, 1, 1]).ci == (0.0, 1.0)
    assert places.share([1, 0, 0, 0], [1, 1, 0, 0]).ci is None  # counted in one place only
    assert places.share([0] * 4, [0] * 4) == NOTHING


@pytest.mark.parametrize(
    ("stated", "source", "origin"),
    [("rendered", "composed", "rendered"), (None, "composed on lo_", "composed"), (None, "lo_", "real")],
)
def test_the_origin_of_a_photo(stated: str | None, source: str, origin: str) -> None:
    expected = Expectation(frozenset(), frozenset(), False, None, origin=stated)
    photo = ListedPhoto(Path("a.jpg"), "p", source=source, expected=expected)
    assert photo.origin == origin
    assert replace(photo, scene_tag="lobby").scene == "public_lobby"
