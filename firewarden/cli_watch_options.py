"""Options of `firewarden cctv run` and `firewarden cctv simulate`."""

from pathlib import Path
from typing import Annotated

import typer

WorkersOption = Annotated[int | None, typer.Option(min=1, help="Looks at once (default: all cores).")]
GroupOption = Annotated[int, typer.Option(min=1, help="Cameras that share a capture process.")]

# of run
RegisterArgument = Annotated[
    Path | None,
    typer.Argument(
        help="Register: .yaml, .json or .csv; none: that of the database, while it changes.",
        exists=True,
        dir_okay=False,
    ),
]
EventsOption = Annotated[
    Path | None,
    typer.Option(help="Append changes of events to this file, as JSON lines, instead of the database."),
]
StateOption = Annotated[
    Path | None, typer.Option(help="With --events: folder that keeps what is followed over a restart.")
]
MetricsPortOption = Annotated[int | None, typer.Option(min=1, max=65535, help="Serve Prometheus metrics.")]
MetricsHostOption = Annotated[str, typer.Option(help="Address of the metrics.")]
ReplayOption = Annotated[
    bool, typer.Option("--replay", help="Play files as live cameras: at their speed, over and over.")
]
ForOption = Annotated[float | None, typer.Option(min=0.1, help="Stop after so long.")]
OnlyOption = Annotated[
    list[str] | None, typer.Option(help="Only cameras whose id fits, e.g. 'east-*'; repeatable.")
]
MaxCamerasOption = Annotated[
    int | None,
    typer.Option(min=1, help="Take at most so many of the database's; others are for other processes."),
]
LeaseOption = Annotated[
    float, typer.Option(min=15, help="Seconds after which the cameras of a dead process are taken over.")
]
StatusesOption = Annotated[bool, typer.Option("--json", help="Print how the cameras were, as JSON.")]

# of simulate
PicturesArgument = Annotated[Path | None, typer.Argument(help="Folder of pictures; none: a drawn corridor.")]
CamerasOption = Annotated[int, typer.Option(min=1, max=999, help="How many cameras.")]
FpsOption = Annotated[float, typer.Option(min=0.03, max=5, help="Looks a second at each.")]
SecondsOption = Annotated[float, typer.Option(min=1, help="How long.")]
FaultsOption = Annotated[str, typer.Option(help="One camera each: dead,corrupt,frozen.")]
SizeOption = Annotated[str, typer.Option(help="Pixels of the pictures.")]
StreamFpsOption = Annotated[
    float | None, typer.Option(min=0.03, max=60, help="Rate of the streams (default: that of looks).")
]
HoldOption = Annotated[float, typer.Option(min=0.02, help="Seconds until a stream shows the next picture.")]
ReportOption = Annotated[Path | None, typer.Option(help="Folder for the report, .json and .md.")]
