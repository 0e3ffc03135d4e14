"""Cords as chains of boxes in a 1000 x 1000 px picture: which boxes are one cord, and what the rules make of it."""

from dataclasses import replace

import pytest

from firewarden.findings import InspectionContext, Outcome
from firewarden.inference.cable_chains import chain_confidence, length_in_heights, link_chains
from firewarden.inference.finders_vehicle import find_charging_cables
from firewarden.inference.hazards import find_hazards
from firewarden.inference.relations import ChargingCable

EBIKE = ("ebike", (400, 600, 700, 900))  # 300 wide, 300 high
DOWN = [
    ("power_cable", (500, 200, 540, 300)),
    ("power_cable", (500, 330, 540, 430)),
    ("power_cable", (500, 440, 540, 540)),
    ("power_cable", (500, 550, 540, 650)),
]  # gaps of 30, 10 and 10 px between pieces of 100 px; the last reaches into the vehicle
CONTEXT = InspectionContext()


def cables(view):
    return view.rows(["power_cable"])


@pytest.mark.parametrize(
    ("boxes", "gap_share", "expected"),
    [
        pytest.param([], 0.6, [], id="no boxes, no chains"),
        pytest.param([(0, 0, 50, 10)], 0.6, [(0,)], id="a single box is a chain of one"),
        pytest.param([(0, 0, 50, 10), (50, 0, 100, 10)], 0.0, [(0, 1)], id="boxes that touch"),
        pytest.param([(0, 0, 50, 10), (80, 0, 130, 10)], 0.6, [(0, 1)], id="a gap of 30 px is 0.6 of 50 px"),
        pytest.param([(0, 0, 50, 10), (81, 0, 131, 10)], 0.6, [(0,), (1,)], id="a gap of 31 px is more"),
        pytest.param([(0, 0, 500, 10), (530, 0, 550, 10)], 0.6, [(0,), (1,)], id="the smaller box sets the scale"),
        pytest.param(
            [(200, 0, 250, 10), (0, 0, 50, 10), (100, 0, 150, 10), (400, 400, 450, 410)], 1.0, [(0, 1, 2), (3,)],
            id="ends are joined over the middle, whatever the order",
        ),
    ],
)  # fmt: skip
def test_chains_by_hand(view_of, boxes, gap_share, expected):
    view = view_of([("power_cable", box) for box in boxes])
    assert [chain.rows for chain in link_chains(view, cables(view), gap_share=gap_share)] == expected


def test_a_chain_of_twenty_pieces_is_one(view_of):
    view = view_of([("power_cable", (40 * n, 10 * n, 40 * n + 45, 10 * n + 20)) for n in range(20)])
    (chain,) = link_chains(view, cables(view), gap_share=0.0)
    assert len(chain.rows) == 20
    assert chain.union_box(view).tolist() == [0, 0, 805, 210]


def test_rows_of_other_classes_keep_their_numbers(view_of):
    view = view_of(
        [EBIKE, ("power_cable", (0, 0, 50, 10)), ("door", (0, 0, 9, 9)), ("power_cable", (50, 0, 99, 10))]
    )
    assert [chain.rows for chain in link_chains(view, cables(view), gap_share=0.1)] == [(1, 3)]


def test_a_chain_is_as_sure_as_the_pieces_it_needs(view_of):
    view = view_of([("power_cable", (50 * n, 0, 50 * n + 50, 10), c) for n, c in enumerate([0.3, 0.9, 0.6])])
    (chain,) = link_chains(view, cables(view), gap_share=0)
    assert [round(chain_confidence(chain, view, pieces=n), 2) for n in (1, 2, 3, 9)] == [0.9, 0.6, 0.3, 0.3]


def test_length_in_heights_of_a_vehicle(view_of):
    """From (500, 200) to (540, 650): 40 x 450 px, 451.8 px over 300 px."""
    view = view_of([EBIKE, *DOWN])
    (chain,) = link_chains(view, cables(view), gap_share=0.6)
    assert length_in_heights(chain, view, view.box(0)) == pytest.approx(451.8 / 300, abs=1e-3)


def found(view, scene, rules):
    return [(f.hazard, f.outcome, f.evidence) for f in find_hazards(view, scene, rules, CONTEXT)]


