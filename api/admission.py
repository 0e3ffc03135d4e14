"""Who may come in, judged by how long the line would take: no clock, no threads, no HTTP.

A burst is let in as long as it can be worked off within `max_wait_s`. Once something had to be turned away, the line is
kept short until a calm second has passed: a long line at full load serves nobody faster, it only makes everyone wait.

How short follows from Little's law: pace x time of one photo alone = photos that the machine truly works on at once.
Those and two more keep it busy. Threads are no measure of it: batches and decoding beside them need more of them than there
are cores, and while all of them compute, each photo takes as much longer.
"""

import math
from dataclasses import dataclass, field

_SPARE = 2  # photos beyond those worked on while more come in than can be served: one ready, one coming in
_NOISE = 0.25  # of a photo that means are wrong by; rather one too few is in line than one too many
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
    """The line in front of `streams` workers, counted in photos; at least `runs` of them do not get in each other's way.

    Running means: `service_s` is one photo's work while all workers have some, `alone_s` that of one which nothing held up.
    """

    streams: int
    max_waiting: int
    max_wait_s: float
    service_s: float = 0.1
    runs: int = 1
    in_line: int = 0  # waiting or being worked on
    _uploads: dict[int, float] = field(default_factory=dict)
    _next_upload: int = 0
    _upload_s: float = 0.0
    _alone_s: float | None = None
    _busy_until_s: float = -math.inf
    _recently_refused: float = 0.0
    _refused_at_s: float = -math.inf

    def begin_upload(self, now_s: float, budget_s: float | None = None) -> int:
        """A ticket for an upload that may begin; raises Refused before a byte is read. `budget_s` is the time the client
        gives for the answer."""
        ahead = self._ahead(now_s)
        self._check_deadline(ahead, budget_s)
        if reason := self._why_full(ahead, now_s):
            raise self._refuse(reason, now_s, self.wait_s(ahead))
        self._next_upload += 1
        self._uploads[self._next_upload] = now_s
        return self._next_upload

    def is_full(self, now_s: float) -> bool:
        """Whether an upload would be refused now, whatever time its client gives; nothing is counted."""
        return bool(self._why_full(self._ahead(now_s), now_s))

    def turn_away(self, now_s: float) -> Refused | None:
        """The refusal of one more upload, counted as such; None where it may come in."""
        ahead = self._ahead(now_s)
        reason = self._why_full(ahead, now_s)
        return self._refuse(reason, now_s, self.wait_s(ahead)) if reason else None

    def end_upload(self, ticket: int, now_s: float) -> None:
        took_s = min(_SLOW_UPLOAD_S, now_s - self._uploads.pop(ticket))
        self._upload_s += _SMOOTHING * (took_s - self._upload_s)

    def enter(self, now_s: float, photos: int, budget_s: float | None = None) -> None:
        """Photos that are read join the line; raises Refused only at the outer limits, as their bytes have been paid for."""
        ahead = self.in_line + photos - 1
        self._check_deadline(ahead, budget_s)
        if reason := self._past_limits(ahead, self.max_wait_s + self.service_s * photos):
            raise self._refuse(reason, now_s, self.wait_s(ahead))
        self.in_line += photos

    def leave(self, photos: int) -> None:
        self.in_line -= photos

    def observe(self, now_s: float, seconds: float, photos: int, working: float) -> None:
        """Learn from work that is done; `working` is how many workers had some meanwhile, this one included.

        Work beside few others says how fast the machine is at least; how slow, only work at full load.
        """
        each_s = seconds / photos
        if working <= self.runs:
            self._alone_s = self.alone_s + (_SMOOTHING if self._alone_s else 1) * (each_s - self.alone_s)
        at_full_s = each_s * self.streams / working
        if at_full_s < self.service_s or working >= self.streams or self._is_refusing(now_s):
            self.service_s += _SMOOTHING * (at_full_s - self.service_s)

    @property
    def alone_s(self) -> float:
        """Of a photo that nothing held up; the mean of all until there was one."""
        return self._alone_s or self.service_s

    @property
    def pace(self) -> float:
        """Photos a second at full load."""
        return self.streams / self.service_s

    def width(self, now_s: float) -> int:
        """How many workers may have work: one more than the machine needs while photos are refused, else all."""
        return min(self.streams, self._at_once() + 1) if self._is_refusing(now_s) else self.streams

    def standing_line(self) -> int:
        """Photos that may be uploading, waiting or worked on while more come in than can be served. Where uploads take
        longer, as many more as arrive meanwhile, rounded up: a place too few leaves a core idle now and then."""
        return self._at_once() + _SPARE + math.ceil(self.pace * self._upload_s - _NOISE)

    def _at_once(self) -> int:
        """Photos that the machine works on at full speed side by side; all workers until one was seen alone."""
        return min(self.streams, max(self.runs, round(self.pace * self.alone_s + _NOISE)))

    def wait_s(self, ahead: int) -> float:
        """How long a photo waits behind so many others."""
        return max(0, ahead - self.streams + 1) * self.service_s / self.streams

    def can_meet(self, budget_s: float | None) -> bool:
        """Whether work that begins now may end in time."""
        return budget_s is None or budget_s >= self.alone_s

    def _check_deadline(self, ahead: int, budget_s: float | None) -> None:
        if budget_s is not None and max(self.alone_s, (ahead + 1) / self.pace) > budget_s:
            raise Refused("deadline", max(1, math.ceil(self.wait_s(ahead))))

    def _why_full(self, ahead: int, now_s: float) -> str:
        """The reason to refuse an upload behind so many others; "" where there is none."""
        if reason := self._past_limits(ahead, self.max_wait_s):
            return reason
        return "overload" if self._is_refusing(now_s) and ahead >= self.standing_line() else ""

    def _past_limits(self, ahead: int, limit_s: float) -> str:
        if ahead >= self.streams + self.max_waiting:
            return "queue_full"
        return "overload" if self.wait_s(ahead) > limit_s else ""

    def _is_refusing(self, now_s: float) -> bool:
        return now_s < self._busy_until_s

    def _refuse(self, reason: str, now_s: float, wait_s: float) -> Refused:
        """Clients are told to come back when the line and those refused before them would be through."""
        self._recently_refused = 1 + self._recently_refused * math.exp(self._refused_at_s - now_s)
        self._refused_at_s = now_s
        self._busy_until_s = now_s + _CALM_S
        through_s = wait_s + self._recently_refused / self.pace
        return Refused(reason, max(1, math.ceil(through_s)))

    def _ahead(self, now_s: float) -> int:
        return self.in_line + self._fresh_uploads(now_s)

    def _fresh_uploads(self, now_s: float) -> int:
        return sum(now_s - began_s < _SLOW_UPLOAD_S for began_s in self._uploads.values())
