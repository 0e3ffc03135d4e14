"""`firewarden data compose`: edited real photos with their untouched negatives, as a data folder."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from firewarden.cli_console import OUT, progress
from firewarden.cli_data_options import ClearOption, DataSetOption, LicencesOption, RegisterOption
from firewarden.errors import DatasetError


def compose(
    data: Annotated[
        Path, typer.Option(help="Folder that holds real/ and cutouts/, or a data folder itself.")
    ],
    out: DataSetOption,
    kinds: Annotated[
        str, typer.Option(help="missing_extinguisher=100,blocked_exit=100: pairs of each kind.")
    ],
    split: Annotated[
        str, typer.Option(help="Split whose photos and cut-outs are used: train or val.")
    ] = "train",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same set.")] = 0,
    cutouts: Annotated[
        Path | None, typer.Option(help="Catalogue of crops; default: cutouts/ beside the photos.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Where cut-outs are kept; default: .cutouts beside --out.")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="Also draw a contact sheet here (PNG or JPEG).")] = None,
    sheet_count: Annotated[int, typer.Option(min=1, help="Pictures on the sheet, from the first on.")] = 48,
    force: Annotated[bool, typer.Option("--force", help="Replace the set that --out holds already.")] = False,
    licences: LicencesOption = None,
    clear_only: ClearOption = False,
    register: RegisterOption = None,
) -> None:
    """Set goods before doors, take extinguishers out, put two-wheelers in rooms, draw cords; each with its untouched photo.

    Also single pictures, without one: signs on walls, plates of other fire equipment (fire_signs), doors cut by the
    frame, doors in place of other doors (door_swaps), lift cars with and without an e-bike, streets. made_by.json in the folder keeps the command.
    """
    from firewarden.datasets.compose.save import write_composed
    from firewarden.datasets.compose.sources import Sources
    from firewarden.datasets.contact_sheet import sheet_format
    from firewarden.datasets.licences import licence_choice
    from firewarden.datasets.register import read_register

    if split not in ("train", "val"):
        raise DatasetError(f"--split: got {split!r}, expected train or val. Test photos are never edited.")
    if (out / "manifest.csv").exists() and not force:
        raise DatasetError(f"{out} holds a data set already. Choose another folder or give --force.")
    if sheet is not None:
        sheet_format(sheet)
    photos = data / "real" if (data / "real").is_dir() else data
    counts = parse_kinds(kinds)
    choice = licence_choice(read_register(register), licences, clear_only=clear_only)
    sources = Sources(
        photos, cutouts or photos.parent / "cutouts", split, cache or out.parent / ".cutouts", choice
    )
    if force:
        _remove_listed(out)
    with progress("composing") as on_pair:
        written = write_composed(sources, counts, out, seed=seed, progress=on_pair)
    OUT.print(f"{written} pictures -> {escape(str(out))}", highlight=False)
    if sheet is not None and written:
        _draw_sheet(out, sheet, sheet_count)


def _remove_listed(folder: Path) -> None:
    """Delete the pictures that a folder's manifest lists, with their labels: a smaller new set would leave some behind."""
    from firewarden.datasets.manifest import read_manifest

    if not (folder / "manifest.csv").exists():
        return
    for record in read_manifest(folder):
        (folder / record.file).unlink(missing_ok=True)
        for name in (f"labels/{record.stem}.txt", f"ignore/{record.stem}.txt", f"cables/{record.stem}.json"):
            (folder / name).unlink(missing_ok=True)


def parse_kinds(text: str) -> dict[str, int]:
    """Counts by kind from `name=count,name=count`."""
    counts: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = part.partition("=")
        if not number.isdigit() or name in counts:
            raise DatasetError(f"--kinds: got {part!r}, expected name=count, each name once.")
        counts[name] = int(number)
    if not any(counts.values()):
        raise DatasetError(f"--kinds: got {text!r}, expected at least one kind with a count above 0.")
    return counts


def _draw_sheet(folder: Path, path: Path, count: int) -> None:
    from firewarden.datasets.contact_sheet import contact_sheet, save_sheet
    from firewarden.datasets.manifest import read_manifest

    save_sheet(contact_sheet(folder, read_manifest(folder)[:count], columns=6), path)
    OUT.print(f"contact sheet -> {escape(str(path))}", highlight=False)
