"""Whether a recording gave the pictures it holds. Pure; times are seconds of a clock that goes on."""

from dataclasses import dataclass, replace

_KEPT_SHARE = 0.9  # key frames may come a tenth late
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Due:
    """Counts the pictures, every `every_s`, that the packets of a recording allow: none in its pauses."""

    every_s: float
    count: int = 0
    last_s: float | None = None

    def with_picture(self, t: float) -> "Due":
        """After a packet that can be shown."""
        if self.last_s is not None and t < self.last_s + self.every_s:
            return self
        return replace(self, count=self.count + 1, last_s=t)

    def missing(self, taken: int, damaged: int) -> str | None:
        """What is wrong where pictures are missing that no damage explains, or half of all; else None."""
        unexplained = taken + damaged < _KEPT_SHARE * self.count - 1
        if unexplained or taken < _HALF * self.count:
            return f"gave {taken} of the {self.count} pictures that were due"
        return None
