"""Open loops beside their peak: rates follow the peak of the same round, ratios are taken within it."""

import pytest

from firewarden.benchmarks.http_open import CLOSED, measure_rounds, open_rows
from firewarden.benchmarks.load_generator import ServedLoad
from firewarden.benchmarks.load_plan import Load, Samples
from firewarden.benchmarks.load_report import report_load


def served(goodput: int, latency_s: float = 0.01) -> ServedLoad:
    """A load of 10 s in which so many photos a second were answered."""
    begun = [n / goodput for n in range(10 * goodput)]
    done = [at + latency_s for at in begun]
    samples = Samples(begun, begun, done, [201] * len(begun), 0.1, 10.0)
    return ServedLoad(report_load(samples, Load(1, seconds=10.0, warm_up_s=0.0)), 1.0, 100.0)


def test_each_round_offers_shares_of_its_own_peak() -> None:
    peaks, asked = iter([served(20), served(40)]), []

    def opened(share: float, rate: float) -> ServedLoad:
        asked.append((share, rate))
        return served(10)

    told = measure_rounds(lambda: next(peaks), opened, (0.5, 2.0), 2)
    assert asked == [(0.5, 10.0), (2.0, 40.0), (0.5, 20.0), (2.0, 80.0)]
    assert [sorted(one) for one in told] == [[CLOSED, 0.5, 2.0]] * 2


def test_a_round_without_an_answer_is_left_out() -> None:
    nothing = Samples([0.0], [0.0], [1.0], [0], 0.1, 1.0)
    dead = ServedLoad(report_load(nothing, Load(1, seconds=1.0, warm_up_s=0.0)), 0.0, 0.0)
    told = measure_rounds(lambda: dead, lambda share, rate: served(10), (2.0,), 2)
    assert told == [] == open_rows(told, (2.0,))


def test_ratios_are_geometric_means_over_rounds() -> None:
    """Twice: 18 of 20 and 40 of 40, so sqrt(0.9); p99 40 ms over 10 ms and 22.5 ms over 2.5 ms, so sqrt(4 x 9)."""
    rounds = [
        {CLOSED: served(20), 0.5: served(10, 0.01), 2.0: served(18, 0.04)},
        {CLOSED: served(40), 0.5: served(20, 0.0025), 2.0: served(40, 0.0225)},
    ]
    half, twice = open_rows(rounds, (0.5, 2.0))
    assert twice["goodput_of_best"] == pytest.approx(0.9**0.5, abs=1e-4)
    assert twice["p99_of_half_p50"] == pytest.approx(6.0, abs=1e-3)
    assert twice["of_peak"]["rounds"] == 2
    assert (twice["rate"], half["goodput_of_best"]) == (80.0, 0.5)
