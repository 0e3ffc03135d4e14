"""Options of `firewarden data import`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


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


FormatArgument = Annotated[Format, typer.Argument(metavar="FORMAT", help="yolo, coco, voc, labelme or cvat.")]
LabelsArgument = Annotated[
    Path,
    typer.Argument(
        help="File (coco, cvat), folder of labels (voc, labelme), or folder of images/ and labels/ (yolo)."
    ),
]
SourceOption = Annotated[str, typer.Option("--source", help="Source, by id or name in the register.")]
MapOption = Annotated[
    list[str], typer.Option("--map", help="car=vehicle,door,crowd=ignore:person,cat=-; repeatable.")
]
ImagesOption = Annotated[
    Path | None, typer.Option("--images", help="Folder of the pictures, if not where the labels say.")
]
InSplitOption = Annotated[str, typer.Option("--split", help="Split of all photos: train, val or test.")]
PlaceGroupOption = Annotated[
    str | None,
    typer.Option(
        "--place-group", help="Place by template: {parent}, {stem}, {prefix} (stem without last number)."
    ),
]
PlacesOption = Annotated[
    Path | None, typer.Option("--places", help="Places by CSV with the columns file and place_group.")
]
SceneOption = Annotated[str, typer.Option("--scene", help="Kind of place of all photos, e.g. stairwell.")]
PrefixOption = Annotated[str, typer.Option("--prefix", help="Begins every file name; keeps sources apart.")]
CheckedOption = Annotated[
    list[str] | None,
    typer.Option(
        "--checked",
        help="Classes the source labelled in every photo, or 'all'; default: those that --map aims at.",
    ),
]
DropUnmappedOption = Annotated[
    bool,
    typer.Option("--drop-unmapped/--no-drop-unmapped", help="Leave out classes that --map does not name."),
]
FrameOption = Annotated[
    Frame, typer.Option("--frame", help="Picture that labels were drawn on, where EXIF turns it.")
]
ClassesOption = Annotated[
    Path | None,
    typer.Option("--classes", help="classes.txt; default: that of --out, else the shipped model's classes."),
]
AppendOption = Annotated[bool, typer.Option("--append/--no-append", help="Add to a data folder that exists.")]
