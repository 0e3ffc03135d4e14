"""The camera register: YAML, JSON or CSV to cameras, every complaint with its line. Refusals name the law."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firewarden.cctv.camera import ZONE_KINDS, Camera, Corners, Zones, parse_window
from firewarden.cctv.polygons import check_polygon
from firewarden.cctv.refusals import find_refusal
from firewarden.cctv.register_json import read_json
from firewarden.errors import PolicyError
from firewarden.inference.policy_file import PolicyMap, read_policy
from firewarden.inference.rules import Rules

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_URL = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:/.+")
_ADDRESS = "holds an address, which is not repeated here; it belongs behind 'url', as env:NAME or file:/path"
_CELLS_LEFT, _COMMAS = "cells", "not as many as columns; put quotes round a cell that holds commas"
_SHOWN = 80  # characters of a wrong text that a complaint repeats
_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")
_REQUIRED = ("id", "name", "venue", "venue_type", "scene")
_FIELDS = (
    *_REQUIRED,
    "sample_every_s",
    "retention_days",
    "zones",
    "schedule",
    "utc_offset",
    "expected",
    "url",
)
COLUMNS = (*(name for name in _FIELDS if name != "zones"), *ZONE_KINDS)  # of a CSV file


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint. `refused` tells a place the law keeps free of cameras from a mere mistake."""

    line: int
    camera_id: str
    message: str
    refused: bool = False

    def __str__(self) -> str:
        return f"{self.line}: camera {self.camera_id!r}: {self.message}"


@dataclass(frozen=True, slots=True)
class Register:
    """Cameras that may be used, and what is wrong with the others."""

    cameras: tuple[Camera, ...]
    problems: tuple[Problem, ...]

    def to_json(self) -> dict[str, Any]:
        """The cameras, in the form a file has."""
        return {"cameras": [camera.to_json() for camera in self.cameras]}


@dataclass(frozen=True, slots=True)
class _Row:
    """Values of one camera and the line of each; `line` is that of the row."""

    values: Mapping[str, Any]
    line: int
    key_line: Mapping[str, int]

    @property
    def camera_id(self) -> str:
        told = str(self.values.get("id", "?"))
        return "?" if _holds_address(told) else told


def load_cameras(path: Path, rules: Rules) -> tuple[Camera, ...]:
    """All cameras of a file without a fault; raises PolicyError with the first complaint and how many there are."""
    register = read_register(path, rules)
    if register.problems:
        more = len(register.problems) - 1
        told = f" ({more} more; `firewarden cctv cameras validate` lists them)" if more else ""
        raise PolicyError(f"{path}:{register.problems[0]}{told}")
    return register.cameras


def read_register(path: Path, rules: Rules) -> Register:
    """Every camera of a .yaml, .yml, .json or .csv file; raises PolicyError where the file itself cannot be read."""
    rows = _csv_rows(path) if path.suffix.lower() == ".csv" else _listed_rows(path)
    cameras: dict[str, Camera] = {}
    problems: list[Problem] = []
    for row in rows:
        camera, found = build_camera(row.values, rules)
        problems += [
            Problem(
                row.key_line.get(key, row.line),
                row.camera_id,
                f"{key}: {message}" if key else message,
                refused,
            )
            for key, message, refused in found
        ]
        if camera is not None and camera.id in cameras:
            message = "id stands twice, expected each camera once. Delete one."
            problems.append(Problem(row.key_line.get("id", row.line), camera.id, message))
        elif camera is not None:
            cameras[camera.id] = camera
    return Register(tuple(cameras.values()), tuple(sorted(problems, key=lambda p: p.line)))


