"""Relations among hand-placed boxes in a 1000 x 1000 px picture: what is found, and what is not."""

from dataclasses import replace

import pytest

from firewarden.findings import Fact, InspectionContext, Outcome, SceneEstimate, Source, Text
from firewarden.inference.hazards import find_hazards

DOOR = (
    "door",
    (400, 300, 600, 700),
)  # 200 wide, 400 high; egress zone: y 700..940, 200 wide at the foot, 240 at the end
SIGN = ("exit_sign", (450, 220, 550, 260))
OTHER_CONTEXT = InspectionContext()


def outcomes(view, scene, rules, context=OTHER_CONTEXT):
    return [(f.hazard, f.outcome) for f in find_hazards(view, scene, rules, context)]


@pytest.mark.parametrize(
    ("specs", "scene", "expected"),
    [
        pytest.param([], "unknown", [], id="an empty picture has no finding"),
        pytest.param([DOOR, SIGN], "unknown", [], id="a clear exit has no finding"),
        pytest.param(
            [DOOR, SIGN, ("carton", (400, 650, 600, 900))], "unknown", [("blocked_exit", Outcome.HAZARD)],
            id="a carton on the egress zone blocks the exit",
        ),
        pytest.param(
            [DOOR, ("carton", (400, 650, 600, 900))], "unknown", [], id="a door without a sign is no evacuation door"
        ),
        pytest.param(
            [DOOR, ("carton", (400, 650, 600, 900))], "stairwell", [("blocked_exit", Outcome.HAZARD)],
            id="every door of a stairwell serves evacuation",
        ),
        pytest.param(
            [DOOR, SIGN, ("carton", (380, 500, 620, 1000))], "unknown", [],
            id="goods near the camera only hide the door from view",
        ),
        pytest.param(
            [DOOR, SIGN, ("carton", (700, 600, 900, 900))], "unknown", [], id="goods beside the door do not block it"
        ),
        pytest.param(
            [DOOR, SIGN, ("person", (420, 400, 580, 800))], "unknown", [("blocked_exit", Outcome.HAZARD)],
            id="a person in the zone is found; grading makes it a second-frame case",
        ),
        pytest.param(
            [("door", (400, 500, 600, 990)), ("exit_sign", (450, 430, 550, 470))], "unknown",
            [("blocked_exit", Outcome.NOT_ASSESSABLE)], id="an exit whose floor is out of frame cannot be judged",
        ),
        pytest.param(
            [DOOR, SIGN, ("chain_lock", (480, 480, 520, 540))], "unknown", [("blocked_exit", Outcome.HAZARD)],
            id="a chain on an exit door is a lock",
        ),
        pytest.param(
            [("ebike", (200, 400, 700, 900))], "elevator_car", [("indoor_ebike", Outcome.HAZARD)], id="e-bike in a lift"
        ),
        pytest.param([("ebike", (200, 400, 700, 900))], "outdoor_open", [], id="e-bike outdoors is no finding"),
        pytest.param(
            [("ebike", (700, 900, 990, 1000))], "elevator_car", [("indoor_ebike", Outcome.NEEDS_SITE_CHECK)],
            id="2.9 % of the picture, cut by its lower edge, asks for a whole view",
        ),
        pytest.param(
            [("ebike", (700, 900, 1000, 1000))], "elevator_car", [("indoor_ebike", Outcome.HAZARD)],
            id="3 % at the edge are enough",
        ),
        pytest.param(
            [("ebike", (700, 800, 800, 900))], "elevator_car", [("indoor_ebike", Outcome.HAZARD)],
            id="a small one that is all in view counts",
        ),
        pytest.param(
            [("ebike", (200, 400, 700, 900), 0.3), ("person", (200, 400, 700, 900), 0.5)], "elevator_car", [],
            id="the very same box is more surely a person",
        ),
        pytest.param(
            [("ebike", (200, 400, 700, 900), 0.5), ("person", (200, 400, 700, 900), 0.3)], "elevator_car",
            [("indoor_ebike", Outcome.HAZARD)], id="the very same box is less surely a person",
        ),
        pytest.param(
            [("ebike", (200, 400, 700, 900), 0.3), ("person", (200, 300, 700, 900), 0.5)], "elevator_car",
            [("indoor_ebike", Outcome.HAZARD)], id="a rider's box (IoU 0.83) is another box",
        ),
        pytest.param(
            [("ebike", (200, 400, 700, 900))], "unknown", [("indoor_ebike", Outcome.NEEDS_SITE_CHECK)],
            id="e-bike in an unknown place asks where it is",
        ),
        pytest.param([("bicycle", (200, 400, 700, 900))], "elevator_car", [], id="a pedal bicycle in a lift is nothing"),
        pytest.param(
            [("extinguisher_sign", (450, 200, 550, 300))], "unknown", [("missing_extinguisher", Outcome.HAZARD)],
            id="a sign with nothing below it: the search zone 250..750 x 200..900 is in frame",
        ),
        pytest.param(
            [("extinguisher_sign", (450, 200, 550, 300)), ("extinguisher", (430, 500, 530, 800))], "unknown", [],
            id="an extinguisher below its sign is in order",
        ),
        pytest.param(
            [("extinguisher_sign", (450, 200, 550, 300)), ("extinguisher", (430, 500, 530, 800), 0.12)], "unknown", [],
            id="even a faint extinguisher speaks against absence",
        ),
        pytest.param(
            [("extinguisher_sign", (450, 500, 550, 700))], "unknown", [("missing_extinguisher", Outcome.NOT_ASSESSABLE)],
            id="a search zone that leaves the picture cannot be judged",
        ),
        pytest.param(
            [("extinguisher_sign", (450, 200, 550, 300)), ("person", (300, 300, 700, 900))], "unknown",
            [("missing_extinguisher", Outcome.NOT_ASSESSABLE)], id="a hidden search zone cannot be judged",
        ),
        pytest.param(
            [("fire_cabinet", (400, 400, 600, 700))], "unknown", [("missing_extinguisher", Outcome.NOT_ASSESSABLE)],
            id="a closed cabinet cannot be judged",
        ),
        pytest.param(
            [("extinguisher_bracket", (450, 400, 550, 500))], "unknown", [("missing_extinguisher", Outcome.HAZARD)],
            id="an empty bracket",
        ),
        pytest.param(
            [("extinguisher_sign", (450, 200, 550, 300)), ("extinguisher_bracket", (450, 450, 550, 550))], "unknown",
            [("missing_extinguisher", Outcome.HAZARD)], id="sign and bracket are one place",
        ),
        pytest.param(
            [("extinguisher", (450, 500, 550, 800)), ("carton", (430, 600, 600, 900))], "unknown",
            [("extinguisher_obstructed", Outcome.HAZARD)], id="goods hide two thirds of an extinguisher",
        ),
        pytest.param(
            [("carton", (100, 600, 300, 900))], "evacuation_corridor", [("corridor_clutter", Outcome.HAZARD)],
            id="a carton in a corridor is clutter",
        ),
        pytest.param([("carton", (100, 600, 300, 900))], "unknown", [], id="a carton in an unknown place is nothing"),
        pytest.param(
            [("clutter", (420, 500, 480, 600)), ("person", (400, 300, 600, 900))], "evacuation_corridor", [],
            id="a bag in someone's hand is no clutter",
        ),
        pytest.param(
            [("ebike", (400, 600, 700, 900)), ("power_cable", (500, 100, 520, 620))], "outdoor_adjacent",
            [("flying_charging_cable", Outcome.HAZARD)], id="a cord from above to an e-bike",
        ),
        pytest.param(
            [("ebike", (400, 600, 700, 900)), ("power_cable", (100, 100, 120, 300))], "outdoor_open",
            [("flying_charging_cable", Outcome.HAZARD)], id="a cord far from the vehicle hangs alone",
        ),
        pytest.param(
            [("vehicle", (200, 400, 800, 900))], "fire_lane", [("fire_lane_obstructed", Outcome.HAZARD)],
            id="a car on a fire lane; grading asks for a second frame",
        ),
    ],
)  # fmt: skip
def test_relation(view_of, scene_of, rules, specs, scene, expected):
    assert outcomes(view_of(specs), scene_of(scene), rules) == expected


