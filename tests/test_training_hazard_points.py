"""Thresholds by hazard: counted by hand on ten photos without the hazard."""

from pathlib import Path

import numpy as np
import pytest

from firewarden.detections import Detections
from firewarden.inference.rules_file import load_rules
from firewarden.models.manifest import ModelManifest
from firewarden.models.tuning import HazardBudget, Reached
from firewarden.training.evaluated_data import ListedPhoto
from firewarden.training.expectations import Expectation
from firewarden.training.figures import MeasuredPhoto
from firewarden.training.hazard_points import (
    ALSO_LOWEST,
    BUDGETS,
    Budget,
    _reached,
    choose_hazard_points,
    choose_threshold,
)
from firewarden.training.hazard_sweep import ALSO, DECIDING, PhotoSteps, gather_steps, sweep_hazard
from firewarden.training.metrics import GroundTruth, match_photo

NONE: frozenset[str] = frozenset()


def steps(
    confidence: float, shown: bool, *, reported: bool = True, origin: str = "real", place: str = ""
) -> PhotoSteps:
    """One photo with one deciding detection, reported while its threshold is not above it."""
    return PhotoSteps(np.array([confidence]), np.array([reported, False]), shown, origin, place)


LOWEST = 0.05  # of a budget that names none
QUIET = [steps(0.0, False, reported=False)] * 7
SHOWN = steps(0.2, True)


@pytest.mark.parametrize(
    ("clear", "budget", "expected"),
    [
        pytest.param([0.9, 0.5, 0.3], 0.0, 0.9001, id="no false alarm allowed: above the surest"),
        pytest.param([0.9, 0.5, 0.3], 0.1, 0.5001, id="one of ten allowed: above the second"),
        pytest.param([0.9, 0.5, 0.3], 0.29, 0.3001, id="two of ten allowed"),
        pytest.param([0.9, 0.5, 0.3], 1.0, LOWEST, id="all allowed: the lowest"),
        pytest.param([0.02, 0.01, 0.0], 0.0, LOWEST, id="never below the lowest"),
    ],
)
def test_choice(clear: list[float], budget: float, expected: float) -> None:
    sweep = gather_steps([*(steps(c, False) for c in clear), *QUIET, SHOWN])
    assert choose_threshold(sweep, Budget(budget))[0] == pytest.approx(expected)


def test_photos_that_raise_no_alarm_and_shown_ones_do_not_count() -> None:
    sweep = gather_steps([steps(0.9, False, reported=False)] * 5 + [steps(0.9, True)] * 5)
    assert choose_threshold(sweep, Budget(0.0))[0] == LOWEST


def test_a_threshold_that_finds_more_is_taken_over_a_lower_one() -> None:
    """Below 0.4 the shown photo is not reported (something weak hides it), from 0.4 to 0.8 it is."""
    odd = PhotoSteps(np.array([0.4, 0.8]), np.array([False, True, False]), True)
    assert choose_threshold(gather_steps([odd, *QUIET]), Budget(1.0))[0] == pytest.approx(0.4001)


def test_the_budget_holds_for_each_origin_by_itself() -> None:
    """Two alarms in 20 real photos are 0.1; 180 quiet composed ones do not dilute them."""
    real = [steps(0.5, False), steps(0.3, False), *[steps(0.0, False, reported=False)] * 18]
    composed = [steps(0.0, False, reported=False, origin="composed")] * 180
    sweep = gather_steps([*real, *composed, SHOWN])
    assert choose_threshold(sweep, Budget(0.05))[0] == pytest.approx(0.3001)
    assert choose_threshold(sweep, Budget(0.10))[0] == LOWEST


def test_part_of_an_alarm_of_a_place_counts_as_part() -> None:
    """Thirty made places of two pictures each: 1.5 alarms are 0.05. One whole place and half of another are within it."""
    quiet = [
        steps(0.0, False, reported=False, origin="composed", place=str(n))
        for n in range(2, 30)
        for _ in range(2)
    ]
    whole = [steps(0.6, False, origin="composed", place="0")] * 2
    half = [
        steps(0.4, False, origin="composed", place="1"),
        steps(0.0, False, reported=False, origin="composed", place="1"),
    ]
    sweep = gather_steps([*quiet, *whole, *half, SHOWN])
    assert choose_threshold(sweep, Budget(0.05))[0] == LOWEST
    assert choose_threshold(sweep, Budget(0.049))[0] == pytest.approx(0.4001)


def test_an_origin_too_small_for_one_alarm_is_not_held_to_the_budget() -> None:
    """One alarm in two composed photos says little; 98 quiet real ones are within 0.02 with it and without it."""
    composed = [steps(0.5, False, origin="composed"), steps(0.0, False, reported=False, origin="composed")]
    sweep = gather_steps([*[steps(0.0, False, reported=False)] * 98, *composed, SHOWN])
    assert choose_threshold(sweep, Budget(0.02))[0] == LOWEST


def test_recall_is_the_mean_over_origins_that_show_the_hazard_often_enough() -> None:
    """Above 0.4 all five real ones are lost, above 0.6 the composed ones: three do not count, five do."""
    quiet, real = [steps(0.0, False, reported=False)] * 10, [steps(0.4, True)] * 5
    late = PhotoSteps(np.array([0.4, 0.6]), np.array([False, True, False]), True, "composed")
    assert choose_threshold(gather_steps([*quiet, *real, *[late] * 3]), Budget(0.1))[0] == LOWEST
    # with five, both thresholds find half: the lowest is kept; one real one less to lose turns the scale
    unsure = [PhotoSteps(np.array([0.1]), np.array([False, False]), True)]
    chosen = choose_threshold(gather_steps([*quiet, *real, *unsure, *[late] * 5]), Budget(0.1))[0]
    assert chosen == pytest.approx(0.4001)


