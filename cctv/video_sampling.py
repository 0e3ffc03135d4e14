"""Which packets are decoded and which pictures are taken. Pure; times are seconds of one clock that may jump back."""

from dataclasses import dataclass, replace

EARLY_SHARE = 0.1  # cameras and networks jitter: a picture this much before its time is taken
_JITTER_S = 0.1  # at most so much after its time a key frame counts as in time


def is_late(waited_s: float, every_s: float) -> bool:
    """Whether a picture that comes so long after the one taken comes too late. Looks that do may never confirm anything:
    the one before it is to be taken, though it comes early."""
    return waited_s > every_s + min(_JITTER_S, every_s * EARLY_SHARE)


@dataclass(frozen=True, slots=True)
class Sampling:
    """A picture every `every_s`. Where key frames come at least that often only they are decoded (`keys_only`); whether
    they do is judged anew at every key frame, and until the second one everything is decoded. Where the next key
    frame would come late, the one before it is taken."""

    every_s: float
    keys_only: bool = False
    key_s: float | None = None  # of the last key frame
    apart_s: float = 0.0  # from the key frame before to that one
    taken_s: float | None = None
    due_s: float = 0.0

    def with_key(self, t: float) -> "Sampling":
        """After the packet of a key frame."""
        known = self.key_s is not None and t >= self.key_s
        apart = t - self.key_s if self.key_s is not None else 0.0
        close = known and apart > 0 and not is_late(apart, self.every_s)
        return replace(self, key_s=t, apart_s=apart, keys_only=close)

    def is_due(self, t: float) -> bool:
        """Whether a picture of this time is taken. After a jump back it is."""
        if self.taken_s is None or t < self.taken_s:
            return True
        early = self.every_s * EARLY_SHARE
        if t >= max(self.due_s - early, self.taken_s + self.every_s - early):
            return True
        return self.keys_only and is_late(t + self.apart_s - self.taken_s, self.every_s)

    def is_overdue(self, t: float) -> bool:
        """Whether a key frame has not come in time, though those before it did."""
        return self.keys_only and self.taken_s is not None and is_late(t - self.taken_s, self.every_s)

    def with_taken(self, t: float) -> "Sampling":
        """After a picture was taken: the next one is due on the same beat, or after a gap on a new one."""
        on_beat = self.taken_s is not None and abs(t - self.due_s) < self.every_s / 2
        return replace(self, taken_s=t, due_s=(self.due_s if on_beat else t) + self.every_s)
