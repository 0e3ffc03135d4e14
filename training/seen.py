"""Which photos a network has seen, by source and licence, and which labelled objects on them: what its card tells.

A run counts them as it starts, for the folder it was trained on may change or go.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from firewarden.datasets.labels import read_labels
from firewarden.datasets.manifest import PhotoRecord, read_manifest
from firewarden.datasets.register import is_made
from firewarden.training.made_by import read_made_by
from firewarden.training.run_folder import ancestry

NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True)
class Seen:
    """`photos` by source, licence and split; `objects`: labelled objects of the train photos by class name, zeros included;
    `untold`: runs before, by name, that kept no such record; `fractions`: the share of the listed train pictures that a
    trainer used, by run, of runs that did not use all."""

    photos: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    objects: Mapping[str, int] = field(default_factory=dict)
    untold: tuple[str, ...] = ()
    fractions: Mapping[str, float] = field(default_factory=dict)

    def of_split(self, split: str) -> int:
        """Photos of one split."""
        return sum(count for (_, _, name), count in self.photos.items() if name == split)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        keys = ("source", "licence", "split")
        return {
            "photos": [{**dict(zip(keys, row, strict=True)), "photos": n} for row, n in self.photos.items()],
            "objects": dict(self.objects),
            "untold": list(self.untold),
            "fractions": dict(self.fractions),
        }


def count_seen(data: Path, records: Sequence[PhotoRecord], classes: Sequence[str]) -> Seen:
    """Photos of a data folder, and the objects of those of train."""
    objects = Counter(
        int(class_id)
        for record in records
        if record.split == "train"
        for class_id in read_labels(data / "labels" / f"{record.stem}.txt").class_id
    )
    photos = Counter((r.source, r.licence, r.split) for r in records)
    return Seen(dict(sorted(photos.items())), {name: objects[number] for number, name in enumerate(classes)})


def listed_photos(folder: Path, images: Iterable[Path]) -> list[PhotoRecord]:
    """Manifest rows of some train pictures of a folder that are photos. Without a manifest all of them are, of a source named
    as the folder and no stated licence, unless the folder says by which command it was made. Made pictures are told apart
    from photos, folder by folder."""
    if (folder / "manifest.csv").exists():
        taken = {image.name for image in images}
        return photos_among(r for r in read_manifest(folder) if Path(r.file).name in taken)
    if read_made_by(folder):
        return []
    return [PhotoRecord(f"images/{i.name}", "train", folder.name, NOT_STATED, "", "") for i in images]


def photos_among(records: Iterable[PhotoRecord]) -> list[PhotoRecord]:
    """Those that are neither composed nor rendered, as their source says."""
    return [record for record in records if not is_made(record.source)]


def with_fraction(seen: Seen, run: str, fraction: Any, listed: int) -> Seen:
    """What a run saw, and of `listed` train pictures the share that its trainer uses, where that is not all of them.
    `fraction` is the trainer's: a share, a number of pictures above 1, a list that begins with that of train, or None."""
    value = next(iter(fraction), None) if isinstance(fraction, list) else fraction
    share = 1.0 if value is None else value / listed if isinstance(value, int) and value > 1 else float(value)
    return replace(seen, fractions={run: round(share, 4)}) if share < 1 else seen


def add_seen(parts: Iterable[Seen]) -> Seen:
    """Photos and objects of folders that have no photo in common."""
    photos, objects = Counter[tuple[str, str, str]](), Counter[str]()
    for part in parts:
        photos.update(part.photos)
        objects.update(part.objects)
    return Seen(dict(sorted(photos.items())), dict(objects))


def merge_seen(runs: Iterable[Mapping[str, Any]]) -> Seen:
    """What several runs saw, the newest first: of each source the most photos that one of them did, as their photos are
    mostly the same ones."""
    photos: dict[tuple[str, str, str], int] = {}
    objects: dict[str, int] = {}
    untold: dict[str, None] = {}
    fractions: dict[str, float] = {}
    for run in runs:
        part = _read(run)
        photos |= {row: max(count, photos.get(row, 0)) for row, count in part.photos.items()}
        objects |= {name: max(count, objects.get(name, 0)) for name, count in part.objects.items()}
        untold |= dict.fromkeys(part.untold)
        fractions = {**part.fractions, **fractions}
    return Seen(dict(sorted(photos.items())), objects, tuple(untold), dict(sorted(fractions.items())))


def seen_by(run: Mapping[str, Any]) -> Seen | None:
    """What a run and those before it saw; None where the run itself kept no record of it."""
    return merge_seen(ancestry(run)) if run.get("seen") else None


def _read(run: Mapping[str, Any]) -> Seen:
    """What the record of one run says; a shipped start without a record of its own is untold too."""
    told = run.get("seen")
    start = run.get("restored")
    untold = (str(start["model"]),) if start and not run.get("parent") else ()
    if not told:
        return Seen(untold=(str(run.get("name") or run["config"]["name"]), *untold))
    photos = {(row["source"], row["licence"], row["split"]): row["photos"] for row in told["photos"]}
    return Seen(photos, told["objects"], (*told["untold"], *untold), told.get("fractions") or {})
