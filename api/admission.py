"""Who may come in, judged by how long the line would take: no clock, no threads, no HTTP.

A burst is let in as long as it can be worked off within `max_wait_s`. Once something had to be turned away, the line is
kept short (`_STANDING_WAIT` service times) until a calm second has passed: a long line at full load serves nobody faster,
it only makes everyone wait.
"""

import math
from dataclasses import dataclass, field

_STANDING_WAIT = 1.2  # service times a photo may wait while more come in than can be served
_CALM_S = 1.0  # without a refusal, before bursts are let in again
_SLOW_UPLOAD_S = 1.0  # an upload that takes longer comes over a slow line and does not stand in ours yet
_SMOOTHING = 0.1  # weight of the newest photo in the running mean


class Refused(Exception):
    """Not now. `reason` is a closed set: queue_full, overload, deadline."""

    def __init__(self, reason: str, retry_after_s: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class Admission:
    """The line in front of `streams` workers, counted in photos. `service_s` is the running mean of one photo's work."""

    streams: int
    max_waiting: int
    max_wait_s: float
    service_s: float = 0.1
    in_line: int = 0  # waiting or being worked on
    _uploads: dict[int, float] = field(default_factory=dict)
    _next_upload: int = 0
    _busy_until_s: float = -math.inf
    _recently_refused: float = 0.0
    _refused_at_s: float = -math.inf

    def begin_upload(self, now_s: float, budget_s: float | None = None) -> int:
        """A ticket for an upload that may begin; raises Refused before a byte is read. `budget_s` is the time the client
        gives for the answer."""
        ahead = self.in_line + self._fresh_uploads(now_s)
        self._check(ahead, now_s, self._limit_s(now_s), budget_s)
        self._next_upload += 1
        self._uploads[self._next_upload] = now_s
        return self._next_upload

    def end_upload(self, ticket: int) -> None:
        self._uploads.pop(ticket, None)

    def enter(self, now_s: float, photos: int, budget_s: float | None = None) -> None:
        """Photos that are read join the line; raises Refused only at the outer limits, as their bytes have been paid for."""
        self._check(self.in_line + photos - 1, now_s, self.max_wait_s + self.service_s * photos, budget_s)
        self.in_line += photos

    def leave(self, photos: int) -> None:
        self.in_line -= photos

    def observe(self, seconds: float, photos: int) -> None:
        """Learn from work that is done."""
        self.service_s += _SMOOTHING * (seconds / photos - self.service_s)

    def wait_s(self, ahead: int) -> float:
        """How long a photo waits behind so many others."""
        return max(0, ahead - self.streams + 1) * self.service_s / self.streams

    def can_meet(self, budget_s: float | None) -> bool:
        """Whether work that begins now ends in time."""
        return budget_s is None or budget_s >= self.service_s

    def _check(self, ahead: int, now_s: float, limit_s: float, budget_s: float | None) -> None:
        wait_s = self.wait_s(ahead)
        if budget_s is not None and wait_s + self.service_s > budget_s:
            raise Refused("deadline", max(1, math.ceil(wait_s)))
        if ahead >= self.streams + self.max_waiting:
            raise self._refuse("queue_full", now_s, wait_s)
        if wait_s > limit_s:
            raise self._refuse("overload", now_s, wait_s)

    def _limit_s(self, now_s: float) -> float:
        standing_s = _STANDING_WAIT * self.service_s
        return min(standing_s, self.max_wait_s) if now_s < self._busy_until_s else self.max_wait_s

    def _refuse(self, reason: str, now_s: float, wait_s: float) -> Refused:
        """Clients are told to come back when the line and those refused before them would be through."""
        self._recently_refused = 1 + self._recently_refused * math.exp(self._refused_at_s - now_s)
        self._refused_at_s = now_s
        self._busy_until_s = now_s + _CALM_S
        through_s = wait_s + self._recently_refused * self.service_s / self.streams
        return Refused(reason, max(1, math.ceil(through_s)))

    def _fresh_uploads(self, now_s: float) -> int:
        return sum(now_s - began_s < _SLOW_UPLOAD_S for began_s in self._uploads.values())
