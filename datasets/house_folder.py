"""Writing imported photos as a house folder: images/ labels/ ignore/ cables/ classes.txt manifest.csv hashes.csv."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from firewarden.datasets.cables import write_cables
from firewarden.datasets.hashes import add_hashes
from firewarden.datasets.imported import ImportedPhoto
from firewarden.datasets.labels import read_classes, write_labels
from firewarden.datasets.manifest import SPLITS
from firewarden.datasets.manifest_rows import COLUMNS, ManifestTable, join_tables, read_table, write_table
from firewarden.datasets.register import SourceEntry
from firewarden.errors import DatasetError

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """What all photos of one import share. `prefix` begins every file name and keeps sources apart."""

    source: SourceEntry
    split: str
    scene: str = ""
    prefix: str = ""

    def check(self) -> None:
        """Refuse a split that the register does not allow for the source."""
        if self.split not in SPLITS:
            raise DatasetError(f"got split {self.split!r}, expected one of {SPLITS}.")
        if not self.source.allows(self.split):
            raise DatasetError(
                f"source {self.source.id!r} is registered for {list(self.source.used_for)}, not for {self.split!r}. "
                f"Choose another split, or have the register changed by who answers for it."
            )


def names_below(photos: Sequence[ImportedPhoto], root: Path) -> tuple[str, ...]:
    """File names below `root`, folders parted by `/`; a folder called images says nothing and is left out."""
    paths = (photo.path.relative_to(root) for photo in photos)
    return tuple("/".join(part for part in path.parts if part != "images") for path in paths)


def file_names(names: Sequence[str], prefix: str) -> tuple[str, ...]:
    """Flat file names, folders joined by `_`; names that fall together are refused."""
    flat = tuple(prefix + name.replace("/", "_") for name in names)
    seen: dict[str, str] = {}
    for name, new in zip(names, flat, strict=True):
        stem = Path(new).stem.casefold()
        if stem in seen:
            raise DatasetError(
                f"{seen[stem]} and {name} would both be called {Path(new).stem!r}. Rename one of them."
            )
        seen[stem] = name
    return flat


def write_house_folder(
    out: Path,
    photos: Sequence[ImportedPhoto],
    names: Sequence[str],
    places: Sequence[str],
    classes: tuple[str, ...],
    batch: Batch,
    *,
    append: bool = False,
    progress: Progress | None = None,
) -> None:
    """Copy photos byte by byte and write their labels; the manifest is written last.

    `names` are the new file names, `places` the place groups. A folder that holds a data set already is refused
    unless `append`, which asks for the same classes and new names.
    """
    batch.check()
    table = _base_table(out, names, classes, append=append)
    for folder in ("images", "labels", "ignore"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for count, (photo, name) in enumerate(zip(photos, names, strict=True), 1):
        shutil.copyfile(photo.path, out / "images" / name)
        label_file = f"{Path(name).stem}.txt"
        write_labels(out / "labels" / label_file, photo.rows)
        if len(photo.ignored):
            write_labels(out / "ignore" / label_file, photo.ignored)
        if photo.cables:
            (out / "cables").mkdir(exist_ok=True)
            write_cables(out / "cables" / f"{Path(name).stem}.json", photo.cables)
        if progress is not None:
            progress(count, len(photos))
    (out / "classes.txt").write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
    rows = [
        _manifest_row(photo, name, place, batch)
        for photo, name, place in zip(photos, names, places, strict=True)
    ]
    write_table(out / "manifest.csv", join_tables(table, rows))
    add_hashes(out, [row["file"] for row in rows])


def _base_table(out: Path, names: Sequence[str], classes: tuple[str, ...], *, append: bool) -> ManifestTable:
    if not (out / "manifest.csv").exists():
        if out.exists() and any(out.iterdir()):
            raise DatasetError(f"{out} holds files but no manifest.csv, expected an empty or a data folder.")
        return ManifestTable(COLUMNS, ())
    if not append:
        raise DatasetError(f"{out} holds a data set already. Choose another folder or give --append.")
    if read_classes(out) != classes:
        raise DatasetError(
            f"{out}: got classes {read_classes(out)}, expected {classes}. Import into another folder."
        )
    table = read_table(out / "manifest.csv")
    taken = {Path(row["file"]).stem.casefold() for row in table.rows}
    double = sorted(name for name in names if Path(name).stem.casefold() in taken)
    if double:
        raise DatasetError(
            f"{out}: {len(double)} names are taken, first {double[0]!r}. Give another --prefix."
        )
    return table


def _manifest_row(photo: ImportedPhoto, name: str, place: str, batch: Batch) -> Mapping[str, str]:
    h, w = photo.hw
    return {
        "file": f"images/{name}",
        "split": batch.split,
        "source": batch.source.manifest_source,
        "licence": batch.source.licence_stated,
        "place_group": place,
        "scene": batch.scene,
        "width": str(w),
        "height": str(h),
        "boxes": str(len(photo.rows)),
    }
