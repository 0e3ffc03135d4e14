"""From a training run to an installed model: `firewarden average`, `export`, `remeasure`, `promote` and `models`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from firewarden.cli_console import OUT, command_line, print_json
from firewarden.cli_options import JsonOption, ManifestFolderOption, model_named

HazardDataOption = Annotated[
    list[Path] | None,
    typer.Option(help="Made val photos with expect.json, to choose thresholds by hazard; repeatable."),
]
AlsoOnOption = Annotated[
    list[Path] | None,
    typer.Option(help="Made pictures to measure as well, all of them; they choose nothing; repeatable."),
]


def average(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of one lineage, oldest first.")],
    out: Annotated[Path, typer.Option(help="Run folder to write.")],
    share: Annotated[list[float] | None, typer.Option(help="Share of each run, in order.")] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            help="Weights (.pt) the lineage began with: COCO's, or what a run made of a shipped model (RUN/ID.pt)."
        ),
    ] = None,
    start_share: Annotated[float, typer.Option(min=0, help="Share of these weights.")] = 0.0,
) -> None:
    """Average the last checkpoints of runs that started from each other, and what they started from."""
    from firewarden.training.average import average_runs

    shares = share or [1.0] * len(runs)
    OUT.print(f"run: {average_runs(runs, shares, out, start=start, start_share=start_share)}")


def export(
    run: Annotated[Path, typer.Argument(help="Run folder of `firewarden train`.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    data: ManifestFolderOption = Path("data/real"),
    input_size: Annotated[int, typer.Option(help="Long side of the network's input, px.")] = 640,
    model_id: Annotated[str | None, typer.Option(help="Id written into the manifest.")] = None,
    hazard_data: HazardDataOption = None,
    also_on: AlsoOnOption = None,
    scene_data: Annotated[
        list[Path] | None,
        typer.Option(help="Made train pictures with scene tags, for the scene output; repeatable."),
    ] = None,
) -> None:
    """Export a run to ONNX with manifest, evaluation, card and the proof of parity with torch; with a scene output where train
    photos have scene tags."""
    from firewarden.models.manifest import SCENE_FILE
    from firewarden.training.export import export as write
    from firewarden.training.parity import parity_photos
    from firewarden.training.scene_head import attach_scene_head

    composed = [run / "composed"] if (run / "composed" / "manifest.csv").exists() else []
    made = [*composed, *(scene_data or ())]

    def add_scene(model_path: Path) -> tuple[str, ...]:
        head = attach_scene_head(model_path, data, made, input_size=input_size, stride=32)
        (out / SCENE_FILE).write_text(json.dumps(head.report, indent=2) + "\n", encoding="utf-8")
        return head.names

    write(
        run, out, input_size=input_size, calibration_images=parity_photos(data), data=data, model_id=model_id,
        add_scene=add_scene, hazard_data=hazard_data or (), also_on=also_on or (),
        command=command_line(),
    )  # fmt: skip
    OUT.print(f"exported: {out}")


def remeasure(
    model: Annotated[str, typer.Argument(help="Model id, or the path of a model folder.")],
    out: Annotated[Path, typer.Option(help="Model folder to write, to be promoted.")],
    data: ManifestFolderOption = Path("data/real"),
    hazard_data: HazardDataOption = None,
    also_on: AlsoOnOption = None,
) -> None:
    """Choose a model's thresholds and measure it anew, by the rules of today; the network stays as it is."""
    from firewarden.models.registry import find_manifest
    from firewarden.training.measured_folder import MeasuredOn
    from firewarden.training.remeasure import remeasure as write

    on = MeasuredOn(data, hazard_data=hazard_data or (), also_on=also_on or ())
    OUT.print(f"measured: {write(find_manifest(model_named(model)), out, on, command=command_line())}")


def promote(
    exported: Annotated[Path, typer.Argument(help="Folder written by `firewarden export`.")],
    model_id: Annotated[str, typer.Option(help="Model id to promote to.")] = "firewarden-n",
    models: Annotated[Path | None, typer.Option(help="Models folder; default: the packaged one.")] = None,
) -> None:
    """Copy an exported model into the models folder, if its parity is proven."""
    from firewarden.models.registry import models_root
    from firewarden.training.promote import promote as copy

    OUT.print(f"promoted: {copy(exported, models or models_root(), model_id)}")


def models(as_json: JsonOption = False) -> None:
    """List the installed models."""
    from firewarden.models.registry import list_models

    rows: list[dict[str, Any]] = [
        {"id": m.id, "sha256": m.sha256, "input_size": m.input_size, "classes": list(m.class_names), "licence": m.licence}
        for m in list_models()
    ]  # fmt: skip
    if as_json:
        print_json(rows)
    for row in [] if as_json else rows:
        OUT.print(
            f"{row['id']}  {row['input_size']} px  {len(row['classes'])} classes  sha256 {row['sha256'][:12]}"
        )
