"""Open loops beside the peak they are shares of: peak, half and twice in turns, round by round.

One peak measured once does not do: on a shared machine the pace of the same load swings by a tenth within minutes, and the best
of several loads is above all the luckiest.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from firewarden.benchmarks.load_generator import ServedLoad
from firewarden.benchmarks.stats import ratio_of_rounds

Round = dict[float, ServedLoad]
CLOSED = 0.0  # the key of a round's closed loop


def measure_rounds(
    closed: Callable[[], ServedLoad],
    opened: Callable[[float, float], ServedLoad],
    shares: Sequence[float],
    rounds: int,
) -> list[Round]:
    """Each round: `closed()`, then `opened(share, rate)` at every share of what it gave. A round in which nothing was
    answered is left out."""
    told = []
    for _ in range(rounds):
        peak = closed()
        if peak.result.goodput:
            rates = {share: round(share * peak.result.goodput, 3) for share in shares}
            told.append({CLOSED: peak, **{share: opened(share, rate) for share, rate in rates.items()}})
    return told


def open_rows(rounds: Sequence[Round], shares: Sequence[float]) -> list[dict[str, Any]]:
    """One row a share: the load of the middle round, its goodput over the peak of the same round as a ratio over rounds, and
    p99 over the p50 at half the peak where that was measured, as a geometric mean over rounds."""
    return [_row(rounds, share) for share in shares] if rounds else []


def _row(rounds: Sequence[Round], share: float) -> dict[str, Any]:
    ratio = ratio_of_rounds(
        [max(one[share].result.goodput, 1e-9) for one in rounds],
        [one[CLOSED].result.goodput for one in rounds],
    )
    ordered = sorted(rounds, key=lambda one: one[share].result.goodput / one[CLOSED].result.goodput)
    middle = ordered[len(ordered) // 2]
    return {
        "rate": round(share * middle[CLOSED].result.goodput, 3),
        "share_of_best": share,
        "goodput_of_best": round(ratio.value, 4),
        "of_peak": ratio.to_json(),
        "p99_of_half_p50": _tail(rounds, share),
        **middle[share].to_json(),
    }


def _tail(rounds: Sequence[Round], share: float) -> float | None:
    """None where some round has no answer at half the peak."""
    if any(0.5 not in one or not one[0.5].result.latency.n for one in rounds):
        return None
    logs = [math.log(one[share].result.latency.p99_ms / one[0.5].result.latency.p50_ms) for one in rounds]
    return round(math.exp(sum(logs) / len(logs)), 3)
