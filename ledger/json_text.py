"""JSON that is written once: the same text goes to the database and to whoever asked."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json


class JsonText(str):
    """A JSON value in its text."""

    __slots__ = ()


def json_text(value: object) -> JsonText:
    """Compact JSON, letters as they are; what is no number (NaN, infinity) becomes null."""
    return JsonText(_write(value))


def with_members(text: JsonText, members: Mapping[str, Any]) -> JsonText:
    """`text`, a JSON object that is not empty, with `members`, one or more, in front of its own."""
    return JsonText(f"{_write(members)[:-1]},{text[1:]}")


def dump_for_database(value: object) -> str:
    """What the database is given for a JSON column: text that is written already goes in as it is."""
    return value if isinstance(value, JsonText) else json.dumps(value)


def _write(value: object) -> str:
    return to_json(value, inf_nan_mode="null").decode()
