"""How long one photo takes when nobody else asks: by stage, in this process."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from firewarden.benchmarks.photos import BenchPhoto
from firewarden.benchmarks.stats import latency_of
from firewarden.inference.inspector import Inspector

STAGES = ("decode", "inference", "rules", "total")
_WARM_UP_PHOTOS = 3


def measure_latency(
    inspector: Inspector,
    photos: Sequence[BenchPhoto],
    *,
    seconds: float,
    on_step: Callable[[str], object] = lambda text: None,
) -> list[dict[str, Any]]:
    """Percentiles of each stage for each photo, the photos taking turns; at least one inspection each after a warm-up."""
    for photo in photos:
        for _ in range(_WARM_UP_PHOTOS):
            inspector.inspect(photo.data)
    on_step(f"{len(photos)} photos in turn for {seconds * len(photos):.0f} s")
    spent: dict[str, dict[str, list[float]]] = {photo.name: {name: [] for name in STAGES} for photo in photos}
    until = time.perf_counter() + seconds * len(photos)
    while not spent[photos[-1].name]["total"] or time.perf_counter() < until:
        for photo in photos:
            timings = inspector.inspect(photo.data).timings_ms
            for stage in STAGES:
                spent[photo.name][stage].append(timings[stage] / 1000)
    return [
        {"photo": name, "stage": stage, **latency_of(values).to_json()}
        for name, stages in spent.items()
        for stage, values in stages.items()
    ]