def build_camera(
    values: Mapping[str, Any], rules: Rules
) -> tuple[Camera | None, list[tuple[str, str, bool]]]:
    """One camera from plain values, or None with (key, complaint, refused by law) of all that is wrong."""
    known: dict[str, Any] = {}
    problems = [
        (
            key,
            _COMMAS
            if key == _CELLS_LEFT
            else f"unknown, expected one of {', '.join(_FIELDS)}. Fix the spelling.",
            False,
        )
        for key in values
        if key not in _FIELDS
    ]
    problems += [(key, "is missing", False) for key in _REQUIRED if values.get(key) in (None, "")]
    for key, convert in _converters(rules).items():
        if key != "url" and _holds_address(values.get(key)):
            problems.append((key, _ADDRESS, False))
        elif values.get(key) not in (None, ""):
            try:
                known[key] = convert(values[key])
            except (TypeError, ValueError) as error:
                problems.append((key, str(error), False))
    refusal = _refusal(values, rules)
    if refusal:  # instead of a scene or venue merely unknown
        problems = [problem for problem in problems if problem[0] != "scene"] + [(*refusal, True)]
    if problems:
        return None, problems
    defaults = rules.cctv.register
    known = {"sample_every_s": defaults.sample_every_s, "retention_days": defaults.retention_days} | known
    if "utc_offset" in known:
        known["utc_offset_min"] = known.pop("utc_offset")
    return Camera(**known), []


def _refusal(values: Mapping[str, Any], rules: Rules) -> tuple[str, str] | None:
    if _holds_address((values.get("name"), values.get("scene"))):  # a refusal would repeat it
        return None
    groups = rules.venue_groups.get(str(values.get("venue_type")), frozenset())
    return find_refusal(
        str(values.get("name", "")), str(values.get("scene", "")), groups, rules.cctv.register
    )


def _converters(rules: Rules) -> dict[str, Callable[[Any], Any]]:
    bounds, longest = rules.cctv.register, rules.cctv.confirm.default.longest_sample_s
    return {
        "id": lambda v: _matching(v, _ID, "letters, digits, '.', '_' and '-', at most 64"),
        "name": _line_of_text,
        "venue": _line_of_text,
        "venue_type": lambda v: _one_of(v, rules.venue_groups),
        "scene": lambda v: _one_of(v, rules.scenes),
        "sample_every_s": lambda v: _between(v, bounds.sample_every_s_gte, longest),
        "retention_days": lambda v: int(
            _between(v, bounds.retention_days, bounds.retention_days_lte, whole=True)
        ),
        "zones": _zones,
        "schedule": lambda v: tuple(parse_window(_line_of_text(text)) for text in _list(v)),
        "utc_offset": _offset_min,
        "expected": lambda v: _expected(v, rules),
        "url": _secret_reference,
    }


def _holds_address(value: Any) -> bool:
    """Whether an address, with its password, got where it does not belong: names are told to the outside."""
    return "://" in str(value)


def _line_of_text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or any(map(_is_no_letter, value)) or len(value) > 200:
        told = f"got {repr(value)[:_SHOWN]}, expected one line of text, at most 200 characters"
        raise ValueError(told + _quotes(value))
    return value.strip()


def _is_no_letter(c: str) -> bool:
    """Whether it is a control character, or half of a letter: JSON may hold one (`"\\ud800"`), and no database or answer
    takes it."""
    return ord(c) < 32 or 0xD800 <= ord(c) < 0xE000


def _matching(value: Any, pattern: re.Pattern[str], expected: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"got {repr(value)[:_SHOWN]}, expected {expected}{_quotes(value)}")
    return value


def _quotes(value: Any) -> str:
    """The cure of a text that YAML takes for a number, a date or a yes."""
    return "" if isinstance(value, str | list | Mapping) else "; put it in quotes"


def _one_of(value: Any, allowed: Iterable[str]) -> str:
    if value not in list(allowed):
        raise ValueError(f"got {value!r}, expected one of {', '.join(allowed)}")
    return str(value)


def _between(value: Any, low: float, high: float, *, whole: bool = False) -> float:
    number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"got {value!r}, expected {kind} from {low:g} to {high:g}")
    return float(value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"got {type(value).__name__}, expected a list")
    return value


def _zones(value: Any) -> Zones:
    if not isinstance(value, Mapping) or not set(value) <= set(ZONE_KINDS):
        got = sorted(value) if isinstance(value, Mapping) else type(value).__name__
        raise ValueError(f"got {got}, expected a mapping of {', '.join(ZONE_KINDS)}")
    return Zones(**{kind: _polygons(kind, polygons) for kind, polygons in value.items()})


