"""Figures of benchmarks, checked by hand."""

import math
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("psutil", reason="BENCHMARKS NOT TESTED: pip install 'firewarden[bench]'")

from firewarden.benchmarks.http_load import HttpPlan, memory_figures, open_warm_up_s
from firewarden.benchmarks.load_generator import ServedLoad
from firewarden.benchmarks.load_plan import LOST, STUCK, Load, Samples, arrivals
from firewarden.benchmarks.load_report import report_load
from firewarden.benchmarks.overhead import Turn, in_turns, overhead_figures
from firewarden.benchmarks.peer_runs import PeerMeasures, measure_load, peer_rows
from firewarden.benchmarks.stats import latency_of, percentile, ratio_of_rounds, slope
from firewarden.benchmarks.throughput import loop_rows
from firewarden.benchmarks.windows import is_too_short, longer_load
from firewarden.errors import HazardError


@pytest.mark.parametrize(
    ("values", "q", "expected"),
    [
        (range(1, 101), 50, 50),  # 50 of 100 values are at most 50
        (range(1, 101), 99, 99),
        (range(1, 101), 100, 100),
        ([3, 1, 2], 50, 2),
        ([3, 1, 2], 67, 3),  # 2 of 3 are 66.7 %, not enough
        ([7], 1, 7),
        ([1, 2], 0, 1),
    ],
)
def test_percentile_is_a_measured_value(values, q, expected):
    assert percentile(list(values), q) == expected


def test_latency_of_nothing_says_so():
    assert latency_of([]).to_json() == dict.fromkeys(("p50_ms", "p95_ms", "p99_ms", "max_ms")) | {"n": 0}


def test_a_constant_ratio_has_no_spread_though_the_machine_slows_down():
    ratio = ratio_of_rounds([20, 10, 4], [10, 5, 2])
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((2, 2, 2))


def test_ratio_interval_by_hand():
    """log2 of the ratios is 1, 2, 3: mean 2, deviation 1; t of 2 degrees is 4.303; half width 4.303 / sqrt(3)."""
    ratio = ratio_of_rounds([2, 4, 8], [1, 1, 1])
    half = 4.303 / math.sqrt(3)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((4, 2 ** (2 - half), 2 ** (2 + half)))


def test_one_round_has_no_interval():
    assert ratio_of_rounds([3], [2]).to_json() == {"value": 1.5, "low": None, "high": None, "rounds": 1}


@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([1], [1, 2]), ([1, 0], [1, 1])])
def test_no_ratio_without_pairs_above_zero(ours, theirs):
    with pytest.raises(ValueError, match="above 0"):
        ratio_of_rounds(ours, theirs)


def test_slope_by_hand():
    assert slope([0, 1, 2], [5, 7, 9]) == pytest.approx(2)
    assert slope([1], [5]) == 0


def test_memory_growth_leaves_the_first_quarter_out():
    """8 values over 8,000 requests, 1,000 apart: the jump to 100 is in the first quarter, then it grows by 2 each."""
    told = memory_figures([10, 100, 102, 104, 106, 108, 110, 112], 8000)
    assert told == {"peak_mb": 112, "last_mb": 112, "mb_per_1000_requests": 2}


@pytest.mark.parametrize("wrong", [{}, {"clients": 1, "rate": 1.0}])
def test_a_load_is_open_or_closed(wrong):
    with pytest.raises(ValueError, match="exactly one"):
        Load(**wrong)


def test_an_open_loop_sends_at_constant_distance_warm_up_included():
    assert arrivals(Load(rate=4.0, seconds=1.0, warm_up_s=0.5)) == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]