def test_ratio_of_a_half_covered_zone(view_of, scene_of, rules):
    """A carton whose lower third is y 733..940 x 400..500 covers the left part of the 700..940 trapezoid.

    Zone area (200 + 240) / 2 * 240 = 52,800; covered about 100 wide (+ none of the left flare) * 206.7 = 20,667: 0.39.
    Of the door's lower half (400..600 x 500..700) the box 400..500 x 320..940 covers 0.5, which is larger.
    """
    finding = find_hazards(
        view_of([DOOR, SIGN, ("carton", (400, 320, 500, 940))]), scene_of("unknown"), rules, OTHER_CONTEXT
    )[0]
    assert finding.ratios["obstructed"] == pytest.approx(0.5, abs=0.03)
    assert "50 %" in finding.reason.en and "50 %" in finding.reason.zh


def test_charger_beside_an_ebike_sets_charging(view_of, scene_of, rules):
    specs = [("ebike", (400, 600, 700, 900)), ("power_strip", (720, 800, 760, 830))]  # gap 20 px < 0.3 x 300
    (finding,) = find_hazards(view_of(specs), scene_of("stairwell"), rules, OTHER_CONTEXT)
    assert {f.name for f in finding.facts} == {"charging_active", "charger_visible", "in_egress"}
    assert all(f.source is Source.MODEL for f in finding.facts)


