"""What a row of timings says: percentiles, ratios of interleaved rounds with their interval, slopes."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

_T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
)  # fmt: skip
_Z_975 = 1.960


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of `n` durations, ms; all NaN for n = 0."""

    n: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float

    def to_json(self) -> dict[str, Any]:
        """Rounded to microseconds; None where there is no value."""
        return {name: None if math.isnan(value) else round(value, 3) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio over interleaved rounds: geometric mean and 95 % interval by Student's t on the logarithms; with a single
    round the interval is unknown (NaN)."""

    value: float
    low: float
    high: float
    rounds: int

    def to_json(self) -> dict[str, Any]:
        return {name: None if math.isnan(value) else round(value, 4) for name, value in asdict(self).items()}


def latency_of(seconds: Sequence[float]) -> Latency:
    """Percentiles of durations in seconds."""
    if not len(seconds):
        return Latency(0, *(4 * (math.nan,)))
    ms = np.asarray(seconds, np.float64) * 1000
    p50, p95, p99 = (percentile(ms, q) for q in (50, 95, 99))
    return Latency(len(ms), p50, p95, p99, float(ms.max()))


def percentile(values: Sequence[float] | np.ndarray[Any, Any], q: float) -> float:
    """The smallest value that at least `q` percent of all do not exceed (nearest rank): it was really measured."""
    ordered = np.sort(np.asarray(values, np.float64))
    return float(ordered[max(0, math.ceil(q / 100 * len(ordered)) - 1)])


def ratio_of_rounds(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Ours over theirs, round by round: what slows both in one round cancels. Raises ValueError on unequal lengths,
    no rounds, or values that are not above 0."""
    if len(ours) != len(theirs) or not len(ours) or min(*ours, *theirs) <= 0:
        raise ValueError(f"got {list(ours)} and {list(theirs)}, expected as many of both, all above 0")
    logs = [math.log(a / b) for a, b in zip(ours, theirs, strict=True)]
    n, mean = len(logs), sum(logs) / len(logs)
    if n == 1:
        return Ratio(math.exp(mean), math.nan, math.nan, 1)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in logs) / (n - 1))
    half = (_T_975[n - 2] if n - 2 < len(_T_975) else _Z_975) * deviation / math.sqrt(n)
    return Ratio(math.exp(mean), math.exp(mean - half), math.exp(mean + half), n)


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `n` with the 95 % Wilson interval; NaN throughout for n = 0."""

    hits: int
    n: int
    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        return {
            name: None if isinstance(value, float) and math.isnan(value) else round(value, 4)
            for name, value in asdict(self).items()
        }


def share_of(hits: int, n: int) -> Share:
    """A share with its 95 % Wilson score interval, which stays within 0 to 1 also where all or none hit."""
    if n == 0:
        return Share(0, 0, *(3 * (math.nan,)))
    p, z2 = hits / n, _Z_975**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z_975 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return Share(hits, n, p, max(0.0, centre - half), min(1.0, centre + half))


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Least-squares slope of y over x; 0 for fewer than two points."""
    if len(x) < 2:
        return 0.0
    return float(np.polyfit(np.asarray(x, np.float64), np.asarray(y, np.float64), 1)[0])
