"""Hazard scores, counted by hand on a few photos."""

import json
from pathlib import Path
from typing import Any

import pytest

from firewarden.errors import DatasetError
from firewarden.inference.rules_file import load_rules
from firewarden.training.expectations import Expectation, read_expectations
from firewarden.training.hazard_scores import PhotoHazards, hazard_couples, score_hazards

NONE: frozenset[str] = frozenset()
EBIKE = frozenset({"indoor_ebike"})


def expect(
    hazards: frozenset[str], optional: frozenset[str] = NONE, ambiguous: bool = False, **more: Any
) -> Expectation:
    return Expectation(hazards, optional, ambiguous, None, **more)


def photo(found: frozenset[str], expected: Expectation | None) -> PhotoHazards:
    return PhotoHazards(found, NONE, NONE, expected)


def test_hits_misses_and_false_alarms_by_photo() -> None:
    photos = [
        photo(EBIKE, expect(EBIKE)),  # hit
        photo(EBIKE, expect(EBIKE)),  # hit
        photo(NONE, expect(EBIKE)),  # missed
        photo(EBIKE, expect(NONE)),  # false alarm
        photo(NONE, expect(NONE)),
        photo(EBIKE, expect(NONE, optional=EBIKE)),  # counts neither way
        photo(EBIKE, expect(NONE, ambiguous=True)),  # skipped
        photo(EBIKE, None),  # nobody said: only counted
    ]
    score = score_hazards(photos, list("abcdefgh"), draws=20)["indoor_ebike"]
    assert (score.n, score.found, score.judged_photos) == (3, 5, 5)
    assert score.precision == pytest.approx(2 / 3)
    assert score.recall == pytest.approx(2 / 3)
    assert score.fp_per_image == pytest.approx(1 / 5)


def test_without_expectations_hazards_are_only_counted() -> None:
    score = score_hazards([photo(EBIKE, None), photo(NONE, None)], ["a", "b"])["indoor_ebike"]
    assert (score.n, score.found, score.judged_photos) == (0, 1, 0)
    assert (score.precision, score.recall, score.fp_per_image) == (None, None, None)
    assert score.to_json()["ci"] == {"precision": None, "recall": None, "fp_per_image": None}


def test_follow_ups_are_counted_apart_and_are_no_prediction() -> None:
    asked = PhotoHazards(NONE, EBIKE, NONE, expect(EBIKE))
    visited = PhotoHazards(NONE, NONE, EBIKE, expect(NONE))
    score = score_hazards([asked, visited], ["a", "b"])["indoor_ebike"]
    assert (score.needs_second_frame, score.needs_site_check) == (1, 1)
    assert (score.found, score.precision, score.recall, score.fp_per_image) == (0, None, 0.0, 0.0)


def test_a_hazard_that_is_expected_and_never_found_is_listed() -> None:
    assert score_hazards([photo(NONE, expect(EBIKE))], ["a"])["indoor_ebike"].recall == 0.0


def test_a_hazard_that_is_looked_for_and_never_reported_is_listed_where_judged() -> None:
    judged = photo(NONE, expect(NONE, optional=frozenset({"blocked_exit"})))
    scores = score_hazards([judged], ["a"], also=["indoor_ebike", "blocked_exit"])
    assert scores.keys() == {"indoor_ebike"}
    assert (scores["indoor_ebike"].judged_photos, scores["indoor_ebike"].fp_per_image) == (1, 0.0)


def test_intervals_resample_places() -> None:
    photos = [photo(EBIKE, expect(EBIKE)), photo(NONE, expect(EBIKE))]
    apart = score_hazards(photos, ["p", "q"], draws=200)["indoor_ebike"]
    together = score_hazards(photos * 2, ["p", "p", "q", "q"], draws=200)["indoor_ebike"]
    assert apart.ci_recall == (0.0, 1.0)
    assert together.ci_recall == (0.5, 0.5)  # each place has one found and one missed
    assert score_hazards(photos, ["p", "p"])["indoor_ebike"].ci_recall is None


def test_false_alarms_have_an_interval_over_places() -> None:
    photos = [photo(EBIKE, expect(NONE)), photo(NONE, expect(NONE))]
    score = score_hazards(photos, ["p", "q"], draws=200)["indoor_ebike"]
    assert (score.fp_per_image, score.ci_fp_per_image) == (0.5, (0.0, 1.0))


