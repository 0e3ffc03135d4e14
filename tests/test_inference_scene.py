"""Which scene is used, and who is said to have named it."""

import pytest

from firewarden.findings import InspectionContext, Source
from firewarden.inference.scene import settle_scene

BOX = (100, 100, 900, 900)


@pytest.mark.parametrize(
    ("said", "probabilities", "specs", "name", "source", "provisional"),
    [
        pytest.param("stairwell", {"outdoor_open": 0.99}, [], "stairwell", Source.PERSON, False, id="a person's word wins"),
        pytest.param(None, {"elevator_car": 0.7, "indoor": 0.3}, [], "elevator_car", Source.MODEL, True, id="network"),
        pytest.param(
            None, {"elevator_car": 0.4, "indoor": 0.35, "outdoor_open": 0.25}, [], "indoor", Source.MODEL, True,
            id="two indoor scenes of 0.75 together are indoors",
        ),
        pytest.param(
            None, {"elevator_car": 0.3, "indoor": 0.25, "outdoor_open": 0.45}, [], "unknown", Source.MODEL, True,
            id="an open question stays open",
        ),
        pytest.param(None, {}, [("exit_sign", BOX)], "indoor", Source.MODEL, True, id="guess from an exit sign"),
        pytest.param(None, {}, [("vehicle", BOX)], "outdoor_open", Source.MODEL, True, id="guess from a car"),
        pytest.param(None, {}, [("vehicle", BOX), ("door", BOX)], "unknown", Source.MODEL, True, id="a garage is open"),
        pytest.param(None, {}, [], "unknown", Source.MODEL, True, id="nothing seen"),
        pytest.param("unknown", {}, [], "unknown", Source.MODEL, True, id="'unknown' said is not said"),
        pytest.param("indoor", {}, [], "indoor", Source.PERSON, True, id="'indoor' leaves the kind of space open"),
    ],
)  # fmt: skip
def test_scene(view_of, rules, said, probabilities, specs, name, source, provisional):
    scene = settle_scene(InspectionContext(scene=said), view_of(specs), probabilities, rules)
    assert (scene.name, scene.source, scene.provisional) == (name, source, provisional)


def test_what_a_register_leaves_open_is_not_guessed(view_of, rules):
    context = InspectionContext(scene="unknown", scene_source=Source.REGISTER)
    scene = settle_scene(context, view_of([("exit_sign", BOX)]), {"elevator_car": 0.9}, rules)
    assert (scene.name, scene.source, scene.confidence, scene.provisional) == (
        "unknown",
        Source.REGISTER,
        0.0,
        True,
    )
