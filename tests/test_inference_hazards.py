"""Relations among hand-placed boxes in a 1000 x 1000 px picture: what is found, and what is not."""

from dataclasses import replace

import pytest

from firewarden.findings import Fact, InspectionContext, Outcome, SceneEstimate, Source, Text
from firewarden.inference.grading import assess
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
            [("ebike", (200, 400, 700, 900), 0.3), ("furniture", (200, 400, 700, 900), 0.31)], "elevator_car", [],
            id="or a chair",
        ),
        pytest.param(
            [("ebike", (200, 400, 700, 900), 0.3), ("power_strip", (200, 400, 700, 900), 0.5)], "elevator_car",
            [("indoor_ebike", Outcome.HAZARD)], id="what charges it takes no e-bike away",
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


@pytest.mark.parametrize(("confidence", "told"), [(0.1, []), (0.25, ["blocked_exit"])])
def test_without_a_sign_only_a_sure_door_is_an_exit(view_of, scene_of, rules, confidence, told):
    specs = [("door", (400, 300, 600, 700), confidence), ("carton", (400, 650, 600, 900))]
    view = replace(view_of(specs), operating_points={"door": 0.05})
    found = find_hazards(view, scene_of("stairwell"), rules, OTHER_CONTEXT)
    assert [each.hazard for each in found if each.hazard == "blocked_exit"] == told


STRIP = ("power_strip", (610, 800, 640, 820))  # 10 px beside the vehicle, 80 px above its base


@pytest.mark.parametrize(
    ("specs", "scene", "said"),
    [
        pytest.param([("ebike", (400, 500, 600, 900)), STRIP], "outdoor_open", "A hanging power strip beside 1 e-bike(s)", id="strip, no cord"),
        pytest.param(
            [("ebike", (400, 500, 600, 900)), STRIP, ("power_cable", (500, 0, 520, 520))], "outdoor_open",
            "A cord leads from above, a door or a hanging strip to 1 e-bike(s)", id="strip and cord",
        ),
        pytest.param([("power_cable", (500, 0, 520, 520))], "stairwell", "A loose cord or hanging strip, no vehicle at its end in view", id="cord alone"),
        pytest.param(
            [("fire_cabinet", (400, 400, 500, 550)), ("carton", (390, 460, 520, 700))], "unknown",
            "About 60 % of the fire cabinet is hidden, in front of it: cartons", id="90 of 150 px of a cabinet",
        ),
        pytest.param(
            [("extinguisher", (400, 400, 500, 600)), ("carton", (390, 500, 520, 700))], "unknown",
            "About 50 % of the extinguisher is hidden, in front of it: cartons", id="100 of 200 px of an extinguisher",
        ),
        pytest.param([("extinguisher_sign", (450, 200, 550, 300))], "unknown", "No extinguisher below an extinguisher sign", id="sign"),
        pytest.param([("fire_cabinet", (400, 400, 600, 700))], "unknown", "The cabinet is closed; its inside cannot be seen", id="closed cabinet"),
        pytest.param(
            [("door", (400, 500, 600, 990)), ("exit_sign", (450, 430, 550, 470))], "unknown",
            "The floor in front of the exit door is out of the picture; blocking cannot be judged", id="floor out of frame",
        ),
    ],
)  # fmt: skip
def test_the_sentence_names_what_is_seen(view_of, scene_of, rules, specs, scene, said):
    (finding,) = find_hazards(view_of(specs), scene_of(scene), rules, OTHER_CONTEXT)
    assert finding.reason.en == said
    flags = next(relation.sets for relation in rules.relations if relation.id in finding.relation_ids)
    assert finding.fact_names() <= set(flags)


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


@pytest.mark.parametrize(("outer", "inner"), [(0.9, 0.3), (0.3, 0.9)])
def test_a_repeated_box_goes_with_its_thing_and_blocks_no_door(view_of, scene_of, rules, outer, inner):
    """Both boxes reach into the zone of the door (y 700..940), over 60 of its 200 px: one thing, one hazard, claimed with
    both."""
    specs = [DOOR, SIGN, ("ebike", (540, 500, 800, 900), outer), ("ebike", (545, 520, 790, 890), inner)]
    assert outcomes(view_of(specs), scene_of("evacuation_corridor"), rules) == [
        ("indoor_ebike", Outcome.HAZARD)
    ]


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


SIGN_ONLY = (
    "exit_sign",
    (450, 100, 550, 150),
)  # 50 high: its door's foot is sought in x 300..700, y 450..950


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        pytest.param([SIGN_ONLY, ("carton", (400, 600, 600, 800))], True, id="goods below a sign, no door recognised"),
        pytest.param([SIGN_ONLY], False, id="a sign alone"),
        pytest.param([("carton", (400, 600, 600, 800))], False, id="goods alone"),
        pytest.param([SIGN_ONLY, ("carton", (400, 300, 600, 440))], False, id="base 5.8 sign heights below it: farther away than the door can be"),
        pytest.param([SIGN_ONLY, ("carton", (400, 300, 600, 450))], True, id="base 6 sign heights below the sign"),
        pytest.param([SIGN_ONLY, ("carton", (400, 700, 600, 950))], True, id="base 16 sign heights below it"),
        pytest.param([SIGN_ONLY, ("carton", (400, 700, 600, 960))], False, id="nearer the camera than the door can be"),
        pytest.param([SIGN_ONLY, ("carton", (600, 600, 800, 800))], True, id="100 of the 400 px covered"),
        pytest.param([SIGN_ONLY, ("carton", (610, 600, 810, 800))], False, id="beside the door: 90 of the 400 px"),
        pytest.param([SIGN_ONLY, ("person", (400, 400, 600, 800))], False, id="a person is no goods"),
        pytest.param([("exit_sign", (450, 100, 550, 150), 0.24), ("carton", (400, 600, 600, 800))], False, id="a sign below its operating point"),
        pytest.param(
            [("door", (400, 170, 600, 500), 0.24), SIGN_ONLY, ("carton", (400, 600, 600, 800))], True,
            id="a door hardly seen that looks clear: the carton stands 300 px, 0.9 of its height, before its foot",
        ),
        pytest.param(
            [("door", (400, 170, 600, 500), 0.25), SIGN_ONLY, ("carton", (400, 600, 600, 800))], False,
            id="the same door, surely seen, is clear",
        ),
    ],
)  # fmt: skip
def test_goods_below_a_sign_without_a_door_are_asked_about(view_of, scene_of, rules, specs, expected):
    view = replace(view_of(specs), operating_points={"door": 0.08})
    asked = [("blocked_exit", Outcome.NEEDS_SITE_CHECK)] if expected else []
    assert outcomes(view, scene_of("unknown"), rules) == asked


