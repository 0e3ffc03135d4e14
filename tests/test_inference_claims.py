"""Which finding an object belongs to, and whom an answer is about: hand-placed boxes in a 1000 x 1000 px picture."""

from dataclasses import replace

import pytest

from firewarden.findings import Fact, InspectionContext, Outcome, RiskLevel, Source
from firewarden.inference.grading import assess
from firewarden.inference.hazards import find_hazards

DOOR, SIGN = ("door", (400, 300, 600, 700)), ("exit_sign", (450, 220, 550, 260))
OTHER_DOOR, OTHER_SIGN = ("door", (750, 300, 950, 700)), ("exit_sign", (800, 220, 900, 260))
EBIKE = ("ebike", (400, 500, 600, 900))
CARTON, OTHER_CARTON = ("carton", (400, 650, 600, 900)), ("carton", (750, 650, 950, 900))


def said(*names, source=Source.PERSON):
    return InspectionContext(facts=tuple(Fact(name, source) for name in names))


def graded(specs, scene, rules, context, view_of):
    """(hazard, outcome, level) of each finding, in order."""
    found = find_hazards(view_of(specs), scene, rules, context)
    grades = [assess(finding, scene, rules, context) for finding in found]
    return [
        (finding.hazard, grade.outcome, grade.risk_level_initial)
        for finding, grade in zip(found, grades, strict=True)
    ]


@pytest.mark.parametrize("fact", ["not_an_ebike_confirmed", "display_for_sale"])
def test_what_is_no_indoor_ebike_can_block_an_exit(fact, view_of, scene_of, rules):
    """300 px of the vehicle's height stand before a door of 400, over its whole width: above the 85 % of `fully_blocked`."""
    scene = scene_of("exit_door_area")
    assert graded([DOOR, SIGN, EBIKE], scene, rules, said(fact), view_of) == [
        ("indoor_ebike", Outcome.NOT_A_HAZARD, None),
        ("blocked_exit", Outcome.HAZARD, RiskLevel.ELEVATED),
    ]


def test_an_ebike_indoors_does_not_hide_the_higher_level_of_the_exit_it_blocks(view_of, scene_of, rules):
    """The vehicle covers the door's whole width: elevated, and major where it is the only exit of people who sleep there.
    Beside the door, over 60 of its 200 px, it takes 0.3 of the lower half: general, which is the e-bike's own level."""
    scene = scene_of("exit_door_area")
    own = ("indoor_ebike", Outcome.HAZARD, RiskLevel.GENERAL)
    assert graded([DOOR, SIGN, EBIKE], scene, rules, said(), view_of) == [
        own,
        ("blocked_exit", Outcome.HAZARD, RiskLevel.ELEVATED),
    ]
    home = replace(said("only_exit", "occupied"), venue_type="nursing_home")
    assert graded([DOOR, SIGN, EBIKE], scene, rules, home, view_of)[1][2] is RiskLevel.MAJOR
    assert graded([DOOR, SIGN, ("ebike", (540, 500, 800, 900))], scene, rules, said(), view_of) == [own]


def test_what_is_no_ebike_is_a_bicycle_to_later_rows(view_of, scene_of, rules):
    scene = scene_of("stairwell")
    found = find_hazards(view_of([EBIKE]), scene, rules, said("not_an_ebike_confirmed"))
    assert [finding.hazard for finding in found] == ["indoor_ebike", "corridor_clutter"]
    assert found[1].reason.en == "About 20 % of the picture's width in a stairwell is taken up: bicycle"
    assert [
        finding.hazard for finding in find_hazards(view_of([EBIKE]), scene, rules, said("display_for_sale"))
    ] == ["indoor_ebike"]


@pytest.mark.parametrize("place", ["stilt_floor", "designated_indoor_parking"])
def test_a_cord_to_a_vehicle_where_it_may_stand_is_a_hazard(place, view_of, scene_of, rules):
    cord, strip = ("power_cable", (420, 0, 450, 520)), ("power_strip", (520, 450, 560, 480))
    assert graded([EBIKE, cord, strip], scene_of(place), rules, said(), view_of) == [
        ("indoor_ebike", Outcome.NEEDS_SITE_CHECK, None),
        ("flying_charging_cable", Outcome.HAZARD, RiskLevel.GENERAL),
    ]


