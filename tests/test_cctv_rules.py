"""The section `cctv` of the rule file: read as data; damage is refused with its line."""

from importlib.resources import files

import pytest

from firewarden.errors import PolicyError
from firewarden.inference.rules_file import load_rules

SHIPPED = (files("firewarden.inference") / "rules.yaml").read_text(encoding="utf-8")


def test_the_shipped_numbers(rules):
    default, lane = rules.cctv.confirm.default, rules.cctv.confirm.hazards["fire_lane_obstructed"]
    assert (default.needed, default.of, default.within_s) == (3, 5, 60)
    assert (lane.dwell_s, lane.dwell_share, rules.cctv.confirm.suppress_s) == (600, 0.8, 1800)
    assert rules.cctv.confirm.late_share == 0.02
    assert default.longest_sample_s == 30 and default.hopeless_after == 3


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param("    every_s: 180.0", "    evry_s: 180.0", "unknown key 'evry_s'", id="key"),
        pytest.param("    min_blocks: 3", "    min_blocks: three", "min_blocks", id="number"),
        pytest.param("    scale_lte: 4.0", "    scale_lte: high", "scale_lte", id="gain"),
        pytest.param("    late_share: 0.02", "    late_share: little", "late_share", id="share"),
        pytest.param("default: {needed: 3, of: 5", "default: {needed: 6, of: 5", "needed is 6 of 5", id="6 of 5"),
        pytest.param("moving_scenes: [elevator_car]", "moving_scenes: [elevator]", "elevator", id="scene"),
        pytest.param("settled_groups: [sleeping", "settled_groups: [sleepy", "sleepy", id="venue group"),
        pytest.param("    indoor_ebike: [ebike]", "    indoor_bike: [ebike]", "indoor_bike", id="hazard"),
        pytest.param("    corridor_clutter: [carton", "    corridor_clutter: carton #[", "list of words", id="words"),
        pytest.param("    black_level: 16.0 ", "    black_level: 16.0\n    black_level: 9 ", "stands twice", id="twice"),
        pytest.param("is_building: true", "is_building: yes!", "expected true or false", id="is_building"),
        pytest.param("scenes: [private_room], zh", "scenes: [private], zh", "private", id="scene of a refused place"),
    ],
)  # fmt: skip
def test_damage_is_refused_with_its_line(tmp_path, old, new, says):
    assert SHIPPED.count(old) == 1
    path = tmp_path / "rules.yaml"
    path.write_text(SHIPPED.replace(old, new), encoding="utf-8")
    with pytest.raises(PolicyError, match=says) as error:
        load_rules(path)
    named = int(str(error.value).removeprefix(f"{path}:").split(":")[0])
    assert abs(named - SHIPPED[: SHIPPED.index(old)].count("\n") - 1) <= 1


def test_a_class_the_model_does_not_have_is_named(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(
        SHIPPED.replace("    indoor_ebike: [ebike]", "    indoor_ebike: [ebike, exit_lamp]"), encoding="utf-8"
    )
    with pytest.raises(PolicyError, match="exit_lamp"):
        load_rules(path)
