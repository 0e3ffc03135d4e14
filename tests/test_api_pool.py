"""The pool's threads: how many work at a time."""

import gc
import threading
import time
import weakref
from concurrent.futures import Future

import pytest

from firewarden.api.pool import Caller, WorkPool
from firewarden.api.problems import Problem


def done() -> "Future[None]":
    future: Future[None] = Future()
    future.set_result(None)
    return future


class Counted:
    """Jobs that count how many run beside each other, until `release` lets them end."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.most = self._now = 0
        self._lock = threading.Lock()

    def __call__(self):
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self.release.wait(10)
        with self._lock:
            self._now -= 1
        return done()


def test_all_threads_work_until_photos_are_refused_and_then_only_those_needed() -> None:
    pool = WorkPool(workers=4, max_waiting=8, max_wait_s=0.0)
    pool.open(service_s=1.0)
    pool.start(done, Caller(), photos=1).result(10)  # alone, it takes next to nothing
    calm, busy = Counted(), Counted()
    first = [pool.start(calm, Caller(), photos=0) for _ in range(4)]
    until = time.monotonic() + 10
    while calm.most < 4 and time.monotonic() < until:
        time.sleep(0.001)
    assert calm.most == 4
    with pytest.raises(Problem) as refused, pool.upload(Caller()):
        pass
    calm.release.set()
    [future.result(10) for future in first]
    later = [pool.start(busy, Caller(), photos=0) for _ in range(4)]
    time.sleep(0.05)
    busy.release.set()
    [future.result(10) for future in later]
    pool.close()
    assert refused.value.status == 429
    assert busy.most == 2  # one keeps such a machine busy, one more is ready


def test_the_answer_is_given_before_the_pool_learns_from_the_work(monkeypatch) -> None:
    pool = WorkPool(workers=1, max_waiting=8, max_wait_s=1.0)
    pool.open(service_s=1.0)
    answered = threading.Event()
    learnt: list[tuple[bool, float]] = []
    learn = pool._learn

    def watch(start_s: float, ended_s: float, photos: int, beside: int) -> None:
        learnt.append((answered.wait(10), ended_s - start_s))
        learn(start_s, ended_s, photos, beside)

    def work() -> "Future[None]":
        time.sleep(0.02)
        return done()

    monkeypatch.setattr(pool, "_learn", watch)
    pool.start(work, Caller(), photos=1).result(10)
    answered.set()
    pool.close()
    ((waited_for_nothing, seconds),) = learnt
    assert waited_for_nothing
    assert seconds >= 0.02  # of the work alone: waiting above is not counted
    assert seconds < 5


def test_who_leaves_while_waiting_frees_the_place_and_is_not_worked_for() -> None:
    pool = WorkPool(workers=1, max_waiting=8, max_wait_s=100.0)
    pool.open(service_s=0.01)
    busy, idle = Counted(), Counted()
    first = pool.start(busy, Caller(), photos=1)
    waiting = pool.start(idle, Caller(), photos=3)
    assert pool.in_flight == 4
    assert waiting.cancel()
    assert pool.in_flight == 1
    busy.release.set()
    idle.release.set()
    first.result(10)
    pool.start(done, Caller(), photos=1).result(10)
    pool.close()
    assert (idle.most, pool.in_flight) == (0, 0)


def test_closing_ends_what_runs_and_drops_what_waits() -> None:
    pool = WorkPool(workers=1, max_waiting=8, max_wait_s=100.0)
    pool.open(service_s=0.01)
    busy = Counted()
    first = pool.start(busy, Caller(), photos=1)
    until = time.monotonic() + 10
    while not busy.most and time.monotonic() < until:
        time.sleep(0.001)
    waiting = pool.start(done, Caller(), photos=1)
    threading.Timer(0.05, busy.release.set).start()
    pool.close()
    assert (first.done(), waiting.cancelled(), pool.in_flight) == (True, True, 0)
    with pytest.raises(RuntimeError):
        pool.start(done, Caller(), photos=1)


def test_a_job_wakes_one_thread() -> None:
    pool = WorkPool(workers=3, max_waiting=8, max_wait_s=100.0)
    looked: list[str] = []
    has_room = pool._has_room

    def watch() -> bool:
        looked.append(threading.current_thread().name)
        return has_room()

    pool._has_room = watch  # type: ignore[method-assign]
    pool.open(service_s=0.01)
    until = time.monotonic() + 10
    while len(set(looked)) < 3 and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(0.05)  # all of them found nothing and wait
    looked.clear()
    pool.start(done, Caller(), photos=1).result(10)
    time.sleep(0.05)
    pool.close()
    assert len(set(looked)) == 1


class Photo:
    """A job that holds a photo."""

    def __call__(self):
        return done()


@pytest.mark.parametrize("leaves", [False, True], ids=["worked for", "cancelled while it waits"])
def test_a_photo_is_let_go_of_without_a_collection(leaves: bool) -> None:
    pool = WorkPool(workers=1, max_waiting=8, max_wait_s=100.0)
    pool.open(service_s=0.01)
    busy = Counted()
    pool.start(busy, Caller(), photos=1)
    photo = Photo()
    kept = weakref.ref(photo)
    gc.disable()
    try:
        answer = pool.start(photo, Caller(), photos=1)
        del photo
        if leaves:
            assert answer.cancel()
        busy.release.set()
        until = time.monotonic() + 10
        while (kept() is not None or pool.in_flight) and time.monotonic() < until:
            time.sleep(0.001)
        assert kept() is None
        assert answer.done()
    finally:
        gc.enable()
        pool.close()