def test_the_lowest_of_a_hazard_is_kept() -> None:
    sweep = gather_steps([steps(0.12, False), SHOWN, *QUIET])
    assert choose_threshold(sweep, Budget(0.0, lowest=0.15))[0] == 0.15


def test_a_sweep_counts_every_threshold() -> None:
    sweep = gather_steps([steps(0.3, True), steps(0.6, True), steps(0.4, False)])
    assert sweep.thresholds == pytest.approx([0.03, 0.3001, 0.4001, 0.6001])
    assert sweep.recall == pytest.approx([1, 0.5, 0.5, 0])
    assert sweep.precision[:3] == pytest.approx([2 / 3, 1 / 2, 1])
    assert sweep.false_alarms == pytest.approx([1, 1, 0, 0])


def test_made_pictures_of_one_place_are_one_false_alarm() -> None:
    """Six edits of one stubborn photo and a quiet one of another place: (6 x 1/6 + 0) / 2 places, and six real photos of
    which one alarms: 1 / 6."""
    made = [PhotoSteps(np.array([0.5]), np.array([True, False]), False, "composed", "a")] * 6
    made.append(PhotoSteps(np.array([0.5]), np.array([False, False]), False, "composed", "b"))
    real = [steps(0.5, False), *[steps(0.5, False, reported=False)] * 5]
    sweep = gather_steps([*made, *real])
    assert sweep.of_origin("composed").false_alarms[0] == pytest.approx(0.5)
    assert sweep.of_origin("real").false_alarms[0] == pytest.approx(1 / 6)


def lift_photo(ebike: float, *, shown: bool, number: int) -> MeasuredPhoto:
    """A lift with one e-bike seen at a confidence."""
    seen = Detections(np.array([[10, 10, 60, 90]], np.float32), np.array([ebike], np.float32), np.array([0]))
    none = np.empty((0, 4), np.float32)
    truth = GroundTruth(np.empty(0, np.int64), none, np.empty(0, np.int64), none)
    hazards = frozenset({"indoor_ebike"}) if shown else NONE
    listed = ListedPhoto(Path(f"{number}.jpg"), str(number), expected=Expectation(hazards, NONE, False, None))
    return MeasuredPhoto(
        listed, (100, 100), truth, seen, match_photo(seen, truth), {"elevator_car": 1.0}, None, None
    )


def test_the_rules_decide_what_a_threshold_does() -> None:
    """Twenty lifts without an e-bike, one of which is seen with one at 0.3; six with one at 0.2 or 0.6."""
    rules = load_rules()
    names = ("ebike", *(c for c in rules.class_lines if c != "ebike"))
    manifest = ModelManifest(
        id="m", folder=Path(), sha256="", class_names=names, input_size=64, stride=32, layout="end2end",
        operating_points={}, default_operating_point=0.25, licence="", dataset_sha256="", git_sha="", metrics={},
        scene_names=("elevator_car",),
    )  # fmt: skip
    clear = [lift_photo(0.3 if i == 0 else 0.01, shown=False, number=i) for i in range(20)]
    shown = [lift_photo(0.2 if i < 2 else 0.6, shown=True, number=20 + i) for i in range(6)]
    sweep = sweep_hazard("indoor_ebike", [*clear, *shown], manifest, rules)
    assert sweep.recall == pytest.approx([1, 4 / 6, 4 / 6, 0])
    chosen = choose_hazard_points([*clear, *shown], manifest, rules, {"real": "lifts"})
    # 0.01 of 20 photos is no alarm: above 0.3, which misses the two at 0.2
    assert chosen.points == {"ebike": pytest.approx(0.3001, abs=2e-4)}
    assert chosen.budgets["indoor_ebike"] == HazardBudget(
        0.01, {"real": Reached("lifts", 0.0, 0.6667, 6, 20, 20)}
    )


def test_what_is_reached_is_told_by_origin() -> None:
    """Above 0.7: one of ten real photos alarms and none shows it, two of four composed ones that show it are found, and no
    rendered one is without it."""
    real = [steps(0.9, False), *[steps(0.0, False, reported=False)] * 9]
    made = [steps(c, True, origin="composed") for c in (0.9, 0.8, 0.7, 0.1)]
    made += [steps(0.0, False, reported=False, origin="composed", place="a")] * 2
    rendered = [steps(0.9, True, origin="rendered")]
    sweep = gather_steps([*rendered, *made, *real])
    column = int(np.searchsorted(sweep.thresholds, 0.5))  # 0.7001
    budget = _reached(sweep, column, Budget(0.2), {"real": "photos", "composed": "one+two"})
    assert budget == HazardBudget(
        0.2,
        {
            "real": Reached("photos", 0.1, None, 0, 10, 10),
            "composed": Reached("one+two", 0.0, 0.5, 4, 2, 1),  # two pictures of one place
            "rendered": Reached("", None, 1.0, 1, 0, 0),
        },
    )
    assert list(budget.by_origin) == ["real", "composed", "rendered"]
    assert [budget.held_to(origin) for origin in budget.by_origin] == [True, False, False]  # 0.2 x 10 >= 1


def test_every_budget_names_a_hazard_and_its_classes() -> None:
    rules = load_rules()
    assert BUDGETS.keys() == DECIDING.keys() <= rules.hazards.keys()
    assert {c for classes in DECIDING.values() for c in classes} <= set(rules.class_lines)
    assert {c for groups in ALSO.values() for classes in groups for c in classes} <= set(rules.class_lines)
    assert {classes[0] for groups in ALSO.values() for classes in groups} == ALSO_LOWEST.keys()
