"""The `firewarden` command. Each subcommand imports what it needs when it runs.

Exit codes: 0 done, 1 a finding reached --fail-on, 2 bad input or a broken installation.
"""

import json
import logging
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from firewarden import __version__
from firewarden.cli_batch import batch
from firewarden.cli_bench import bench_app
from firewarden.cli_cctv import cctv_app
from firewarden.cli_data import data_app
from firewarden.cli_runtime import inspect_runtime, quantise, run_tune
from firewarden.cli_train import train
from firewarden.cli_worker import worker
from firewarden.errors import HazardError
from firewarden.findings import Fact, InspectionContext, RiskLevel, Source

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(data_app, name="data")
app.add_typer(bench_app, name="bench")
app.add_typer(cctv_app, name="cctv")
_out, _err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)

_TRAINING_STACK = frozenset({"torch", "torchvision", "ultralytics", "albumentations", "cv2", "onnx"})

ModelOption = Annotated[str | None, typer.Option("--model", help="Model id, or the path of a model folder.")]
RulesOption = Annotated[Path | None, typer.Option("--rules", help="Rule file instead of the packaged one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def main() -> None:
    """Run the command; known errors become one line on stderr and exit code 2."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        app()
    except HazardError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in _TRAINING_STACK:
            raise
        _fail(
            f"{error.name} is not installed; this command needs the training stack: pip install 'firewarden[train]'"
        )


def _fail(message: str) -> NoReturn:
    _err.print(f"[bold red]error:[/] {escape(message)}", highlight=False)
    sys.exit(2)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def _command_line() -> str:
    """The command as typed, paths cut to their last part: it is kept in files that others read."""
    words = (Path(word).name if "/" in word or "\\" in word else word for word in sys.argv[1:])
    return " ".join(["firewarden", *words])


def _write_report(path: Path, report: Any) -> None:
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _model(name: str | None) -> str | Path | None:
    """A name with a path separator (or an existing folder) is a folder, anything else a model id."""
    return Path(name) if name and ("/" in name or "\\" in name or Path(name).is_dir()) else name


def _version(wanted: bool) -> None:
    if wanted:
        _out.print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """FireWarden 消防隐患巡检: finds fire hazards in photos, says why, grades the risk by written rules."""


@app.command()
def inspect(
    photos: Annotated[list[Path], typer.Argument(help="Photos and folders of photos.")],
    as_json: JsonOption = False,
    save_annotated: Annotated[
        Path | None, typer.Option(help="Folder for pictures with the findings drawn.")
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option(min=0, max=1, help="List detections down to this.")
    ] = None,
    venue_type: Annotated[str, typer.Option(help="Kind of venue, e.g. rental_housing.")] = "unknown",
    scene: Annotated[str | None, typer.Option(help="Kind of place, e.g. stairwell.")] = None,
    fact: Annotated[
        list[str] | None, typer.Option(help="A fact you vouch for, e.g. only_exit; repeatable.")
    ] = None,
    closure_profile: Annotated[str, typer.Option(help="Closing duties of which region.")] = "yunhe_zhejiang",
    fail_on: Annotated[
        RiskLevel | None, typer.Option(help="Exit 1 when a finding reaches this level.")
    ] = None,
    model: ModelOption = None,
    rules: RulesOption = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the network (default: as tuned, else all cores).")
    ] = None,
) -> None:
    """Inspect photos: which hazards, where, why, how serious."""
    from firewarden.inference.batch import inspect_photos, list_photos, row_of
    from firewarden.inference.context import check_context
    from firewarden.inference.inspector import open_inspector
    from firewarden.inference.report import print_result, save_annotated_photo

    listed = list_photos(photos)
    if not listed:
        _fail(f"no JPEG, PNG or WebP picture in {', '.join(map(str, photos))}")
    runtime, cache_dir = inspect_runtime(_model(model))
    inspector = open_inspector(_model(model), rules, threads=threads, runtime=runtime, cache_dir=cache_dir)
    facts = tuple(Fact(name, Source.PERSON) for name in fact or [])
    context = InspectionContext(venue_type, scene=scene, facts=facts, closure_profile=closure_profile)
    check_context(context, inspector.rules)
    broken, reached = 0, False
    for path, data, outcome in inspect_photos(inspector, listed, context, min_confidence=min_confidence):
        broken += isinstance(outcome, str)
        if as_json:
            _print_json(row_of(path, outcome))
        else:
            print_result(_out, path, outcome, inspector.rules)
        if not isinstance(outcome, str):
            level = outcome.risk_level
            reached |= fail_on is not None and level is not None and level.rank >= fail_on.rank
            if save_annotated is not None:
                save_annotated_photo(save_annotated, path, data, outcome, inspector.rules)
    raise typer.Exit(1 if reached else 2 if broken else 0)


@app.command()
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
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the network (default: all cores).")
    ] = None,
) -> None:
    """Measure a model on labelled photos: mAP by class, precision and recall by hazard, with 95 % intervals."""
    from firewarden.inference.inspector import Inspector, open_inspector
    from firewarden.training.evaluate import OnePassDetector, evaluate_photos
    from firewarden.training.report import evaluation_progress, print_evaluation

    opened = open_inspector(_model(model), rules, threads=threads)
    detector = OnePassDetector(opened.detector)
    with evaluation_progress(_err) as on_photo:
        measured = evaluate_photos(
            detector, Inspector(detector, opened.rules), data, split, include_shared_places,
            expect=expect, use_expected_scene=use_expected_scene, command=_command_line(), on_photo=on_photo,
            decode=opened.decode,
        )  # fmt: skip
    if report is not None:
        from firewarden.training.report_page import evaluation_page

        report.write_text(evaluation_page(measured, detector.manifest, opened.rules), encoding="utf-8")
        _err.print(f"report: {report}", highlight=False)
    if as_json:
        _print_json(measured.report.to_json())
    else:
        print_evaluation(_out, measured.report)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    data_dir: Annotated[Path | None, typer.Option(help="Folder for photos and database.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that share the address.")] = None,
    model: ModelOption = None,
    rules: RulesOption = None,
) -> None:
    """Start the HTTP service. The first start prints an API key."""
    from firewarden.api.serve import serve as run
    from firewarden.api.settings import Settings

    chosen = {"data_dir": data_dir, "workers": workers, "model": model, "rules": rules}
    settings = Settings(**{name: value for name, value in chosen.items() if value is not None})  # type: ignore[arg-type]
    run(settings, host, port)


app.command()(batch)
app.command()(worker)
app.command()(train)
app.command()(quantise)


@app.command()
def average(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of one lineage, oldest first.")],
    out: Annotated[Path, typer.Option(help="Run folder to write.")],
    share: Annotated[list[float] | None, typer.Option(help="Share of each run, in order.")] = None,
    start: Annotated[Path | None, typer.Option(help="COCO weights the lineage began with.")] = None,
    start_share: Annotated[float, typer.Option(min=0, help="Share of the COCO weights.")] = 0.0,
) -> None:
    """Average the last checkpoints of runs that started from each other, and what they started from."""
    from firewarden.training.average import average_runs

    shares = share or [1.0] * len(runs)
    _out.print(f"run: {average_runs(runs, shares, out, start=start, start_share=start_share)}")


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Run folder of `firewarden train`.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    data: Annotated[Path, typer.Option(help="Data folder with manifest.csv.")] = Path("data/real"),
    input_size: Annotated[int, typer.Option(help="Long side of the network's input, px.")] = 640,
    model_id: Annotated[str | None, typer.Option(help="Id written into the manifest.")] = None,
    hazard_data: Annotated[
        list[Path] | None,
        typer.Option(help="Made val photos with expect.json, to choose thresholds by hazard; repeatable."),
    ] = None,
    scene_data: Annotated[
        list[Path] | None,
        typer.Option(help="Made train pictures with scene tags, for the scene output; repeatable."),
    ] = None,
) -> None:
    """Export a run to ONNX with scene output, manifest, evaluation, card and the proof of parity with torch."""
    from firewarden.training.export import export as write
    from firewarden.training.parity import parity_photos
    from firewarden.training.scene_head import attach_scene_head

    composed = [run / "composed"] if (run / "composed" / "manifest.csv").exists() else []
    made = [*composed, *(scene_data or ())]

    def add_scene(model_path: Path) -> tuple[str, ...]:
        head = attach_scene_head(model_path, data, made, input_size=input_size, stride=32)
        _write_report(out / "scene.json", head.report)
        return head.names

    write(
        run, out, input_size=input_size, calibration_images=parity_photos(data), data=data, model_id=model_id,
        add_scene=add_scene, hazard_data=hazard_data or (), command=_command_line(),
    )  # fmt: skip
    _out.print(f"exported: {out}")


@app.command()
def promote(
    exported: Annotated[Path, typer.Argument(help="Folder written by `firewarden export`.")],
    model_id: Annotated[str, typer.Option(help="Model id to promote to.")] = "firewarden-n",
    models: Annotated[Path | None, typer.Option(help="Models folder; default: the packaged one.")] = None,
) -> None:
    """Copy an exported model into the models folder, if its parity is proven."""
    from firewarden.models.registry import models_root
    from firewarden.training.promote import promote as copy

    _out.print(f"promoted: {copy(exported, models or models_root(), model_id)}")


@app.command()
def models(as_json: JsonOption = False) -> None:
    """List the installed models."""
    from firewarden.models.registry import list_models

    rows: list[dict[str, Any]] = [
        {"id": m.id, "sha256": m.sha256, "input_size": m.input_size, "classes": list(m.class_names), "licence": m.licence}
        for m in list_models()
    ]  # fmt: skip
    if as_json:
        _print_json(rows)
    for row in [] if as_json else rows:
        _out.print(
            f"{row['id']}  {row['input_size']} px  {len(row['classes'])} classes  sha256 {row['sha256'][:12]}"
        )


@app.command()
def doctor(
    as_json: JsonOption = False,
    model: ModelOption = None,
    rules: RulesOption = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Measure runtimes here; keep the best for serve.")
    ] = False,
    data_dir: Annotated[Path | None, typer.Option(help="With --tune: folder of the service's data.")] = None,
    photos: Annotated[Path | None, typer.Option(help="With --tune: photos to compare on as well.")] = None,
    accept_int8: Annotated[
        bool, typer.Option("--accept-int8", help="With --tune: int8 may win, by its accuracy on record.")
    ] = False,
) -> None:
    """Check the installation: packages, runtimes, model, rules, typeface, and a built-in photo end to end."""
    from firewarden.inference.doctor import run_checks

    if tune:
        run_tune(
            _model(model), rules, data_dir=data_dir, photos=photos, accept_int8=accept_int8, as_json=as_json
        )
        return
    checks = run_checks(_model(model), rules)
    if as_json:
        _print_json([{"name": check.name, "ok": check.ok, "detail": check.detail} for check in checks])
    for check in () if as_json else checks:
        _out.print(
            f"{'[green]ok  [/]' if check.ok else '[red]FAIL[/]'} {check.name}: {escape(check.detail)}",
            highlight=False,
        )
    raise typer.Exit(0 if all(check.ok for check in checks) else 2)
