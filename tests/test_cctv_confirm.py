"""Events by hand: looks at known seconds, 1 where the thing is seen, 0 where not."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cctv_stage import at

from firewarden.cctv.confirm import Confirming, cell_of, confirm, dismiss, needs_look, rewind
from firewarden.cctv.memory import confirming_from_json, confirming_to_json
from firewarden.cctv.sightings import Look, Sighting
from firewarden.findings import RiskLevel, Text

BOX = (0.3, 0.5, 0.5, 0.8)


def sighting(box=BOX, key="corridor_clutter", level=RiskLevel.LOW):
    hazard = "missing_extinguisher" if key.startswith("equipment:") else key
    return Sighting(key, hazard, box, 0.8, level, ("CL-B1",), Text("", ""))


def feed(rules, pattern, *, start=0, every=10, state=None, **how):
    """State and (second, kind, event) of the changes after looks at start, start + every ..."""
    state, told = state or Confirming(), []
    for number, seen in enumerate(pattern):
        t = start + every * number
        look = Look(at(t), (sighting(**how),) if seen == "1" else ())
        state, changes = confirm(state, look, "cam-1", rules.cctv.follow.still, rules.cctv)
        told += [(t, change.kind.value, change.event) for change in changes]
    return state, told


@pytest.mark.parametrize(
    ("pattern", "every", "opened"),
    [
        pytest.param("111", 10, 20, id="three of three"),
        pytest.param("1011", 10, 30, id="three of four"),
        pytest.param("10101", 10, 40, id="three of five"),
        pytest.param("1001", 10, None, id="two of four"),
        pytest.param("10010010010", 10, None, id="two of any five"),
        pytest.param("111", 30, 60, id="three in 60 s"),
        pytest.param("111", 30.03, 60.06, id="30 s of a camera with 29.97 pictures a second"),
        pytest.param("1111", 31, None, id="two in 60 s, whatever comes"),
    ],
)
def test_opening(rules, pattern, every, opened):
    _, told = feed(rules, pattern, every=every)
    assert [(t, kind) for t, kind, _ in told] == ([] if opened is None else [(opened, "opened")])


def test_how_late_looks_may_be_stands_in_the_rules(rules):
    confirming = replace(rules.cctv.confirm, late_share=0.0)
    strict = replace(rules, cctv=replace(rules.cctv, confirm=confirming))
    assert feed(strict, "1111", every=30.03)[1] == []


def test_a_false_alarm_is_forgotten_after_three_looks(rules):
    state, told = feed(rules, "100")
    assert needs_look(state, at(30), at(20), rules.cctv.confirm)
    state, told = feed(rules, "0", start=30, state=state)
    assert (state, told) == (Confirming(), [])


def test_a_doubt_holds_the_gate_open_for_a_minute_without_a_look_that_succeeds(rules):
    state, _ = feed(rules, "1")
    assert [needs_look(state, at(t), at(t - 10), rules.cctv.confirm) for t in (60, 70)] == [True, False]
    state, _ = feed(rules, "1110")
    assert [needs_look(state, at(t), at(t - 10), rules.cctv.confirm) for t in (90, 100)] == [True, False]


def test_an_event_ends_after_six_misses_over_a_minute(rules):
    _, told = feed(rules, "111" + "0" * 7)  # misses at 30 .. 90: the sixth at 80 is only 50 s after the first
    assert [(t, kind) for t, kind, _ in told] == [(20, "opened"), (90, "closed")]
    assert told[1][2].ended_at == at(20) and told[1][2].id == told[0][2].id


def test_rare_looks_end_it_no_sooner(rules):
    state, _ = feed(rules, "111")
    _, told = feed(rules, "000000", start=50, every=60, state=state)
    assert [(t, kind) for t, kind, _ in told] == [
        (350, "closed")
    ]  # the sixth miss, although 60 s were over at 110


def test_a_thing_that_stands_is_one_event(rules):
    _, told = feed(rules, "111" + "11011" * 200)
    assert [kind for _, kind, _ in told] == ["opened"]


@pytest.mark.parametrize(
    ("back_s", "kinds", "same"),
    [(1000, ["opened", "closed", "updated"], True), (1810, ["opened", "closed", "updated"], True),
     (1820, ["opened", "closed", "opened"], False)],
)  # fmt: skip
def test_its_return_within_half_an_hour_goes_on_as_the_same_event(rules, back_s, kinds, same):
    state, told = feed(rules, "111" + "0" * 7)
    _, more = feed(rules, "111", start=back_s, state=state)
    told += more
    assert [kind for _, kind, _ in told] == kinds
    assert (told[0][2].id == told[2][2].id) is same and told[2][2].ended_at is None


def test_one_false_alarm_reopens_nothing(rules):
    state, _ = feed(rules, "111" + "0" * 7)
    state, told = feed(rules, "1000", start=300, state=state)
    assert told == [] and not needs_look(state, at(340), at(330), rules.cctv.confirm)


def test_repeats_in_its_cell_are_the_same_event_elsewhere_another(rules):
    near, far = (0.32, 0.6, 0.42, 0.82), (0.7, 0.5, 0.9, 0.8)
    assert cell_of(BOX, rules.cctv.confirm) == cell_of((0.32, 0.6, 0.44, 0.8), rules.cctv.confirm) == "c3r4"
    state, _ = feed(rules, "111")
    assert feed(rules, "111", start=30, state=state, box=near)[1] == []
    assert [k for _, k, _ in feed(rules, "111", start=30, state=state, box=far)[1]] == ["opened"]


def test_a_rising_level_is_told_once(rules):
    state, _ = feed(rules, "111")
    _, told = feed(rules, "111", start=30, state=state, level=RiskLevel.ELEVATED)
    assert [(t, kind, event.risk_level) for t, kind, event in told] == [(30, "updated", RiskLevel.ELEVATED)]


@pytest.mark.parametrize(
    ("pattern", "opened"),
    [
        pytest.param("1" * 21, 600, id="ten minutes"),
        pytest.param("1" * 20, None, id="9.5 minutes"),
        pytest.param("11110" * 4 + "1", 600, id="17 of 21 looks: 0.81"),
        pytest.param("1110" * 5 + "1", None, id="16 of 21 looks: 0.76"),
        pytest.param("11000", None, id="a car that passes"),
    ],
)
def test_fire_lane(rules, pattern, opened):
    _, told = feed(rules, pattern, every=30, key="fire_lane_obstructed")
    assert [t for t, kind, _ in told if kind == "opened"] == ([] if opened is None else [opened])


def test_a_lane_is_looked_at_every_half_minute_until_it_is_settled(rules):
    state, _ = feed(rules, "1", key="fire_lane_obstructed")
    assert [needs_look(state, at(t), at(0), rules.cctv.confirm) for t in (10, 20, 30)] == [False, False, True]


def test_equipment_is_missing_after_twelve_looks_in_a_row(rules):
    key = "equipment:extinguisher"
    assert [t for t, _, _ in feed(rules, "1" * 12, every=60, key=key)[1]] == [660]
    assert feed(rules, ("1" * 11 + "0") * 5, every=60, key=key)[1] == []
    state, _ = feed(rules, "1" * 6, every=60, key=key)
    unjudged = Look(at(360), (), frozenset({key}))
    assert confirm(state, unjudged, "cam-1", rules.cctv.follow.still, rules.cctv)[0] == state


def test_ids_come_from_camera_hazard_cell_and_time(rules):
    ids = {feed(rules, "111", start=start)[1][0][2].id for start in (0, 0, 10)}
    assert len(ids) == 2
    look = Look(at(0), (sighting(),))
    state = Confirming()
    for t in (0, 10, 20):
        state, changes = confirm(state, replace(look, at=at(t)), "cam-2", rules.cctv.follow.still, rules.cctv)
    assert changes[0].event.id not in ids


def test_a_dismissed_thing_raises_nothing_until_then(rules):
    state, ((_, _, event),) = feed(rules, "111")
    state, changes = dismiss(state, event.id, at(30), at(9000))
    assert [c.kind.value for c in changes] == ["closed"]
    state, told = feed(rules, "1" * 100, start=40, every=60, state=state)
    assert told == [] and not needs_look(state, at(6100), None, rules.cctv.confirm)
    assert [k for _, k, _ in feed(rules, "111", start=9000, state=state)[1]] == ["opened"]


def look_at(rules, state, t, *boxes):
    """The state after one look at second `t`, and what it changed."""
    look = Look(at(t), tuple(sighting(box) for box in boxes))
    state, changes = confirm(state, look, "cam-1", rules.cctv.follow.still, rules.cctv)
    return state, [(change.kind.value, change.event) for change in changes]


def test_a_false_alarm_beside_a_missed_thing_does_not_take_its_event_away(rules):
    """Missed at 30, a false alarm 0.4975 diagonals away. Back in its place with a jitter that makes it more than half a
    diagonal from there, it was a second event, and the first one ended later."""
    bike, false_alarm = (0.55, 0.5, 0.7, 0.9), (0.7375, 0.5451, 0.9375, 0.8451)
    state, ((_, _, event),) = feed(rules, "111", box=bike)
    state, told = look_at(rules, state, 30, false_alarm)
    assert told == [] and (state.tracks[0].xyxy, state.tracks[0].strayed) == (bike, false_alarm)
    for t in range(40, 400, 10):
        state, told = look_at(rules, state, t, (0.548, 0.5, 0.698, 0.9))
        assert told == []
    assert [(track.event.id, track.strays) for track in state.tracks] == [(event.id, 0)]


def test_a_thing_that_moved_is_followed_and_its_place_goes_with_it(rules):
    there, on = (0.42, 0.5, 0.62, 0.8), (0.54, 0.5, 0.74, 0.8)  # of BOX: shift 0.33, then 0.67 diagonals
    state, _ = feed(rules, "111")
    for t, box, place in ((30, there, BOX), (40, on, BOX), (50, on, on)):
        state, told = look_at(rules, state, t, box)
        assert (told, state.tracks[0].xyxy) == ([], place)
    assert len(state.tracks) == 1


@pytest.mark.parametrize("pattern", ["1", "11", "111", "111" + "0" * 7])
def test_state_survives_a_restart(rules, pattern):
    """A candidate, an open and an ended event go on after it as they would have without."""
    state, _ = feed(rules, pattern)
    state = feed(rules, "1", start=500, state=state, box=(0.7, 0.5, 0.9, 0.8))[0]
    kept = confirming_from_json(json.loads(json.dumps(confirming_to_json(state))))
    assert kept == state
    assert feed(rules, "111", start=510, state=kept) == feed(rules, "111", start=510, state=state)
    muted, _ = dismiss(state, state.tracks[0].event.id if state.tracks[0].event else "", at(520), at(9000))
    assert confirming_from_json(json.loads(json.dumps(confirming_to_json(muted)))) == muted
    with pytest.raises(ValueError, match="expected 'firewarden-watch/1'"):
        confirming_from_json({"schema": "other", "tracks": []})


def test_a_vehicle_of_last_night_has_not_stood_there_since(rules):
    """Nobody looked for nine hours: the ten minutes of a fire lane begin with the looks of the morning."""
    state, _ = feed(rules, "11", key="fire_lane_obstructed")
    assert feed(rules, "1" * 19, start=9 * 3600, every=30, state=state, key="fire_lane_obstructed")[1] == []


def test_what_a_watch_knows_of_later_times_is_forgotten(rules):
    """Open since 0, a candidate since 30, another event since 60: frames begin at 40, or at 20 by a clock set back."""
    state, _ = feed(rules, "111")
    state, _ = feed(rules, "1", start=30, state=state, key="blocked_exit")
    later, _ = feed(rules, "111", start=60, key="wiring")
    state = Confirming((*state.tracks, *later.tracks))
    assert rewind(state, at(80), at(999)) == state
    (first,) = rewind(state, at(20), at(999)).tracks
    assert (first.key, first.looks, first.is_open) == ("corridor_clutter", (), True)
    assert [track.key for track in rewind(state, at(20), at(20)).tracks] == ["corridor_clutter", "wiring"]
    ended, _ = feed(rules, "111" + "0" * 7)  # at 20, when it was seen last
    assert [rewind(ended, at(t), at(999)).tracks != () for t in (10, 20)] == [False, True]
    muted, _ = dismiss(later, later.tracks[0].event.id, at(90), at(9999))
    assert rewind(muted, at(20), at(999)) == muted
