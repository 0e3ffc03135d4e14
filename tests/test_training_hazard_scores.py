"""Hazard scores, counted by hand on a few photos."""

import json
from pathlib import Path

import pytest

from firewarden.errors import DatasetError
from firewarden.training.hazard_scores import Expectation, PhotoHazards, read_expectations, score_hazards

NONE: frozenset[str] = frozenset()
EBIKE = frozenset({"indoor_ebike"})


def expect(hazards: frozenset[str], optional: frozenset[str] = NONE, ambiguous: bool = False) -> Expectation:
    return Expectation(hazards, optional, ambiguous, None)


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
    assert score.to_json()["ci"] == {"precision": None, "recall": None}


def test_follow_ups_are_counted_apart_and_are_no_prediction() -> None:
    asked = PhotoHazards(NONE, EBIKE, NONE, expect(EBIKE))
    visited = PhotoHazards(NONE, NONE, EBIKE, expect(NONE))
    score = score_hazards([asked, visited], ["a", "b"])["indoor_ebike"]
    assert (score.needs_second_frame, score.needs_site_check) == (1, 1)
    assert (score.found, score.precision, score.recall, score.fp_per_image) == (0, None, 0.0, 0.0)


def test_a_hazard_that_is_expected_and_never_found_is_listed() -> None:
    assert score_hazards([photo(NONE, expect(EBIKE))], ["a"])["indoor_ebike"].recall == 0.0


def test_intervals_resample_places() -> None:
    photos = [photo(EBIKE, expect(EBIKE)), photo(NONE, expect(EBIKE))]
    apart = score_hazards(photos, ["p", "q"], draws=200)["indoor_ebike"]
    together = score_hazards(photos * 2, ["p", "p", "q", "q"], draws=200)["indoor_ebike"]
    assert apart.ci_recall == (0.0, 1.0)
    assert together.ci_recall == (0.5, 0.5)  # each place has one found and one missed
    assert score_hazards(photos, ["p", "p"])["indoor_ebike"].ci_recall is None


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
            }
        )
    )
    assert read_expectations(path) == {
        "lift": Expectation(EBIKE, frozenset({"blocked_exit"}), False, "elevator_car"),
        "hall": Expectation(NONE, NONE, True, None),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Expected JSON"),
        ("[]", "holds a list"),
        ('{"lift": ["indoor_ebike"]}', "lift is"),
        ('{"lift": {"hazards": "indoor_ebike"}}', "lift is"),
    ],
)
def test_damaged_expectations_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "expect.json").write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_expectations(tmp_path / "expect.json")


def test_missing_expectations_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"absent\.json"):
        read_expectations(tmp_path / "absent.json")
