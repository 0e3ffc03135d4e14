"""The motion gate on drawn pictures: what is a change, what is light, and what is remembered."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cctv_stage import Actor, Stage, at

from firewarden.cctv.motion import Gate, observe, to_blocks, with_look

BOX = (0.4, 0.5, 0.6, 0.9)


def blocks_of(pixels, rules):
    return to_blocks(pixels, grid_w=rules.cctv.motion.grid_w, grid_h=rules.cctv.motion.grid_h)


def run(stage, rules, until_s, gate=None):
    """The gate and the seconds at which a look was wanted; every look is taken."""
    gate, looks = gate or Gate(), []
    while stage.now_s < until_s:
        blocks = blocks_of(stage.draw(), rules)
        gate, opening = observe(gate, blocks, at(stage.now_s), rules.cctv.motion)
        if opening.wants_look(rules.cctv.motion):
            looks.append(stage.now_s)
            gate = with_look(gate, blocks, at(stage.now_s))
        stage.now_s += 10
    return gate, looks


def test_blocks_are_means_of_their_part_of_the_picture():
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:20, :30] = 200
    assert to_blocks(pixels, grid_w=2, grid_h=2).tolist() == [[200, 0], [0, 0]]
    points_at = to_blocks(pixels, grid_w=1, grid_h=1)[
        0, 0
    ]  # of 1/6, 1/2 and 5/6 of a side only the first is lit
    assert points_at == pytest.approx(200 / 9)


@pytest.mark.parametrize(("reference_grey", "changed"), [(100.0, 0), (200.0, 12)])
def test_the_rules_say_how_bright_a_picture_differences_are_of(rules, reference_grey, changed):
    """A difference of 8 grey values in a picture of 100 is 8 at a mean of 100, and 16 at 200; 12 are a change."""
    motion = replace(rules.cctv.motion, reference_grey=reference_grey)
    before = np.full((motion.grid_h, motion.grid_w), 100, np.float32)
    after = before.copy()
    after[:3, :4] += 8
    gate, _ = observe(Gate(), before, at(0), motion)
    assert observe(with_look(gate, before, at(0)), after, at(10), motion)[1].changed == changed


def test_a_quiet_place_is_looked_at_every_three_minutes(rules):
    """Three looks after the start, then 180 s after the last one (at 20 s): 200, 380, 560."""
    assert run(Stage(), rules, 700)[1] == [0, 10, 20, 200, 380, 560]


def test_a_thing_set_down_is_looked_at_three_times_and_remembered(rules):
    looks = run(Stage([Actor("carton", BOX, 100)]), rules, 290)[1]
    assert looks == [0, 10, 20, 100, 110, 120]


def test_its_leaving_is_a_change_once_the_background_knows_it(rules):
    looks = run(Stage([Actor("carton", BOX, 100, 1900)]), rules, 1960)[1]
    assert {1900, 1910, 1920} <= set(looks)


@pytest.mark.parametrize(("watched", "changed"), [(False, False), (True, True)])
def test_going_back_to_the_background_matters_only_while_something_is_watched(rules, watched, changed):
    gate, _ = run(Stage([Actor("carton", BOX, 100)]), rules, 130)
    blocks = blocks_of(Stage(now_s=130).draw(), rules)
    _, opening = observe(gate, blocks, at(130), rules.cctv.motion, watched=watched)
    assert (opening.changed >= rules.cctv.motion.min_blocks) is changed


def test_a_lamp_is_no_change(rules):
    looks = run(Stage(light=lambda t: 0.5 if t >= 100 else 1.0), rules, 190)[1]
    assert looks == [0, 10, 20]


def test_what_flickers_all_the_time_is_learned(rules):
    screen = [Actor("clutter", BOX, t, t + 10, shade) for t in range(0, 3600, 20) for shade in (250,)]
    looks = run(Stage(screen), rules, 3600)[1]
    assert len([t for t in looks if t >= 1800]) <= 1800 / 180 + 1


def test_too_few_blocks_are_no_change(rules):
    small = Actor("clutter", (0.5, 0.5, 0.5 + 1 / 48, 0.5 + 2 / 27), 100)  # about two blocks
    motion = replace(rules.cctv.motion, min_blocks=8)
    gate = Gate()
    stage = Stage([small])
    for _ in range(20):
        gate, opening = observe(gate, blocks_of(stage.draw(), rules), at(stage.now_s), motion)
        assert opening.changed < 8
        stage.now_s += 10
