"""`firewarden inspect` and `firewarden evaluate`: one model and one rule file over photos."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from firewarden.cli_console import ERR, OUT, check_output, command_line, fail, print_json, write_text
from firewarden.cli_options import (
    CLOSURE_PROFILE,
    ClosureProfileOption,
    FailOnOption,
    JsonOption,
    MinConfidenceOption,
    ModelOption,
    RulesOption,
    TilesOption,
    model_named,
)
from firewarden.cli_runtime import inspect_runtime
from firewarden.findings import Fact, InspectionContext, Source


def inspect(
    photos: Annotated[list[Path], typer.Argument(help="Photos and folders of photos.")],
    as_json: JsonOption = False,
    save_annotated: Annotated[
        Path | None, typer.Option(help="Folder for pictures with the findings drawn.")
    ] = None,
    min_confidence: MinConfidenceOption = None,
    venue_type: Annotated[str, typer.Option(help="Kind of venue, e.g. rental_housing.")] = "unknown",
    scene: Annotated[str | None, typer.Option(help="Kind of place, e.g. stairwell.")] = None,
    fact: Annotated[
        list[str] | None, typer.Option(help="A fact you vouch for, e.g. only_exit; repeatable.")
    ] = None,
    closure_profile: ClosureProfileOption = CLOSURE_PROFILE,
    fail_on: FailOnOption = None,
    model: ModelOption = None,
    rules: RulesOption = None,
    tiles: TilesOption = 0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the network (default: as tuned, else all cores).")
    ] = None,
) -> None:
    """Inspect photos: which hazards, where, why, how serious."""
    from firewarden.inference.batch import inspect_photos, list_photos, row_of
    from firewarden.inference.context import check_context
    from firewarden.inference.inspector import open_inspector
    from firewarden.inference.report import print_result, save_annotated_photo
    from firewarden.inference.tiles import TileSettings

    listed = list_photos(photos)
    if not listed:
        fail(f"no JPEG, PNG or WebP picture in {', '.join(map(str, photos))}")
    runtime, cache_dir = inspect_runtime(model_named(model))
    inspector = open_inspector(
        model_named(model), rules, threads=threads, tiles=TileSettings(tiles), runtime=runtime,
        cache_dir=cache_dir,
    )  # fmt: skip
    facts = tuple(Fact(name, Source.PERSON) for name in fact or [])
    context = InspectionContext(venue_type, scene=scene, facts=facts, closure_profile=closure_profile)
    check_context(context, inspector.rules)
    if save_annotated is not None:
        save_annotated.mkdir(parents=True, exist_ok=True)
    broken, reached = 0, False
    for path, data, outcome in inspect_photos(inspector, listed, context, min_confidence=min_confidence):
        broken += isinstance(outcome, str)
        if as_json:
            print_json(row_of(path, outcome))
        else:
            print_result(OUT, path, outcome, inspector.rules)
        if not isinstance(outcome, str):
            level = outcome.risk_level
            reached |= fail_on is not None and level is not None and level.rank >= fail_on.rank
            if save_annotated is not None:
                try:
                    save_annotated_photo(save_annotated, path, data, outcome, inspector.rules)
                except OSError as error:  # one picture that cannot be written must not end the run
                    broken += 1
                    told = escape(f"{path}: its annotated picture was not written: {error}")
                    ERR.print(f"[bold red]error:[/] {told}", highlight=False)
    raise typer.Exit(1 if reached else 2 if broken else 0)


def evaluate(
    data: Annotated[
        Path, typer.Option(help="Folder with images/, labels/, ignore/ and optionally expect.json.")
    ],
    model: ModelOption = None,
    as_json: JsonOption = False,
    split: Annotated[str | None, typer.Option(help="Split of manifest.csv; default: every photo.")] = None,
    expect: Annotated[Path | None, typer.Option(help="Expected hazards instead of expect.json.")] = None,
    use_expected_scene: Annotated[bool, typer.Option(help="Give the expected scene as context.")] = False,
    include_shared_places: Annotated[
        bool, typer.Option(help="Keep photos of places other splits show too.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="HTML page to write; it holds pictures of the photos.")
    ] = None,
    rules: RulesOption = None,
    tiles: TilesOption = 0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the network (default: all cores).")
    ] = None,
) -> None:
    """Measure a model on labelled photos: mAP by class, precision and recall by hazard, with 95 % intervals."""
    from firewarden.inference.inspector import Inspector, open_inspector
    from firewarden.inference.tiles import TileSettings
    from firewarden.training.evaluate import OnePassDetector, evaluate_photos
    from firewarden.training.report import evaluation_progress, print_evaluation

    if report is not None:
        check_output(report)
    opened = open_inspector(model_named(model), rules, threads=threads, tiles=TileSettings(tiles))
    detector = OnePassDetector(opened.detector)
    with evaluation_progress(ERR) as on_photo:
        measured = evaluate_photos(
            detector, Inspector(detector, opened.rules), data, split, include_shared_places,
            expect=expect, use_expected_scene=use_expected_scene, command=command_line(), on_photo=on_photo,
            decode=opened.decode,
        )  # fmt: skip
    if report is not None:
        from firewarden.training.report_page import evaluation_page

        write_text(report, evaluation_page(measured, detector.manifest, opened.rules))
        ERR.print(f"report: {report}", highlight=False)
    if as_json:
        print_json(measured.report.to_json())
    else:
        print_evaluation(OUT, measured.report)
