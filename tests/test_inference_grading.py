"""The grading table: acceptance scenarios from facts to levels, and properties over random contexts."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.findings import (
    Fact,
    Finding,
    InspectionContext,
    Outcome,
    RiskLevel,
    Routing,
    SceneEstimate,
    Source,
    Text,
)  # fmt: skip
from firewarden.inference.grading import assess, build_case, grade
from firewarden.inference.hazards import find_hazards
from firewarden.inference.rules_file import load_rules
from firewarden.inference.said_facts import flags_of, with_context

RULES = load_rules()
L, G, E, M = RiskLevel
PERSON, MODEL, REGISTER = Source.PERSON, Source.MODEL, Source.REGISTER


def finding_of(hazard, model=(), person=(), ratio=None, count=1, outcome=Outcome.HAZARD, confidence=0.9):
    facts = [Fact(n, MODEL) for n in model] + [Fact(n, PERSON) for n in person]
    ratios = {} if ratio is None else {"r": ratio}
    return Finding(
        hazard, outcome, (0, 0, 10, 10), confidence, Text("中", "en"), (), tuple(facts), ratios, count
    )


def judge(finding, scene="unknown", venue="unknown", **context):
    estimate = SceneEstimate(scene, PERSON, 1.0, False, Text("", ""))
    return assess(finding, estimate, RULES, InspectionContext(venue_type=venue, **context))


def row(label, hazard, scene, venue, model, person, ratio, count, outcome, level, ids, **more):
    return pytest.param(
        hazard, scene, venue, model, person, ratio, count, outcome, level, ids, more, id=label
    )


SCENARIOS = [
    row("1 charging in a rental stairwell", "indoor_ebike", "stairwell", "rental_housing", ["charging_active", "in_egress"],
        [], None, 2, "hazard", E, ["EB-B3", "EB-R1", "EB-R2"]),
    row("1 ... only stair, people inside, said by the worker", "indoor_ebike", "stairwell", "rental_housing",
        ["charging_active", "in_egress"], ["only_exit", "occupied"], None, 2, "hazard", M,
        ["EB-B3", "EB-R1", "EB-R2", "EB-R4", "EB-R6"]),
    row("2 cartons before a restaurant exit, ratio 0.35", "blocked_exit", "unknown", "restaurant", ["movable"], [], 0.35, 1,
        "hazard", G, ["BE-B2"]),
    row("3 chained exit of a KTV", "blocked_exit", "unknown", "entertainment", ["locked_or_sealed"], [], None, 1, "hazard", E,
        ["BE-B2", "BE-R3"], status="element_possible"),
    row("3 ... model claims only exit and people inside", "blocked_exit", "unknown", "entertainment",
        ["locked_or_sealed", "only_exit", "occupied"], [], None, 1, "hazard", E, ["BE-B2", "BE-R3", "BE-R5"],
        suspected=True, status="element_possible"),
    row("3 ... a fire officer sets both", "blocked_exit", "unknown", "entertainment", ["locked_or_sealed"],
        ["only_exit", "occupied"], None, 1, "hazard", M, ["BE-B2", "BE-R3", "BE-R5"], status="element_possible"),
    row("4 cord from the fourth floor", "flying_charging_cable", "outdoor_adjacent", "residential_highrise",
        ["vehicle_attached", "charging_active"], [], None, 1, "hazard", G, ["FC-B2"]),
    row("4 ... beside stored cardboard", "flying_charging_cable", "outdoor_adjacent", "residential_highrise",
        ["vehicle_attached", "charging_active", "combustible"], [], None, 1, "hazard", E, ["FC-B2", "FC-R2"]),
    row("5 telecom wires, said by the worker", "flying_charging_cable", "outdoor_adjacent", "street", ["vehicle_attached"],
        ["telecom_line"], None, 1, "not_a_hazard", None, ["FC-X1"]),
    row("5 ... before anybody says so", "flying_charging_cable", "outdoor_adjacent", "street", ["vehicle_attached"], [], None,
        1, "hazard", G, ["FC-B2"]),
    row("6 empty bracket in a kindergarten", "missing_extinguisher", "unknown", "kindergarten", [], [], None, 1, "hazard", G,
        ["ME-B2"]),
    row("6 ... two empty points", "missing_extinguisher", "unknown", "kindergarten", [], [], None, 2, "hazard", E,
        ["ME-B2", "ME-R1"]),
    row("7 arrow sign", "missing_extinguisher", "unknown", "office", [], ["sign_has_direction_arrow"], None, 1,
        "not_assessable", None, ["ME-X2"]),
    row("7 closed cabinet", "missing_extinguisher", "unknown", "office", ["cabinet_closed_opaque"], [], None, 1,
        "not_assessable", None, ["ME-X2"]),
    row("8 private flat, no extinguisher", "missing_extinguisher", "private_room", "owner_dwelling", [], [], None, 1,
        "advice_only", None, ["ME-X1"]),
    row("8 private flat, e-bike parked", "indoor_ebike", "private_room", "owner_dwelling", [], [], None, 1, "hazard", L,
        ["EB-B1"]),
    row("8 private flat, battery on charge", "indoor_ebike", "private_room", "owner_dwelling", ["battery_indoor_charging"],
        [], None, 1, "hazard", G, ["EB-B3"]),
    row("8 rented room, e-bike parked", "indoor_ebike", "private_room", "rental_housing", [], [], None, 1, "hazard", G,
        ["EB-B3"]),
    row("10 car in one frame", "fire_lane_obstructed", "fire_lane", "street", ["single_frame_only"], [], None, 1,
        "needs_second_frame", None, ["FL-X2"]),
    row("10 ... still there after ten minutes", "fire_lane_obstructed", "fire_lane", "street", [], [], None, 1, "hazard", G,
        ["FL-B2"]),
    row("10 concrete bollard at once", "fire_lane_obstructed", "fire_lane", "street", ["single_frame_only"],
        ["fixed_obstacle"], None, 1, "hazard", E, ["FL-B2", "FL-R1"], status="element_possible"),
    row("11 stilt floor with thirty e-bikes", "indoor_ebike", "stilt_floor", "residential_lowrise", [], [], None, 30,
        "needs_site_check", None, ["EB-X3"]),
    row("11 ... no separation, said by the inspector", "indoor_ebike", "stilt_floor", "residential_lowrise", [],
        ["no_fire_separation"], None, 30, "hazard", E, ["EB-B3", "EB-R5"], status="element_possible"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("hazard", "scene", "venue", "model", "person", "ratio", "count", "outcome", "level", "ids", "more"),
    SCENARIOS,
)
def test_scenario(hazard, scene, venue, model, person, ratio, count, outcome, level, ids, more):
    result = judge(finding_of(hazard, model, person, ratio, count), scene, venue)
    assert (result.outcome.value, result.risk_level_initial, list(result.rule_ids)) == (outcome, level, ids)
    assert result.suspected_major is more.get("suspected", False)
    assert result.major_fire_hazard_status == more.get("status", "none")


def test_scenario_2_from_boxes_to_sentence(view_of, scene_of):
    """The carton covers 200 x 140 of the 400 x 200 px lower half of the door: 0.35. Its lower third covers less of the
    zone: about 205 x 113 of 105,600 px: 0.22."""
    view = view_of(
        [
            ("door", (100, 300, 500, 700)),
            ("exit_sign", (250, 200, 350, 240)),
            ("carton", (100, 560, 300, 900)),
        ]
    )
    scene = scene_of("unknown")
    context = InspectionContext(venue_type="restaurant")
    (finding,) = find_hazards(view, scene, RULES, context)
    result = assess(finding, scene, RULES, context)
    assert (result.risk_level_initial, result.rule_ids) == (G, ("BE-B2",))
    assert finding.ratios["obstructed"] == pytest.approx(0.35, abs=0.02)
    percent = round(finding.ratios["obstructed"] * 100)
    assert result.reason.zh == f"纸箱货物遮挡安全出口门前约 {percent} % 区域 (BE-B2)"
    assert (
        result.reason.en
        == f"About {percent} % of the zone in front of an exit door is covered: cartons (BE-B2)"
    )


def test_scenario_2_corrected_on_site_keeps_the_initial_level():
    missing = judge(finding_of("missing_extinguisher", person=["corrected_on_site"]), venue="restaurant")
    assert (missing.risk_level_initial, missing.risk_level_residual) == (G, L)
    assert missing.closing is not None and missing.closing.closes == "grid" and missing.closing.on_the_spot


@pytest.mark.parametrize(
    ("ratio", "level", "closes", "days"), [(0.35, G, "grid", None), (0.60, E, "township", 15)]
)
def test_scenario_2_cleared_at_once_is_closed_by_the_grid_and_no_order_is_drafted(ratio, level, closes, days):
    """The level of a blocked exit knows nothing of it; what is elevated stays with the township all the same."""
    cleared = judge(finding_of("blocked_exit", ["movable"], ["corrected_on_site"], ratio), venue="restaurant")
    assert (cleared.risk_level_initial, cleared.risk_level_residual) == (level, level)
    assert (cleared.closing.closes, cleared.closing.due_days, cleared.routing) == (
        closes,
        days,
        Routing.HUMAN_REVIEW,
    )
    assert cleared.closing.on_the_spot is (closes == "grid")
    kept = judge(finding_of("blocked_exit", ["movable"], [], ratio), venue="restaurant")
    assert (kept.closing.closes, kept.closing.due_days, kept.routing) == ("township", 15, Routing.DRAFT_ORDER)


def test_what_cannot_be_judged_is_excluded_as_what_can():
    def outcome(hazard, model, person, venue, seen=Outcome.NOT_ASSESSABLE):
        return judge(finding_of(hazard, model, person, outcome=seen), venue=venue).outcome

    assert outcome("blocked_exit", [], ["door_confirmed_not_egress"], "office") is Outcome.NOT_A_HAZARD
    assert outcome("blocked_exit", [], [], "office") is Outcome.NOT_ASSESSABLE
    closed = ["cabinet_closed_opaque"]
    assert outcome("missing_extinguisher", closed, [], "owner_dwelling") is Outcome.ADVICE_ONLY
    spare = ["removed_for_service_with_spare"]
    assert (
        outcome("missing_extinguisher", closed, spare, "office") is Outcome.NOT_ASSESSABLE
    )  # ME-X2 stands before ME-X3


def test_scenario_3_major_needs_the_person_not_the_confidence():
    claims = finding_of("blocked_exit", ["locked_or_sealed", "only_exit", "occupied"], confidence=1.0)
    result = judge(claims, venue="entertainment")
    assert (result.risk_level_initial, result.suspected_major, result.needs_review) == (E, True, True)


def test_scenario_9_lift_and_scenario_17_recurrence():
    lift = finding_of("indoor_ebike")
    assert judge(lift, "elevator_car", "residential_highrise").rule_ids == ("EB-B2",)
    again = finding_of("indoor_ebike", person=["repeat_within_90d"])
    result = judge(again, "elevator_car", "residential_highrise")
    assert (result.risk_level_initial, result.rule_ids) == (E, ("EB-B2", "repeat_within_90d"))


def test_a_modifier_never_reaches_major():
    worst = finding_of("blocked_exit", ["fully_blocked"], ["repeat_within_90d", "overdue"], ratio=1.0)
    assert judge(worst, venue="restaurant").risk_level_initial is E


def test_smoke_is_an_emergency_that_skips_the_cap_and_the_queue():
    result = judge(finding_of("smoke_or_flame", confidence=0.3))
    assert (result.risk_level_initial, result.emergency, result.routing, result.needs_review) == (
        M, True, Routing.DRAFT_ORDER, False,
    )  # fmt: skip
    benign = judge(finding_of("smoke_or_flame", person=["benign_source_confirmed"]))
    assert benign.outcome is Outcome.NOT_A_HAZARD


def test_a_person_only_flag_from_the_model_excludes_nothing():
    assert judge(finding_of("blocked_exit", ["door_confirmed_not_egress"])).outcome is Outcome.HAZARD
    assert (
        judge(finding_of("blocked_exit", [], ["door_confirmed_not_egress"])).outcome is Outcome.NOT_A_HAZARD
    )


@pytest.mark.parametrize(
    ("profile", "level_case", "closes", "due_days"),
    [
        ("yunhe_zhejiang", "general", "township", 15),
        ("yanbian_jilin", "general", "grid", None),
        ("yunhe_zhejiang", "elevated", "township", 15),
        ("yanbian_jilin", "elevated", "township", None),
    ],
)
def test_closure_profiles(profile, level_case, closes, due_days):
    count = 1 if level_case == "general" else 2
    result = judge(
        finding_of("missing_extinguisher", count=count), venue="kindergarten", closure_profile=profile
    )
    assert result.risk_level_initial == level_case
    assert (result.closing.closes, result.closing.due_days) == (closes, due_days)


def test_unknown_venue_is_provisional_and_never_drafted():
    result = judge(finding_of("blocked_exit", ratio=0.4, confidence=1.0))
    assert result.provisional and result.routing is Routing.HUMAN_REVIEW
    settled = judge(finding_of("blocked_exit", ratio=0.4, confidence=1.0), venue="office")
    assert not settled.provisional and settled.routing is Routing.DRAFT_ORDER


def test_a_finding_that_could_not_be_judged_has_no_level():
    result = judge(finding_of("blocked_exit", outcome=Outcome.NOT_ASSESSABLE), venue="office")
    assert (result.outcome, result.risk_level_initial, result.closing) == (Outcome.NOT_ASSESSABLE, None, None)


# Properties over random contexts ------------------------------------------------------------------------------------

AGGRAVATING = {
    hazard: sorted(
        frozenset().union(
            *(r.any | r.all for r in table.raises), *(r.none for r in table.base), RULES.modifiers.one_step_up
        )
    )
    for hazard, table in RULES.hazards.items()
}


@st.composite
def cases(draw):
    hazard = draw(st.sampled_from(sorted(RULES.hazards)))
    flags = sorted(flags_of(hazard, RULES))
    facts = draw(st.dictionaries(st.sampled_from(flags), st.sampled_from(list(Source))))
    ratio = draw(st.none() | st.floats(0, 1))
    base = finding_of(hazard, ratio=ratio, count=draw(st.integers(0, 40)), confidence=draw(st.floats(0, 1)))
    finding = replace(base, facts=tuple(Fact(n, s) for n, s in facts.items()))
    scene = draw(st.sampled_from(RULES.scenes))
    venue = draw(st.sampled_from(sorted(RULES.venue_groups)))
    return finding, scene, venue


def rank(result):
    return result.risk_level_initial.rank


@settings(max_examples=600, deadline=None)
@given(cases(), st.data())
def test_an_added_aggravating_flag_never_lowers_a_level(case, data):
    finding, scene, venue = case
    extra = data.draw(st.sampled_from(AGGRAVATING[finding.hazard]))
    source = data.draw(st.sampled_from(list(Source)))
    before = judge(finding, scene, venue)
    facts = {f.name: f for f in finding.facts}
    after = judge(replace(finding, facts=tuple({extra: Fact(extra, source), **facts}.values())), scene, venue)
    if before.risk_level_initial is not None and after.risk_level_initial is not None:
        assert rank(after) >= rank(before)


@settings(max_examples=400, deadline=None)
@given(cases(), st.floats(0, 1), st.integers(0, 40))
def test_a_larger_ratio_or_count_never_lowers_a_level(case, more_ratio, more_count):
    finding, scene, venue = case
    if not finding.ratios:
        return
    larger = replace(
        finding,
        ratios={"r": min(1.0, finding.ratios["r"] + more_ratio)},
        count=finding.count + more_count,
    )
    before, after = judge(finding, scene, venue), judge(larger, scene, venue)
    assert before.outcome == after.outcome
    if before.risk_level_initial is not None:
        assert rank(after) >= rank(before)


@settings(max_examples=400, deadline=None)
@given(cases())
def test_no_major_from_model_facts_alone_except_smoke(case):
    finding, scene, venue = case
    finding = replace(finding, facts=tuple(Fact(f.name, MODEL) for f in finding.facts))
    result = judge(finding, scene, venue)
    assert result.risk_level_initial is not M or finding.hazard == "smoke_or_flame"


@settings(max_examples=300, deadline=None)
@given(cases(), st.floats(0, 1))
def test_confidence_never_moves_a_level_or_outcome(case, confidence):
    finding, scene, venue = case
    before, after = judge(finding, scene, venue), judge(replace(finding, confidence=confidence), scene, venue)
    assert (before.risk_level_initial, before.outcome, before.rule_ids) == (
        after.risk_level_initial, after.outcome, after.rule_ids,
    )  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(cases())
def test_every_hazard_gets_exactly_one_base_row(case):
    finding, scene, venue = case
    estimate = SceneEstimate(scene, PERSON, 1.0, False, Text("", ""))
    built = build_case(finding, estimate, RULES, InspectionContext(venue_type=venue))
    result = grade(finding.hazard, built, RULES)
    bases = {r.id for r in RULES.hazards[finding.hazard].base}
    assert len(bases & set(result.rule_ids)) == (1 if result.outcome is Outcome.HAZARD else 0)


def test_counts_known_for_the_place_raise_the_count():
    context = InspectionContext(counts={"missing_extinguisher": 2})
    assert with_context(finding_of("missing_extinguisher"), RULES, context).count == 2
    assert with_context(finding_of("missing_extinguisher", count=5), RULES, context).count == 5
