"""Bootstrap over place groups: photos of one place are not independent, so whole places are drawn, not photos."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]  # (draws, groups): how often each group occurs in a draw
Interval = tuple[float, float]

_TAIL_PERCENT = 2.5  # on each side: 95 % intervals


def group_ids(groups: Sequence[str]) -> tuple[NDArray[np.int64], int]:
    """For each photo the number of its place group, and how many groups there are."""
    names, index = np.unique(np.asarray(groups, str), return_inverse=True)
    return np.asarray(index.reshape(-1), np.int64), len(names)


def draw_weights(group_count: int, *, draws: int, seed: int) -> Weights:
    """Draws of `group_count` groups with replacement, as counts (draws, groups)."""
    if not group_count:
        return np.zeros((draws, 0))
    rng = np.random.default_rng(seed)
    return rng.multinomial(group_count, np.full(group_count, 1 / group_count), size=draws).astype(np.float64)


def interval(values: NDArray[np.float64]) -> Interval | None:
    """The 95 % interval of drawn values; draws without the value (NaN) are left out. None when none has it."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    low, high = np.percentile(known, [_TAIL_PERCENT, 100 - _TAIL_PERCENT])
    return float(low), float(high)
