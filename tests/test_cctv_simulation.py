"""A day before one camera in a quiet corridor, played fast: what is found, how often, and at what cost."""

from firewarden.benchmarks.cctv_day import DAY_S, EVERY_S, play_day


def test_a_day_with_twenty_things_left_in_a_corridor(rules):
    day = play_day(1, rules)
    assert day.staged == 20
    assert len(set(day.found)) >= 0.95 * day.staged
    assert len(day.found) == len(set(day.found)), "one event for each happening"
    assert day.false == 0  # 0.2 a day leave none for one day
    assert day.frames == DAY_S / EVERY_S
    assert day.looks <= 0.2 * day.frames
