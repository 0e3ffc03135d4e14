"""How often each train photo is listed: repeats of photos with rare classes, sizes of the parts, seeded sub-sampling.

Repeat factors follow Gupta et al. 2019, "LVIS: a dataset for large vocabulary instance segmentation", section 4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firewarden.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Balance:
    """Photos whose rarest class is on a share of photos below `threshold` are repeated, at most `cap` times."""

    power: float = 0.5
    cap: float = 4.0
    threshold: float = 0.1

    def __post_init__(self) -> None:
        if self.power <= 0 or self.cap < 1 or not 0 < self.threshold <= 1:
            raise DatasetError(
                f"got balance power {self.power}, cap {self.cap}, threshold {self.threshold}; expected power above 0, "
                "cap from 1, threshold in (0, 1]"
            )


def repeat_factors(classes_of: Sequence[Sequence[int]], balance: Balance) -> list[float]:
    """max(1, min(cap, (threshold / f) ** power)) a photo, f the share of photos that show its rarest class.

    `classes_of` holds the class ids of each photo; a photo without objects counts once.
    """
    present = [frozenset(ids) for ids in classes_of]
    share: Mapping[int, float] = {
        class_id: sum(class_id in ids for ids in present) / len(present)
        for class_id in frozenset[int]().union(*present)
    }
    rarest = [min((share[class_id] for class_id in ids), default=1.0) for ids in present]
    return [max(1.0, min(balance.cap, (balance.threshold / f) ** balance.power)) for f in rarest]


def round_factors(factors: Sequence[float], seed: int) -> list[int]:
    """Whole numbers that keep the sum right on average: 2.3 becomes 3 in three of ten seeds, else 2."""
    drawn = np.random.default_rng((seed, 1)).random(len(factors))
    return [int(factor) + int(draw < factor % 1) for factor, draw in zip(factors, drawn, strict=True)]


def resample(times: Sequence[int], total: int, seed: int) -> list[int]:
    """New times that sum to `total` in the proportions of `times`: whole rounds of the list, the rest drawn by seed
    without putting back."""
    entries: NDArray[np.int64] = np.repeat(np.arange(len(times)), times)
    if not len(entries):
        raise DatasetError(f"got no photo to list {total} times, expected at least one")
    rounds, rest = divmod(total, len(entries))
    drawn = np.random.default_rng((seed, 2)).permutation(entries)[:rest]
    counts = rounds * np.asarray(times) + np.bincount(drawn, minlength=len(times))
    return [int(count) for count in counts]


def part_sizes(real: int, parts: Sequence[tuple[int, float | None]], listed: int | None) -> list[int]:
    """Listed pictures of the real part, then of each further part (photos, share of all listed train pictures).

    A part without a share is listed once. Without `listed` the real part stays as it is and the parts with a share are
    sized to it; with it the sum is `listed` and the real part takes what the others leave.
    """
    shares = sum(share for _, share in parts if share is not None)
    plain = sum(count for count, share in parts if share is None)
    if shares >= 1:
        raise DatasetError(
            f"got shares that sum to {shares:g}, expected less than 1: the rest are real photos"
        )
    total = listed if listed is not None else round((real + plain) / (1 - shares))
    sizes = [count if share is None else round(share * total) for count, share in parts]
    left = real if listed is None else listed - sum(sizes)
    if left < 1:
        raise DatasetError(
            f"got {listed} listed pictures for {sum(sizes)} that are not real, expected room for real ones"
        )
    return [left, *sizes]