def test_report_of_a_load_by_hand():
    """Window 1 to 3 s. Answered within it: four with success, one of them sent in the warm-up; one ends after it."""
    rows = [  # intended, sent, done, status
        (0.5, 0.5, 1.1, 201),  # warm-up, but answered in the window: goodput, no latency
        (1.0, 1.0, 1.2, 201),  # 200 ms
        (1.2, 1.7, 2.0, 200),  # sent late: 800 ms from the intended time
        (1.5, 1.5, 1.9, 201),  # 400 ms
        (2.0, 2.0, 2.01, 429),
        (2.1, 2.1, 2.11, 503),
        (2.2, 2.2, 2.3, 422),
        (2.5, 2.5, 2.6, LOST),
        (2.9, 2.9, 4.9, 201),  # 2,000 ms, answered too late for the goodput
        (0.1, 0.1, 5.0, STUCK),
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    told = report_load(Samples(*columns, cpu_s=1.0, wall_s=5.0), Load(2, seconds=2.0, warm_up_s=1.0))
    assert told.goodput == pytest.approx(4 / 2)
    assert (told.accepted, told.shed, told.errors, told.lost, told.stuck) == (4, 2, 1, 1, 1)
    assert told.latency.p50_ms == pytest.approx(400)
    assert told.latency.max_ms == pytest.approx(2000)
    assert told.generator_cores == pytest.approx(0.2)
    assert told.worst_send_delay_ms == pytest.approx(500)


def test_a_count_of_requests_is_measured_to_its_last_answer():
    told = report_load(
        Samples([0, 1], [0, 1], [1, 4], [201, 201], 0.0, 4.0), Load(1, warm_up_s=0.0, requests=2)
    )
    assert told.goodput == pytest.approx(2 / 4)


def test_overhead_is_the_median_difference_of_rounds():
    pairs = [((10.0, 5.0), (9.0, 4.0)), ((30.0, 9.0), (28.5, 6.0)), ((11.0, 6.5), (10.8, 4.5))]
    told = overhead_figures([(Turn(*served), Turn(*bare)) for served, bare in pairs])
    assert (told["http_p50_ms"], told["bare_p50_ms"], told["added_ms"]) == (11.0, 10.8, 1.0)
    assert told["added_cpu_ms"] == 2.0
    assert told["rounds"] == [[10.0, 9.0], [30.0, 28.5], [11.0, 10.8]]


def test_server_and_loop_take_turns_and_neither_is_always_first():
    order: list[str] = []

    def side(name: str, p50_ms: float) -> Callable[[], Turn]:
        return lambda: order.append(name) or Turn(p50_ms, 1.0)  # type: ignore[func-returns-value]

    pairs = in_turns(side("http", 3.0), side("bare", 2.0), 3)
    assert order == ["http", "bare", "bare", "http", "http", "bare"]
    assert [(served.p50_ms, bare.p50_ms) for served, bare in pairs] == [(3.0, 2.0)] * 3


def test_loops_are_compared_with_the_fastest():
    rows = loop_rows("p", {"slow": [5, 10, 5], "fast": [10, 20, 10]})
    assert [(row["loop"], row["per_second"]) for row in rows] == [("fast", 10), ("slow", 5)]
    assert rows[1]["of_fastest"]["value"] == pytest.approx(0.5)


def test_peers_are_compared_round_by_round():
    def load(goodput: float) -> dict[str, float]:
        names = (
            "p50_ms",
            "p95_ms",
            "p99_ms",
            "server_cores",
            "generator_cores",
            "resident_mb",
            "start_to_ready_s",
        )
        peak = {"peak_resident_mb": 100 * goodput}
        return {
            "goodput": goodput,
            **peak,
            **dict.fromkeys(names, 1.0),
            **dict.fromkeys(("shed", "errors", "lost", "stuck"), 1),
        }

    key = ("p", 8)
    measures = PeerMeasures(
        loads={"ours": {key: [load(8), load(16)]}, "theirs": {key: [load(2), load(4)]}},
        loops={"bare": {"p": [10, 20]}},
        not_run={"absent": "it does not install"},
    )
    told = peer_rows(measures, "ours")
    theirs = next(row for row in told["servers"] if row["name"] == "theirs")
    assert theirs["ours_over_it"]["value"] == pytest.approx(4)
    assert theirs["shed"] == 2
    assert theirs["peak_resident_mb"] == 400  # of both rounds, not their median
    assert told["loops"][0]["ours_over_it"]["8"]["value"] == pytest.approx(0.8)
    assert told["not_run"] == {"absent": "it does not install"}


def row_of(clients=64, goodput=0.0, p50_ms=None, mean_ms=None, **refused) -> dict[str, Any]:
    told = {"clients": clients, "goodput": goodput, "p50_ms": p50_ms, "mean_ms": mean_ms}
    return {**dict.fromkeys(("shed", "errors", "lost", "stuck"), 0), **told, **refused}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(row_of(64, 2.1, 7256.0), True, id="2.1 a second of 7.3 s each: 15 of 64 clients"),
        pytest.param(row_of(64, 5.7, 10152.0), False, id="5.7 a second of 10.2 s each: 58 of 64"),
        pytest.param(row_of(64, 19.4, 1700.0), True, id="33 by p50, in records without a mean"),
        pytest.param(row_of(64, 19.4, 1700.0, 3300.0), False, id="64 by the mean of two humps"),
        pytest.param(row_of(1, 0.6, 1000.0), False, id="0.6 of one client"),
        pytest.param(row_of(), True, id="no answer in the window"),
        pytest.param(row_of(stuck=64), False, id="no answer at all: stuck, not slow"),
        pytest.param(row_of(64, 12.3, 419.0, shed=194), False, id="clients turned away wait elsewhere"),
    ],
)
def test_a_window_is_too_short_where_littles_law_does_not_hold(row, expected):
    assert is_too_short(row) is expected
    assert is_too_short({**row, "window_too_short": True})


