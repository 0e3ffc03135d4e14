"""Options that commands of several families share, each spelled once."""

from pathlib import Path
from typing import Annotated

import typer

from firewarden import model_name
from firewarden.findings import RiskLevel

JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
ModelOption = Annotated[str | None, typer.Option("--model", help="Model id, or the path of a model folder.")]
RulesOption = Annotated[Path | None, typer.Option("--rules", help="Rule file instead of the packaged one.")]
DataDirOption = Annotated[Path | None, typer.Option("--data-dir", help="Folder for pictures and database.")]
RegisterFile = Annotated[
    Path, typer.Argument(help="Register: .yaml, .json or .csv.", exists=True, dir_okay=False)
]
ManifestFolderOption = Annotated[Path, typer.Option("--data", help="Data folder with manifest.csv.")]
TilesOption = Annotated[
    int,
    typer.Option(
        "--tiles",
        min=0,
        help="Look again, closer, at up to N places round vehicles and strips in large photos.",
    ),
]

# of inspections
MinConfidenceOption = Annotated[
    float | None, typer.Option("--min-confidence", min=0, max=1, help="List detections down to this.")
]
ClosureProfileOption = Annotated[
    str, typer.Option("--closure-profile", help="Closing duties of which region.")
]
FailOnOption = Annotated[
    RiskLevel | None, typer.Option("--fail-on", help="Exit 1 when a finding reaches this level.")
]
CLOSURE_PROFILE = "yunhe_zhejiang"
model_named = model_name.model_named
