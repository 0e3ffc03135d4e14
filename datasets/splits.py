"""Splitting by place: whole place groups go to splits so that each gets its share of photos and of every class.

Seeded and deterministic: large groups are placed first, each where it brings all shares nearest to their targets; then
single groups move as long as that helps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.labels import read_classes, read_labels
from firewarden.datasets.manifest import SPLITS, PhotoRecord
from firewarden.datasets.manifest_rows import ManifestTable
from firewarden.datasets.register import Register
from firewarden.errors import DatasetError

_PASSES = 20  # of moves; each pass that changes nothing ends it
_BARRED = 1e6  # cost of a split that a group must not go to
Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """`shares` by split, summing to 1; `seed` decides between equals."""

    shares: Mapping[str, float]
    seed: int = 0

    def __post_init__(self) -> None:
        strange = sorted(set(self.shares) - set(SPLITS))
        total = sum(self.shares.values())
        if strange or not self.shares or min(self.shares.values()) <= 0 or abs(total - 1) > 1e-6:
            raise DatasetError(
                f"got shares {dict(self.shares)}, expected some of {SPLITS} with numbers above 0 that sum to 1."
            )


def parse_shares(text: str) -> dict[str, float]:
    """`train=0.8,val=0.2` as a mapping."""
    shares = {}
    for entry in text.split(","):
        name, _, value = entry.partition("=")
        try:
            shares[name.strip()] = float(value)
        except ValueError as error:
            raise DatasetError(
                f"--shares: got {entry!r}, expected name=number, as in train=0.8,val=0.2."
            ) from error
    return shares


def count_boxes(folder: Path, records: Sequence[PhotoRecord]) -> Counts:
    """Labelled boxes (photos, classes) of each record, in order."""
    classes = len(read_classes(folder))
    counts = np.zeros((len(records), classes))
    for row, record in zip(counts, records, strict=True):
        ids = read_labels(folder / "labels" / f"{record.stem}.txt").class_id
        np.add.at(row, ids[(ids >= 0) & (ids < classes)], 1)
    return counts


def barred_splits(records: Sequence[PhotoRecord], register: Register) -> dict[str, frozenset[str]]:
    """Splits by place group that the register does not allow for one of its photos. A source that is not registered
    may go nowhere."""
    barred: dict[str, frozenset[str]] = {}
    for record in records:
        wrong = frozenset(split for split in SPLITS if not register.allows(record.source, split))
        barred[record.place] = barred.get(record.place, frozenset()) | wrong
    return barred


def split_by_place(
    records: Sequence[PhotoRecord],
    counts: Counts,
    plan: SplitPlan,
    barred: Mapping[str, frozenset[str]] | None = None,
) -> tuple[PhotoRecord, ...]:
    """The records in order with new splits. `counts (photos, classes)` are stratified; no place group is cut."""
    places = sorted({record.place for record in records})
    splits = [split for split in SPLITS if split in plan.shares]
    if len(places) < len(splits):
        raise DatasetError(
            f"got {len(places)} place groups for {len(splits)} splits, expected at least one each."
        )
    forbidden = _forbidden(places, splits, barred or {})
    weights = _group_weights(records, counts, places)
    target = np.array([plan.shares[split] for split in splits])
    order = np.random.default_rng(plan.seed).permutation(len(places))
    order = order[np.argsort(-(weights[order] ** 2).sum(axis=1), kind="stable")]
    chosen = _improve(_place(weights, target, forbidden, order), weights, target, forbidden, order)
    empty = [split for number, split in enumerate(splits) if number not in chosen]
    if empty:
        raise DatasetError(
            f"no place group fits into {empty} at {dict(plan.shares)}, expected at least one. Raise the share, collect "
            f"more places, or have the register allow more sources there."
        )
    split_of = {place: splits[chosen[index]] for index, place in enumerate(places)}
    return tuple(replace(record, split=split_of[record.place]) for record in records)


def _forbidden(
    places: Sequence[str], splits: Sequence[str], barred: Mapping[str, frozenset[str]]
) -> NDArray[np.bool_]:
    table = np.array([[split in barred.get(place, ()) for split in splits] for place in places])
    stuck = [place for place, row in zip(places, table, strict=True) if row.all()]
    if stuck:
        raise DatasetError(
            f"{len(stuck)} place groups may go to none of {list(splits)} by the register, first {stuck[0]!r}. "
            f"Register their sources, tell apart places that mix sources, or leave them out with --licences."
        )
    return table


def _group_weights(records: Sequence[PhotoRecord], counts: Counts, places: Sequence[str]) -> Counts:
    """Share of all photos (column 0) and of all boxes of each class that each place holds (places, 1 + classes)."""
    index = {place: number for number, place in enumerate(places)}
    table = np.zeros((len(places), 1 + counts.shape[1]))
    rows = np.column_stack([np.ones(len(records)), counts])
    np.add.at(table, [index[record.place] for record in records], rows)
    return np.asarray(table / np.maximum(table.sum(axis=0), 1))


def _place(
    weights: Counts, target: Counts, forbidden: NDArray[np.bool_], order: NDArray[np.int64]
) -> NDArray[np.int64]:
    """A split for each place: the change of the sum of squared gaps decides, 2 w (have - target) + w² for each split."""
    have = np.zeros((len(target), weights.shape[1]))
    chosen = np.zeros(len(weights), np.int64)
    for place in order:
        gaps = have - target[:, None]
        chosen[place] = (gaps @ weights[place] + _BARRED * forbidden[place]).argmin()
        have[chosen[place]] += weights[place]
    return chosen


def _improve(
    chosen: NDArray[np.int64],
    weights: Counts,
    target: Counts,
    forbidden: NDArray[np.bool_],
    order: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Move single places while the sum of squared gaps falls; a split keeps its last place."""
    chosen, used = chosen.copy(), np.bincount(chosen, minlength=len(target))
    have = np.zeros((len(target), weights.shape[1]))
    np.add.at(have, chosen, weights)
    for _ in range(_PASSES):
        moved = False
        for place in order:
            old, w = chosen[place], weights[place]
            have[old] -= w
            cost = (have - target[:, None]) @ w + _BARRED * forbidden[place]
            new = int(cost.argmin())
            if cost[new] < cost[old] - 1e-12 and used[old] > 1:
                used[old], used[new], chosen[place], moved = used[old] - 1, used[new] + 1, new, True
            have[chosen[place]] += w
        if not moved:
            break
    return chosen


def with_splits(table: ManifestTable, records: Sequence[PhotoRecord]) -> ManifestTable:
    """The manifest with the splits of the records; rows of photos that are not among them are left out."""
    split_of = {record.file: record.split for record in records}
    rows = tuple(
        dict(row) | {"split": split_of[row["file"]]} for row in table.rows if row["file"] in split_of
    )
    return ManifestTable(table.columns, rows)


def class_shares(records: Sequence[PhotoRecord], counts: Counts) -> dict[str, tuple[float, ...]]:
    """By split: its share of all photos, then of the boxes of each class (0 where a class has none)."""
    rows = np.column_stack([np.ones(len(records)), counts])
    total = np.maximum(rows.sum(axis=0), 1)
    members = np.array([record.split for record in records])
    return {
        split: tuple(float(v) for v in rows[members == split].sum(axis=0) / total)
        for split in SPLITS
        if (members == split).any()
    }