@pytest.mark.parametrize(
    ("box", "in_egress"),
    [
        pytest.param(
            (400, 600, 600, 900),
            True,
            id="in front of the door: its lower third covers 200 x 100 of the zone",
        ),
        pytest.param((650, 600, 850, 900), False, id="beside the door"),
    ],
)
def test_a_vehicle_before_a_door_stands_on_an_escape_route(view_of, scene_of, rules, box, in_egress):
    (finding,) = find_hazards(view_of([DOOR, ("ebike", box)]), scene_of("stilt_floor"), rules, OTHER_CONTEXT)
    assert ("in_egress" in finding.fact_names()) is in_egress


def test_clutter_in_a_guessed_corridor_is_only_a_question(view_of, rules):
    guessed = SceneEstimate("evacuation_corridor", Source.MODEL, 0.9, True, Text("", ""))
    assert outcomes(view_of([("carton", (100, 600, 300, 900))]), guessed, rules) == [
        ("corridor_clutter", Outcome.NEEDS_SITE_CHECK)
    ]


def test_a_persons_word_replaces_the_models(view_of, scene_of, rules):
    context = InspectionContext(
        facts=(Fact("charging_active", Source.PERSON), Fact("gauge_or_label_unreadable", Source.PERSON))
    )
    specs = [("ebike", (400, 600, 700, 900)), ("power_strip", (720, 800, 760, 830))]
    (finding,) = find_hazards(view_of(specs), scene_of("stairwell"), rules, context)
    sources = {f.name: f.source for f in finding.facts}
    assert sources["charging_active"] is Source.PERSON
    assert "gauge_or_label_unreadable" not in sources  # not a fact of this hazard


def test_three_ebikes_are_one_finding_with_a_count(view_of, scene_of, rules):
    specs = [("ebike", (x, 400, x + 150, 900)) for x in (100, 300, 500)]
    (finding,) = find_hazards(view_of(specs), scene_of("public_lobby"), rules, OTHER_CONTEXT)
    assert (finding.count, finding.evidence, finding.xyxy) == (3, (0, 1, 2), (100, 400, 650, 900))


WHOLE = ("ebike", (200, 400, 600, 900), 0.55)


