"""How a camera is doing: counts, and whether it is silent, frozen or black. Pure; times come from the caller's clock."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from firewarden.cctv.motion import Blocks
from firewarden.inference.cctv_rules import HealthRules


@dataclass(frozen=True, slots=True)
class Health:
    """Counts of one camera since its watch began. Every frame is counted once more: as an inference or as one of
    `skipped` (nothing changed), `early` (between samples), `off_schedule`, `late` (not after the one before),
    `ahead` (its time has not come) or `blind` (black or frozen). `unreadable` are inferences on pictures too poor to judge."""

    frames: int = 0
    inferences: int = 0
    skipped: int = 0
    early: int = 0
    off_schedule: int = 0
    late: int = 0
    ahead: int = 0
    blind: int = 0
    unreadable: int = 0
    resized: int = 0
    received_at: datetime | None = None  # of the last frame, by the clock of the watch
    same_since: datetime | None = None  # taken when; pictures equal to the last one from then on
    black_since: datetime | None = None

    def counted(self, name: str) -> "Health":
        """One more of a count."""
        return replace(self, **{name: getattr(self, name) + 1})

    def without_pictures(self) -> "Health":
        """Nothing is known of the last pictures any more."""
        return replace(self, same_since=None, black_since=None)

    def is_blind(self, at: datetime, rules: HealthRules) -> bool:
        """Whether pictures show nothing: black or frozen for too long. No look is spent on them."""
        return bool({"black", "frozen"} & set(self._problems_at(at, rules)))

    def problems(
        self, now: datetime, rules: HealthRules, *, taken_at: datetime | None = None
    ) -> tuple[str, ...]:
        """Those that apply of silent, frozen, black. `now` is that of the clock, `taken_at` of the last frame."""
        silent = self.received_at is None or (now - self.received_at).total_seconds() > rules.silent_after_s
        return (("silent",) if silent else ()) + self._problems_at(taken_at or now, rules)

    def _problems_at(self, at: datetime, rules: HealthRules) -> tuple[str, ...]:
        spans = {
            "frozen": (self.same_since, rules.frozen_after_s),
            "black": (self.black_since, rules.black_after_s),
        }
        return tuple(
            name for name, (since, bound) in spans.items() if since and (at - since).total_seconds() >= bound
        )

    def to_json(self) -> dict[str, Any]:
        """Counts, and times as ISO 8601."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: v.isoformat() if isinstance(v, datetime) else v for name, v in values.items()}


def with_picture(
    health: Health,
    blocks: Blocks,
    before: Blocks | None,
    grey: float | None,
    at: datetime,
    rules: HealthRules,
) -> Health:
    """The health after a picture taken `at`; `before` are the blocks of the one before it, `grey` is the mean of what is
    not masked, None where all is. A live sensor is never equal to the last digit."""
    same = before is not None and np.array_equal(blocks, before)
    black = grey is not None and grey < rules.black_level
    return replace(
        health,
        same_since=(health.same_since or at) if same else None,
        black_since=(health.black_since or at) if black else None,
    )