def test_pieces_from_above_to_a_vehicle_are_one_finding(view_of, scene_of, rules):
    """The lowest piece is at the vehicle; only the highest rises above it: 400 px >= 0.25 x 300."""
    view = view_of([EBIKE, *DOWN])
    assert found(view, scene_of("outdoor_open"), rules) == [
        ("flying_charging_cable", Outcome.HAZARD, (1, 2, 3, 4, 0))
    ]


def test_pieces_and_the_whole_box_say_the_same(view_of, scene_of, rules):
    whole = view_of([EBIKE, ("power_cable", (500, 200, 540, 650))])
    pieces = view_of([EBIKE, *DOWN])
    (a,), (b,) = (find_hazards(v, scene_of("outdoor_open"), rules, CONTEXT) for v in (whole, pieces))
    assert (a.xyxy, a.facts, a.count, a.reason, a.confidence) == (
        b.xyxy,
        b.facts,
        b.count,
        b.reason,
        b.confidence,
    )


def test_a_piece_at_a_door_is_a_source(view_of, scene_of, rules):
    """A cord on the ground that neither rises nor leaves the picture, but starts at a door; vehicle 40 px off it."""
    floor = [("power_cable", (x, 880, x + 60, 900)) for x in (230, 290, 350)]
    door, far = ("door", (150, 500, 240, 890)), ("door", (20, 500, 110, 890))
    at_door = found(view_of([EBIKE, *floor, door]), scene_of("outdoor_open"), rules)
    assert at_door == [("flying_charging_cable", Outcome.HAZARD, (1, 2, 3, 0))]
    (alone,) = find_hazards(view_of([EBIKE, *floor, far]), scene_of("outdoor_open"), rules, CONTEXT)
    assert alone.count == 0  # it only lies there


def test_an_indoor_vehicle_keeps_its_whole_cord(view_of, scene_of, rules):
    """No second finding from the pieces that are not near the vehicle."""
    view = view_of([EBIKE, *DOWN])
    assert found(view, scene_of("stairwell"), rules) == [("indoor_ebike", Outcome.HAZARD, (0, 1, 2, 3, 4))]


@pytest.fixture
def relation(rules):
    return next(r for r in rules.relations if isinstance(r, ChargingCable))


@pytest.mark.parametrize(
    ("change", "fed"),
    [
        pytest.param({}, 1, id="as shipped"),
        pytest.param({"min_pieces": 4}, 1, id="four pieces are enough for four"),
        pytest.param({"min_pieces": 5}, None, id="four pieces are too few for five"),
        pytest.param({"min_length_h": 1.5}, 1, id="1.506 vehicle heights are long enough"),
        pytest.param({"min_length_h": 1.6}, 0, id="too short to feed a vehicle: it hangs alone"),
    ],
)
def test_how_much_evidence_a_cord_needs(view_of, scene_of, rules, relation, change, fed):
    view = view_of([EBIKE, *DOWN])
    findings = find_charging_cables(
        replace(relation, **change), view, scene_of("outdoor_open"), rules, frozenset()
    )
    assert [f.count for f in findings] == ([] if fed is None else [fed])


def test_without_links_only_pieces_near_the_vehicle_are_evidence(view_of, scene_of, rules, relation):
    """Rows 3 and 4 lie within 150 px of the vehicle; row 4 alone, top at 550, does not rise 75 px above it."""
    (finding,) = find_charging_cables(
        replace(relation, piece_gap_share=0.05),
        view_of([EBIKE, *DOWN]),
        scene_of("outdoor_open"),
        rules,
        frozenset(),
    )
    assert finding.evidence == (3, 0)


def test_one_faint_piece_does_not_weaken_a_finding(view_of, scene_of, rules, relation):
    view = view_of([EBIKE, *DOWN[:3], (*DOWN[3], 0.3)])
    (one,) = find_charging_cables(relation, view, scene_of("outdoor_open"), rules, frozenset())
    (four,) = find_charging_cables(
        replace(relation, min_pieces=4), view, scene_of("outdoor_open"), rules, frozenset()
    )
    assert (round(one.confidence, 3), round(four.confidence, 3)) == (0.9, 0.3)
