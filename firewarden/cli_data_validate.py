"""`firewarden data validate`: damaged files, duplicates, leaks between splits, wrong boxes, unregistered sources."""

import json
from pathlib import Path
from typing import Annotated

import typer

from firewarden.cli_console import OUT, check_output, print_json, progress, write_text
from firewarden.cli_data_options import Folder, RegisterOption
from firewarden.cli_options import JsonOption
from firewarden.detections import Detections
from firewarden.errors import DatasetError, InvalidImage


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
    for path in filter(None, (report, html)):
        check_output(path)
    sightings = Sightings(*_see_all(folder, model, threads, quiet=as_json)) if suspicious else None
    with progress("reading photos", quiet=as_json) as on_photo:
        found = validate_folder(folder, sources, sightings, on_photo)
    if report is not None:
        write_text(report, json.dumps(found.to_json(), ensure_ascii=False, indent=2) + "\n")
    if html is not None:
        write_text(html, report_page(found, folder))
    if as_json:
        print_json(found.to_json())
    else:
        print_report(OUT, found)
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
    with progress("asking the model", quiet=quiet) as on_photo:
        for count, path in enumerate(paths, 1):
            on_photo(count, len(paths))
            try:
                image = decode_image(path.read_bytes())
            except InvalidImage:
                continue
            detections[path.stem] = detector.detect(image, confidence_threshold=0.1)
    return detections, manifest.class_names
