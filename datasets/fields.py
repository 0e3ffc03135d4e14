"""Reading fields of label files written by others: every complaint names the place."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firewarden.errors import DatasetError

_YES, _NO = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no", "")


def number(value: object, where: str) -> float:
    """A finite number, also from text."""
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            read = float(value)
        except ValueError:
            read = math.nan
        if math.isfinite(read):
            return read
    raise DatasetError(f"{where}: got {value!r}, expected a number. Fix or remove the entry.")


def numbers(value: object, count: int, where: str) -> tuple[float, ...]:
    """A list of exactly `count` finite numbers."""
    if not isinstance(value, list | tuple) or len(value) != count:
        raise DatasetError(f"{where}: got {value!r}, expected {count} numbers. Fix or remove the entry.")
    return tuple(number(v, where) for v in value)


def flag(value: object, where: str) -> bool:
    """Yes or no as label tools write it: 1, "1" or "true", case apart; absent is no."""
    said = "" if value is None else str(value).strip().casefold()
    if said not in (*_YES, *_NO):
        raise DatasetError(f"{where}: got {value!r}, expected 0 or 1. Fix or remove the entry.")
    return said in _YES


def size_hw(height: object, width: object, where: str) -> tuple[int, int]:
    """A picture size in pixels, both sides at least 1."""
    h, w = int(number(height, where)), int(number(width, where))
    if h < 1 or w < 1:
        raise DatasetError(f"{where}: got a size of {w}x{h}, expected at least 1x1. Fix the entry.")
    return h, w


def field(record: object, name: str, kind: type | tuple[type, ...], where: str) -> Any:
    """A field of a JSON object, of the type it must have."""
    if not isinstance(record, Mapping) or name not in record:
        raise DatasetError(f"{where}: field {name!r} is missing. Is the file of the format you named?")
    value = record[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise DatasetError(f"{where}: {name} is {value!r}, which is of the wrong type. Fix the entry.")
    return value


def read_text(path: Path) -> str:
    """Text in UTF-8 with its line ends as they are, without the byte order mark that some editors put in front."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: {error}, expected text in UTF-8. Save it as UTF-8.") from error


def read_json(path: Path) -> Any:
    """A JSON file."""
    try:
        return json.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: not a readable JSON file ({error}). Export it anew.") from error