@pytest.mark.parametrize(
    ("row", "seconds", "warm_up_s"),
    [
        pytest.param(row_of(64, 2.1, 6000.0, 7000.0), 21.0, 7.0, id="three answers, after one"),
        pytest.param(row_of(64, 5.0, 1000.0, 1800.0), 5.4, 2.0, id="warm as before"),
        pytest.param(row_of(64, 2.1, 40_000.0, 40_000.0), 60.0, 20.0, id="a minute at most"),
        pytest.param(row_of(), 60.0, 20.0, id="no answer: as long as is allowed"),
        pytest.param(row_of(64, 40.0, 1500.0, 1600.0), None, None, id="long enough"),
        pytest.param(row_of(64, 2.1, 7000.0, 7000.0, errors=1), None, None, id="waiting cures no errors"),
    ],
)
def test_slow_answers_get_a_longer_window(row, seconds, warm_up_s):
    longer = longer_load(Load(64, seconds=5.0, warm_up_s=2.0), row)
    assert (longer and (longer.clients, longer.seconds, longer.warm_up_s)) == (
        seconds and (64, pytest.approx(seconds), pytest.approx(warm_up_s))
    )


class Slow:
    """A server of two clients that answers after `answer_s`, for ever, or refuses with `status`."""

    def __init__(self, answer_s: float, status: int = 200) -> None:
        self.answer_s, self.status = answer_s, status
        self.loads: list[Load] = []

    def put(self, load: Load) -> ServedLoad:
        self.loads.append(load)
        sent = [
            k * self.answer_s for k in range(1 + int((load.warm_up_s + load.seconds) / self.answer_s))
        ] * 2
        done = [time + self.answer_s for time in sent]
        samples = Samples(sent, sent, done, [self.status] * len(sent), 0.0, max(done))
        return ServedLoad(report_load(samples, load), 1.0, 100.0)


def test_a_server_slower_than_the_window_is_measured_at_its_true_pace():
    """Two clients, 6 s an answer: a third of a photo a second. The window of 5 s sees one answer of each: 0.4. That of 18 s
    after 6 sees those that end at 6, 12, 18 and 24 s."""
    server = Slow(6.0)
    told = measure_load(server.put, Load(2, seconds=5.0, warm_up_s=2.0), "p")
    assert [load.seconds for load in server.loads] == [5.0, 18.0]
    assert (told["goodput"], told["mean_ms"], told["window_s"]) == (
        pytest.approx(8 / 18, abs=0.01),
        6000.0,
        18.0,
    )
    quick = Slow(0.5)
    measure_load(quick.put, Load(2, seconds=5.0, warm_up_s=2.0), "p")
    assert len(quick.loads) == 1


def test_a_window_without_an_answer_drops_nobody_but_refusals_do():
    load, dead = Load(2, seconds=5.0, warm_up_s=2.0), Slow(100.0)
    told = measure_load(dead.put, load, "p")
    assert (told["goodput"], told["p50_ms"], told["mean_ms"], len(dead.loads)) == (0.0, None, None, 2)
    with pytest.raises(HazardError, match="answered no p with success at 2 clients"):
        measure_load(Slow(0.5, status=500).put, load, "p")
    rows = {"start_to_ready_s": 1.0, **told}
    answered = {**measure_load(Slow(0.5).put, load, "p"), "start_to_ready_s": 1.0}
    measures = PeerMeasures(
        loads={"ours": {("p", 2): [answered] * 2}, "theirs": {("p", 2): [answered, rows]}}
    )
    ours, theirs = peer_rows(measures, "ours")["servers"]
    assert theirs["window_too_short"] and theirs["ours_over_it"] is None and theirs["p50_ms"] == 500.0
    assert not ours["window_too_short"] and ours["goodput"] == pytest.approx(4.4, abs=0.5)


@pytest.mark.parametrize(
    ("warm_up_s", "share", "expected"), [(2.0, 0.5, 2.0), (2.0, 2.0, 5.0), (8.0, 2.0, 8.0)]
)
def test_above_the_peak_the_line_is_filled_before_anything_counts(warm_up_s, share, expected):
    assert open_warm_up_s(HttpPlan(warm_up_s=warm_up_s), share) == expected
