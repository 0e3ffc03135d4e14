"""Query parameters or form fields -> a checked context. Closed sets come from the rules that are loaded."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from firewarden.api.ports import RulesPort
from firewarden.api.problems import invalid_fields, plain
from firewarden.api.schemas import ContextIn
from firewarden.findings import Fact, InspectionContext, Source

CLOCK_TOLERANCE = timedelta(minutes=5)  # phones synchronise within seconds; more is a wrong clock
_SHOWN = 80  # characters of a wrong value that an error repeats


@dataclass(frozen=True, slots=True)
class Position:
    """Raw coordinates as sent, in degrees of `datum`; never converted."""

    lat: float
    lon: float
    datum: str
    accuracy_m: float | None

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class PhotoContext:
    """What came with a photo: `inspection` feeds the rules, the rest is kept with the record."""

    inspection: InspectionContext
    source: str
    captured_at: datetime | None
    venue_code: str | None
    position: Position | None

    def clock_suspect(self, received_at: datetime) -> bool:
        """Whether the device claims a time after the upload. The photo is kept all the same."""
        return self.captured_at is not None and self.captured_at > received_at + CLOCK_TOLERANCE


def parse_context(fields: Iterable[tuple[str, str]], rules: RulesPort) -> PhotoContext:
    """Context from name-value pairs; raises a 422 Problem that names every wrong field and the allowed values.

    `facts` may repeat; any other name given twice is an error, as the two could contradict each other.
    """
    given = list(fields)
    if not given:  # most photos come alone, and checking nothing takes as long as checking something
        return _NOTHING_SAID
    wire = _read(given)
    facts, groups = _names(wire.facts), _names(wire.venue_groups)
    errors = [
        *_unknown("venue_type", [wire.venue_type], rules.venue_groups),
        *_unknown("scene", [wire.scene], rules.scenes),
        *_unknown("facts", facts, rules.flags),
        *_unknown("venue_groups", groups, frozenset[str]().union(*rules.venue_groups.values())),
        *_unknown("closure_profile", [wire.closure_profile], rules.closure_profiles),
        *_position_errors(wire),
    ]
    if errors:
        raise invalid_fields(errors)
    return PhotoContext(
        inspection=_inspection_context(wire, facts, groups),
        source=wire.source.value,
        captured_at=wire.captured_at.astimezone(UTC) if wire.captured_at else None,
        venue_code=wire.venue_code,
        position=_position(wire),
    )


def _names(listed: str | None) -> tuple[str, ...]:
    """Distinct names of a comma list."""
    return tuple(dict.fromkeys(name.strip() for name in (listed or "").split(",") if name.strip()))


def _read(fields: list[tuple[str, str]]) -> ContextIn:
    """Joined and typed fields; empty values count as not given, as forms send them."""
    given = [(name, value) for name, value in fields if value.strip()]
    repeated = [name for name, n in Counter(name for name, _ in given).items() if n > 1 and name != "facts"]
    if repeated:
        raise invalid_fields(
            [{"field": name, "message": "given more than once, expected once"} for name in repeated]
        )
    facts = ",".join(value for name, value in given if name == "facts")
    try:
        return ContextIn.model_validate({**dict(given), **({"facts": facts} if facts else {})})
    except ValidationError as error:
        raise invalid_fields([_field_error(e["loc"], e["type"], e["msg"]) for e in error.errors()]) from error


def _field_error(loc: tuple[int | str, ...], kind: str, message: str) -> dict[str, Any]:
    name = str(loc[0])
    if kind == "extra_forbidden":
        return unknown_field(name, ContextIn.model_fields)
    return {"field": name, "message": plain(message)}


def unknown_field(name: str, allowed: Iterable[str]) -> dict[str, Any]:
    """The error of a field that is none of the `allowed` ones, which its message names."""
    known = sorted(allowed)
    message = f"unknown field, expected one of {', '.join(known)}"
    return {"field": name[:_SHOWN], "message": message, "allowed": known}


def _unknown(field: str, values: Iterable[str | None], allowed: Collection[str]) -> list[dict[str, Any]]:
    return [
        {
            "field": field,
            "message": f"got {value[:_SHOWN]!r}, expected one of {', '.join(sorted(allowed))}",
            "allowed": sorted(allowed),
        }
        for value in values
        if value is not None and value not in allowed
    ]


def _position_errors(wire: ContextIn) -> list[dict[str, Any]]:
    given = {name: getattr(wire, name) is not None for name in ("lat", "lon", "datum")}
    if any(given.values()) or wire.accuracy_m is not None:
        return [
            {"field": name, "message": "missing; a position needs lat, lon and datum together"}
            for name, present in given.items()
            if not present
        ]
    return []


def _inspection_context(
    wire: ContextIn, facts: tuple[str, ...], groups: tuple[str, ...]
) -> InspectionContext:
    defaults = InspectionContext()
    return InspectionContext(
        venue_type=wire.venue_type or defaults.venue_type,
        venue_groups=groups,
        counts={"missing_extinguisher": wire.empty_points} if wire.empty_points else {},
        scene=wire.scene,
        scene_source=Source.PERSON,
        facts=tuple(Fact(name, Source.PERSON) for name in facts),
        closure_profile=wire.closure_profile or defaults.closure_profile,
    )


def _position(wire: ContextIn) -> Position | None:
    if wire.lat is None or wire.lon is None or wire.datum is None:
        return None
    return Position(wire.lat, wire.lon, wire.datum.value, wire.accuracy_m)


_NOTHING_SAID = PhotoContext(InspectionContext(), ContextIn.model_validate({}).source.value, None, None, None)
