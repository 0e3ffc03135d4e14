"""`firewarden data synth`: rendered scenes with true labels."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from firewarden.cli_console import ERR, OUT, print_json
from firewarden.cli_options import JsonOption
from firewarden.errors import DatasetError

_ALL = "all"


def synth(
    out: Annotated[Path, typer.Argument(help="Data folder to write; finished pictures in it are kept.")],
    count: Annotated[int, typer.Option(min=1, help="Pictures in all, counterfactual ones included.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same pictures.")] = 1,
    size: Annotated[int, typer.Option(min=64, max=2048, help="Long side in pixels.")] = 640,
    samples: Annotated[int, typer.Option(min=1, max=256, help="Light paths a pixel, before denoising.")] = 8,
    scenes: Annotated[str, typer.Option(help="Kinds of scenes, by comma, or 'all'.")] = _ALL,
    variants: Annotated[int, typer.Option(min=1, help="Pictures of one seed, differing in one thing.")] = 2,
    workers: Annotated[int, typer.Option(min=1, help="Rendering processes.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads of each process.")] = 2,
    python: Annotated[
        str | None, typer.Option(help="Interpreter with bpy (extra 'synth'); default: this one.")
    ] = None,
    assets: Annotated[
        Path | None,
        typer.Option(
            help="Also use open models of Debian's furniture library; fetched into this folder once."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Render scenes of corridors, exits, lifts and more in Blender, with boxes, cables and expected hazards.

    An interrupted run goes on where it stopped when called again.
    """
    from firewarden.datasets.synth.plan import plan_tasks
    from firewarden.datasets.synth.run import RenderSettings, find_python, run_tasks
    from firewarden.datasets.synth.scenes import SCENES
    from firewarden.datasets.synth.sheet import write_sheet
    from firewarden.datasets.synth.sweethome import catalogue, fetch_library, save_attribution

    names = list(SCENES) if scenes == _ALL else [name.strip() for name in scenes.split(",") if name.strip()]
    tasks = plan_tasks(names, count, seed, variants)
    settings = RenderSettings(size, samples, threads, workers, find_python(python), assets)
    if assets is not None:
        fetch_library(assets)
        out.mkdir(parents=True, exist_ok=True)
        save_attribution(catalogue(assets), out / "ATTRIBUTION.txt")
    with _progress(quiet=as_json) as bar:
        number = bar.add_task("rendering", total=len(tasks))
        result = run_tasks(
            out, tasks, settings, lambda done, total: bar.update(number, completed=done, total=total)
        )
    _report(out, result, write_sheet(out, [task.stem for task in tasks]), as_json=as_json)


def _report(out: Path, result: Any, sheet: Path, *, as_json: bool) -> None:
    """Print what a run came to; raise DatasetError where pictures failed."""
    if as_json:
        counts = {"made": result.made, "kept": result.kept, "left_out": result.left_out}
        print_json({"out": str(out), **counts, "errors": list(result.errors)})
    else:
        OUT.print(
            f"{result.made} rendered, {result.kept} kept, {result.left_out} left out for want of room, {result.finished} in {escape(str(out))}; "
            f"look at {escape(str(sheet))}",
            highlight=False,
        )
    for message in result.errors[:10]:
        ERR.print(f"  {escape(message)}", highlight=False)
    if result.errors:
        raise DatasetError(
            f"{len(result.errors)} pictures failed, expected none; {out / 'worker.log'} tells why. Call again to retry them."
        )


def _progress(*, quiet: bool) -> Any:
    """A bar on stderr; none where stderr is no terminal or `quiet`."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=ERR,
        disable=quiet or not ERR.is_terminal,
    )
