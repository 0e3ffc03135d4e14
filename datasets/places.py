"""Place groups for imported photos: photos of one place must stay in one split."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from firewarden.errors import DatasetError

_FIELD = re.compile(r"\{([^{}]*)\}")
_FRAME_NUMBER = re.compile(r"[-_ .]*\d+$")


def place_groups(
    names: Sequence[str], new_names: Sequence[str], template: str | None, table: Path | None
) -> tuple[str, ...]:
    """A place for each photo by template or by table; without either each photo is a place, called by its new name."""
    if template is not None and table is not None:
        raise DatasetError("got both --place-group and --places, expected one of them.")
    if table is not None:
        return places_from_table(names, table)
    if template is not None:
        return places_from_template(names, template)
    return tuple(Path(name).stem for name in new_names)


def places_from_template(names: Sequence[str], template: str) -> tuple[str, ...]:
    """A place for each file name (with folders, `/`): fields {stem}, {parent} and {prefix}, the stem without its last
    number (`cam3_000123` is of `cam3`)."""
    return tuple(_fill(template, Path(name)) for name in names)


def _fill(template: str, path: Path) -> str:
    fields = {
        "stem": path.stem,
        "parent": path.parent.name,
        "prefix": _FRAME_NUMBER.sub("", path.stem) or path.stem,
    }

    def value(match: re.Match[str]) -> str:
        if match[1] not in fields:
            raise DatasetError(f"--place-group: got field {match[0]!r}, expected one of {sorted(fields)}.")
        return fields[match[1]]

    place = _FIELD.sub(value, template).strip()
    if not place:
        raise DatasetError(
            f"--place-group: {template!r} gives no name for {path}. Add {{stem}} or {{prefix}}."
        )
    return place


def places_from_table(names: Sequence[str], path: Path) -> tuple[str, ...]:
    """A place for each file name from a CSV with the columns file and place_group; a missing photo is refused."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            table = {row.get("file"): (row.get("place_group") or "").strip() for row in reader}
    except (OSError, ValueError, csv.Error) as error:
        raise DatasetError(f"{path}: not a readable CSV file ({error}).") from error
    missing = [name for name in names if not table.get(name)]
    if missing:
        raise DatasetError(
            f"{path}: {len(missing)} of {len(names)} photos have no place, first {missing[0]!r}. Expected the columns "
            f"file and place_group with a row for each photo."
        )
    return tuple(str(table[name]) for name in names)
