"""What a rehearsal costs: delays, and processor time by what it was spent on."""

import math
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_STAT = "/proc/{pid}/stat"


@dataclass(frozen=True, slots=True)
class Cpu:
    """Processor seconds: `capture_s` of the processes that receive and decode, `own_s` of the one that gates and looks."""

    capture_s: float
    own_s: float

    def __sub__(self, before: "Cpu") -> "Cpu":
        return Cpu(self.capture_s - before.capture_s, self.own_s - before.own_s)

    @property
    def total_s(self) -> float:
        return self.capture_s + self.own_s

    def a_frame_ms(self, frames: int, gates_s: Sequence[float]) -> dict[str, float]:
        """Processor ms a frame: `capture` (receiving and decoding), `gate` (masks and motion gate: the mean of `gates_s`),
        `rest` (handing over, network, time logic, events). 0 of no frame."""
        if not frames:
            return {"capture": 0.0, "gate": 0.0, "rest": 0.0}
        gate = 1000 * sum(gates_s) / max(1, len(gates_s))
        parts = {
            "capture": 1000 * self.capture_s / frames,
            "gate": gate,
            "rest": max(0.0, 1000 * self.own_s / frames - gate),
        }
        return {name: round(ms, 2) for name, ms in parts.items()}


def cpu_of(capture_pids: Iterable[int]) -> Cpu:
    """What was spent until now; of captures nothing where the system does not tell of other processes."""
    return Cpu(sum(map(_cpu_s, capture_pids)), time.process_time())


def _cpu_s(pid: int) -> float:
    """Of a running process; 0 of one that has ended."""
    try:
        row = Path(_STAT.format(pid=pid)).read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(row[11]) + int(row[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def percentiles_ms(delays_s: Sequence[float]) -> dict[str, float]:
    """p50, p95 and the longest, in ms; 0 of none."""
    if not delays_s:
        return {"p50": 0.0, "p95": 0.0, "max": 0.0}
    ordered = sorted(delays_s)
    rank = {"p50": 0.50, "p95": 0.95, "max": 1.0}
    return {k: round(1000 * ordered[max(0, math.ceil(q * len(ordered)) - 1)], 1) for k, q in rank.items()}
