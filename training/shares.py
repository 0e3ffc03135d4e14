"""Shares of photos (or objects) with 95 % intervals: whole places are drawn, since photos of one place go together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firewarden.training.bootstrap import Interval, Weights, draw_weights, group_ids, interval


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `n`; the rate is None for n = 0, the interval also where fewer than two places are known."""

    n: int
    count: int
    rate: float | None
    ci: Interval | None

    def to_json(self, count_name: str, n_name: str = "n") -> dict[str, Any]:
        return {n_name: self.n, count_name: self.count, "rate": self.rate, "ci": self.ci}


NOTHING = Share(0, 0, None, None)


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """The place of each photo `group_of (photos,)` and the draws of places `weights (draws, places)`."""

    group_of: NDArray[np.int64]
    weights: Weights

    @staticmethod
    def of(names: Sequence[str], *, draws: int = 1000, seed: int = 0) -> "Places":
        """Draws over the places that `names` gives each photo."""
        group_of, count = group_ids(names)
        return Places(group_of, draw_weights(count, draws=draws, seed=seed))

    def by_place(self, counts: ArrayLike) -> NDArray[np.float64]:
        """Sums (places,) of counts a photo (photos,)."""
        weights = np.asarray(counts, np.float64)
        return np.asarray(np.bincount(self.group_of, weights, self.weights.shape[1]), np.float64)

    def share(self, part: ArrayLike, whole: ArrayLike) -> Share:
        """Share of `whole` that is `part`, both counts a photo (photos,) or masks."""
        parts, wholes = self.by_place(part), self.by_place(whole)
        n, count = float(wholes.sum()), float(parts.sum())
        several = int((wholes > 0).sum()) > 1
        drawn_n = self.weights @ wholes
        drawn = np.divide(self.weights @ parts, drawn_n, out=np.full(len(drawn_n), np.nan), where=drawn_n > 0)
        return Share(int(n), int(count), count / n if n else None, interval(drawn) if several else None)
