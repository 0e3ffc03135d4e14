"""One camera watched: drawn frames in, events out, by a clock set by hand."""

import json
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cctv_stage import HW, START, Actor, Stage, at, camera, play, watcher, zones

from firewarden.cctv.camera import parse_window
from firewarden.cctv.frame import Frame
from firewarden.cctv.masks import MASK_GREY
from firewarden.cctv.watch import Watcher
from firewarden.detections import Detections
from firewarden.findings import RiskLevel
from firewarden.inference.detector import Sight
from firewarden.inference.inspector import Inspector

CARTON = (0.2, 0.4, 0.4, 0.95)


def kinds(changes):
    return [(change.kind.value, change.event.hazard) for _, change in changes]


def rectangle(x0, y0, x1, y1):
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def test_an_ebike_rides_a_lift(rules):
    """In at 60 s, pushed from left to right, hidden for 20 s behind the doors, out at 180 s: one event, general.

    It stands still from the look at 150 s on; of its leaving, the seventh look in a row without it is at 240 s, 60 s
    after the first."""
    rolling = Actor("ebike", lambda t: ((t - 60) * 0.004, 0.4, (t - 60) * 0.004 + 0.3, 0.9), 60, 120)
    standing = Actor("ebike", (0.65, 0.4, 0.95, 0.9), 140, 180)  # 0.7 diagonals from where it was seen last
    stage = Stage([rolling, standing])
    changes = play(stage, watcher(stage, rules, scene="elevator_car", sample_every_s=5), 400, every_s=5)
    assert kinds(changes) == [("opened", "indoor_ebike"), ("closed", "indoor_ebike")]
    (opened_s, opened), (closed_s, closed) = changes
    assert (opened_s, closed_s) == (70, 240) and opened.event.risk_level is RiskLevel.GENERAL
    assert closed.event.ended_at == at(150) and closed.frame is None
    json.dumps(closed.event.to_json())


@pytest.mark.parametrize("name", ["person", "bicycle"])
def test_people_and_pedal_bicycles_in_a_lift_are_nothing(rules, name):
    stage = Stage([Actor(name, (0.3, 0.3, 0.6, 0.9), 30, 200)])
    assert play(stage, watcher(stage, rules, scene="elevator_car"), 300) == []