@pytest.mark.parametrize(
    ("other", "count"),
    [
        pytest.param(("ebike", (300, 500, 400, 800), 0.06), 1, id="a small unsure box within is a part"),
        pytest.param(("ebike", (300, 740, 400, 940), 0.06), 2, id="0.80 of it inside: 160 of 200 px"),
        pytest.param(("ebike", (300, 730, 400, 930), 0.06), 1, id="0.85 of it inside: 170 of 200 px"),
        pytest.param(("ebike", (300, 500, 400, 800), 0.56), 2, id="surer than the box round it"),
        pytest.param(("ebike", (600, 400, 1000, 900), 0.06), 2, id="side by side"),
        pytest.param(("ebike", (400, 400, 800, 900), 0.06), 2, id="one half before the other"),
    ],
)
def test_an_ebike_boxed_twice_is_one(view_of, scene_of, rules, other, count):
    points = {"ebike": 0.05}
    view = replace(view_of([WHOLE, other]), operating_points=points)
    (finding,) = find_hazards(view, scene_of("elevator_car"), rules, OTHER_CONTEXT)
    assert (finding.count, finding.evidence) == (count, tuple(range(count)))
    assert f"{count} e-bike" in finding.reason.en


def test_two_sure_ebikes_are_two_even_where_one_stands_before_the_other(view_of, scene_of, rules):
    specs = [("ebike", (200, 400, 600, 900), 0.9), ("ebike", (300, 500, 550, 890), 0.6)]
    (finding,) = find_hazards(view_of(specs), scene_of("elevator_car"), rules, OTHER_CONTEXT)
    assert finding.count == 2


def test_a_part_goes_with_its_thing_and_blocks_no_door(view_of, scene_of, rules):
    """The whole stands in the zone of the door (y 700..940), its part too: one hazard, claimed whole."""
    specs = [DOOR, SIGN, ("ebike", (400, 500, 600, 930), 0.9), ("ebike", (420, 600, 580, 920), 0.3)]
    assert outcomes(view_of(specs), scene_of("evacuation_corridor"), rules) == [
        ("indoor_ebike", Outcome.HAZARD)
    ]


def test_the_part_of_a_box_that_is_more_surely_a_person_counts(view_of, scene_of, rules):
    """A rider's whole box is no e-bike, so the machine within it is no part of one."""
    rider = (200, 300, 600, 900)
    specs = [("ebike", rider, 0.4), ("person", rider, 0.9), ("ebike", (250, 600, 550, 890), 0.3)]
    (finding,) = find_hazards(view_of(specs), scene_of("elevator_car"), rules, OTHER_CONTEXT)
    assert (finding.count, finding.evidence) == (1, (2,))


def test_two_empty_points_count_two_each(view_of, scene_of, rules):
    specs = [("extinguisher_bracket", (200, 400, 250, 450)), ("extinguisher_bracket", (700, 400, 750, 450))]
    findings = find_hazards(view_of(specs), scene_of("unknown"), rules, OTHER_CONTEXT)
    assert [f.count for f in findings] == [2, 2]


def test_below_the_operating_point_is_no_evidence(view_of, scene_of, rules):
    assert outcomes(view_of([("ebike", (200, 400, 700, 900), 0.24)]), scene_of("elevator_car"), rules) == []
    assert outcomes(view_of([("ebike", (200, 400, 700, 900), 0.25)]), scene_of("elevator_car"), rules) != []


def test_an_indoor_ebike_at_an_exit_is_one_finding(view_of, scene_of, rules):
    specs = [DOOR, SIGN, ("ebike", (400, 600, 600, 900))]
    assert outcomes(view_of(specs), scene_of("evacuation_corridor"), rules) == [
        ("indoor_ebike", Outcome.HAZARD)
    ]
    assert outcomes(view_of(specs), scene_of("unknown"), rules) == [
        ("indoor_ebike", Outcome.NEEDS_SITE_CHECK),
        ("blocked_exit", Outcome.HAZARD),
    ]