def test_look_alikes_count_for_the_hazards_they_resemble() -> None:
    pram, cable = frozenset({"pram_indoors"}), frozenset({"telecom_wires"})
    photos = [
        photo(EBIKE, expect(NONE, hard_negatives=pram)),  # called an e-bike
        photo(NONE, expect(NONE, hard_negatives=pram)),
        photo(NONE, expect(NONE, hard_negatives=pram)),
        photo(EBIKE, expect(EBIKE, hard_negatives=pram)),  # shows a real one too: no look-alike
        photo(EBIKE, expect(NONE, optional=EBIKE, hard_negatives=pram)),  # not judged
        photo(EBIKE, expect(NONE, hard_negatives=cable)),  # telecom wires resemble another hazard
    ]
    score = score_hazards(photos, list("abcdef"), draws=50)["indoor_ebike"]
    row = score.to_json()["hard_negatives"]
    assert row.keys() == {"pram_indoors"}
    assert (row["pram_indoors"]["photos"], row["pram_indoors"]["false_alarms"]) == (3, 1)
    assert row["pram_indoors"]["rate"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("present", "absent", "right"),
    [
        pytest.param(EBIKE, NONE, 1, id="found and clear"),
        pytest.param(NONE, NONE, 0, id="missed"),
        pytest.param(EBIKE, EBIKE, 0, id="alarm in both"),
        pytest.param(NONE, EBIKE, 0, id="the wrong way round"),
    ],
)
def test_a_pair_is_right_when_both_pictures_are(
    present: frozenset[str], absent: frozenset[str], right: int
) -> None:
    photos = [photo(present, expect(EBIKE, pair="1")), photo(absent, expect(NONE, pair="1"))]
    pairs = score_hazards(photos, ["p", "p"])["indoor_ebike"].pairs
    assert (pairs.n, pairs.count) == (1, right)


def test_couples_need_one_pair_id_and_a_judged_picture_without_the_hazard() -> None:
    photos = [
        photo(EBIKE, expect(EBIKE, pair="1")),
        photo(NONE, expect(NONE, pair="2")),  # of another pair
        photo(NONE, expect(NONE, optional=EBIKE, pair="1")),  # not judged
        photo(NONE, expect(NONE, ambiguous=True, pair="1")),
        photo(NONE, expect(EBIKE, pair="1")),  # shows it too
        photo(NONE, expect(NONE, pair="1")),
    ]
    couples = hazard_couples(photos)
    assert [(c.present, c.absent) for c in couples] == [(0, 5), (4, 5)]


def test_no_photos_have_no_hazards() -> None:
    assert score_hazards([], []) == {}


def test_expectations_are_read_by_stem(tmp_path: Path) -> None:
    path = tmp_path / "expect.json"
    path.write_text(
        json.dumps(
            {
                "lift": {
                    "hazards": ["indoor_ebike"],
                    "optional_hazards": ["blocked_exit"],
                    "scene": "elevator_car",
                    "note": "kept",
                },
                "hall": {"hazards": [], "ambiguous": True},
                "made": {
                    "hazards": [],
                    "origin": "composed",
                    "pair": 7,
                    "variant": "empty",
                    "hard_negatives": ["far_goods"],
                },
            }
        )
    )
    assert read_expectations(path) == {
        "lift": Expectation(EBIKE, frozenset({"blocked_exit"}), False, "elevator_car"),
        "hall": Expectation(NONE, NONE, True, None),
        "made": Expectation(NONE, NONE, False, None, "composed", "7", "empty", frozenset({"far_goods"})),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Expected JSON"),
        ("[]", "holds a list"),
        ('{"lift": ["indoor_ebike"]}', "lift is"),
        ('{"lift": {"hazards": "indoor_ebike"}}', "lift is"),
        ('{"lift": {"hazards": [], "origin": "drawn"}}', r"origin names \['drawn'\]"),
        ('{"lift": {"hazards": [], "scene": "hallway"}}', r"expect\.json: lift: scene names \['hallway'\]"),
        ('{"lift": {"hazards": [], "hard_negatives": ["cat"]}}', r"hard_negatives names \['cat'\]"),
    ],
)
def test_damaged_expectations_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "expect.json").write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_expectations(tmp_path / "expect.json")


def test_a_scene_is_one_of_the_rule_file_or_a_tag_that_stands_for_one(tmp_path: Path) -> None:
    tags = {"corridor": "evacuation_corridor", "lobby": "public_lobby", "outdoor": "outdoor_open"}
    known = {**tags, **{scene: scene for scene in load_rules().scenes}}
    path = tmp_path / "expect.json"
    path.write_text(json.dumps({name: {"hazards": [], "scene": name} for name in known}))
    assert {name: row.scene for name, row in read_expectations(path).items()} == known


def test_missing_expectations_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"absent\.json"):
        read_expectations(tmp_path / "absent.json")
