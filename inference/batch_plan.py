"""How photos share the network on this machine: by batches, by parallel runs, or both. Measured, not guessed."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from firewarden.errors import PolicyError

PLAN_FILE = "batch_plan.json"


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """At most `max_batch` photos in one run and `streams` runs side by side; a photo waits at most `max_delay_ms` for
    others to join its batch. The default is one photo a run: batches do not help a small network on a CPU."""

    max_batch: int = 1
    streams: int = 1
    max_delay_ms: float = 3.0

    def __post_init__(self) -> None:
        if self.max_batch < 1 or self.streams < 1 or self.max_delay_ms < 0:
            raise ValueError(
                f"got {self}, expected max_batch and streams of at least 1, max_delay_ms of 0 or more"
            )

    @property
    def photos_at_once(self) -> int:
        """How many photos have to be on their way to keep all runs busy: with batches, the next ones are decoded
        meanwhile."""
        return self.streams if self.max_batch == 1 else 2 * self.streams * self.max_batch


def load_plan(path: Path) -> BatchPlan | None:
    """The plan of a file, None where there is none; raises PolicyError where it is damaged."""
    try:
        written: Any = json.loads(path.read_text(encoding="utf-8"))
        return BatchPlan(**written)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise PolicyError(f"{path}: {error}. Measure again with `firewarden doctor --tune`.") from error


def save_plan(path: Path, plan: BatchPlan) -> None:
    """Write the plan; a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pending = path.with_suffix(".pending")
    pending.write_text(json.dumps(asdict(plan), indent=2) + "\n", encoding="utf-8")
    pending.replace(path)
