"""Discrete-event simulations behind the scale page: cameras on a node, and tasks on a cluster. Seeded, so they repeat."""

import heapq
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from firewarden.benchmarks.stats import percentile

_SPREAD = 0.25  # of service times: standard deviation of their logarithm
_ARRIVAL, _DONE = 0, 1


@dataclass(frozen=True, slots=True)
class NodeLoad:
    """Cameras on one node. Work in milliseconds of one core: `frame_ms` for every picture, `look_ms` more where the gate
    opens, which it does with chance `look_share`; `receive_ms_per_s` for each camera and second, whatever is done with it."""

    cameras: int
    cores: int
    every_s: float
    frame_ms: float
    look_ms: float
    look_share: float
    receive_ms_per_s: float = 0.0

    @property
    def mean_ms(self) -> float:
        """Work for a picture on average, receiving left out."""
        return self.frame_ms + self.look_share * self.look_ms

    @property
    def receiving(self) -> float:
        """Cores that only receive."""
        return self.cameras * self.receive_ms_per_s / 1000

    @property
    def utilisation(self) -> float:
        """Share of all cores in use; above 1 pictures are dropped."""
        return (self.cameras / self.every_s * self.mean_ms / 1000 + self.receiving) / self.cores


@dataclass(frozen=True, slots=True)
class NodePlayed:
    """`p50_s`, `p99_s`: from a picture's arrival to what it says, infinite where none was finished. `dropped`: share of
    pictures that a newer one replaced."""

    p50_s: float
    p99_s: float
    dropped: float


@dataclass(slots=True)
class _Node:
    """The mailbox of cctv.runner_mailbox: one waiting picture a camera, cameras served in turn, each by one core at a time."""

    free: int
    waiting: dict[int, float] = field(default_factory=dict)  # camera: arrival of its newest picture
    turns: deque[int] = field(default_factory=deque)
    busy: set[int] = field(default_factory=set)

    def put(self, camera: int, now: float) -> bool:
        """Take in a picture; whether it replaced one."""
        replaced = camera in self.waiting
        if not replaced and camera not in self.busy:
            self.turns.append(camera)
        self.waiting[camera] = now
        return replaced

    def take(self) -> tuple[int, float] | None:
        if not self.free or not self.turns:
            return None
        camera = self.turns.popleft()
        self.busy.add(camera)
        self.free -= 1
        return camera, self.waiting.pop(camera)

    def done(self, camera: int) -> None:
        self.free += 1
        self.busy.discard(camera)
        if camera in self.waiting:
            self.turns.append(camera)


def play_node(
    load: NodeLoad, *, seconds: float = 240.0, warm_up_s: float = 60.0, seed: int = 1
) -> NodePlayed:
    """One node for a while. Cameras tick at `every_s` from phases of their own; what receiving takes is taken from all cores."""
    random = np.random.default_rng(seed)
    works = _works(load, random, int(load.cameras * (seconds + warm_up_s) / load.every_s) + load.cameras)
    if works is None:
        return NodePlayed(float("inf"), float("inf"), 1.0)
    node, now = _Node(load.cores), 0.0
    events = [
        (float(t), _ARRIVAL, camera, 0.0)
        for camera, t in enumerate(random.uniform(0, load.every_s, load.cameras))
    ]
    heapq.heapify(events)
    delays: list[float] = []
    arrived = dropped = started = 0
    while events and (event := heapq.heappop(events))[0] <= seconds + warm_up_s:
        now, kind, camera, since = event
        if kind == _ARRIVAL:
            replaced = node.put(camera, now)
            arrived, dropped = arrived + (now > warm_up_s), dropped + (replaced and now > warm_up_s)
            heapq.heappush(events, (now + load.every_s, _ARRIVAL, camera, 0.0))
        else:
            node.done(camera)
            delays += [now - since] if since > warm_up_s else []
        while (taken := node.take()) is not None:
            heapq.heappush(events, (now + works[started], _DONE, *taken))
            started += 1
    if not delays:
        return NodePlayed(float("inf"), float("inf"), dropped / max(1, arrived))
    return NodePlayed(percentile(delays, 50), percentile(delays, 99), dropped / max(1, arrived))  # fmt: skip


def _works(load: NodeLoad, random: np.random.Generator, count: int) -> list[float] | None:
    """Seconds of each picture's work, slower by what receiving takes; None where it takes everything."""
    left = 1 - load.receiving / load.cores
    if left <= 0:
        return None
    looks = random.random(count) < load.look_share
    spread = random.lognormal(-(_SPREAD**2) / 2, _SPREAD, count)  # mean 1
    seconds = (load.frame_ms + load.look_ms * looks) * spread / 1000 / left
    return [float(value) for value in seconds]


def most_cameras(
    load_of: Callable[[int], NodeLoad], *, most_delay_s: float, most_dropped: float = 0.001
) -> int:
    """The largest number of cameras whose p99 stays below a delay with next to nothing dropped, to 1 %; 0 if not even one."""
    single = load_of(1).utilisation
    low, high = 0, max(1, int(1.02 / single))  # above a utilisation of 1 pictures are dropped for certain
    while high - low > max(1, high // 100):
        middle = (low + high + 1) // 2
        played = play_node(load_of(middle))
        if played.p99_s < most_delay_s and played.dropped <= most_dropped:
            low = middle
        else:
            high = middle
    return low


@dataclass(frozen=True, slots=True)
class Cluster:
    """Workers of a batch: `slow_share` of them take `slow_factor` times as long; each is lost `losses_per_hour` times an hour
    and starts again after `restart_s`, what it held being done again."""

    workers: int
    slow_share: float = 0.0
    slow_factor: float = 1.0
    losses_per_hour: float = 0.0
    restart_s: float = 0.0


def makespan_over_ideal(cluster: Cluster, *, tasks: int, task_s: float, pulled: bool, seed: int = 1) -> float:
    """Time until the last task is done over the time if nothing were lost or waited for. `pulled`: a worker takes the next
    task when it is free; else each has its equal share from the start."""
    random = np.random.default_rng(seed)
    slow = round(cluster.slow_share * cluster.workers)
    factors = [cluster.slow_factor] * slow + [1.0] * (cluster.workers - slow)
    spread = random.lognormal(-(_SPREAD**2) / 2, _SPREAD, tasks)  # mean 1
    times = {factor: _times(task_s * factor * spread, cluster, random) for factor in sorted(set(factors))}
    ends = _pull(factors, times, tasks) if pulled else _share_out(factors, times, tasks)
    return max(ends) * sum(1 / factor for factor in factors) / (tasks * task_s)


def _times(seconds: NDArray[np.float64], cluster: Cluster, random: np.random.Generator) -> list[float]:
    """Seconds of each task, and half of them again with a restart for each time its worker is lost under it."""
    lost = random.poisson(cluster.losses_per_hour * seconds / 3600)
    return [float(value) for value in seconds + lost * (seconds / 2 + cluster.restart_s)]


def _pull(factors: Sequence[float], times: Mapping[float, list[float]], tasks: int) -> list[float]:
    free = [(0.0, worker) for worker in range(len(factors))]
    for task in range(tasks):
        now, worker = free[0]
        heapq.heapreplace(free, (now + times[factors[worker]][task], worker))
    return [end for end, _ in free]


def _share_out(factors: Sequence[float], times: Mapping[float, list[float]], tasks: int) -> list[float]:
    workers = len(factors)
    return [sum(times[factor][worker:tasks:workers]) for worker, factor in enumerate(factors)]
