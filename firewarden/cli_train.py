"""`firewarden train`: start, go on with or finish a run."""

from pathlib import Path
from typing import Annotated

import typer

from firewarden.cli_console import OUT, command_line
from firewarden.cli_data_options import ClearOption, LicencesOption, RegisterOption
from firewarden.cli_options import ManifestFolderOption
from firewarden.errors import DatasetError

Config = Annotated[
    Path, typer.Argument(help="Training configuration (YAML); with --resume or --finish a run folder.")
]
Weights = Annotated[
    Path,
    typer.Option(
        help="What to start from: COCO weights or the checkpoint of another run (.pt), or a shipped model, by id "
        "or folder."
    ),
]
Runs = Annotated[Path, typer.Option(help="Where run folders go.")]
Extra = Annotated[
    list[str] | None,
    typer.Option(help="PATH or PATH:SHARE, a further data folder and its share of train; repeatable."),
]
Teacher = Annotated[Path | None, typer.Option(help="Folder written by `firewarden data complete`.")]
Epochs = Annotated[int | None, typer.Option(help="Epochs instead of the configuration's.")]
Fraction = Annotated[float | None, typer.Option(help="Share of the train photos, for a trial.")]
ImageSize = Annotated[int | None, typer.Option(help="Input size instead of the configuration's.")]
Device = Annotated[
    str | None,
    typer.Option(help="cpu, or the number of a GPU; without it what the configuration says, or cpu."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")]
Finish = Annotated[
    bool, typer.Option("--finish", help="Measure the last checkpoint of a run and draw its pictures.")
]


def train(
    config: Config,
    data: ManifestFolderOption = Path("data/real"),
    weights: Weights = Path("weights/yolo26n_coco_dq.pt"),
    runs: Runs = Path("runs"),
    extra: Extra = None,
    teacher: Teacher = None,
    epochs: Epochs = None,
    fraction: Fraction = None,
    imgsz: ImageSize = None,
    device: Device = None,
    licences: LicencesOption = None,
    clear_only: ClearOption = False,
    register: RegisterOption = None,
    resume: Resume = False,
    finish: Finish = False,
) -> None:
    """Train a detector; writes a run folder with checkpoints, curves, confusion matrix and run.json."""
    if resume and finish:
        raise DatasetError("got --resume and --finish, expected one of them: --resume finishes by itself.")
    if finish:
        _finish(config)
        return
    from firewarden.datasets.licences import licence_choice
    from firewarden.datasets.register import read_register
    from firewarden.training.recipe import parse_extra
    from firewarden.training.train import resume as resume_run
    from firewarden.training.train import train as start_run

    wanted = {"epochs": epochs, "fraction": fraction, "imgsz": imgsz, "device": device}
    overrides = {name: value for name, value in wanted.items() if value is not None}
    choice = licence_choice(read_register(register), licences, clear_only=clear_only)
    if resume and choice is not None:
        raise DatasetError("got --licences with --resume: a run goes on with the photos it was started with.")
    if resume:
        fixed = sorted(set(overrides) - {"device"})
        if fixed:
            raise DatasetError(
                f"got --resume with {', '.join(f'--{name}' for name in fixed)}, expected --device at most: a run goes on as "
                "it was started."
            )
        run = resume_run(config, device=device)
    else:
        folders = [parse_extra(text) for text in extra or []]
        run = start_run(
            config, data=data, weights=weights, runs=runs, overrides=overrides, extra=folders, teacher=teacher,
            choice=choice, command=command_line(),
        )  # fmt: skip
    OUT.print(f"run: {run}")


def _finish(run: Path) -> None:
    from firewarden.training.finish import finish

    record = finish(run)
    OUT.print(f"run: {run}, {record.get('epochs_done', 0)} epochs; see curves.png, confusion_matrix.png")
