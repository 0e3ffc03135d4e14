"""Was a closed loop watched for long enough? A window that ends before the answers it is to count makes a server look slow.

By Little's law photos answered a second, times the seconds of one answer, are the photos in work: the number of clients.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from firewarden.benchmarks.load_plan import Load

LEAST_IN_WORK = 0.6  # of the clients; with less the goodput is not to be trusted
TOO_SHORT = "not measured: window too short"
_MARK = "window_too_short"
_ANSWERS = 3  # that a window holds of each client at least
_MOST_S = 60.0  # no window is made longer than that
_REFUSED = ("shed", "errors", "lost", "stuck")
Row = Mapping[str, Any]


def is_too_short(row: Row) -> bool:
    """Whether a row of a closed loop counts far fewer answers than its clients must have got. Not where something was
    refused or broke: then clients waited for other things. Rows without a mean, of older records, are judged by p50."""
    if row.get(_MARK):
        return True
    if any(row[name] for name in _REFUSED):
        return False
    answer_ms = _answer_ms(row)
    return answer_ms is None or row["goodput"] * answer_ms / 1000 < LEAST_IN_WORK * row["clients"]


def with_marks(told: Row) -> dict[str, Any]:
    """A record of peers in which rows that were not watched for long enough are marked; ratios to them are None."""
    rows = [{**row, _MARK: True} if is_too_short(row) else row for row in told["servers"]]
    ours = {
        (row["photo"], row["clients"]) for row in rows if row["name"] == told["ours"] and is_too_short(row)
    }
    servers = [
        {**row, "ours_over_it": None} if is_too_short(row) or (row["photo"], row["clients"]) in ours else row
        for row in rows
    ]
    loops = [
        {**row, "ours_over_it": {n: None if (row["photo"], int(n)) in ours else r for n, r in ratios.items()}}
        for row, ratios in ((row, row["ours_over_it"]) for row in told["loops"])
    ]
    return {**told, "servers": servers, "loops": loops}


def longer_load(load: Load, row: Row) -> Load | None:
    """The load again, warmed up for one answer and watched for three, `_MOST_S` at most; None where `row`, what the load
    gave, says that it was watched for as long already, or that waiting would not help."""
    if any(row[name] for name in _REFUSED):
        return None
    answer_ms = _answer_ms(row)
    answer_s = _MOST_S / _ANSWERS if answer_ms is None else min(answer_ms / 1000, _MOST_S / _ANSWERS)
    if load.seconds >= _ANSWERS * answer_s:
        return None
    return replace(load, seconds=_ANSWERS * answer_s, warm_up_s=max(load.warm_up_s, answer_s))


def _answer_ms(row: Row) -> float | None:
    """How long an answer took; None where none came for a request of the window."""
    found = row.get("mean_ms") or row["p50_ms"]
    return None if found is None else float(found)
