"""Options that several commands of `firewarden bench` share, each spelled once."""

from pathlib import Path
from typing import Annotated

import typer

PhotosOption = Annotated[Path | None, typer.Option(help="Folder of photos instead of the made ones.")]
PhotoOption = Annotated[
    list[str] | None, typer.Option("--photo", help="Only the photo of this name; repeatable.")
]
TunedOption = Annotated[
    Path | None,
    typer.Option(help="Data folder whose `doctor --tune` choice is used; default: ONNX Runtime, fp32."),
]
OutOption = Annotated[Path, typer.Option("--out", help="Folder of the result files.")]
RESULTS = Path("benchmarks/results")

# of servers under load
ClientsOption = Annotated[list[int] | None, typer.Option(help="Closed loop of so many; repeatable.")]
LoadSecondsOption = Annotated[float, typer.Option(min=0.1, help="Measured time of each load.")]
WarmUpOption = Annotated[float, typer.Option(min=0, help="Seconds of the same load before it.")]

# of simulated cameras
CostOption = Annotated[float | None, typer.Option(min=0, help="Instead of the measured one.")]