def test_a_hidden_extinguisher_does_not_lower_the_level_of_what_hides_it(view_of, scene_of, rules):
    """Cartons over 600 of 1000 px of a corridor: more than half, elevated, whatever stands behind them."""
    scene, cartons = scene_of("evacuation_corridor"), ("carton", (200, 500, 800, 950))
    clutter = ("corridor_clutter", Outcome.HAZARD, RiskLevel.ELEVATED)
    hidden = ("extinguisher_obstructed", Outcome.HAZARD, RiskLevel.LOW)
    assert graded([cartons], scene, rules, said(), view_of) == [clutter]
    assert graded([cartons, ("extinguisher", (400, 600, 450, 700))], scene, rules, said(), view_of) == [
        hidden,
        clutter,
    ]


def test_an_answer_about_one_door_dismisses_it_and_none_of_two(view_of, scene_of, rules):
    scene, answer = scene_of("unknown"), said("door_confirmed_not_egress")
    blocked = (
        "blocked_exit",
        Outcome.HAZARD,
        RiskLevel.GENERAL,
    )  # 83 of 240 px of the floor zone, over its width: 0.32
    assert graded([DOOR, SIGN, CARTON], scene, rules, answer, view_of) == [
        ("blocked_exit", Outcome.NOT_A_HAZARD, None)
    ]
    two = [DOOR, SIGN, CARTON, OTHER_DOOR, OTHER_SIGN, OTHER_CARTON]
    assert graded(two, scene, rules, answer, view_of) == [blocked, blocked]
    register = said("door_confirmed_not_egress", source=Source.REGISTER)
    assert {outcome for _, outcome, _ in graded(two, scene, rules, register, view_of)} == {
        Outcome.NOT_A_HAZARD
    }


def test_a_finding_tells_of_the_answer_that_is_not_counted(view_of, scene_of, rules):
    two = [DOOR, SIGN, CARTON, OTHER_DOOR, OTHER_SIGN, OTHER_CARTON]
    found = find_hazards(
        view_of(two), scene_of("unknown"), rules, said("door_confirmed_not_egress", "occupied")
    )
    for finding in found:
        assert finding.fact_names() == {"movable", "combustible", "occupied"}
        assert finding.reason.en.endswith("confirmed not an evacuation door. So it is not counted")
        assert finding.reason.zh.endswith("“已确认不是疏散门”未指明是哪一处，未予采用")


def test_one_door_boxed_twice_is_one_and_takes_an_answer(view_of, scene_of, rules):
    """The unsure box lies round the sure one: all of 200 x 400 px within it."""
    twice = [DOOR, ("door", (380, 250, 640, 705), 0.3), CARTON]
    scene, answer = scene_of("exit_door_area"), said("door_confirmed_not_egress")
    exits = [each for each in graded(twice, scene, rules, answer, view_of) if each[0] == "blocked_exit"]
    assert exits == [("blocked_exit", Outcome.NOT_A_HAZARD, None)]


def test_one_sign_boxed_twice_is_one_empty_place(view_of, scene_of, rules):
    """98 of 98 px of the surer box's width lie within the other, all but 1 of its 61 px of height: 0.98. Two empty places in a
    mall would be elevated."""
    signs = [
        ("extinguisher_sign", (286, 364, 384, 425), 0.86),
        ("extinguisher_sign", (279, 364, 420, 424), 0.3),
    ]
    mall, scene = InspectionContext(venue_type="mall"), scene_of("public_lobby")
    (finding,) = find_hazards(view_of(signs), scene, rules, mall)
    assert (finding.evidence, finding.count) == ((0,), 1)
    assert assess(finding, scene, rules, mall).risk_level_initial is RiskLevel.GENERAL


@pytest.mark.parametrize(
    "more",
    [
        pytest.param([], id="a cabinet"),
        pytest.param([("extinguisher_sign", (430, 300, 470, 340))], id="a cabinet below its sign"),
    ],
)
def test_a_cabinet_behind_goods_is_told_once(more, view_of, scene_of, rules):
    specs = [("fire_cabinet", (400, 400, 500, 550)), ("carton", (390, 420, 520, 700)), *more]
    found = find_hazards(view_of(specs), scene_of("unknown"), rules, said())
    assert [finding.hazard for finding in found] == ["extinguisher_obstructed"]


def test_a_chain_is_told_beside_the_goods(view_of, scene_of, rules):
    chain = ("chain_lock", (480, 480, 520, 540))
    (finding,) = find_hazards(view_of([DOOR, SIGN, CARTON, chain]), scene_of("unknown"), rules, said())
    assert finding.reason.en.endswith(" is covered: cartons; a chain or padlock on an exit door")
    assert finding.reason.zh.endswith("；安全出口门上有链条或挂锁")


