"""How many e-bikes are told of those boxed in a 1000 x 1000 px picture, some of them twice or within each other."""

from dataclasses import replace

import pytest

from firewarden.findings import InspectionContext
from firewarden.inference.hazards import find_hazards

OTHER_CONTEXT = InspectionContext()
WHOLE = ("ebike", (200, 400, 600, 900), 0.55)
WITHIN = (300, 500, 400, 800)
OUTER, LEFT, RIGHT = (100, 400, 900, 900), (120, 420, 400, 890), (500, 420, 880, 890)
INMOST = (520, 500, 700, 880)  # within RIGHT, which is within OUTER


def test_three_ebikes_are_one_finding_with_a_count(view_of, scene_of, rules):
    specs = [("ebike", (x, 400, x + 150, 900)) for x in (100, 300, 500)]
    (finding,) = find_hazards(view_of(specs), scene_of("public_lobby"), rules, OTHER_CONTEXT)
    assert (finding.count, finding.evidence, finding.xyxy) == (3, (0, 1, 2), (100, 400, 650, 900))


def ebikes_told(view_of, scene_of, rules, specs):
    """Count and evidence of the one finding, e-bikes counting from 0.04 up."""
    view = replace(view_of([("ebike", *spec) for spec in specs]), operating_points={"ebike": 0.04})
    (finding,) = find_hazards(view, scene_of("elevator_car"), rules, OTHER_CONTEXT)
    assert f"{finding.count} e-bike" in finding.reason.en
    return finding.count, finding.evidence


@pytest.mark.parametrize(
    ("other", "evidence"),
    [
        pytest.param((WITHIN, 0.06), (0,), id="a small unsure box within repeats the surer one round it"),
        pytest.param(((300, 740, 400, 940), 0.06), (0, 1), id="0.80 of it inside: 160 of 200 px"),
        pytest.param(((300, 730, 400, 930), 0.06), (0,), id="0.85 of it inside: 170 of 200 px"),
        pytest.param((WITHIN, 0.56), (1,), id="surer than the box round it, which repeats it"),
        pytest.param((WITHIN, 0.9), (1,), id="sure, and the box round it is not"),
        pytest.param((WITHIN, 0.55), (0,), id="as sure: the smaller one goes"),
        pytest.param(((600, 400, 1000, 900), 0.06), (0, 1), id="side by side"),
        pytest.param(((400, 400, 800, 900), 0.06), (0, 1), id="one half before the other"),
    ],
)
def test_an_ebike_boxed_twice_is_one(view_of, scene_of, rules, other, evidence):
    told = ebikes_told(view_of, scene_of, rules, [WHOLE[1:], other])
    assert told == (len(evidence), evidence)


@pytest.mark.parametrize(
    ("specs", "evidence"),
    [
        pytest.param([(OUTER, 0.04), (WITHIN, 0.06)], (1,), id="both hardly sure: the surer, smaller one stays"),
        pytest.param([(OUTER, 0.22), (LEFT, 0.58), (RIGHT, 0.3)], (1, 2), id="an unsure box round two goes, the two stay"),
        pytest.param([(OUTER, 0.22), (LEFT, 0.58), (RIGHT, 0.1)], (1, 2), id="it goes for the surer one and takes no other with it"),
        pytest.param([(OUTER, 0.5), (LEFT, 0.4), (RIGHT, 0.3)], (0,), id="surer than the two in it: they are its parts"),
        pytest.param([(OUTER, 0.6), (LEFT, 0.9), (RIGHT, 0.59)], (0, 1), id="sure boxes stay, the unsure one repeats the outer"),
        pytest.param([(OUTER, 0.3), (RIGHT, 0.2), (INMOST, 0.1)], (0,), id="a chain, the outmost surest"),
        pytest.param([(OUTER, 0.1), (RIGHT, 0.2), (INMOST, 0.3)], (2,), id="a chain, the inmost surest"),
        pytest.param([(OUTER, 0.1), (RIGHT, 0.3), (INMOST, 0.2)], (1,), id="a chain, the middle surest"),
        pytest.param([(OUTER, 0.2), (RIGHT, 0.7), (INMOST, 0.9)], (1, 2), id="a chain of two sure ones and an unsure one"),
    ],
)  # fmt: skip
def test_boxes_within_boxes(view_of, scene_of, rules, specs, evidence):
    assert ebikes_told(view_of, scene_of, rules, specs) == (len(evidence), evidence)


def test_two_sure_ebikes_are_two_even_where_one_stands_before_the_other(view_of, scene_of, rules):
    specs = [("ebike", (200, 400, 600, 900), 0.9), ("ebike", (300, 500, 550, 890), 0.6)]
    (finding,) = find_hazards(view_of(specs), scene_of("elevator_car"), rules, OTHER_CONTEXT)
    assert finding.count == 2


def test_a_box_within_one_that_is_more_surely_a_person_counts(view_of, scene_of, rules):
    """A rider's whole box is no e-bike, so the machine within it repeats none."""
    rider = (200, 300, 600, 900)
    specs = [("ebike", rider, 0.4), ("person", rider, 0.9), ("ebike", (250, 600, 550, 890), 0.3)]
    (finding,) = find_hazards(view_of(specs), scene_of("elevator_car"), rules, OTHER_CONTEXT)
    assert (finding.count, finding.evidence) == (1, (2,))
