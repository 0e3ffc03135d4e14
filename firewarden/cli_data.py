"""`firewarden data`: import, validate, split, count and show labelled photos.

Exit codes: 0 done, 1 errors found with --strict, 2 bad input. Each subcommand imports what it needs when it runs.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from firewarden.cli_complete import complete
from firewarden.cli_compose import compose
from firewarden.cli_synth import synth
from firewarden.detections import Detections
from firewarden.errors import DatasetError, InvalidImage

data_app = typer.Typer(no_args_is_help=True, help="Import, validate, split, count and show labelled photos.")
_out, _err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)

Folder = Annotated[Path, typer.Argument(help="Data folder: images/ labels/ classes.txt manifest.csv.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
RegisterOption = Annotated[Path | None, typer.Option("--register", help="Source register (TOML).")]
LicencesOption = Annotated[
    list[str] | None,
    typer.Option("--licences", help="Only photos under these licences, short names of the register."),
]
ClearOption = Annotated[
    bool, typer.Option("--clear-only", help="With --licences: only sources whose rights are beyond doubt.")
]
SplitOption = Annotated[str | None, typer.Option("--split", help="Only this split.")]


class Format(StrEnum):
    """Label formats that can be imported."""

    YOLO = "yolo"
    COCO = "coco"
    VOC = "voc"
    LABELME = "labelme"
    CVAT = "cvat"


class Frame(StrEnum):
    """Which picture labels were drawn on, where EXIF turns it."""

    AUTO = "auto"
    UPRIGHT = "upright"
    STORED = "stored"


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


@contextmanager
def _progress(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, fed with (done, all); none where stderr is no terminal or `quiet`."""
    from rich.progress import Progress

    with Progress(console=_err, transient=True, disable=quiet or not _err.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@data_app.command("import")
def import_photos(
    label_format: Annotated[
        Format, typer.Argument(metavar="FORMAT", help="yolo, coco, voc, labelme or cvat.")
    ],
    labels: Annotated[
        Path, typer.Argument(help="Folder of labels (yolo, voc, labelme) or file (coco, cvat).")
    ],
    out: Annotated[Path, typer.Option(help="Data folder to write.")],
    source: Annotated[str, typer.Option(help="Source, by id or name in the register.")],
    class_map: Annotated[
        list[str], typer.Option("--map", help="car=vehicle,door,crowd=ignore:person,cat=-; repeatable.")
    ],
    images: Annotated[
        Path | None, typer.Option(help="Folder of the pictures, if not beside the labels.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split of all photos: train, val or test.")] = "train",
    place_group: Annotated[
        str | None,
        typer.Option(help="Place by template: {parent}, {stem}, {prefix} (stem without last number)."),
    ] = None,
    places: Annotated[
        Path | None, typer.Option(help="Places by CSV with the columns file and place_group.")
    ] = None,
    scene: Annotated[str, typer.Option(help="Kind of place of all photos, e.g. stairwell.")] = "",
    prefix: Annotated[str, typer.Option(help="Begins every file name; keeps sources apart.")] = "",
    checked: Annotated[
        list[str] | None,
        typer.Option(
            help="Classes the source labelled in every photo, or 'all'; default: those that --map aims at."
        ),
    ] = None,
    drop_unmapped: Annotated[bool, typer.Option(help="Leave out classes that --map does not name.")] = False,
    frame: Annotated[
        Frame, typer.Option(help="Picture that labels were drawn on, where EXIF turns it.")
    ] = Frame.AUTO,
    classes: Annotated[
        Path | None,
        typer.Option(help="classes.txt; default: that of --out, else the shipped model's classes."),
    ] = None,
    append: Annotated[bool, typer.Option(help="Add to a data folder that exists.")] = False,
    register: RegisterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring labelled photos into a data folder: pictures byte by byte, labels in this project's classes."""
    from firewarden.datasets.class_map import checked_classes, parse_class_map
    from firewarden.datasets.house_folder import Batch, file_names, names_below, write_house_folder
    from firewarden.datasets.import_source import import_source
    from firewarden.datasets.imported import ImportPlan
    from firewarden.datasets.places import place_groups
    from firewarden.datasets.register import read_register

    entry = read_register(register).entry(source)
    if entry is None:
        raise DatasetError(
            f"source {source!r} is not in the register, expected an id or name in it. Register it with its terms first."
        )
    batch = Batch(entry, split, scene, prefix)
    batch.check()
    house = _house_classes(classes, out)
    mapping = parse_class_map(class_map, house, drop_unmapped=drop_unmapped)
    plan = ImportPlan(mapping, checked_classes(checked or (), mapping), frame.value)
    photos, root = import_source(label_format.value, labels, images, plan)
    below = names_below(photos, root)
    names = file_names(below, prefix)
    groups = place_groups(below, names, place_group, places)
    with _progress("copying", quiet=as_json) as progress:
        write_house_folder(out, photos, names, groups, house, batch, append=append, progress=progress)
    summary = {
        "out": str(out), "photos": len(photos), "boxes": sum(len(p.rows) for p in photos),
        "places": len(set(groups)), "places_given": not (place_group is None and places is None),
        "unchecked_classes": [name for number, name in enumerate(house) if number not in plan.checked],
        "notes": [f"{name}: {note}" for name, p in zip(names, photos, strict=True) for note in p.notes],
    }  # fmt: skip
    _print_import(summary, as_json=as_json)


def _house_classes(path: Path | None, out: Path) -> tuple[str, ...]:
    """Class names of a file, of the data folder that exists, or of the shipped model."""
    from firewarden.datasets.labels import read_classes

    if path is not None and not path.is_file():
        raise DatasetError(f"--classes: {path} is missing, expected a file with one class name a line.")
    if path is not None:
        return tuple(path.read_text(encoding="utf-8").split())
    if (out / "classes.txt").is_file():
        return read_classes(out)
    from firewarden.models.manifest import load_manifest
    from firewarden.models.registry import DEFAULT_MODEL_ID, model_folder

    return load_manifest(model_folder(DEFAULT_MODEL_ID)).class_names


def _print_import(summary: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        _print_json(summary)
        return
    _out.print(
        f"{summary['photos']} photos, {summary['boxes']} boxes, {summary['places']} places "
        f"-> {escape(summary['out'])}",
        highlight=False,
    )
    if not summary["places_given"]:
        _out.print(
            "[yellow]Each photo counts as a place of its own.[/] Photos of one place may then part over splits: "
            "give --place-group or --places where places repeat.",
            highlight=False,
        )
    if summary["unchecked_classes"]:
        names = ", ".join(summary["unchecked_classes"])
        _out.print(f"Not checked in these photos, so ignored in all of them: {names}", highlight=False)
    for note in summary["notes"][:20]:
        _out.print(f"  {escape(note)}", highlight=False)
    if len(summary["notes"]) > 20:
        _out.print(f"  ... {len(summary['notes']) - 20} more notes; --json lists all")


@data_app.command()
def validate(
    folder: Folder,
    html: Annotated[
        Path | None, typer.Option(help="Write the report as one HTML file with thumbnails.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report as JSON.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when there are errors.")] = False,
    suspicious: Annotated[
        bool, typer.Option("--suspicious", help="Also compare the labels with what a model sees.")
    ] = False,
    model: Annotated[str | None, typer.Option("--model", help="Model id for --suspicious.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the network.")] = None,
    register: RegisterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for damaged files, duplicates, leaks between splits, wrong boxes, unregistered sources."""
    from firewarden.datasets.disagreement import Sightings
    from firewarden.datasets.register import read_register
    from firewarden.datasets.report_page import report_page
    from firewarden.datasets.report_text import print_report
    from firewarden.datasets.validate import validate_folder

    sources = read_register(register)
    if model is not None and not suspicious:
        raise DatasetError("--model says which model --suspicious compares with; give --suspicious too.")
    sightings = Sightings(*_see_all(folder, model, threads, quiet=as_json)) if suspicious else None
    with _progress("reading photos", quiet=as_json) as progress:
        found = validate_folder(folder, sources, sightings, progress)
    if report is not None:
        _write_text(report, json.dumps(found.to_json(), ensure_ascii=False, indent=2) + "\n")
    if html is not None:
        _write_text(html, report_page(found, folder))
    if as_json:
        _print_json(found.to_json())
    else:
        print_report(_out, found)
    raise typer.Exit(1 if strict and found.errors else 0)


def _see_all(
    folder: Path, model: str | None, threads: int | None, *, quiet: bool
) -> tuple[dict[str, Detections], tuple[str, ...]]:
    """What a model sees in each photo of a folder by stem, and its class names; photos it cannot read are left to the
    other checks."""
    from firewarden.datasets.labels import list_images
    from firewarden.inference.detector import open_detector
    from firewarden.inference.image import decode_image
    from firewarden.models.manifest import load_manifest
    from firewarden.models.registry import DEFAULT_MODEL_ID, model_folder

    named = model or DEFAULT_MODEL_ID
    manifest = load_manifest(Path(named) if Path(named).is_dir() else model_folder(named))
    detector, paths = open_detector(manifest, threads=threads), list_images(folder)
    detections = {}
    with _progress("asking the model", quiet=quiet) as progress:
        for count, path in enumerate(paths, 1):
            progress(count, len(paths))
            try:
                image = decode_image(path.read_bytes())
            except InvalidImage:
                continue
            detections[path.stem] = detector.detect(image, confidence_threshold=0.1)
    return detections, manifest.class_names


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
    from firewarden.datasets.manifest_rows import read_table, write_table
    from firewarden.datasets.register import choose_records, read_register
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
    records = choose_records(folder, known, licences=licences, clear_only=clear_only)
    if not records:
        raise DatasetError(
            f"no photo of {folder} passes --licences. Register its sources or name more licences."
        )
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
        _print_json({"out": str(out), "photos": len(chosen), "shares": summary})
        return
    _out.print(f"{len(chosen)} photos -> {escape(str(out))}", highlight=False)
    _print_shares(summary)


def _print_shares(summary: dict[str, dict[str, float]]) -> None:
    from rich.table import Table

    table = Table(title="share of photos and of boxes by class", title_justify="left")
    table.add_column("")
    for name in summary:
        table.add_column(name, justify="right")
    for row in next(iter(summary.values())):
        table.add_row(row, *(f"{100 * shares[row]:.1f} %" for shares in summary.values()))
    _out.print(table)


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
    from firewarden.datasets.register import choose_records, read_register
    from firewarden.datasets.stats import data_stats, stats_tables

    records = choose_records(
        folder, read_register(register), split=only, licences=licences, clear_only=clear_only
    )
    found = data_stats(folder, records)
    if as_json:
        _print_json(found.to_json())
        return
    for table in stats_tables(found):
        _out.print(table)
    if found.shared_places:
        _out.print(
            f"[red]in more than one split:[/] {escape(', '.join(found.shared_places))}", highlight=False
        )


@data_app.command()
def show(
    folder: Folder,
    out: Annotated[Path, typer.Option(help="PNG to write.")],
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
    from firewarden.datasets.contact_sheet import choose_photos, contact_sheet
    from firewarden.datasets.labels import read_classes, read_labels
    from firewarden.datasets.register import choose_records, read_register

    records = choose_records(folder, read_register(), split=only)
    if class_name is not None:
        classes = read_classes(folder)
        if class_name not in classes:
            raise DatasetError(f"--class: got {class_name!r}, expected one of {list(classes)}.")
        wanted = classes.index(class_name)
        records = tuple(
            r for r in records if wanted in read_labels(folder / "labels" / f"{r.stem}.txt").class_id
        )
    chosen = choose_photos(records, count, seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(folder, chosen, columns=columns).save(out, "PNG")
    if as_json:
        _print_json({"out": str(out), "photos": [record.file for record in chosen]})
    else:
        _out.print(f"{len(chosen)} photos -> {escape(str(out))}", highlight=False)


@data_app.command("hash")
def write_hash_file(folder: Folder, as_json: JsonOption = False) -> None:
    """Write hashes.csv, the sha256 of every photo; `validate` then notices changes."""
    from firewarden.datasets.hashes import read_hashes, write_hashes

    path = write_hashes(folder)
    count = len(read_hashes(folder))
    if as_json:
        _print_json({"out": str(path), "photos": count})
    else:
        _out.print(f"{count} photos -> {escape(str(path))}", highlight=False)


@data_app.command()
def sources(
    out: Annotated[
        Path | None, typer.Option(help="Write SOURCES.md here instead of to the terminal.")
    ] = None,
    register: RegisterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the source register: as Markdown, or as JSON."""
    from dataclasses import asdict

    from firewarden.datasets.register import read_register
    from firewarden.datasets.register_page import sources_page

    known = read_register(register)
    if out is not None:
        _write_text(out, sources_page(known))
    if as_json:
        _print_json([asdict(source) for source in known.sources])
    elif out is None:
        sys.stdout.write(sources_page(known))


data_app.command()(complete)
data_app.command()(synth)
data_app.command()(compose)
