"""Options that several commands of `firewarden data` share, each spelled once."""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Argument(help="Data folder: images/ labels/ classes.txt manifest.csv.")]
RegisterOption = Annotated[Path | None, typer.Option("--register", help="Source register (TOML).")]
LicencesOption = Annotated[
    list[str] | None,
    typer.Option("--licences", help="Only photos under these licences, short names of the register."),
]
ClearOption = Annotated[
    bool, typer.Option("--clear-only", help="With --licences: only sources whose rights are beyond doubt.")
]
SplitOption = Annotated[str | None, typer.Option("--split", help="Only this split.")]
DataSetOption = Annotated[Path, typer.Option("--out", help="Data folder to write.")]