def _polygons(kind: str, value: Any) -> tuple[Corners, ...]:
    try:
        return tuple(check_polygon(polygon) for polygon in _list(value))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{kind}: {error}") from error


def _expected(value: Any, rules: Rules) -> dict[str, int]:
    if not isinstance(value, Mapping):
        raise TypeError(f"got {type(value).__name__}, expected e.g. {{extinguisher: 2}}")
    classes = rules.cctv.equipment.hazards
    return {_one_of(name, classes): int(_between(count, 1, 50, whole=True)) for name, count in value.items()}


def _offset_min(value: Any) -> int:
    match = _OFFSET.fullmatch(str(value))
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:
        raise ValueError(f"got {value!r}, expected hours and minutes from UTC, e.g. '+08:00'")
    minutes = int(match[2]) * 60 + int(match[3])
    return -minutes if match[1] == "-" else minutes


def _secret_reference(value: Any) -> str:
    if not isinstance(value, str) or not _URL.fullmatch(
        value
    ):  # the value is not repeated: it may hold a password
        raise ValueError(
            "expected a reference, env:NAME or file:/path. An address here would end up in logs and backups: "
            "put it into that variable or file."
        )
    return value


def _listed_rows(path: Path) -> list[_Row]:
    top = read_json(path) if path.suffix.lower() == ".json" else read_policy(path)
    top.only({"cameras"})
    rows = top.take("cameras")
    if not isinstance(rows, list):
        raise top.fail(f"'cameras' is {type(rows).__name__}, expected a list", "cameras")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, PolicyMap):
            raise top.fail(f"camera {number} is {type(row).__name__}, expected a mapping", "cameras")
    return [_Row(row, row.line, row.key_line) for row in rows]


def _csv_rows(path: Path) -> list[_Row]:
    """Lines of a CSV file; a cell of a zone holds JSON, `expected` is `class=count;...`, `schedule` has `;` between."""
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")), strict=True)
        if not set(_REQUIRED) <= set(reader.fieldnames or ()):
            raise PolicyError(
                f"{path}:1: columns are {reader.fieldnames}, expected at least {', '.join(_REQUIRED)}, with commas between"
            )
        twice = [name for name, times in Counter(reader.fieldnames or ()).items() if name and times > 1]
        if twice:
            raise PolicyError(
                f"{path}:1: column {twice[0]!r} stands twice, expected each once. Put the polygons into one cell, or delete one."
            )
        return [_Row(_from_cells(cells), reader.line_num, {}) for cells in reader if not _is_blank(cells)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PolicyError(f"{path}: cannot be read as CSV in UTF-8 ({error})") from error


def _is_blank(cells: Mapping[str | None, Any]) -> bool:
    """Whether a line has commas alone, as spreadsheets leave them where a row was deleted."""
    return not any(
        text.strip() for cell in cells.values() for text in (cell if type(cell) is list else [cell or ""])
    )


def _from_cells(cells: Mapping[str | None, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    zones: dict[str, Any] = {}
    for column, cell in cells.items():
        if column is None or cell is None:
            values[_CELLS_LEFT] = cell
        elif column in ZONE_KINDS and cell.strip():
            zones[column] = _json_or_text(cell)
        elif column not in ZONE_KINDS and cell.strip():
            values[column] = _CELLS.get(column, str)(cell.strip())
    return values | ({"zones": zones} if zones else {})


def _json_or_text(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        return cell  # refused by the field's own check


def _counts(cell: str) -> dict[str, Any]:
    pairs = (part.partition("=") for part in cell.split(";") if part.strip())
    return {name.strip(): _json_or_text(count.strip()) for name, _, count in pairs}


_CELLS: dict[str, Callable[[str], Any]] = {
    "sample_every_s": _json_or_text,
    "retention_days": _json_or_text,
    "expected": _counts,
    "schedule": lambda cell: [part.strip() for part in cell.split(";") if part.strip()],
}
