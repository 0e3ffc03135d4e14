"""`firewarden data import`: labelled photos of another format into a data folder."""

from pathlib import Path
from typing import Any

from rich.markup import escape

from firewarden.cli_console import OUT, print_json, progress
from firewarden.cli_data_import_options import (
    AppendOption,
    CheckedOption,
    ClassesOption,
    DropUnmappedOption,
    FormatArgument,
    Frame,
    FrameOption,
    ImagesOption,
    InSplitOption,
    LabelsArgument,
    MapOption,
    PlaceGroupOption,
    PlacesOption,
    PrefixOption,
    SceneOption,
    SourceOption,
)
from firewarden.cli_data_options import DataSetOption, RegisterOption
from firewarden.cli_options import JsonOption
from firewarden.errors import DatasetError


def import_photos(
    label_format: FormatArgument,
    labels: LabelsArgument,
    out: DataSetOption,
    source: SourceOption,
    class_map: MapOption,
    images: ImagesOption = None,
    split: InSplitOption = "train",
    place_group: PlaceGroupOption = None,
    places: PlacesOption = None,
    scene: SceneOption = "",
    prefix: PrefixOption = "",
    checked: CheckedOption = None,
    drop_unmapped: DropUnmappedOption = False,
    frame: FrameOption = Frame.AUTO,
    classes: ClassesOption = None,
    append: AppendOption = False,
    register: RegisterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring labelled photos into a data folder: pictures byte by byte, labels in this project's classes."""
    from firewarden.datasets.class_map import checked_classes, parse_class_map
    from firewarden.datasets.house_folder import Batch, file_names, names_below, write_house_folder
    from firewarden.datasets.import_source import import_source
    from firewarden.datasets.imported import ImportPlan
    from firewarden.datasets.places import place_groups
    from firewarden.datasets.register import ENTRY_FIELDS, read_register

    entry = read_register(register).entry(source)
    if entry is None:
        raise DatasetError(
            f"source {source!r} is not in the register {register or '(the packaged sources.toml)'}, expected an id or "
            f"manifest_source in it. Give a file of your own as --register, with version = 1 and a [[source]] of "
            f"{', '.join(ENTRY_FIELDS)}."
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
    with progress("copying", quiet=as_json) as on_photo:
        write_house_folder(out, photos, names, groups, house, batch, append=append, progress=on_photo)
    summary = {
        "out": str(out), "photos": len(photos), "boxes": sum(len(p.rows) for p in photos),
        "cables": sum(len(p.cables) for p in photos),
        "places": len(set(groups)), "places_given": not (place_group is None and places is None),
        "unchecked_classes": [name for number, name in enumerate(house) if number not in plan.checked],
        "notes": [f"{name}: {note}" for name, p in zip(names, photos, strict=True) for note in p.notes],
    }  # fmt: skip
    _print_import(summary, as_json=as_json)


def _house_classes(path: Path | None, out: Path) -> tuple[str, ...]:
    """Class names of a file, of the data folder that exists, or of the shipped model."""
    from firewarden.datasets.labels import read_classes, read_names

    if path is not None and not path.is_file():
        raise DatasetError(f"--classes: {path} is missing, expected a file with one class name a line.")
    if path is not None:
        return read_names(path)
    if (out / "classes.txt").is_file():
        return read_classes(out)
    from firewarden.models.manifest import load_manifest
    from firewarden.models.registry import DEFAULT_MODEL_ID, model_folder

    return load_manifest(model_folder(DEFAULT_MODEL_ID)).class_names


def _print_import(summary: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(summary)
        return
    OUT.print(
        f"{summary['photos']} photos, {summary['boxes']} boxes, {summary['places']} places "
        f"-> {escape(summary['out'])}",
        highlight=False,
    )
    if not summary["places_given"]:
        OUT.print(
            "[yellow]Each photo counts as a place of its own.[/] Photos of one place may then part over splits: "
            "give --place-group or --places where places repeat.",
            highlight=False,
        )
    if summary["unchecked_classes"]:
        names = ", ".join(summary["unchecked_classes"])
        OUT.print(f"Not checked in these photos, so ignored in all of them: {names}", highlight=False)
    for note in summary["notes"][:20]:
        OUT.print(f"  {escape(note)}", highlight=False)
    if len(summary["notes"]) > 20:
        OUT.print(f"  ... {len(summary['notes']) - 20} more notes; --json lists all")
