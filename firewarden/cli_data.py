"""`firewarden data`: import, validate, split, count and show labelled photos.

Exit codes: 0 done, 1 errors found with --strict, 2 bad input. Each subcommand imports what it needs when it runs.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from firewarden.cli_complete import complete
from firewarden.cli_compose import compose
from firewarden.cli_console import OUT, print_json, write_text
from firewarden.cli_data_import import import_photos
from firewarden.cli_data_options import ClearOption, Folder, LicencesOption, RegisterOption, SplitOption
from firewarden.cli_data_validate import validate
from firewarden.cli_options import JsonOption
from firewarden.cli_synth import synth
from firewarden.errors import DatasetError

data_app = typer.Typer(no_args_is_help=True, help="Import, validate, split, count and show labelled photos.")
data_app.command("import")(import_photos)
data_app.command()(validate)


@data_app.command()
def split(
    folder: Folder,
    out: Annotated[Path, typer.Option(help="The new manifest.csv.")],
    shares: Annotated[str, typer.Option(help="Share of each split.")] = "train=0.8,val=0.2",
    seed: Annotated[int, typer.Option(min=0, help="Decides between equals.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Overwrite --out.")] = False,
    licences: LicencesOption = None,
    clear_only: ClearOption = False,
    register: RegisterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Split by place group: no place in two splits, classes near their shares, uses as registered."""
    from firewarden.datasets.labels import read_classes
    from firewarden.datasets.licences import choose_records, licence_choice
    from firewarden.datasets.manifest_rows import read_table, write_table
    from firewarden.datasets.register import read_register
    from firewarden.datasets.splits import (
        SplitPlan,
        barred_splits,
        class_shares,
        count_boxes,
        parse_shares,
        split_by_place,
        with_splits,
    )

    if out.exists() and not force:
        raise DatasetError(f"{out} exists. Choose another name or give --force.")
    plan = SplitPlan(parse_shares(shares), seed)
    known = read_register(register)
    records = choose_records(folder, choice=licence_choice(known, licences, clear_only=clear_only))
    counts = count_boxes(folder, records)
    chosen = split_by_place(records, counts, plan, barred_splits(records, known))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_table(out, with_splits(read_table(folder / "manifest.csv"), chosen))
    reached = class_shares(chosen, counts)
    names = ("photos", *read_classes(folder))
    summary = {
        split: {name: round(share, 4) for name, share in zip(names, row, strict=True)}
        for split, row in reached.items()
    }
    if as_json:
        print_json({"out": str(out), "photos": len(chosen), "shares": summary})
        return
    OUT.print(f"{len(chosen)} photos -> {escape(str(out))}", highlight=False)
    _print_shares(summary)


def _print_shares(summary: dict[str, dict[str, float]]) -> None:
    from rich.table import Table

    table = Table(title="share of photos and of boxes by class", title_justify="left")
    table.add_column("")
    for name in summary:
        table.add_column(name, justify="right")
    for row in next(iter(summary.values())):
        table.add_row(row, *(f"{100 * shares[row]:.1f} %" for shares in summary.values()))
    OUT.print(table)


@data_app.command()
def stats(
    folder: Folder,
    only: SplitOption = None,
    licences: LicencesOption = None,
    clear_only: ClearOption = False,
    register: RegisterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count photos, places and boxes by split, class, source, licence, scene and size."""
    from firewarden.datasets.licences import choose_records, licence_choice
    from firewarden.datasets.register import read_register
    from firewarden.datasets.stats import data_stats, stats_tables

    choice = licence_choice(read_register(register), licences, clear_only=clear_only)
    found = data_stats(folder, choose_records(folder, split=only, choice=choice))
    if as_json:
        print_json(found.to_json())
        return
    for table in stats_tables(found):
        OUT.print(table)
    if found.shared_places:
        OUT.print(
            f"[red]in more than one split:[/] {escape(', '.join(found.shared_places))}", highlight=False
        )


@data_app.command()
def show(
    folder: Folder,
    out: Annotated[Path, typer.Option(help="Picture to write: .png, .jpg or .jpeg.")],
    count: Annotated[int, typer.Option(min=1, help="Photos on the sheet.")] = 12,
    columns: Annotated[int, typer.Option(min=1, help="Photos in a row.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Which photos are drawn.")] = 0,
    only: SplitOption = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="Only photos with a box of this class.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw a contact sheet: photos with boxes, and ignore regions hatched."""
    from firewarden.datasets.contact_sheet import choose_photos, contact_sheet, save_sheet, sheet_format
    from firewarden.datasets.labels import read_classes, read_labels
    from firewarden.datasets.licences import choose_records

    sheet_format(out)
    records = choose_records(folder, split=only)
    if class_name is not None:
        classes = read_classes(folder)
        if class_name not in classes:
            raise DatasetError(f"--class: got {class_name!r}, expected one of {list(classes)}.")
        wanted = classes.index(class_name)
        records = tuple(
            r for r in records if wanted in read_labels(folder / "labels" / f"{r.stem}.txt").class_id
        )
    chosen = choose_photos(records, count, seed)
    save_sheet(contact_sheet(folder, chosen, columns=columns), out)
    if as_json:
        print_json({"out": str(out), "photos": [record.file for record in chosen]})
    else:
        OUT.print(f"{len(chosen)} photos -> {escape(str(out))}", highlight=False)


@data_app.command("hash")
def write_hash_file(folder: Folder, as_json: JsonOption = False) -> None:
    """Write hashes.csv, the sha256 of every photo; `validate` then notices changes."""
    from firewarden.datasets.hashes import read_hashes, write_hashes

    path = write_hashes(folder)
    count = len(read_hashes(folder))
    if as_json:
        print_json({"out": str(path), "photos": count})
    else:
        OUT.print(f"{count} photos -> {escape(str(path))}", highlight=False)


@data_app.command()
def sources(
    out: Annotated[
        Path | None, typer.Option(help="Write SOURCES.md here instead of to the terminal.")
    ] = None,
    register: RegisterOption = None,
    count: Annotated[
        Path | None,
        typer.Option(help="Data folder whose photos, places and digests are written into --register first."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the source register: as Markdown, or as JSON."""
    from dataclasses import asdict

    from firewarden.datasets.hashes import photo_hashes
    from firewarden.datasets.manifest import read_manifest
    from firewarden.datasets.register import read_register
    from firewarden.datasets.register_counts import count_sources, write_counts
    from firewarden.datasets.register_page import sources_page

    if count is not None:
        if register is None:
            raise DatasetError("--count writes into a register; name it with --register.")
        known = read_register(register)
        write_counts(register, count_sources(read_manifest(count), photo_hashes(count), known))
    known = read_register(register)
    if out is not None:
        write_text(out, sources_page(known))
    if as_json:
        print_json([asdict(source) for source in known.sources])
    elif out is None:
        sys.stdout.write(sources_page(known))


data_app.command()(complete)
data_app.command()(synth)
data_app.command()(compose)
