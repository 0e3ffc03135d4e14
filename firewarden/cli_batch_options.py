"""Options of `firewarden batch`."""

from pathlib import Path
from typing import Annotated

import typer

from firewarden.findings import RiskLevel

SourcesArgument = Annotated[
    list[str],
    typer.Argument(help="Folders, pictures, globs, tar and zip files, CSV or Parquet manifests, s3:// URLs."),
]
OutOption = Annotated[Path, typer.Option("--out", help="File to write: .jsonl or .parquet.")]
ReportOption = Annotated[Path | None, typer.Option("--report", help="HTML summary with blurred thumbnails.")]
SummaryJsonOption = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="Only the first so many inputs.")]
MinLevelOption = Annotated[
    RiskLevel | None,
    typer.Option("--min-level", help="Leave pictures below this level out of the file; errors stay."),
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Begin anew; drop what is there. Leave it out to continue.")
]

# of the engine
EngineOption = Annotated[str, typer.Option("--engine", help="local, or ray: a process for each worker.")]
RayAddressOption = Annotated[
    str | None,
    typer.Option("--ray-address", help="With --engine ray: auto or HOST:PORT of a running cluster."),
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Pictures at once (default: all cores).")
]
ReadersOption = Annotated[
    int,
    typer.Option("--readers", min=1, help="Threads that read (of each Ray worker); more for object stores."),
]

# of what is known beforehand
VenueOption = Annotated[str, typer.Option("--venue-type", help="Kind of venue where a manifest names none.")]
SceneOption = Annotated[
    str | None, typer.Option("--scene", help="Kind of place where a manifest names none.")
]
FactOption = Annotated[list[str] | None, typer.Option("--fact", help="A fact you vouch for; repeatable.")]
