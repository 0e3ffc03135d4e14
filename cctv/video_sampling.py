"""Which packets are decoded and which pictures are taken. Pure; times are seconds of one clock that may jump back."""

from dataclasses import dataclass, replace

_EARLY_SHARE = 0.1  # cameras and networks jitter: a picture this much before its time is taken
_SLACK = 1.1  # key frames this much farther apart than samples are still close enough


@dataclass(frozen=True, slots=True)
class Sampling:
    """A picture every `every_s`. Where key frames come at least that often only they are decoded (`keys_only`); whether
    they do is judged anew at every key frame, and until the second one everything is decoded."""

    every_s: float
    keys_only: bool = False
    key_s: float | None = None  # of the last key frame
    taken_s: float | None = None
    due_s: float = 0.0

    def with_key(self, t: float) -> "Sampling":
        """After the packet of a key frame."""
        known = self.key_s is not None and t >= self.key_s
        apart = t - self.key_s if self.key_s is not None else 0.0
        return replace(self, key_s=t, keys_only=known and 0 < apart <= self.every_s * _SLACK)

    def is_due(self, t: float) -> bool:
        """Whether a picture of this time is taken. After a jump back it is."""
        if self.taken_s is None or t < self.taken_s:
            return True
        early = self.every_s * _EARLY_SHARE
        return t >= max(self.due_s - early, self.taken_s + self.every_s - early)

    def with_taken(self, t: float) -> "Sampling":
        """After a picture was taken: the next one is due on the same beat, or after a gap on a new one."""
        on_beat = self.taken_s is not None and abs(t - self.due_s) < self.every_s / 2
        return replace(self, taken_s=t, due_s=(self.due_s if on_beat else t) + self.every_s)