def test_a_word_settles_what_was_to_be_checked_on_site(view_of, scene_of, rules):
    unknown, guessed = scene_of("unknown"), replace(scene_of("evacuation_corridor"), provisional=True)
    clutter = ("furniture", (100, 500, 400, 900))
    for specs, scene, hazard, word in [
        ([EBIKE], unknown, "indoor_ebike", "not_an_ebike_confirmed"),
        ([clutter], guessed, "corridor_clutter", "fixture_by_design"),
    ]:
        assert graded(specs, scene, rules, said(), view_of) == [(hazard, Outcome.NEEDS_SITE_CHECK, None)]
        assert graded(specs, scene, rules, said(word), view_of) == [(hazard, Outcome.NOT_A_HAZARD, None)]


def test_a_word_about_a_door_settles_no_question_about_another_sign(view_of, scene_of, rules):
    """A second sign hangs over goods and no door: the door that is judged is dismissed, what is asked about is not."""
    scene, answer = scene_of("unknown"), said("door_confirmed_not_egress")
    specs = [DOOR, SIGN, CARTON, ("exit_sign", (800, 220, 900, 260)), ("furniture", (750, 500, 950, 700))]
    assert graded(specs, scene, rules, answer, view_of) == [
        ("blocked_exit", Outcome.NOT_A_HAZARD, None),
        ("blocked_exit", Outcome.NEEDS_SITE_CHECK, None),
    ]
    assert graded(specs[3:], scene, rules, answer, view_of) == [("blocked_exit", Outcome.NOT_A_HAZARD, None)]


def test_vehicles_at_a_charging_site_stand_and_charge_where_they_should(view_of, scene_of, rules):
    cord, strip = ("power_cable", (420, 0, 450, 520)), ("power_strip", (520, 450, 560, 480))
    site = InspectionContext(venue_type="ebike_charging_site")
    guessed = replace(scene_of("evacuation_corridor"), provisional=True)
    for place in (scene_of("indoor"), scene_of("outdoor_adjacent"), guessed):
        assert graded([EBIKE, cord, strip], place, rules, site, view_of) == []
    assert graded([EBIKE, DOOR, SIGN], scene_of("unknown"), rules, site, view_of) == [
        ("blocked_exit", Outcome.HAZARD, RiskLevel.ELEVATED)
    ]


def test_a_charging_site_excuses_no_stairwell_and_no_room_without_fire_separation(view_of, scene_of, rules):
    site = InspectionContext(venue_type="ebike_charging_site")
    open_to_the_stairs = replace(said("no_fire_separation"), venue_type="ebike_charging_site")
    stilts, stairs = scene_of("stilt_floor"), scene_of("stairwell")
    assert graded([EBIKE], stilts, rules, site, view_of) == [("indoor_ebike", Outcome.NEEDS_SITE_CHECK, None)]
    elevated = [("indoor_ebike", Outcome.HAZARD, RiskLevel.ELEVATED)]
    assert graded([EBIKE], stilts, rules, open_to_the_stairs, view_of) == elevated
    general = [("indoor_ebike", Outcome.HAZARD, RiskLevel.GENERAL)]
    assert graded([EBIKE], stairs, rules, site, view_of) == general


@pytest.mark.parametrize(
    ("hazard", "place"), [("fire_lane_obstructed", "fire_lane"), ("corridor_clutter", "evacuation_corridor")]
)
def test_a_doubtful_thing_more_makes_a_finding_no_less_sure(hazard, place, view_of, scene_of, rules):
    sure, doubtful = ("furniture", (100, 400, 400, 900), 0.95), ("furniture", (600, 400, 900, 900), 0.3)
    (finding,) = find_hazards(view_of([sure, doubtful]), scene_of(place), rules, said())
    assert (finding.hazard, finding.confidence, finding.count) == (hazard, pytest.approx(0.95), 2)


def test_a_lane_that_somebody_saw_again_needs_no_second_picture(view_of, scene_of, rules):
    lane, car = scene_of("fire_lane"), ("vehicle", (100, 400, 400, 900))
    once = ("fire_lane_obstructed", Outcome.NEEDS_SECOND_FRAME, None)
    again = ("fire_lane_obstructed", Outcome.HAZARD, RiskLevel.GENERAL)
    assert graded([car], lane, rules, said(), view_of) == [once]
    assert graded([car], lane, rules, said("still_there"), view_of) == [again]
    assert graded([car], lane, rules, said("single_frame_only", "still_there"), view_of) == [again]
    (finding,) = find_hazards(view_of([car]), lane, rules, said("still_there"))
    assert finding.fact_names() == {"still_there"}