def test_the_question_below_a_sign_names_what_it_saw_and_gives_no_level(view_of, scene_of, rules):
    specs = [
        ("carton", (400, 600, 600, 800), 0.5),
        SIGN_ONLY,
        ("carton", (0, 600, 200, 800)),
        ("furniture", (300, 500, 420, 700)),
    ]
    scene = scene_of("unknown")
    (finding,) = find_hazards(view_of(specs), scene, rules, OTHER_CONTEXT)
    assert (finding.evidence, finding.xyxy, finding.confidence) == ((1, 0, 3), (300, 100, 600, 800), 0.5)
    assert (finding.questions, finding.facts, finding.ratios) == (("q_hidden_door",), (), {})
    assert [(zone.kind, zone.polygon) for zone in finding.zones] == [
        ("search", ((300, 450), (700, 450), (700, 950), (300, 950)))
    ]
    assert finding.reason.en.startswith("Cartons, furniture below an exit sign")
    assert assess(finding, scene, rules, OTHER_CONTEXT).risk_level_initial is None


def test_two_signs_over_one_heap_ask_once(view_of, scene_of, rules):
    specs = [SIGN_ONLY, ("exit_sign", (560, 100, 660, 150)), ("clutter", (400, 600, 700, 800))]
    (finding,) = find_hazards(view_of(specs), scene_of("unknown"), rules, OTHER_CONTEXT)
    assert (finding.evidence, len(finding.zones)) == ((0, 1, 2), 2)


def test_goods_are_asked_about_only_where_no_finding_has_told_them(view_of, scene_of, rules):
    """A second sign hangs over the wall beside a blocked door: the door's carton is told, another one is asked about."""
    beside = (
        "exit_sign",
        (650, 230, 750, 260),
    )  # foot zone x 580..820, y 440..740; 200 px from the door's centre
    blocked, other = ("carton", (400, 540, 650, 730)), ("carton", (680, 600, 800, 735))
    scene = scene_of("unknown")
    assert outcomes(view_of([DOOR, SIGN, beside, blocked]), scene, rules) == [
        ("blocked_exit", Outcome.HAZARD)
    ]
    told, asked = find_hazards(view_of([DOOR, SIGN, beside, blocked, other]), scene, rules, OTHER_CONTEXT)
    assert (told.evidence, asked.evidence) == ((0, 1, 3), (2, 4))
    assert (told.outcome, asked.outcome) == (Outcome.HAZARD, Outcome.NEEDS_SITE_CHECK)


def test_what_is_asked_about_stays_open_to_later_rows_and_what_is_told_earlier_is_not_asked(
    view_of, scene_of, rules
):
    corridor = scene_of("evacuation_corridor")
    assert outcomes(view_of([SIGN_ONLY, ("carton", (400, 600, 600, 800))]), corridor, rules) == [
        ("blocked_exit", Outcome.NEEDS_SITE_CHECK),
        ("corridor_clutter", Outcome.HAZARD),
    ]
    assert outcomes(view_of([SIGN_ONLY, ("ebike", (400, 600, 600, 800))]), corridor, rules) == [
        ("indoor_ebike", Outcome.HAZARD)
    ]
