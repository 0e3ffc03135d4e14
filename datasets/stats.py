"""What is in a data folder: photos and boxes by split, class, source, licence, scene and place, and box sizes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from firewarden.datasets.label_checks import name_of, short_sides_px
from firewarden.datasets.labels import read_classes, read_labels
from firewarden.datasets.manifest import SPLITS, PhotoRecord, shared_places
from firewarden.datasets.orientation import read_header

SIZE_EDGES_PX = (0, 12, 24, 48, 96, 192, 384)  # short side at a long side of 960 px; the last bin is open
BySplit = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DataStats:
    """Counts by split; `boxes` and `photos_with` by class, `sizes` by lower edge of the short side in px."""

    photos: BySplit
    places: BySplit
    shared_places: tuple[str, ...]
    largest_place: tuple[str, int]
    boxes: Mapping[str, BySplit]
    photos_with: Mapping[str, BySplit]
    sources: Mapping[str, BySplit]
    licences: Mapping[str, BySplit]
    scenes: Mapping[str, BySplit]
    sizes: Mapping[int, BySplit]
    photos_without_boxes: BySplit

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        tables = ("boxes", "photos_with", "sources", "licences", "scenes")
        return {
            "photos": dict(self.photos),
            "photos_without_boxes": dict(self.photos_without_boxes),
            "places": dict(self.places),
            "shared_places": list(self.shared_places),
            "largest_place": {"name": self.largest_place[0], "photos": self.largest_place[1]},
            **{name: {key: dict(row) for key, row in getattr(self, name).items()} for name in tables},
            "short_side_px_at_960": {size_label(edge): dict(row) for edge, row in self.sizes.items()},
        }


def size_label(edge: int) -> str:
    """`12-24` for the bin that begins at 12 px."""
    number = SIZE_EDGES_PX.index(edge)
    return f"{edge}+" if number == len(SIZE_EDGES_PX) - 1 else f"{edge}-{SIZE_EDGES_PX[number + 1]}"


def data_stats(folder: Path, records: Sequence[PhotoRecord]) -> DataStats:
    """Count the given records of a folder."""
    classes = read_classes(folder)
    boxes: Counter[tuple[str, str]] = Counter()
    photos_with: Counter[tuple[str, str]] = Counter()
    sizes: Counter[tuple[int, str]] = Counter()
    empty: Counter[str] = Counter()
    for record in records:
        rows = read_labels(folder / "labels" / f"{record.stem}.txt")
        names = [name_of(class_id, classes) for class_id in rows.class_id]
        boxes.update((name, record.split) for name in names)
        photos_with.update((name, record.split) for name in set(names))
        empty[record.split] += not names
        if names:
            sides = short_sides_px(rows, read_header(folder / record.file).upright_hw)
            bins = np.searchsorted(SIZE_EDGES_PX, sides, side="right") - 1
            sizes.update((SIZE_EDGES_PX[max(int(b), 0)], record.split) for b in bins)
    places = Counter(record.place for record in records)
    return DataStats(
        photos=_by_split(Counter(r.split for r in records)),
        places=_by_split(Counter(split for _, split in {(r.place, r.split) for r in records})),
        shared_places=tuple(sorted(shared_places(records))),
        largest_place=max(places.items(), key=lambda item: (item[1], item[0]), default=("", 0)),
        boxes=_table(boxes, classes),
        photos_with=_table(photos_with, classes),
        sources=_table(Counter((r.source, r.split) for r in records)),
        licences=_table(Counter((r.licence, r.split) for r in records)),
        scenes=_table(Counter((r.scene, r.split) for r in records)),
        sizes={edge: {s: sizes[edge, s] for s in SPLITS} for edge in SIZE_EDGES_PX},
        photos_without_boxes=_by_split(empty),
    )


def _by_split(counts: Counter[str]) -> BySplit:
    return {split: counts[split] for split in SPLITS}


def _table(counts: Counter[tuple[str, str]], names: Iterable[str] = ()) -> Mapping[str, BySplit]:
    """Rows by name: the given names first, further ones sorted."""
    order = list(dict.fromkeys([*names, *sorted(name for name, _ in counts)]))
    return {name: {split: counts[name, split] for split in SPLITS} for name in order}


def stats_tables(stats: DataStats) -> tuple[Table, ...]:
    """The counts for a terminal."""
    first = _rich("data set", {"photos": stats.photos, "photos without boxes": stats.photos_without_boxes,
                               "place groups": stats.places})  # fmt: skip
    sizes = {size_label(edge): row for edge, row in stats.sizes.items()}
    return (
        first,
        _rich("boxes by class", stats.boxes),
        _rich("boxes by short side, px at 960", sizes),
        _rich("photos by source", stats.sources),
        _rich("photos by licence", stats.licences),
        _rich("photos by scene", stats.scenes),
    )


def _rich(title: str, rows: Mapping[str, BySplit]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("", overflow="fold")
    for split in (*SPLITS, "all"):
        table.add_column(split, justify="right")
    for name, row in rows.items():
        table.add_row(name or "-", *(str(row[split]) for split in SPLITS), str(sum(row.values())))
    return table
