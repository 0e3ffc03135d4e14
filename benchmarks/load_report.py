"""Samples of a load generator to the figures of one row."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from firewarden.benchmarks.load_plan import LOST, STUCK, Load, Samples
from firewarden.benchmarks.stats import Latency, latency_of

_SHED = (429, 503)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """`goodput` are photos a second answered with success within the measured window. `latency` is of successful answers to
    requests intended in the window, counted from the intended time, `mean_ms` their mean (NaN for none). `shed` (429, 503) and `errors` are counted in the
    window, `lost` and `stuck` over the whole load. `generator_cores` is what the generator used of the machine."""

    goodput: float
    latency: Latency
    mean_ms: float
    accepted: int
    shed: int
    errors: int
    lost: int
    stuck: int
    generator_cores: float
    worst_send_delay_ms: float

    def to_json(self) -> dict[str, Any]:
        rounded = {"goodput": 2, "generator_cores": 3, "worst_send_delay_ms": 1}
        told = {
            name: round(value, rounded.get(name, 3))
            for name, value in asdict(self).items()
            if name not in ("latency", "mean_ms")
        }
        mean_ms = None if math.isnan(self.mean_ms) else round(self.mean_ms, 3)
        return {**told, "mean_ms": mean_ms, **self.latency.to_json()}


def report_load(samples: Samples, load: Load) -> LoadResult:
    """The figures of one load. With `load.requests` the window ends with the last answer."""
    begin = load.warm_up_s
    end = max(samples.done_s, default=begin) if load.requests else begin + load.seconds
    rows = list(zip(samples.intended_s, samples.done_s, samples.status, strict=True))
    inside = [(intended, done, status) for intended, done, status in rows if begin <= intended <= end]
    good = [done - intended for intended, done, status in inside if 200 <= status < 300]
    ended = sum(200 <= status < 300 and begin <= done <= end for _, done, status in rows)
    shed = sum(status in _SHED for _, _, status in inside)
    broken = sum(status in (LOST, STUCK) for _, _, status in inside)
    delays = [sent - intended for intended, sent in zip(samples.intended_s, samples.sent_s, strict=True)]
    return LoadResult(
        goodput=ended / (end - begin) if end > begin else 0.0,
        latency=latency_of(good),
        mean_ms=1000 * sum(good) / len(good) if good else math.nan,
        accepted=len(good),
        shed=shed,
        errors=len(inside) - len(good) - shed - broken,
        lost=samples.status.count(LOST),
        stuck=samples.status.count(STUCK),
        generator_cores=samples.cpu_s / samples.wall_s if samples.wall_s > 0 else 0.0,
        worst_send_delay_ms=1000 * max(delays, default=0.0),
    )