@pytest.mark.parametrize(
    ("specs", "place", "asked"),
    [
        pytest.param([("fire_cabinet", (400, 400, 600, 700))], "unknown", ["q_open_cabinet"], id="closed cabinet"),
        pytest.param([("extinguisher_sign", (0, 960, 40, 1000))], "unknown", ["q_point_photo"], id="cut by the frame"),
        pytest.param([("door", (400, 500, 600, 990)), ("exit_sign", (450, 430, 550, 470))], "unknown",
                     ["q_floor_photo", "q_is_egress"], id="no floor"),
        pytest.param([DOOR, SIGN, ("person", (420, 400, 580, 800))], "unknown", ["q_people_gone", "q_is_egress"], id="people"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_asks_for_the_photo_that_would_tell(
    specs, place, asked, view_of, scene_of, rules
):
    (finding,) = find_hazards(view_of(specs), scene_of(place), rules, said())
    assert list(finding.questions) == asked


def test_one_word_dismisses_neither_of_two_exits_where_an_ebike_blocks_one(view_of, scene_of, rules):
    """A stairwell: the e-bike blocks one exit altogether, a carton the other by a third."""
    specs, scene = [DOOR, SIGN, EBIKE, OTHER_DOOR, OTHER_SIGN, OTHER_CARTON], scene_of("stairwell")
    exits = [("blocked_exit", Outcome.HAZARD, level) for level in (RiskLevel.GENERAL, RiskLevel.ELEVATED)]
    for context in (said(), said("door_confirmed_not_egress")):
        found = graded(specs, scene, rules, context, view_of)
        assert found[0] == ("indoor_ebike", Outcome.HAZARD, RiskLevel.GENERAL)
        assert sorted(found[1:], key=lambda each: each[2].rank) == exits
    alone = graded(specs[:3], scene, rules, said("door_confirmed_not_egress"), view_of)
    assert alone[1:] == [("blocked_exit", Outcome.NOT_A_HAZARD, None)]


def test_a_word_that_an_unseen_door_asks_for_too_dismisses_no_blocked_one(view_of, scene_of, rules):
    unseen = [("door", (750, 500, 950, 990)), ("exit_sign", (800, 430, 900, 470))]
    answer = said("door_confirmed_not_egress")
    found = find_hazards(view_of([DOOR, SIGN, CARTON, *unseen]), scene_of("unknown"), rules, answer)
    assert [finding.outcome for finding in found] == [Outcome.HAZARD, Outcome.NOT_ASSESSABLE]
    assert all("door_confirmed_not_egress" not in finding.fact_names() for finding in found)
    assert all(finding.reason.en.endswith("not counted") for finding in found)


def test_what_was_put_right_is_not_counted_for_all_of_several_hazards(view_of, scene_of, rules):
    """A blocked exit and an empty bracket: which of them the person mended was not said."""
    bracket, scene, mended = (
        ("extinguisher_bracket", (100, 400, 150, 450)),
        scene_of("unknown"),
        said("corrected_on_site"),
    )
    (alone,) = find_hazards(view_of([DOOR, SIGN, CARTON]), scene, rules, mended)
    assert "corrected_on_site" in alone.fact_names()
    for finding in find_hazards(view_of([DOOR, SIGN, CARTON, bracket]), scene, rules, mended):
        assert "corrected_on_site" not in finding.fact_names()
        assert finding.reason.zh.endswith("。画面中不止一处隐患，“当场改正”未指明是哪一处，未予采用")
        assert ". There is more than one hazard in the picture, and " in finding.reason.en


def test_a_sign_is_not_both_told_and_asked_about(view_of, scene_of, rules):
    """The door is hardly seen, so its sign would be asked about for the carton; the e-bike that covers it is told."""
    specs = [("door", (400, 300, 600, 700), 0.12), SIGN, EBIKE, ("carton", (420, 560, 560, 690))]
    view = replace(view_of(specs), operating_points={"door": 0.05})
    found = find_hazards(view, scene_of("exit_door_area"), rules, said())
    assert [each.outcome for each in found if each.hazard == "blocked_exit"] == [Outcome.HAZARD]


@pytest.mark.parametrize(("confidence", "outcome"), [(0.24, Outcome.HAZARD), (0.3, Outcome.NOT_ASSESSABLE)])
def test_what_may_be_a_door_hides_no_place_of_an_extinguisher(confidence, outcome, view_of, scene_of, rules):
    """The door's point is 0.05, because a missed exit costs more than a false one; to hide a place it has to be surer."""
    specs = [("extinguisher_bracket", (400, 400, 460, 460)), ("door", (300, 300, 600, 700), confidence)]
    view = replace(view_of(specs), operating_points={"door": 0.05})
    found = find_hazards(view, scene_of("unknown"), rules, said())
    assert [each.outcome for each in found if each.hazard == "missing_extinguisher"] == [outcome]
