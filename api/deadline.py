"""How long a client waits for its answer, as its headers say."""

import re
import time
from collections.abc import Mapping

from firewarden.api.pool import Caller
from firewarden.api.problems import Problem

HEADER = "X-Request-Deadline-Ms"
_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:[,;]|$)', re.IGNORECASE)
_MAX_MS = 3_600_000
_MAX_DIGITS = len(str(_MAX_MS))  # Python refuses to read numbers of several thousand digits


def caller_of(headers: Mapping[str, str]) -> Caller:
    """The request's side of a job, its deadline set."""
    budget = budget_s(headers)
    return Caller(None if budget is None else time.monotonic() + budget)


def budget_s(headers: Mapping[str, str]) -> float | None:
    """Seconds from now until the answer is of no more use, None where the client does not say.

    `Prefer: wait=SECONDS` (RFC 7240) or, finer, `X-Request-Deadline-Ms`; the shorter one counts. A malformed preference
    is ignored, as that RFC wants; raises a 422 Problem for a malformed X-Request-Deadline-Ms.
    """
    budgets: list[float] = []
    if wait := _WAIT.search(headers.get("prefer", "")):
        budgets.append(float(wait.group(1)))
    if (text := headers.get(HEADER.lower())) is not None:
        is_number = text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS
        if not is_number or not 0 < int(text) <= _MAX_MS:
            raise Problem(
                422,
                "deadline-header",
                f"got {HEADER} {text[:40]!r}, expected whole milliseconds, 1 to {_MAX_MS}",
            )
        budgets.append(int(text) / 1000)
    return min(budgets, default=None)
