"""How long to wait before a stream is opened again. Pure but for the dice."""

import random
from dataclasses import dataclass

FIRST_S, FACTOR = 0.5, 2.0
LONGEST_S = 3.0  # with the longest try to connect, a camera that is back is seen again within 10 s
REFUSED_FIRST_S, REFUSED_LONGEST_S = 30.0, 600.0  # cameras lock an account after a few wrong passwords
_SPREAD = 0.2  # a thousand cameras behind one switch do not come back at the same moment


@dataclass(slots=True)
class Backoff:
    """Waits of 0.5, 1, 2, 3, 3 ... s; after `refused` tries of half a minute and more, by how many of them there were."""

    failures: int = 0
    refusals: int = 0

    def next_s(self, *, refused: bool = False) -> float:
        if refused:
            wait = min(REFUSED_FIRST_S * FACTOR ** min(self.refusals, 16), REFUSED_LONGEST_S)
            self.refusals += 1
        else:
            wait = min(FIRST_S * FACTOR ** min(self.failures, 16), LONGEST_S)
            self.failures += 1
        return wait * random.uniform(1 - _SPREAD, 1 + _SPREAD)

    def reset(self) -> None:
        """A picture came."""
        self.failures = self.refusals = 0