def test_a_private_window_reaches_neither_detector_nor_store(rules):
    seen = []
    stage = Stage([Actor("carton", CARTON)])
    stage.see = lambda image, see=stage.see: (seen.append(image.pixels), see(image))[1]
    changes = play(stage, watcher(stage, rules, zones=zones(private_mask=[rectangle(0.5, 0, 1, 0.5)])), 60)
    stored = [change.frame.pixels for _, change in changes]
    assert len(seen) >= 3 and len(stored) == 1
    for pixels in (*seen, *stored):
        assert (pixels[: HW[0] // 2, HW[1] // 2 :] == MASK_GREY).all()
        assert pixels[HW[0] // 2 + 2 :].std() > 5


def test_a_thing_in_an_ignore_zone_is_left_out(rules):
    stage = Stage([Actor("carton", CARTON)])
    assert play(stage, watcher(stage, rules, zones=zones(ignore=[rectangle(0, 0, 0.5, 1)])), 100) == []


@pytest.mark.parametrize(
    ("lane", "opened"),
    [
        pytest.param(rectangle(0.2, 0.6, 0.7, 1), [620], id="its base lies on the lane"),
        pytest.param(rectangle(0.2, 0.3, 0.7, 0.65), [], id="it only hides the lane"),
    ],
)
def test_a_fire_lane_by_its_polygon(rules, lane, opened):
    """Looks at 0, 10, 20, then every 30 s: 590 is too early, 620 is past ten minutes."""
    stage = Stage([Actor("vehicle", (0.3, 0.5, 0.6, 0.8))])
    watch = watcher(stage, rules, scene="fire_lane", venue_type="street", zones=zones(fire_lane=[lane]))
    changes = play(stage, watch, 800)
    assert [t for t, _ in changes] == opened
    assert kinds(changes) == [("opened", "fire_lane_obstructed")] * len(opened)
    assert all(change.event.rule_ids[0] == "FL-B2" for _, change in changes)


def test_goods_on_an_egress_zone_block_it_and_are_no_clutter_besides(rules):
    """Zone 0.4 x 0.3; the carton's lower third covers 0.2 x 0.183 of it: 0.31."""
    stage = Stage([Actor("carton", CARTON)])
    watch = watcher(stage, rules, zones=zones(egress=[rectangle(0.2, 0.7, 0.6, 1)]))
    changes = play(stage, watch, 100)
    assert kinds(changes) == [("opened", "blocked_exit")]
    assert "31 %" in changes[0][1].event.reason.en or "30 %" in changes[0][1].event.reason.en
    stage = Stage([Actor("carton", (0.2, 0.4, 0.25, 0.95))])  # covers 0.05 x 0.183 of 0.12: 0.08
    watch = watcher(stage, rules, zones=zones(egress=[rectangle(0.2, 0.7, 0.6, 1)]))
    assert kinds(play(stage, watch, 100)) == [("opened", "corridor_clutter")]


def test_an_ebike_boxed_twice_is_one_event_and_its_part_no_goods_on_the_egress_zone(rules):
    """The part lies whole within the e-bike's box, unsure (0.3): without the rule it would be a second event."""
    stage = Stage([Actor("ebike", (0.3, 0.4, 0.7, 0.9))])

    def twice(image, see=stage.see):
        sight = see(image)
        part = np.array([[0.4, 0.5, 0.6, 0.9]], np.float32) * np.array([*HW[::-1], *HW[::-1]], np.float32)
        d = sight.detections
        return Sight(
            Detections(
                np.concatenate([d.xyxy, part]),
                np.append(d.confidence, 0.3),
                np.append(d.class_id, d.class_id[0]),
            ),
            sight.scene,
        )

    stage.see = twice
    watch = watcher(
        stage, rules, zones=zones(egress=[rectangle(0.1, 0.7, 1, 1)])
    )  # covers 0.3 of it: general, too
    assert kinds(play(stage, watch, 100)) == [("opened", "indoor_ebike")]


@pytest.mark.parametrize(
    ("scene", "told"),
    [("stairwell", ["blocked_exit", "indoor_ebike"]), ("designated_indoor_parking", ["blocked_exit"])],
)
def test_an_ebike_that_covers_the_whole_egress_zone_blocks_it_wherever_it_stands(rules, scene, told):
    stage = Stage([Actor("ebike", (0.3, 0.4, 0.7, 0.9))])
    watch = watcher(stage, rules, zones=zones(egress=[rectangle(0.3, 0.75, 0.7, 0.9)]), scene=scene)
    assert sorted(kinds(play(stage, watch, 100))) == [("opened", hazard) for hazard in told]


def test_expected_equipment_that_goes(rules):
    left, right = (0.1, 0.3, 0.15, 0.5), (0.8, 0.3, 0.85, 0.5)
    stage = Stage(
        [
            Actor("extinguisher", left),
            Actor("extinguisher", right, 0, 600),
            Actor("extinguisher", right, 3600),
        ]
    )
    changes = play(stage, watcher(stage, rules, expected={"extinguisher": 2}), 4500)
    assert kinds(changes) == [("opened", "missing_extinguisher"), ("closed", "missing_extinguisher")]
    opened = changes[0][1].event
    assert opened.first_seen == at(600) and 1200 <= changes[0][0] <= 1500 and "2 x" in opened.reason.en
    assert changes[1][1].event.ended_at < at(3600) <= at(changes[1][0])


@pytest.mark.parametrize(("venue_type", "told"), [("owner_dwelling", []), ("office", ["opened"])])
def test_nobody_has_to_have_an_extinguisher_at_home(rules, venue_type, told):
    stage = Stage([Actor("extinguisher", (0.1, 0.3, 0.15, 0.5), 0, 600)])
    watch = watcher(stage, rules, expected={"extinguisher": 1}, venue_type=venue_type)
    assert [change.kind for _, change in play(stage, watch, 4500)] == told


def test_a_hidden_extinguisher_is_not_missing(rules):
    place = (0.1, 0.3, 0.15, 0.5)
    hidden = Actor("person", (0.05, 0.2, 0.2, 0.9), 100)
    stage = Stage([Actor("extinguisher", place, 0, 100), hidden])
    assert play(stage, watcher(stage, rules, expected={"extinguisher": 1}), 2400) == []


@pytest.mark.parametrize("frames_every_s", [16, 18, 20, 25, 30])
def test_frames_that_come_on_another_beat_than_looks_still_confirm(rules, frames_every_s):
    """As key frames do. Were every second one taken, looks would lie 32 to 50 s apart: never three in 60 s."""
    stage = Stage([Actor("carton", CARTON)])
    changes = play(stage, watcher(stage, rules, sample_every_s=30), 400, every_s=frames_every_s)
    assert [(t, kind) for t, (kind, _) in zip([t for t, _ in changes], kinds(changes), strict=True)] == [
        (2 * frames_every_s, "opened")
    ]


def test_frames_of_all_kinds_are_counted_once(rules):
    stage = Stage()
    watch = watcher(stage, rules, schedule=(parse_window("mon 00:00-00:01"),))
    play(stage, watch, 120, every_s=5)
    assert watch.see(Frame("cam-1", stage.draw(), at(100))) == []
    assert (
        watch.see(Frame("cam-1", stage.draw(), at(1e9))) == []
    )  # by a wrong clock: later frames still count
    stage.now_s = 24 * 7 * 3600
    watch.see(Frame("cam-1", stage.draw()[::2, ::2], at(stage.now_s)))
    h = watch.watch.health
    assert (h.frames, h.early, h.off_schedule, h.late, h.ahead, h.resized) == (27, 6, 12, 1, 1, 1)
    assert h.frames == h.inferences + h.skipped + h.early + h.off_schedule + h.late + h.ahead + h.blind
    with pytest.raises(ValueError, match="frame of camera 'cam-2', expected 'cam-1'"):
        watch.see(Frame("cam-2", stage.draw(), at(1e6)))
    with pytest.raises(ValueError, match="without an offset"):
        Frame("cam-1", stage.draw(), START.replace(tzinfo=None))


def test_silent_frozen_and_black_cameras(rules):
    stage = Stage()
    watch = watcher(stage, rules)
    assert watch.problems() == ("silent",) and watch.last_frame_age_s() is None
    play(stage, watch, 100)
    assert watch.problems() == () and watch.last_frame_age_s() == 10
    stage.now_s += 60
    assert watch.problems() == ("silent",)
    still = stage.draw()
    stage.draw = lambda: still
    play(stage, watch, 700)
    assert watch.problems() == ("frozen",)
    looks = stage.looks
    play(stage, watch, 1400)
    assert stage.looks == looks, "no look is spent on a frozen picture"
    random = np.random.default_rng(0)
    stage.draw = lambda: random.integers(0, 9, (*HW, 3), np.uint8)
    play(stage, watch, 1600)
    assert watch.problems() == ("black",) and watch.watch.health.blind > 0


class Night(Stage):
    """From 600 to 4200 s only what is `lit` is seen."""

    lit: tuple[str, ...] = ()

    def see(self, image):
        there = self.actors
        if 600 <= self.now_s < 4200:
            self.actors = [actor for actor in there if actor.name in self.lit]
        try:
            return super().see(image)
        finally:
            self.actors = there


EXTINGUISHER = Actor("extinguisher", (0.05, 0.4, 0.12, 0.7))


@pytest.mark.parametrize("masked", [0.0, 0.4, 0.7])
def test_an_event_outlives_the_dark(rules, masked):
    """The light fails for an hour: pictures that cannot be judged neither end an event nor open one anew, however much of
    them is a private window, which stays grey."""
    stage = Night([Actor("carton", CARTON), EXTINGUISHER], light=lambda t: 0.02 if 600 <= t < 4200 else 1.0)
    private = zones(private_mask=[rectangle(1 - masked, 0, 1, 1)] if masked else [])
    watch = watcher(stage, rules, zones=private, expected={"extinguisher": 1}, venue_type="office")
    changes = play(stage, watch, 2400)
    assert watch.problems() == ("black",)
    assert kinds([*changes, *play(stage, watch, 6000)]) == [("opened", "corridor_clutter")]


@pytest.mark.parametrize("expected", [{}, {"extinguisher": 1}], ids=["nothing expected", "an extinguisher"])
def test_one_thing_seen_in_a_dark_picture_says_nothing_of_the_others(rules, expected):
    """A grey of 27 on average is dark. The e-bike is still seen, carton and extinguisher are not."""
    actors = [Actor("ebike", (0.6, 0.4, 0.8, 0.9)), Actor("carton", CARTON), EXTINGUISHER]
    stage = Night(actors, light=lambda t: 0.2 if 600 <= t < 4200 else 1.0)
    stage.lit = ("ebike",)
    watch = watcher(stage, rules, expected=expected, venue_type="office")
    told = kinds(play(stage, watch, 6000))
    assert sorted(told) == [("opened", "corridor_clutter"), ("opened", "indoor_ebike")]
    assert watch.watch.health.unreadable > 12


def test_a_picture_that_is_masked_as_a_whole_is_no_evidence(rules):
    stage = Stage()
    private = zones(private_mask=[rectangle(0, 0, 1, 1)])
    watch = watcher(stage, rules, zones=private, expected={"extinguisher": 1}, venue_type="office")
    assert play(stage, watch, 2400) == [] and watch.problems() == ("frozen",)


def test_a_dismissed_event_stays_quiet(rules):
    stage = Stage([Actor("carton", CARTON)])
    watch = watcher(stage, rules)
    ((_, opened),) = play(stage, watch, 60)
    assert [c.kind.value for c in watch.dismiss(opened.event.id, START + timedelta(days=7))] == ["closed"]
    assert play(stage, watch, 3000) == []


def test_an_event_that_ended_long_ago_can_be_dismissed(rules):
    """Gone at 300 s, dismissed at 4000, when it is remembered no more; back at 5000."""
    stage = Stage([Actor("carton", CARTON, 0, 300), Actor("carton", CARTON, 5000)])
    watch = watcher(stage, rules)
    _, (_, closed) = play(stage, watch, 4000)
    assert watch.dismiss(closed.event.id, START + timedelta(days=7), closed.event) == []
    assert watch.dismiss(closed.event.id, START + timedelta(days=7), closed.event) == []
    assert len(watch.watch.confirming.tracks) == 1 and play(stage, watch, 6000) == []


def test_a_restart_with_what_was_remembered_opens_nothing_anew(rules):
    stage = Stage([Actor("carton", CARTON)])
    before = watcher(stage, rules)
    assert kinds(play(stage, before, 60)) == [("opened", "corridor_clutter")]
    after = Watcher(
        before.camera, Inspector(stage, rules), lambda: at(stage.now_s), remembered=before.watch.confirming
    )
    assert play(stage, after, 600) == []
    assert kinds(play(stage, watcher(stage, rules), 700)) == [
        ("opened", "corridor_clutter")
    ]  # without it: anew


def test_a_clock_that_is_set_back_stops_no_watch(rules):
    """Eight hours: the e-bike is told once, and its end once it has gone; the last look of three after the step was at 120 s."""
    stage = Stage([Actor("ebike", CARTON, 0, 300)])
    back_s = 0
    watch = Watcher(camera(), Inspector(stage, rules), lambda: at(stage.now_s - back_s))
    changes = []
    while stage.now_s < 500:
        back_s = 8 * 3600 if stage.now_s >= 100 else 0
        changes += watch.see(Frame("cam-1", stage.draw(), at(stage.now_s - back_s)))
        stage.now_s += 10
    assert [change.kind.value for change in changes] == ["opened", "closed"]
    assert (watch.watch.health.late, watch.problems()) == (0, ())
    assert changes[1].event.ended_at == at(120 - 8 * 3600)


def test_what_comes_back_after_a_clock_was_set_back_is_told(rules):
    """Gone at 600 s, the clock is set back by 600 s at 800, back at 1000: by the clock before it went."""
    stage = Stage([Actor("carton", CARTON, 0, 600), Actor("carton", CARTON, 1000)])
    back_s = 0
    watch = Watcher(camera(), Inspector(stage, rules), lambda: at(stage.now_s - back_s))
    changes = []
    while stage.now_s < 1200:
        back_s = 600 if stage.now_s >= 800 else 0
        changes += watch.see(Frame("cam-1", stage.draw(), at(stage.now_s - back_s)))
        stage.now_s += 10
    assert [change.kind.value for change in changes] == ["opened", "closed", "opened"]
    assert changes[2].event.first_seen == at(400) and changes[2].event.id != changes[0].event.id


def test_a_candidate_of_the_evening_is_none_in_the_morning(rules):
    """Seen once at 21:59:50; the camera is off until 07:00. What stands there then was first seen then."""
    night = [Actor("carton", CARTON, 22 * 3600 - 10, 22 * 3600), Actor("carton", CARTON, 31 * 3600)]
    stage = Stage(night, now_s=21.9 * 3600)
    watch = watcher(stage, rules, schedule=(parse_window("mon-sun 07:00-22:00"),))
    ((_, change),) = play(stage, watch, 31 * 3600 + 100)
    assert change.event.first_seen == at(31 * 3600)


@pytest.mark.parametrize("shade", [5, 120], ids=["black", "frozen"])
def test_nothing_is_told_of_pictures_off_schedule(rules, shade):
    """The same picture from 21:59:30 on; the camera is on until 22:00."""
    stage = Stage(now_s=21.9 * 3600)
    watch = watcher(stage, rules, schedule=(parse_window("mon-sun 07:00-22:00"),))
    play(stage, watch, 22 * 3600 - 30)
    stage.draw = lambda: np.full((*HW, 3), shade, np.uint8)
    play(stage, watch, 23 * 3600)
    assert watch.problems() == ()
